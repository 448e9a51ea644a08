"""What the log holds of one person: found in the bodies themselves, shown, or blanked in every copy of them.

It must not know the command line. Keys, receipts and the chain stay: they tell a copy, and what was claimed.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, text

from relay import persons
from relay.persons import Person
from relay.protocol import KIND_ANCHOR, KIND_CLAIM, KIND_RELEASE, KIND_RESULT, KIND_TIMEOUT, KIND_UNPARSED
from relay.stores import events, trimming
from relay.stores.sequence import Head, Row
from relay.stores.store import Store

_OWN = {KIND_CLAIM, KIND_RELEASE, KIND_ANCHOR}
_TELL_IN_THE_BODY = {KIND_RESULT, KIND_TIMEOUT, KIND_UNPARSED}
_PAGE = 200
_PAGE_BYTES = 1024 * 1024
_AT_ONCE = 500
_BLANK = text("UPDATE event SET body = NULL WHERE id IN :places").bindparams(bindparam("places", expanding=True))


class Found(NamedTuple):
    """`unsure` may be this person's: M-Pesa shows too little of the number to know."""

    rows: list[Row]
    unsure: list[Row]


def find(store: Store, connection: Connection, head: Head, who: Person | None, receipts: Iterable[str]) -> Found:
    """By the number, then by the receipts of what was found so or is named: other messages of one payment lack it."""
    known = {receipt.upper() for receipt in receipts}
    if who is not None:
        known |= {row.receipt for row in _rows(store, connection, head) if row.receipt and _names(row, who)}
    found = Found([], [])
    for row in _rows(store, connection, head):
        if _is_of(row, known) or (who is not None and _names(row, who)):
            found.rows.append(row)
        elif who is not None and persons.may_name(events.raw_body(row), who):
            found.unsure.append(row)
    return found


def erase(store: Store, connection: Connection, rows: Sequence[Row]) -> None:
    """In bites, so that no callback waits. On SQLite the place on the disk is written over as well."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    for start in range(0, len(rows), _AT_ONCE):
        with store.transaction(connection):
            connection.execute(_BLANK, {"places": [row.id for row in rows[start : start + _AT_ONCE]]})


def clear_below(store: Store, connection: Connection, head: Head) -> None:
    """What a trimming that was cut off has left behind, and nobody reads any more."""
    at = trimming.done(connection, head.stream_id).cleared
    while at < head.floor:
        with store.transaction(connection):
            at = trimming.clear(connection, head.stream_id, at, head.floor)


def _rows(store: Store, connection: Connection, head: Head) -> Iterator[Row]:
    """Those whose body is there and is not the relay's own."""
    after = head.floor
    while page := store.read(connection, head, after, _PAGE, _PAGE_BYTES):
        after = page[-1].seq
        yield from (row for row in page if row.body is not None and row.kind not in _OWN)


def _names(row: Row, who: Person) -> bool:
    return persons.names(events.raw_body(row), who) or persons.names(row.key.encode(), who)


def _is_of(row: Row, receipts: set[str]) -> bool:
    if row.receipt in receipts:
        return True
    return row.kind in _TELL_IN_THE_BODY and not receipts.isdisjoint(persons.receipts_in(events.raw_body(row)))
