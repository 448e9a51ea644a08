"""Shops and tills as an operator looks at them, a page at a time: plain functions on a connection that only read.

It must not know HTTP. Each takes a few milliseconds at most, because the tills' questions wait behind it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from relay.protocol import SOURCE_DARAJA, TRUSTED
from relay.stores.directory import Till
from relay.stores.sequence import row_id
from relay.stores.tables import event_row, seat, shop, stream, till

_LATELY = 100
"""Events at the head of a stream among which its last callbacks are looked for: the others are claims and such."""


class ShopLine(NamedTuple):
    name: str
    stream: str
    stream_id: int
    tills: int
    """Without the revoked ones."""


class TillLine(NamedTuple):
    till: Till
    stream: str
    stream_id: int


_working = (
    select(func.count()).select_from(till).where(till.c.shop_id == shop.c.id, till.c.revoked_at.is_(None))
).scalar_subquery()
_shops = select(shop.c.name, stream.c.name, stream.c.id, _working).join(stream, stream.c.id == shop.c.stream_id)
_seen = (till.c.paired_at, till.c.revoked_at, till.c.acked_seq, till.c.acked_at)
_tills = (
    select(till.c.id, seat.c.code, shop.c.name, till.c.name, *_seen, stream.c.name, stream.c.id)
    .join(shop, shop.c.id == till.c.shop_id)
    .join(stream, stream.c.id == shop.c.stream_id)
    .outerjoin(seat, seat.c.till_id == till.c.id)
)


def shops(connection: Connection, like: str, skip: int, limit: int) -> list[ShopLine]:
    """Those with `like` in their name, whatever its case, in the order of their names."""
    wanted = _shops.order_by(func.lower(shop.c.name), shop.c.id).offset(skip).limit(limit)
    if like:
        wanted = wanted.where(shop.c.name.icontains(like, autoescape=True))
    return [ShopLine(*row) for row in connection.execute(wanted)]


def shop_of(connection: Connection, stream_name: str) -> ShopLine | None:
    row = connection.execute(_shops.where(stream.c.name == stream_name)).first()
    return ShopLine(*row) if row is not None else None


def stream_names(connection: Connection, stream_ids: set[int]) -> dict[int, tuple[str, str]]:
    """Stream and shop of each."""
    wanted = select(stream.c.id, stream.c.name, shop.c.name).join(shop, shop.c.stream_id == stream.c.id)
    return {row[0]: (row[1], row[2]) for row in connection.execute(wanted.where(stream.c.id.in_(stream_ids)))}


def tills(connection: Connection, stream_name: str, skip: int, limit: int) -> list[TillLine]:
    """Of one shop or, without a stream, of all; the revoked ones last."""
    order = (till.c.revoked_at.is_not(None), func.lower(shop.c.name), till.c.paired_at, till.c.id)
    wanted = _tills.order_by(*order).offset(skip).limit(limit)
    if stream_name:
        wanted = wanted.where(stream.c.name == stream_name)
    return [_line(row) for row in connection.execute(wanted)]


def till_of(connection: Connection, till_id: str) -> TillLine | None:
    row = connection.execute(_tills.where(till.c.id == till_id)).first()
    return _line(row) if row is not None else None


def _line(columns: Sequence[Any]) -> TillLine:
    return TillLine(Till(*columns[:-2]), columns[-2], columns[-1])


def last_callbacks(connection: Connection, stream_id: int, head: int) -> list[int]:
    """When Safaricom called lately, in milliseconds of UTC, the newest first; nobody else counts."""
    wanted = select(event_row.c.at, event_row.c.src, event_row.c.trust).where(
        event_row.c.id > row_id(stream_id, max(0, head - _LATELY)), event_row.c.id <= row_id(stream_id, head)
    )
    found = connection.execute(wanted.order_by(event_row.c.id.desc()))
    return [at for at, src, trust in found if (src, trust) == (SOURCE_DARAJA, TRUSTED)]


def at_of(connection: Connection, stream_id: int, seq: int) -> int | None:
    """When the event of that seq came; None for one that is not there."""
    return connection.execute(select(event_row.c.at).where(event_row.c.id == row_id(stream_id, seq))).scalar()


def last_before(connection: Connection, stream_id: int, floor: int, head: int, at_ms: int) -> int:
    """The last seq whose event came before that time, `floor` where there is none; as exact as the clock was."""
    low, high = floor, head
    while low < high:
        middle = (low + high + 1) // 2
        came = at_of(connection, stream_id, middle)
        if came is not None and came < at_ms:
            low = middle
        else:
            high = middle - 1
    return low
