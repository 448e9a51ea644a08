"""Sales on disk, put together with what settles them: cash rows, and the payments that belong to them."""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pos_app.domain.candidates import Matchable
from pos_app.domain.money import Money
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.tender import Tender, TenderKind
from pos_app.store.attempts import IS_LIVE
from pos_app.store.statements import ONE_OF, like, listed
from pos_app.store.times import from_text, from_text_or_none, to_text

_SALES = f"""SELECT id, number, opened_at, closed_at, voided_at,
    EXISTS (SELECT 1 FROM attempt WHERE sale_id = sale.id AND {IS_LIVE}) FROM sale"""  # noqa: S608 — a constant
_BY_ID = _SALES + " WHERE id = ?"
_UNSETTLED = _SALES + " WHERE closed_at IS NULL AND voided_at IS NULL ORDER BY id LIMIT ?"
_OPEN_NUMBERS = "SELECT number FROM sale WHERE closed_at IS NULL AND voided_at IS NULL"
_NEWEST = _SALES + " WHERE id < :before ORDER BY id DESC LIMIT :limit"
_MATCHES = r"""(CAST(number AS TEXT) = :text OR total_cents = :cents
    OR id IN (SELECT sale_id FROM payment WHERE receipt LIKE :begins ESCAPE '\')
    OR id IN (SELECT sale_id FROM sale_line WHERE name LIKE :contains ESCAPE '\')
    OR id IN (SELECT sale_id FROM attempt WHERE msisdn LIKE :ends))"""
_FOUND = _SALES + f" WHERE id < :before AND {_MATCHES} ORDER BY id DESC LIMIT :limit"
_AFTER_EVERY_SALE = 2**63 - 1
_PHONE_DIGITS = 3
"""Fewer are looked for in numbers and amounts only."""

_LINES = f"SELECT sale_id, name, price_cents, quantity FROM sale_line WHERE sale_id {ONE_OF} ORDER BY sale_id, id"  # noqa: S608 — a constant
_TENDERS = f"""SELECT sale_id, 'cash' AS kind, amount_cents, at, received_cents, id, '' FROM cash_tender
        WHERE sale_id {ONE_OF}
    UNION ALL SELECT sale_id, 'mpesa', amount_cents, received_at, 0, id, receipt FROM payment
        WHERE sale_id {ONE_OF} AND superseded_by IS NULL
    ORDER BY sale_id, at, kind, id"""  # noqa: S608 — a constant
_REMAINING = """max(0, total_cents
    - (SELECT coalesce(sum(amount_cents), 0) FROM cash_tender WHERE sale_id = sale.id)
    - (SELECT coalesce(sum(amount_cents), 0) FROM payment WHERE sale_id = sale.id AND superseded_by IS NULL))"""
_BILL = f"""SELECT number, voided_at IS NOT NULL, (SELECT count(*) FROM attempt WHERE sale_id = sale.id), {_REMAINING}
    FROM sale WHERE id = ?"""  # noqa: S608 — a constant
_MATCHABLE_SINCE = f"""SELECT id, number, opened_at, {_REMAINING} * (closed_at IS NULL) FROM sale
    WHERE voided_at IS NULL AND (closed_at IS NULL OR closed_at >= ?)"""  # noqa: S608 — a constant
_MATCHABLE_OF = f"""SELECT id, number, opened_at, {_REMAINING} * (closed_at IS NULL) FROM sale
    WHERE voided_at IS NULL AND id {ONE_OF}"""  # noqa: S608 — a constant
_CHARGES = f"SELECT sale_id, account_reference, id FROM attempt WHERE sale_id {ONE_OF} ORDER BY id"  # noqa: S608 — a constant
_NUMBERED = "SELECT id FROM sale WHERE number = ?"
_OF_NUMBER = _NUMBERED + " AND voided_at IS NULL"
_IS_VOID = "SELECT voided_at IS NOT NULL FROM sale WHERE id = ?"

_INSERT = """INSERT INTO sale (number, opened_at, total_cents, printed)
    SELECT coalesce(max(number), 0) + 1, ?, ?, 0 FROM sale RETURNING id"""
