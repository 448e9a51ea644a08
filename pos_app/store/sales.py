"""Sales on disk, put together with what settles them: cash rows, and the payments that belong to them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    Table,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlmodel import Session

from pos_app.domain.attempt import LIVE
from pos_app.domain.money import Money
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.tender import Tender, TenderKind
from pos_app.store.tables import AttemptRow, CashTenderRow, PaymentRow, SaleLineRow, SaleRow, table
from pos_app.store.times import from_text, from_text_or_none, to_text

_sale = table(SaleRow)
_line = table(SaleLineRow)
_cash = table(CashTenderRow)
_attempt = table(AttemptRow)
_payment = table(PaymentRow)
_LIVE = sorted(state.value for state in LIVE)


def _of_sales(of: Table, where: ColumnElement[bool] | None = None) -> Select[Any]:
    query = select(of).where(of.c.sale_id.in_(bindparam("sales", expanding=True))).order_by(of.c.sale_id, of.c.id)
    return query if where is None else query.where(where)


# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_LINES, _CASH = _of_sales(_line), _of_sales(_cash)
_PAID = _of_sales(_payment, _payment.c.superseded_by.is_(None))
_AWAITED = _of_sales(_attempt, _attempt.c.state.in_(_LIVE))
_ONE = select(_sale).where(_sale.c.id == bindparam("of"))
_IS_VOID = select(_sale.c.voided_at.is_not(None)).where(_sale.c.id == bindparam("of"))


@dataclass(frozen=True, slots=True)
class Search:
    """What a person typed into the history: any of its readings may match."""

    text: str
    amount: Money | None = None


def add(session: Session, cart: Cart, at: datetime) -> Sale:
    number = (session.execute(select(func.max(_sale.c.number))).scalar() or 0) + 1
    values = {"number": number, "opened_at": to_text(at), "total_cents": cart.total.cents, "printed": 0}
    sale_id: int = session.execute(insert(_sale).values(values).returning(_sale.c.id)).scalar_one()
    _add_lines(session, sale_id, cart)
    return by_id(session, sale_id)


def replace_cart(session: Session, sale_id: int, cart: Cart) -> None:
    session.execute(delete(_line).where(_line.c.sale_id == sale_id))
    session.execute(update(_sale).where(_sale.c.id == sale_id).values(total_cents=cart.total.cents))
    _add_lines(session, sale_id, cart)


def _add_lines(session: Session, sale_id: int, cart: Cart) -> None:
    rows = [
        {
            "sale_id": sale_id,
            "position": at,
            "name": line.name,
            "price_cents": line.price.cents,
            "quantity": line.quantity,
        }
        for at, line in enumerate(cart.lines)
    ]
    session.execute(insert(_line), rows)


def add_cash(session: Session, sale_id: int, tender: Tender) -> None:
    session.execute(
        insert(_cash).values(
            sale_id=sale_id,
            amount_cents=tender.amount.cents,
            received_cents=tender.received.cents,
            at=to_text(tender.at),
        )
    )


def close(session: Session, sale_id: int, at: datetime) -> None:
    still_open = (_sale.c.id == sale_id) & _sale.c.closed_at.is_(None)
    session.execute(update(_sale).where(still_open).values(closed_at=to_text(at)))


def void(session: Session, sale_id: int, at: datetime) -> None:
    session.execute(update(_sale).where(_sale.c.id == sale_id).values(voided_at=to_text(at)))


def count_print(session: Session, sale_id: int) -> int:
    """How often the receipt was made before this time."""
    before: int = session.execute(select(_sale.c.printed).where(_sale.c.id == sale_id)).scalar_one()
    session.execute(update(_sale).where(_sale.c.id == sale_id).values(printed=before + 1))
    return before


def by_id(session: Session, sale_id: int) -> Sale:
    found = _read(session, _ONE, of=sale_id)
    if not found:
        raise LookupError(f"no sale {sale_id}")
    return found[0]


def is_void(session: Session, sale_id: int) -> bool:
    return bool(session.execute(_IS_VOID, {"of": sale_id}).scalar_one())


def unsettled(session: Session, limit: int = 50) -> tuple[Sale, ...]:
    """Neither closed nor void, oldest first: what a cashier may still have to finish."""
    query = select(_sale).where(_sale.c.closed_at.is_(None) & _sale.c.voided_at.is_(None)).order_by(_sale.c.id)
    return _read(session, query.limit(limit))


def newest(session: Session, search: Search, before_id: int | None, limit: int) -> tuple[Sale, ...]:
    query = select(_sale)
    if before_id is not None:
        query = query.where(_sale.c.id < before_id)
    if search.text:
        query = query.where(_matches(search))
    return _read(session, query.order_by(_sale.c.id.desc()).limit(limit))


def _matches(search: Search) -> ColumnElement[bool]:
    text = search.text
    readings = [
        cast(_sale.c.number, String) == text,
        _sale.c.id.in_(select(_payment.c.sale_id).where(_payment.c.receipt.istartswith(text, autoescape=True))),
        _sale.c.id.in_(select(_line.c.sale_id).where(_line.c.name.icontains(text, autoescape=True))),
    ]
    if text.isdigit() and len(text) >= 3:
        ends = _attempt.c.msisdn.endswith(text.removeprefix("0"))
        readings.append(_sale.c.id.in_(select(_attempt.c.sale_id).where(ends)))
    if search.amount is not None:
        readings.append(_sale.c.total_cents == search.amount.cents)
    return or_(*readings)


def _read(session: Session, query: Select[Any], **bound: int) -> tuple[Sale, ...]:
    rows = session.execute(query, bound).all()
    ids = [row.id for row in rows]
    lines, cash, paid, live = (_by_sale(session, part, ids) for part in (_LINES, _CASH, _PAID, _AWAITED))
    return tuple(
        Sale(
            id=row.id,
            number=row.number,
            cart=Cart(tuple(SaleLine(line.name, Money(line.price_cents), line.quantity) for line in lines[row.id])),
            opened_at=from_text(row.opened_at),
            tenders=_tenders(cash[row.id], paid[row.id]),
            awaiting=bool(live[row.id]),
            closed_at=from_text_or_none(row.closed_at),
            voided_at=from_text_or_none(row.voided_at),
        )
        for row in rows
    )


def _tenders(cash: list[Row[Any]], paid: list[Row[Any]]) -> tuple[Tender, ...]:
    tenders = [
        Tender(TenderKind.CASH, Money(row.amount_cents), from_text(row.at), received=Money(row.received_cents))
        for row in cash
    ] + [
        Tender(
            TenderKind.MPESA,
            Money(row.amount_cents),
            from_text(row.received_at),
            payment_id=row.id,
            receipt=row.receipt,
        )
        for row in paid
    ]
    return tuple(sorted(tenders, key=lambda tender: tender.at))


def _by_sale(session: Session, query: Select[Any], ids: list[int]) -> dict[int, list[Row[Any]]]:
    grouped: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in session.execute(query, {"sales": ids}):
        grouped[row.sale_id].append(row)
    return grouped
