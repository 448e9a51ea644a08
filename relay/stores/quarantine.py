"""Quarantined events that no trusted one has settled, and what else the log says of the same payment.

It must not know HTTP. Plain functions on a connection; it changes nothing but who sent what.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, exists, func, insert, literal_column, select, tuple_

from relay.protocol import KIND_STK, TRUSTED
from relay.stores.console_tables import is_quarantined, sender
from relay.stores.sequence import Row, row_id
from relay.stores.tables import event

MOST_COUNTED = 50


class Place(NamedTuple):
    """Where a list goes on: behind the event of that time and id."""

    at: int
    id: int


class Sender(NamedTuple):
    """Which address sent the event of that seq."""

    stream: str
    seq: int
    address: str


_other = event.alias()
_settled = exists().where(
    _other.c.key_end == event.c.key_end,
    _other.c.key_start == event.c.key_start,
    _other.c.stream_id == event.c.stream_id,
    _other.c.trust == TRUSTED,
)


def waiting(connection: Connection, stream_id: int | None, behind: Place | None, limit: int) -> list[Row]:
    """Of one stream or of all, the newest first."""
    wanted = select(event).where(is_quarantined, ~_settled).order_by(event.c.at.desc(), event.c.id.desc())
    if stream_id is not None:
        wanted = wanted.where(event.c.stream_id == stream_id)
    if behind is not None:
        wanted = wanted.where(tuple_(event.c.at, event.c.id) < tuple_(behind.at, behind.id))
    return [Row(*row) for row in connection.execute(wanted.limit(limit))]


def count(connection: Connection, stream_id: int | None) -> int:
    """MOST_COUNTED at most: more is not worth the time it takes."""
    wanted = select(event.c.id).where(is_quarantined, ~_settled)
    if stream_id is not None:
        wanted = wanted.where(event.c.stream_id == stream_id)
    return connection.execute(select(func.count()).select_from(wanted.limit(MOST_COUNTED).subquery())).scalar_one()


def at(connection: Connection, stream_id: int, seq: int) -> Row | None:
    row = connection.execute(select(event).where(event.c.id == row_id(stream_id, seq))).first()
    return Row(*row) if row is not None else None


def same_payment(connection: Connection, row: Row) -> list[Row]:
    """The other events of its key, and those with its receipt, in the order of the log."""
    conditions = [(event.c.key_end == row.key_end) & (event.c.key_start == row.key_start)]
    if row.receipt is not None:
        conditions.append(
            (event.c.key_end == row.receipt) & (event.c.key_start >= "c2b:") & (event.c.key_start < "c2b;")
        )
        # A partial index serves only a query that says its condition itself, not by a bound value.
        conditions.append((event.c.kind == literal_column(f"'{KIND_STK}'")) & (event.c.receipt == row.receipt))
    found = {other.id: other for condition in conditions for other in _of(connection, row.stream_id, condition)}
    return [found[place] for place in sorted(found) if place != row.id]


def _of(connection: Connection, stream_id: int, condition: ColumnElement[bool]) -> list[Row]:
    wanted = select(event).where(condition, event.c.stream_id == stream_id)
    return [Row(*row) for row in connection.execute(wanted)]


def note_senders(connection: Connection, senders: Iterable[Sender]) -> None:
    """The first that is known of an event stays."""
    for one in senders:
        known = select(sender.c.seq).where(sender.c.stream == one.stream, sender.c.seq == one.seq)
        if connection.execute(known).first() is None:
            connection.execute(insert(sender).values(one._asdict()))


def sender_of(connection: Connection, stream: str, seq: int) -> str:
    """Empty where it is not known."""
    wanted = select(sender.c.address).where(sender.c.stream == stream, sender.c.seq == seq)
    return connection.execute(wanted).scalar() or ""
