"""Quarantined events that no trusted one has settled, and what else the log says of the same payment.

It must not know HTTP. Plain functions on a connection; it changes nothing but who sent what.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, exists, func, literal_column, select, text, tuple_

from relay.protocol import KIND_STK, QUARANTINED, TRUSTED
from relay.stores import sealing
from relay.stores.console_tables import sender
from relay.stores.sequence import Row, row_id
from relay.stores.tables import event_key, event_row

MOST_COUNTED = 50
MOST_COMPARED = 50

_NOTED = text(
    "INSERT INTO quarantined_sender (stream, seq, address) VALUES (:stream, :seq, :address) ON CONFLICT DO NOTHING"
)


class Place(NamedTuple):
    """Where a list goes on: behind the event of that time and id."""

    at: int
    id: int


class Sender(NamedTuple):
    """Which address sent the event of that seq."""

    stream: str
    seq: int
    address: str


# Said itself and not by a bound value, or no partial index would serve a query.
_is_quarantined = event_row.c.trust == literal_column(f"'{QUARANTINED}'")
_other = event_key.alias()
_settled = exists().where(
    _other.c.key_end == event_row.c.key_end,
    _other.c.key_start == event_row.c.key_start,
    _other.c.stream_id == event_row.c.stream_id,
    _other.c.trust == TRUSTED,
)


def waiting(connection: Connection, stream_id: int | None, behind: Place | None, limit: int) -> list[Row]:
    """Of one stream or of all, the newest first."""
    wanted = select(event_row).where(_is_quarantined, ~_settled).order_by(event_row.c.at.desc(), event_row.c.id.desc())
    if stream_id is not None:
        wanted = wanted.where(event_row.c.stream_id == stream_id)
    if behind is not None:
        wanted = wanted.where(tuple_(event_row.c.at, event_row.c.id) < tuple_(behind.at, behind.id))
    return _opened(connection, wanted.limit(limit))


def count(connection: Connection, stream_id: int | None) -> int:
    """MOST_COUNTED at most: more is not worth the time it takes."""
    wanted = select(event_row.c.id).where(_is_quarantined, ~_settled)
    if stream_id is not None:
        wanted = wanted.where(event_row.c.stream_id == stream_id)
    return connection.execute(select(func.count()).select_from(wanted.limit(MOST_COUNTED).subquery())).scalar_one()


def at(connection: Connection, stream_id: int, seq: int) -> Row | None:
    found = _opened(connection, select(event_row).where(event_row.c.id == row_id(stream_id, seq)))
    return found[0] if found else None


def same_payment(connection: Connection, row: Row) -> list[Row]:
    """The other events of its key, and those with its receipt, in the order of the log: MOST_COMPARED of each at most,
    the trusted and the newest of them.
    """
    conditions = [(event_row.c.key_end == row.key_end) & (event_row.c.key_start == row.key_start)]
    if row.receipt is not None:
        conditions.append(
            (event_row.c.key_end == row.receipt) & (event_row.c.key_start >= "c2b:") & (event_row.c.key_start < "c2b;")
        )
        conditions.append((event_row.c.kind == literal_column(f"'{KIND_STK}'")) & (event_row.c.receipt == row.receipt))
    found = {other.id: other for condition in conditions for other in _of(connection, row.stream_id, condition)}
    return [found[place] for place in sorted(found) if place != row.id]


def _of(connection: Connection, stream_id: int, condition: ColumnElement[bool]) -> list[Row]:
    wanted = select(event_row).where(condition, event_row.c.stream_id == stream_id)
    first = (event_row.c.trust == TRUSTED).desc(), event_row.c.id.desc()
    return _opened(connection, wanted.order_by(*first).limit(MOST_COMPARED))


def _opened(connection: Connection, wanted: Select[Any]) -> list[Row]:
    seals = sealing.of(connection)
    return [seals.opened(Row(*row)) for row in connection.execute(wanted)]


def note_senders(connection: Connection, senders: Iterable[Sender]) -> None:
    """The first that is known of an event stays."""
    connection.execute(_NOTED, [one._asdict() for one in senders])


def sender_of(connection: Connection, stream: str, seq: int) -> str:
    """Empty where it is not known."""
    wanted = select(sender.c.address).where(sender.c.stream == stream, sender.c.seq == seq)
    return connection.execute(wanted).scalar() or ""
