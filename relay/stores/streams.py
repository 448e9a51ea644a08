"""Streams, their epochs and places in them, as both databases keep them: plain functions on a connection.

It must not know a dialect, threads or waiters. How a head is found is each store's own.
"""

import logging
import re
import secrets
import time
from collections.abc import Mapping
from itertools import islice
from typing import Protocol

from sqlalchemy import Connection, bindparam, insert, select, update

from relay.protocol import GENESIS
from relay.stores.sequence import Head, row_id
from relay.stores.tables import event_key, stream

logger = logging.getLogger("relay.store")
_EPOCH = re.compile(r"f([0-9a-f]{12})[0-9a-f]{6}")
_AT_ONCE = 500


class Position(Protocol):
    """A place in a stream, and the chain there."""

    @property
    def epoch(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def chain(self) -> str: ...


def new_epoch(after: str = "") -> str:
    """Sorts behind `after`, and behind every epoch made before: of two heads the newer one can always be told."""
    at = int(time.time() * 1000)
    before = _EPOCH.fullmatch(after)
    if before is not None:
        at = max(at, int(before[1], 16) + 1)
    return f"f{at:012x}{secrets.token_hex(3)}"


def create_stream(connection: Connection, name: str, epoch: str) -> int:
    made = insert(stream).values(name=name, epoch=epoch).returning(stream.c.id)
    return int(connection.execute(made).scalar_one())


def set_epoch(connection: Connection, name: str, old: str, new: str) -> bool:
    """False if somebody else has turned the epoch meanwhile."""
    changed = update(stream).where(stream.c.name == name, stream.c.epoch == old)
    return connection.execute(changed.values(epoch=new)).rowcount == 1


def set_floor(connection: Connection, name: str, floor: int) -> None:
    """It never goes down."""
    connection.execute(update(stream).where(stream.c.name == name, stream.c.floor < floor).values(floor=floor))


_chain = select(event_key.c.chain).where(event_key.c.id == bindparam("of"))


def chain_at(connection: Connection, stream_id: int, seq: int) -> str | None:
    if seq == 0:
        return GENESIS
    found = connection.execute(_chain, {"of": row_id(stream_id, seq)}).scalar_one_or_none()
    return None if found is None else found.hex()


def lost(connection: Connection, heads: Mapping[str, Head], known: Mapping[str, Position]) -> dict[str, Head]:
    """Those of `heads` whose database is older than what is known of the stream, or has gone another way since.

    What is known must be known since before the heads were looked up. A newer epoch says that somebody has seen to it.
    """
    older = {name: head for name, head in heads.items() if name in known and head.epoch < known[name].epoch}
    places = {
        row_id(head.stream_id, known[name].seq): name
        for name, head in heads.items()
        if name in known and head.epoch == known[name].epoch and _has_moved(head, known[name])
    }
    chains = _chains(connection, list(places))
    return older | {name: heads[name] for place, name in places.items() if chains.get(place) != known[name].chain}


def _has_moved(head: Head, known: Position) -> bool:
    return known.seq > 0 and (head.seq, head.chain) != (known.seq, known.chain)


def turn(connection: Connection, heads: Mapping[str, Head], *known: Mapping[str, Position]) -> None:
    """Gives each of them a new epoch, unless somebody has; it sorts behind all that is `known`."""
    for name in turn_all(connection, heads, *known):
        logger.warning("the database is not as %s was told: new epoch", name)


def turn_all(connection: Connection, heads: Mapping[str, Head], *known: Mapping[str, Position]) -> list[str]:
    """The same, and those that it turned."""
    turned = []
    for name, head in heads.items():
        told = [positions[name].epoch for positions in known if name in positions]
        if set_epoch(connection, name, head.epoch, new_epoch(max([head.epoch, *told]))):
            turned.append(name)
    return turned


def _chains(connection: Connection, places: list[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    left = iter(places)
    while some := list(islice(left, _AT_ONCE)):
        rows = connection.execute(select(event_key.c.id, event_key.c.chain).where(event_key.c.id.in_(some)))
        found.update({place: chain.hex() for place, chain in rows})
    return found
