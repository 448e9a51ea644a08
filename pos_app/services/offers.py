"""Which unclaimed payments fit which sales, kept ready from what changes, so that a screen never waits for it.

It must not know how a payment is claimed; what is certain is handed on to be.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from pos_app.domain.matching import Matched, Matcher, Unmatched, Verdict
from pos_app.domain.payment import Payment
from pos_app.services.changes import Changes, OffersChanged, PaymentArrived, PaymentMoved, SaleChanged
from pos_app.services.unclaimed import Unclaimed
from pos_app.store import payments, sales
from pos_app.store.database import Database, StoreError

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=7)
"""Older money is for a person to place, from the list of what is unclaimed."""
_MOST = 5_000
_IN_A_TURN = 100
_AGAIN_SECONDS = 1.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offer:
    payment: Payment
    verdict: Verdict


class Offers:
    def __init__(self, database: Database, changes: Changes, certain: Callable[[str, int], None]) -> None:
        """`certain` is told of a payment and the one sale that it must be for; it returns at once."""
        self._database = database
        self._changes = changes
        self._certain = certain
        self._matcher: Matcher | None = None
        self._free = Unclaimed()
        self._came_meanwhile: dict[str, Payment] | None = None
        """Payments of which more was heard while they were read from disk."""
        self._reading = asyncio.Lock()
        self._stale_sales: set[int] = set()
        self._wake = asyncio.Event()
        changes.subscribe(PaymentArrived, lambda change: self._see_payment(change.payment))
        changes.subscribe(PaymentMoved, lambda change: self._see_payment(change.payment))
        changes.subscribe(SaleChanged, lambda change: self._see_sale(change.sale_id))

    async def load(self, till_code: str, now: datetime) -> None:
        """From disk, for a till that begins its references with this code."""
        since = now - LOOK_BACK
        async with self._reading:
            self._came_meanwhile = {}
            matchable = await self._database.read(lambda connection: sales.matchable_since(connection, since))
            unclaimed = await self._database.read(lambda connection: payments.unclaimed(connection, since, _MOST))
            matcher, free = Matcher(till_code), Unclaimed()
            async for sale in _in_turns(matchable):
                matcher.put_sale(sale)
            async for payment in _in_turns(unclaimed[::-1]):
                _put(matcher, free, payment)
            for payment in self._came_meanwhile.values():
                _put(matcher, free, payment)
            self._matcher, self._free, self._came_meanwhile = matcher, free, None
        self._changes.publish(OffersChanged())
        async for payment in _in_turns(tuple(free)):
            if self._matcher is matcher and payment.id in free:
                self._hand_on(matcher, free[payment.id])

    def of_sale(self, sale_id: int) -> tuple[Payment, ...]:
        """The payments that are exactly what remains of it: those that name it first, then as they came."""
        if self._matcher is None:
            return ()
        return tuple(self._free[payment_id] for payment_id in self._matcher.fitting(sale_id))

    def newest(self, limit: int) -> tuple[Offer, ...]:
        """The unclaimed payments that came last, the newest first, each with what it may be for."""
        if self._matcher is None:
            return ()
        return tuple(Offer(payment, self._matcher.verdict(payment)) for payment in self._free.newest(limit))

    def verdict(self, payment: Payment) -> Verdict:
        return Unmatched() if self._matcher is None else self._matcher.verdict(payment)

    def sale_number(self, sale_id: int) -> int | None:
        """Of a sale that a verdict names."""
        return None if self._matcher is None else self._matcher.number(sale_id)

    @property
    def count(self) -> int:
        """How many payments no sale of any till has."""
        return len(self._free)

    async def run(self) -> None:
        """Reads the sales that changed, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._refresh()
            except StoreError:  # one failed reading must not end the reading, nor the asking of the relay beside it
                log.warning("the sales that changed could not be read")
                await asyncio.sleep(_AGAIN_SECONDS)
                self._wake.set()

    async def _refresh(self) -> None:
        async with self._reading:
            stale, self._stale_sales = self._stale_sales, set()
            try:
                found = await self._database.read(lambda connection: sales.matchable(connection, stale))
            except StoreError:
                self._stale_sales |= stale
                raise
        if self._matcher is None:
            return
        for sale_id in stale - {sale.sale_id for sale in found}:
            self._matcher.drop_sale(sale_id)
        for sale in found:
            self._matcher.put_sale(sale)
        for payment in (payment for sale in found for payment in self.of_sale(sale.sale_id)):
            self._hand_on(self._matcher, payment)
        self._changes.publish(OffersChanged())

    def _see_sale(self, sale_id: int) -> None:
        self._stale_sales.add(sale_id)
        self._wake.set()

    def _see_payment(self, payment: Payment) -> None:
        if self._came_meanwhile is not None:
            self._came_meanwhile[payment.id] = payment
        if self._matcher is not None:
            _put(self._matcher, self._free, payment)
            self._hand_on(self._matcher, payment)
            self._changes.publish(OffersChanged())

    def _hand_on(self, matcher: Matcher, payment: Payment) -> None:
        verdict = matcher.verdict(payment)
        if isinstance(verdict, Matched):
            self._certain(payment.id, verdict.sale_id)


def _put(matcher: Matcher, free: Unclaimed, payment: Payment) -> None:
    matcher.put_payment(payment)
    if payment.is_free:
        free.put(payment)
    else:
        free.drop(payment.id)


async def _in_turns(all_of_them: Sequence[T]) -> AsyncIterator[T]:
    """Lets the screen be painted now and then: thousands at once would hold it up for longer than a frame."""
    for position, one in enumerate(all_of_them, 1):
        yield one
        if position % _IN_A_TURN == 0:
            await asyncio.sleep(0)