_INSERT_LINE = "INSERT INTO sale_line (sale_id, position, name, price_cents, quantity) VALUES (?, ?, ?, ?, ?)"
_DELETE_LINES = "DELETE FROM sale_line WHERE sale_id = ?"
_SET_TOTAL = "UPDATE sale SET total_cents = ? WHERE id = ?"
_INSERT_CASH = "INSERT INTO cash_tender (sale_id, amount_cents, received_cents, at) VALUES (?, ?, ?, ?)"
_CLOSE = "UPDATE sale SET closed_at = ? WHERE id = ? AND closed_at IS NULL"
_REOPEN = "UPDATE sale SET closed_at = NULL WHERE id = ?"
_VOID = "UPDATE sale SET voided_at = ? WHERE id = ?"
_COUNT_PRINT = "UPDATE sale SET printed = printed + 1 WHERE id = ? RETURNING printed - 1"


@dataclass(frozen=True, slots=True)
class Search:
    """What a person typed into the history: any of its readings may match."""

    text: str
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """What a charge must know of its sale; `charges` counts those that were made for it."""

    number: int
    is_void: bool
    charges: int
    remaining: Money


def add(connection: sqlite3.Connection, cart: Cart, at: datetime) -> Sale:
    (sale_id,) = connection.execute(_INSERT, (to_text(at), cart.total.cents)).fetchone()
    _add_lines(connection, sale_id, cart)
    return by_id(connection, sale_id)


def replace_cart(connection: sqlite3.Connection, sale_id: int, cart: Cart) -> None:
    connection.execute(_DELETE_LINES, (sale_id,))
    connection.execute(_SET_TOTAL, (cart.total.cents, sale_id))
    _add_lines(connection, sale_id, cart)


def _add_lines(connection: sqlite3.Connection, sale_id: int, cart: Cart) -> None:
    rows = [(sale_id, at, line.name, line.price.cents, line.quantity) for at, line in enumerate(cart.lines)]
    connection.executemany(_INSERT_LINE, rows)


def add_cash(connection: sqlite3.Connection, sale_id: int, tender: Tender) -> None:
    connection.execute(_INSERT_CASH, (sale_id, tender.amount.cents, tender.received.cents, to_text(tender.at)))


def close(connection: sqlite3.Connection, sale_id: int, at: datetime) -> None:
    connection.execute(_CLOSE, (to_text(at), sale_id))


def reopen(connection: sqlite3.Connection, sale_id: int) -> None:
    """What it was closed for turned out not to be its money."""
    connection.execute(_REOPEN, (sale_id,))


def void(connection: sqlite3.Connection, sale_id: int, at: datetime) -> None:
    connection.execute(_VOID, (to_text(at), sale_id))


def count_print(connection: sqlite3.Connection, sale_id: int) -> int:
    """How often the receipt was made before this time."""
    (before,) = connection.execute(_COUNT_PRINT, (sale_id,)).fetchone()
    return int(before)


def by_id(connection: sqlite3.Connection, sale_id: int) -> Sale:
    found = _read(connection, connection.execute(_BY_ID, (sale_id,)))
    if not found:
        raise LookupError(f"no sale {sale_id}")
    return found[0]


def bill(connection: sqlite3.Connection, sale_id: int) -> Bill:
    """The same as the whole sale says, without reading its lines and tenders."""
    row = connection.execute(_BILL, (sale_id,)).fetchone()
    if row is None:
        raise LookupError(f"no sale {sale_id}")
    number, is_void, charges, cents = row
    return Bill(number, bool(is_void), charges, Money(cents))


def is_void(connection: sqlite3.Connection, sale_id: int) -> bool:
    (void,) = connection.execute(_IS_VOID, (sale_id,)).fetchone()
    return bool(void)


def id_of_number(connection: sqlite3.Connection, number: int) -> int | None:
    """None when there is no such sale, or it was cancelled."""
    found: tuple[int] | None = connection.execute(_OF_NUMBER, (number,)).fetchone()
    return found[0] if found else None


