"""Payments on disk: one row per M-Pesa receipt, whoever told of it and however often."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.store import statements
from pos_app.store.claims import CLAIM_COLUMNS, claim_of_row
from pos_app.store.statements import ONE_OF, listed
from pos_app.store.times import from_text, from_text_or_none, to_text, to_text_or_none

_VALUES = (
    "receipt",
    "amount_cents",
    "short_code",
    "received_at",
    "paid_at",
    "payer_name",
    "payer_phone",
    "bill_reference",
    "sale_id",
    "attempt_id",
    "likely_attempt_id",
    "from_customer",
)
_COLUMNS = (*(f"payment.{name}" for name in ("id", *_VALUES)), *(f"claim.{name}" for name in CLAIM_COLUMNS))
_WITH_CLAIM = "payment LEFT JOIN claim ON claim.id = payment.taken_by"
_STANDING = statements.select(_COLUMNS, _WITH_CLAIM) + " WHERE superseded_by IS NULL"
_BY_ID = _STANDING + " AND payment.id = ?"
# A partial index serves only a query that says itself that the receipt is not empty.
_BY_RECEIPT = _STANDING + " AND payment.receipt = ? AND payment.receipt <> ''"
_BY_RECEIPTS = _STANDING + " AND payment.receipt <> '' AND payment.receipt " + ONE_OF
_OF_ATTEMPT = _STANDING + " AND attempt_id = ?"
_OF_SALE = _STANDING + " AND sale_id = ? ORDER BY received_at"
_UNCLAIMED = (
    _STANDING + " AND sale_id IS NULL AND taken_by IS NULL AND received_at >= ? ORDER BY received_at DESC LIMIT ?"
)
_SALE_NUMBER = "(SELECT number FROM sale WHERE id = payment.sale_id)"
_IS_LATE = "(SELECT state FROM attempt WHERE id = payment.attempt_id) IS 'PAID_LATE'"
_NEWEST = (
    statements.select((*_COLUMNS, _SALE_NUMBER, _IS_LATE), _WITH_CLAIM)
    + " WHERE superseded_by IS NULL ORDER BY received_at DESC LIMIT ?"
)
_CLAIMED = (
    statements.select((*_COLUMNS, _SALE_NUMBER, _IS_LATE), _WITH_CLAIM)
    + " WHERE superseded_by IS NULL AND sale_id IS NOT NULL AND attempt_id IS NULL ORDER BY received_at DESC LIMIT ?"
)
_TOTAL = """SELECT coalesce(sum(amount_cents), 0) FROM payment WHERE superseded_by IS NULL AND NOT (receipt = ''
    AND EXISTS (SELECT 1 FROM payment AS likely WHERE likely.likely_attempt_id = payment.attempt_id
        AND likely.amount_cents = payment.amount_cents AND likely.superseded_by IS NULL))"""
_HOLDER = "(SELECT id FROM claim WHERE receipt = ? AND said = 'held' AND generation = ?)"
_INSERT = f"INSERT INTO payment (id, {', '.join(_VALUES)}, taken_by) VALUES (?{', ?' * len(_VALUES)}, {_HOLDER})"  # noqa: S608 — names of ours
_UPDATE = f"UPDATE payment SET {' = ?, '.join(_VALUES)} = ?, taken_by = {_HOLDER} WHERE id = ?"  # noqa: S608 — names of ours
_SUPERSEDE = statements.update("payment", ("superseded_by",))


@dataclass(frozen=True, slots=True)
class Received:
    """A payment with what a list of payments says of its sale and its charge."""

    payment: Payment
    sale_number: int | None
    is_late: bool


def add(connection: sqlite3.Connection, *new: Payment) -> None:
    """Who holds one of them must be on disk before."""
    connection.executemany(_INSERT, [(payment.id, *_values(payment)) for payment in new])


def save(connection: sqlite3.Connection, payment: Payment) -> None:
    connection.execute(_UPDATE, (*_values(payment), payment.id))


def supersede(connection: sqlite3.Connection, payment_id: str, by: str) -> None:
    """The receiptless row of a charge turned out to be a payment already known by its receipt."""
    connection.execute(_SUPERSEDE, (by, payment_id))


def by_id(connection: sqlite3.Connection, payment_id: str) -> Payment | None:
    return next(iter(_select(connection, _BY_ID, payment_id)), None)


def by_receipt(connection: sqlite3.Connection, receipt: str) -> Payment | None:
    return next(iter(_select(connection, _BY_RECEIPT, receipt)), None)


def by_receipts(connection: sqlite3.Connection, receipts: Collection[str]) -> tuple[Payment, ...]:
    return _select(connection, _BY_RECEIPTS, listed(receipts))


def of_attempt(connection: sqlite3.Connection, attempt_id: int) -> Payment | None:
    return next(iter(_select(connection, _OF_ATTEMPT, attempt_id)), None)


def of_sale(connection: sqlite3.Connection, sale_id: int) -> tuple[Payment, ...]:
    """Oldest first."""
    return _select(connection, _OF_SALE, sale_id)


def unclaimed(connection: sqlite3.Connection, since: datetime, limit: int) -> tuple[Payment, ...]:
    """Those that no sale of any till has, the newest first."""
    return _select(connection, _UNCLAIMED, to_text(since), limit)


def newest(connection: sqlite3.Connection, limit: int) -> tuple[Received, ...]:
    return _received(connection.execute(_NEWEST, (limit,)))


def claimed(connection: sqlite3.Connection, limit: int) -> tuple[Received, ...]:
    """Customers' own payments that sales of this till have, the newest first."""
    return _received(connection.execute(_CLAIMED, (limit,)))


