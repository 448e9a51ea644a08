"""What this process knows of one stream: its head, its newest events while somebody listens, and who does.

It must not know the database, and never goes back: what it is told late is old.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice

import msgspec

from relay.news import Hear, News
from relay.protocol import RESET_EPOCH, Event
from relay.stores.sequence import Encoding, Head, Row

_TAIL_BYTES = 1024 * 1024
_TAIL_EVENTS = 512


class KnownStream:
    """The tail holds the newest events, and no gap. `reason` says why the epoch turned while the process ran, `heard`
    when it was last called back here, at the earliest since the process has known it (seconds of UTC).
    """

    def __init__(self, head: Head) -> None:
        self.head = head
        self.heard = time.time()
        self.reason = RESET_EPOCH
        self.listening: dict[asyncio.Event, Hear] = {}
        self._turning: dict[str, str] = {}
        self._tail: deque[Event] = deque()
        self._tail_bytes = 0

    def move(self, head: Head, events: Sequence[Event] = ()) -> None:
        """Everybody who listens hears `events`, which end there, or is woken. In an epoch the floor never goes down."""
        is_news = head.is_after(self.head)
        if is_news:
            self._advance(head)
        else:
            self._rise(head)
        if events and head.epoch == self.head.epoch:
            self._add(events)
        if is_news:
            self._tell(events)

    def _advance(self, head: Head) -> None:
        if head.epoch == self.head.epoch:
            head = head if head.floor >= self.head.floor else head._replace(floor=self.head.floor)
        else:
            self.reason = self._turning.get(head.epoch, RESET_EPOCH)
            self._turning.clear()
            self.forget_tail()
        self.head = head

    def _rise(self, head: Head) -> None:
        """Whoever reads below a new floor must be told."""
        if head.epoch == self.head.epoch and head.floor > self.head.floor:
            self.head = self.head._replace(floor=head.floor)
            self._tell(())

    def _tell(self, events: Sequence[Event]) -> None:
        news = News(self.head.epoch, events) if events else None
        for flag, hear in self.listening.items():
            if news is None or not hear(news):
                flag.set()

    def will_turn(self, epoch: str, reason: str) -> None:
        self._turning[epoch] = reason

    def _add(self, events: Sequence[Event]) -> None:
        if self._tail and self._tail[-1].seq + 1 != events[0].seq:
            self.forget_tail()
        self._tail.extend(events)
        self._tail_bytes += sum(map(_size, events))
        while self._tail_bytes > _TAIL_BYTES or len(self._tail) > _TAIL_EVENTS:
            self._tail_bytes -= _size(self._tail.popleft())

    def newest(self, after: int, limit: int) -> list[Event] | None:
        """From `after` + 1; None where the tail has not that one."""
        if not self._tail or not self._tail[0].seq <= after + 1 <= self._tail[-1].seq:
            return None
        start = after + 1 - self._tail[0].seq
        return list(islice(self._tail, start, start + limit))

    def forget_tail(self) -> None:
        self._tail.clear()
        self._tail_bytes = 0


def _size(event: Event) -> int:
    return len(bytes(event.body)) + len(event.raw or "")


def event_of(stream: str, row: Row) -> Event:
    event = Event(
        s=stream,
        seq=row.seq,
        chain=row.chain.hex(),
        kind=row.kind,
        key=row.key,
        trust=row.trust,
        src=row.src,
        at=utc_text(row.at),
        body_sha256=row.body_sha256.hex(),
        receipt=row.receipt,
        rev=row.rev,
        nonce=row.nonce_of_path,
        short_code=row.short_code,
    )
    if row.body is not None and row.encoding == Encoding.JSON:
        event.body = msgspec.Raw(row.body.encode())
    elif row.body is not None:
        event.raw = row.body
    return event


def utc_text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