def id_numbered(connection: sqlite3.Connection, number: int) -> int | None:
    """Of a cancelled sale too."""
    found: tuple[int] | None = connection.execute(_NUMBERED, (number,)).fetchone()
    return found[0] if found else None


def matchable_since(connection: sqlite3.Connection, since: datetime) -> tuple[Matchable, ...]:
    """Sales that are open, and those that were closed since then: money for them is late."""
    return _matchable(connection, connection.execute(_MATCHABLE_SINCE, (to_text(since),)))


def matchable(connection: sqlite3.Connection, sale_ids: Collection[int]) -> tuple[Matchable, ...]:
    """Without those that were cancelled."""
    return _matchable(connection, connection.execute(_MATCHABLE_OF, (listed(sale_ids),)))


def _matchable(connection: sqlite3.Connection, found: Iterable[tuple[Any, ...]]) -> tuple[Matchable, ...]:
    rows = list(found)
    charges: dict[int, dict[str, int]] = defaultdict(dict)
    for sale_id, reference, attempt_id in connection.execute(_CHARGES, (listed(row[0] for row in rows),)):
        charges[sale_id][reference] = attempt_id
    return tuple(
        Matchable(
            sale_id=sale_id,
            number=number,
            remaining=Money(cents),
            opened_at=from_text(opened_at),
            charge_references=tuple(charges[sale_id]),
            attempt_ids=frozenset(charges[sale_id].values()),
        )
        for sale_id, number, opened_at, cents in rows
    )


def unsettled(connection: sqlite3.Connection, limit: int = 50) -> tuple[Sale, ...]:
    """Neither closed nor void, oldest first: what a cashier may still have to finish."""
    return _read(connection, connection.execute(_UNSETTLED, (limit,)))


def open_numbers(connection: sqlite3.Connection) -> tuple[int, ...]:
    return tuple(number for (number,) in connection.execute(_OPEN_NUMBERS))


def newest(connection: sqlite3.Connection, search: Search, before_id: int | None, limit: int) -> tuple[Sale, ...]:
    """Newest first; `before_id` continues a page."""
    page = {"before": _AFTER_EVERY_SALE if before_id is None else before_id, "limit": limit}
    query, bound = (_FOUND, {**page, **_readings(search)}) if search.text else (_NEWEST, page)
    return _read(connection, connection.execute(query, bound))


def _readings(search: Search) -> dict[str, object]:
    """None is equal to nothing and like nothing."""
    text = search.text
    may_be_phone = text.isdigit() and len(text) >= _PHONE_DIGITS
    return {
        "text": text,
        "cents": search.amount.cents if search.amount is not None else None,
        "begins": like(text),
        "contains": like(text, anywhere=True),
        "ends": "%" + text.removeprefix("0") if may_be_phone else None,
    }


def _read(connection: sqlite3.Connection, found: Iterable[tuple[Any, ...]]) -> tuple[Sale, ...]:
    rows = list(found)
    ids = listed(row[0] for row in rows)
    lines: dict[int, list[SaleLine]] = defaultdict(list)
    for sale_id, name, cents, quantity in connection.execute(_LINES, (ids,)):
        lines[sale_id].append(SaleLine(name, Money(cents), quantity))
    tenders: dict[int, list[Tender]] = defaultdict(list)
    for sale_id, *tender in connection.execute(_TENDERS, (ids, ids)):
        tenders[sale_id].append(_tender(tender))
    return tuple(
        Sale(
            id=sale_id,
            number=number,
            cart=Cart(tuple(lines[sale_id])),
            opened_at=from_text(opened_at),
            tenders=tuple(tenders[sale_id]),
            awaiting=bool(awaiting),
            closed_at=from_text_or_none(closed_at),
            voided_at=from_text_or_none(voided_at),
        )
        for sale_id, number, opened_at, closed_at, voided_at, awaiting in rows
    )


def _tender(row: Sequence[Any]) -> Tender:
    kind, cents, at, received, of, receipt = row
    if kind == "cash":
        return Tender(TenderKind.CASH, Money(cents), from_text(at), received=Money(received))
    return Tender(TenderKind.MPESA, Money(cents), from_text(at), payment_id=of, receipt=receipt)
