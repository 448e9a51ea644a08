"""The payments that no sale of any till has, in the order in which they were received; the newest cost nothing to find.

It must not know which sales they fit.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import datetime

from pos_app.domain.payment import Payment


class Unclaimed:
    def __init__(self) -> None:
        self._payments: dict[str, Payment] = {}
        self._in_time: list[tuple[datetime, str]] = []

    def __len__(self) -> int:
        return len(self._payments)

    def __iter__(self) -> Iterator[Payment]:
        return iter(self._payments.values())

    def __contains__(self, payment_id: str) -> bool:
        return payment_id in self._payments

    def __getitem__(self, payment_id: str) -> Payment:
        return self._payments[payment_id]

    def put(self, payment: Payment) -> None:
        """Adds it or replaces it."""
        self.drop(payment.id)
        self._payments[payment.id] = payment
        insort(self._in_time, (payment.received_at, payment.id))

    def drop(self, payment_id: str) -> None:
        held = self._payments.pop(payment_id, None)
        if held is not None:
            del self._in_time[bisect_left(self._in_time, (held.received_at, held.id))]

    def newest(self, limit: int) -> tuple[Payment, ...]:
        """The newest first."""
        return tuple(self._payments[payment_id] for _, payment_id in reversed(self._in_time[-limit:]))