def _received(rows: Iterable[Sequence[Any]]) -> tuple[Received, ...]:
    return tuple(Received(_payment(row), number, bool(is_late)) for *row, number, is_late in rows)


def total_received(connection: sqlite3.Connection) -> Money:
    """What certainly came; the simulator's ledger must agree once all is quiet.

    A receipt is money of its own. A charge that lacks one counts only while no receipt is likely to be its own: the
    two may be one payment, told by a query and by a confirmation.
    """
    (cents,) = connection.execute(_TOTAL).fetchone()
    return Money(cents)


def _select(connection: sqlite3.Connection, query: str, *bound: object) -> tuple[Payment, ...]:
    return tuple(_payment(row) for row in connection.execute(query, bound))


def _values(payment: Payment) -> tuple[str | int | None, ...]:
    return (
        payment.receipt,
        payment.amount.cents,
        payment.short_code,
        to_text(payment.received_at),
        to_text_or_none(payment.paid_at),
        payment.payer_name,
        payment.payer_phone,
        payment.bill_reference,
        payment.sale_id,
        payment.attempt_id,
        payment.likely_attempt_id,
        int(payment.from_customer),
        *((payment.taken_by.receipt, payment.taken_by.generation) if payment.taken_by else (None, None)),
    )


def _payment(row: Sequence[Any]) -> Payment:
    payment_id, receipt, cents, short_code, received_at, paid_at, payer_name, payer_phone, reference, *belongs = row
    sale_id, attempt_id, likely_attempt_id, from_customer, *holder = belongs
    return Payment(
        id=payment_id,
        receipt=receipt,
        amount=Money(cents),
        short_code=short_code,
        received_at=from_text(received_at),
        paid_at=from_text_or_none(paid_at),
        payer_name=payer_name,
        payer_phone=payer_phone,
        bill_reference=reference,
        sale_id=sale_id,
        attempt_id=attempt_id,
        likely_attempt_id=likely_attempt_id,
        from_customer=bool(from_customer),
        taken_by=claim_of_row(holder) if holder[0] is not None else None,
    )
