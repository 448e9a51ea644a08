"""Where a till goes on: its cursor held against the log. A till that saw another log than this one is reset.

It must not know how the frames travel. Rules: a cursor is right if its epoch is the stream's and its chain is the
chain at its seq; a cursor of this epoch that is ahead, or on another chain, proves a restored log: the epoch turns.
"""

from typing import NamedTuple

from relay.log import EventLog, Head
from relay.protocol import (
    GENESIS,
    RESET_AHEAD,
    RESET_EPOCH,
    RESET_FORK,
    RESET_TRIMMED,
    Reset,
    StreamCursor,
    StreamState,
)


class Place(NamedTuple):
    """Read on after `seq` in the epoch of `head`; tell the till `reset` first if there is one."""

    seq: int
    head: Head
    reset: Reset | None

    def state(self, stream: str) -> StreamState:
        return StreamState(stream, self.head.epoch, self.head.seq, self.head.floor, ok=self.reset is None)


async def place(log: EventLog, cursor: StreamCursor) -> Place:
    head = await log.latest(cursor.s)
    if cursor.seq <= 0 and cursor.epoch in ("", head.epoch):
        # A new till has lost nothing, wherever the log begins: nobody need look after it.
        return Place(head.floor, head, await _from_floor(log, cursor.s, RESET_TRIMMED, head) if head.floor else None)
    reason = RESET_EPOCH if cursor.epoch != head.epoch else await _reason(log, cursor, head)
    if reason is None:
        return Place(cursor.seq, head, None)
    if reason in (RESET_AHEAD, RESET_FORK):
        head = await log.rotate(cursor.s, head.epoch, reason)
    return Place(head.floor, head, await reset(log, cursor.s, reason, head))


async def reset(log: EventLog, stream: str, reason: str, head: Head) -> Reset:
    log.metrics.reset.labels(reason).inc()
    return await _from_floor(log, stream, reason, head)


async def _from_floor(log: EventLog, stream: str, reason: str, head: Head) -> Reset:
    """What is trimmed leaves the chain at the floor behind, so that a till can hold the next event against it."""
    chain = await log.chain_at(stream, head.floor)
    return Reset(stream, reason, head.epoch, head.floor, chain or GENESIS)


async def _reason(log: EventLog, cursor: StreamCursor, head: Head) -> str | None:
    if cursor.seq > head.seq:
        return RESET_AHEAD
    if cursor.seq < head.floor:
        return RESET_TRIMMED
    chain = head.chain if cursor.seq == head.seq else await log.chain_at(cursor.s, cursor.seq)
    return None if chain == cursor.chain else RESET_FORK
