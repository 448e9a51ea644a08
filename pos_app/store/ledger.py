"""The payments, claims and evidence of one transaction: each read once, most of what is new written at the end.

A till that was offline gets thousands of callbacks at once; a statement for each of their parts would take minutes.
"""

import sqlite3
from collections.abc import Iterable

from pos_app.domain.claim import Claims
from pos_app.domain.payment import Payment
from pos_app.store import claims, evidence, payments
from pos_app.store.evidence import EvidenceRow, Linked


class Ledger:
    """Nothing it was given is safe before `flush`, and the commit after it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._by_receipt: dict[str, Payment | None] = {}
        self._claims: dict[str, Claims] = {}
        self._new: dict[str, Payment] = {}
        self._evidence: list[Linked] = []

    def expect(self, receipts: Iterable[str]) -> None:
        """Reads all that is known of these receipts at once."""
        wanted = {receipt for receipt in receipts if receipt and receipt not in self._by_receipt}
        self._by_receipt |= dict.fromkeys(wanted)
        self._by_receipt |= {payment.receipt: payment for payment in payments.by_receipts(self._connection, wanted)}
        self._claims |= {receipt: Claims(receipt) for receipt in wanted} | claims.of_receipts(self._connection, wanted)

    def by_receipt(self, receipt: str) -> Payment | None:
        if receipt not in self._by_receipt:
            self._by_receipt[receipt] = payments.by_receipt(self._connection, receipt) if receipt else None
        return self._by_receipt[receipt]

    def claims(self, receipt: str) -> Claims:
        if receipt not in self._claims:
            self._claims[receipt] = claims.of_receipts(self._connection, [receipt]).get(receipt, Claims(receipt))
        return self._claims[receipt]

    def keep_claims(self, known: Claims) -> None:
        """As they are after what was written of them in this transaction."""
        self._claims[known.receipt] = known

    def of_attempt(self, attempt_id: int) -> Payment | None:
        return payments.of_attempt(self._connection, attempt_id)

    def add(self, payment: Payment) -> None:
        if payment.attempt_id is None:
            self._new[payment.id] = payment
        else:
            # The payment of a charge is looked for by its charge, so it cannot wait.
            payments.add(self._connection, payment)
        self._remember(payment)

    def save(self, payment: Payment) -> None:
        """A payment that was added or read before, of which more is known now."""
        if payment.id in self._new:
            del self._new[payment.id]
            self.add(payment)
        else:
            payments.save(self._connection, payment)
            self._remember(payment)

    def _remember(self, payment: Payment) -> None:
        if payment.receipt:
            self._by_receipt[payment.receipt] = payment

    def supersede(self, held: Payment, by: Payment) -> None:
        self._write_payments()
        payments.supersede(self._connection, held.id, by.id)

    def append(self, linked: Linked) -> None:
        self._evidence.append(linked)

    def evidence_of(self, attempt_id: int) -> tuple[EvidenceRow, ...]:
        self.flush()
        return evidence.of_attempt(self._connection, attempt_id)

    def flush(self) -> None:
        self._write_payments()
        evidence.append(self._connection, *self._evidence)
        self._evidence.clear()

    def _write_payments(self) -> None:
        payments.add(self._connection, *self._new.values())
        self._new.clear()
