"""Taking away what is old: a stream's floor first, then the bodies below it, then what its events were known by.

It must not know how old is old, nor when it is done. Plain functions on a connection, each bounded, each to be done
again where it was cut off. The relay's own records stay, or a payment could be claimed twice; so does the event at the
floor, whose chain tells a till where it goes on.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, func, select, text, update

from relay.protocol import KIND_ANCHOR, KIND_CLAIM, KIND_RELEASE
from relay.stores.sequence import SEQ_MASK, Head, row_id
from relay.stores.tables import shop, stream, till

BITE = 500
"""Of how many events one transaction takes something away: it is over in milliseconds."""

_OWN = f"('{KIND_CLAIM}', '{KIND_RELEASE}', '{KIND_ANCHOR}')"

# By the clock that the store itself keeps in order, where it has one: the days of PostgreSQL never go back along seq.
_FIRST_SINCE: Mapping[str, TextClause] = {
    "sqlite": text("SELECT id FROM event WHERE id > :after AND id < :end AND at >= :since ORDER BY id LIMIT 1"),
    "postgresql": text(
        "SELECT id FROM event_key WHERE id > :after AND id < :end AND day >= :since ORDER BY id LIMIT 1"
    ),
}
_CLEAR: Mapping[str, TextClause] = {
    "sqlite": text(f"UPDATE event SET body = NULL WHERE id BETWEEN :first AND :last AND kind NOT IN {_OWN}"),  # noqa: S608 (names of our own)
    "postgresql": text("DELETE FROM event WHERE id BETWEEN :first AND :last"),
}
_FORGET: Mapping[str, TextClause] = {
    "sqlite": text(f"DELETE FROM event WHERE id BETWEEN :first AND :last AND kind NOT IN {_OWN}"),  # noqa: S608
    "postgresql": text(f"DELETE FROM event_key WHERE id BETWEEN :first AND :last AND kind NOT IN {_OWN}"),  # noqa: S608
}


class Done(NamedTuple):
    """How far a stream is trimmed."""

    cleared: int
    forgotten: int


def done(connection: Connection, stream_id: int) -> Done:
    return Done(*connection.execute(select(stream.c.cleared, stream.c.forgotten).where(stream.c.id == stream_id)).one())


def last_before(connection: Connection, head: Head, after: int, at_ms: int) -> int:
    """The last seq before the first event that came at `at_ms` or later; looked for behind `after`."""
    dialect = connection.dialect.name
    since: int | date = at_ms if dialect == "sqlite" else datetime.fromtimestamp(at_ms / 1000, UTC).date()
    bounds = {"after": row_id(head.stream_id, after), "end": row_id(head.stream_id + 1, 0)}
    found = connection.execute(_FIRST_SINCE[dialect], {**bounds, "since": since}).scalar()
    return head.seq if found is None else (found & SEQ_MASK) - 1


def held_at(connection: Connection, stream_id: int, active_since_ms: int) -> int | None:
    """Beyond that a till has yet to read that was here since then; one that was only paired has yet to read all."""
    here = func.coalesce(till.c.acked_at, till.c.paired_at) >= active_since_ms
    of_stream = select(shop.c.id).where(shop.c.stream_id == stream_id)
    held = select(func.min(func.coalesce(till.c.acked_seq, 0)))
    return connection.execute(held.where(till.c.shop_id.in_(of_stream), till.c.revoked_at.is_(None), here)).scalar()


def clear(connection: Connection, stream_id: int, after: int, to: int) -> int:
    """Takes the bodies of the next events behind `after`, up to `to` at most; how far it came."""
    last = min(after + BITE, to)
    _take(connection, _CLEAR, stream_id, after, last)
    connection.execute(update(stream).where(stream.c.id == stream_id).values(cleared=last))
    return last


def forget(connection: Connection, stream_id: int, after: int, to: int) -> int:
    """The same for all that is known of them. Never up to the floor itself."""
    last = min(after + BITE, to)
    _take(connection, _FORGET, stream_id, after, last)
    connection.execute(update(stream).where(stream.c.id == stream_id).values(forgotten=last))
    return last


def _take(connection: Connection, statement: Mapping[str, TextClause], stream_id: int, after: int, last: int) -> None:
    bounds = {"first": row_id(stream_id, after + 1), "last": row_id(stream_id, last)}
    connection.execute(statement[connection.dialect.name], bounds)
