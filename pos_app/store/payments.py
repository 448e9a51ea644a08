"""Payments on disk: one row per M-Pesa receipt, whoever told of it and however often."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import BindParameter, Row, Select, bindparam, func, insert, select, update
from sqlmodel import Session

from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.store.tables import PaymentRow, table
from pos_app.store.times import from_text, from_text_or_none, to_text, to_text_or_none

_table = table(PaymentRow)


# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_OF: BindParameter[Any] = bindparam("of")
_all = select(_table).where(_table.c.superseded_by.is_(None)).order_by(_table.c.received_at)
_BY_ID = _all.where(_table.c.id == _OF)
# A partial index serves only a query that says itself that the receipt is not empty.
_BY_RECEIPT = _all.where((_table.c.receipt == _OF) & (_table.c.receipt != ""))
_OF_ATTEMPT = _all.where(_table.c.attempt_id == _OF)
_OF_SALE = _all.where(_table.c.sale_id == _OF)
_NEWEST = _all.order_by(None).order_by(_table.c.received_at.desc()).limit(_OF)
_INSERT = insert(_table)
_UPDATE = update(_table).where(_table.c.id == _OF)


def add(session: Session, *new: Payment) -> None:
    if new:
        session.execute(_INSERT, [{"id": payment.id, **_values(payment)} for payment in new])


def save(session: Session, payment: Payment) -> None:
    session.execute(_UPDATE, {"of": payment.id, **_values(payment)})


def supersede(session: Session, payment_id: str, by: str) -> None:
    """The receiptless row of a charge turned out to be a payment already known by its receipt."""
    session.execute(_UPDATE, {"of": payment_id, "superseded_by": by})


def by_id(session: Session, payment_id: str) -> Payment | None:
    return next(iter(_select(session, _BY_ID, payment_id)), None)


def by_receipt(session: Session, receipt: str) -> Payment | None:
    return next(iter(_select(session, _BY_RECEIPT, receipt)), None)


def by_receipts(session: Session, receipts: Collection[str]) -> tuple[Payment, ...]:
    query = _all.where(_table.c.receipt.in_(receipts) & (_table.c.receipt != ""))
    return tuple(_payment(row) for row in session.execute(query)) if receipts else ()


def of_attempt(session: Session, attempt_id: int) -> Payment | None:
    return next(iter(_select(session, _OF_ATTEMPT, attempt_id)), None)


def of_sale(session: Session, sale_id: int) -> tuple[Payment, ...]:
    return _select(session, _OF_SALE, sale_id)


def newest(session: Session, limit: int) -> tuple[Payment, ...]:
    return _select(session, _NEWEST, limit)


def total_received(session: Session) -> Money:
    """The sum of every payment that stands; the simulator's ledger must agree once all is quiet."""
    total = select(func.sum(_table.c.amount_cents)).where(_table.c.superseded_by.is_(None))
    return Money(session.execute(total).scalar() or 0)


def _select(session: Session, query: Select[Any], of: object) -> tuple[Payment, ...]:
    return tuple(_payment(row) for row in session.execute(query, {"of": of}))


def _values(payment: Payment) -> dict[str, object]:
    return {
        "receipt": payment.receipt,
        "amount_cents": payment.amount.cents,
        "short_code": payment.short_code,
        "received_at": to_text(payment.received_at),
        "paid_at": to_text_or_none(payment.paid_at),
        "payer_name": payment.payer_name,
        "payer_phone": payment.payer_phone,
        "bill_reference": payment.bill_reference,
        "sale_id": payment.sale_id,
        "attempt_id": payment.attempt_id,
        "likely_attempt_id": payment.likely_attempt_id,
    }


def _payment(row: Row[Any]) -> Payment:
    return Payment(
        id=row.id,
        receipt=row.receipt,
        amount=Money(row.amount_cents),
        short_code=row.short_code,
        received_at=from_text(row.received_at),
        paid_at=from_text_or_none(row.paid_at),
        payer_name=row.payer_name,
        payer_phone=row.payer_phone,
        bill_reference=row.bill_reference,
        sale_id=row.sale_id,
        attempt_id=row.attempt_id,
        likely_attempt_id=row.likely_attempt_id,
    )
