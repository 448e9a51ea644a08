"""What an event log is, in plain Python and in memory: the contract that every store is held to.

It has no database, no thread and no batch. What it answers, the others must answer.
"""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from relay.log import (
    Appended,
    Encoding,
    Head,
    Meta,
    NotStorableError,
    Outcome,
    UnknownStreamError,
    new_epoch,
    utc_text,
)
from relay.protocol import GENESIS, RESET_EPOCH, TRUSTED, Event, chain_next
from relay.stores.sequence import COMPARED, Incoming

PAGE_BYTES = 256 * 1024


@dataclass
class _Stream:
    id: int
    epoch: str
    events: list[Event] = field(default_factory=list)
    money: list[bytes] = field(default_factory=list)
    flags: set[asyncio.Event] = field(default_factory=set)
    reason: str = RESET_EPOCH


class ReferenceLog:
    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._closed = False

    async def create(self, name: str, epoch: str) -> None:
        self._streams[name] = _Stream(len(self._streams) + 1, epoch)

    async def append(self, stream: str, kind: str, key: str, body: bytes, meta: Meta) -> Appended:
        if self._closed or not key.isprintable():
            raise NotStorableError("not storable")
        return self._add(stream, Incoming(stream, kind, key, body, "", meta))

    def _add(self, name: str, incoming: Incoming) -> Appended:
        known, meta, key = self._known(name), incoming.meta, incoming.key
        same = [at for at, event in enumerate(known.events) if event.key == key]
        for at in same[:COMPARED] + same[COMPARED:][-1:]:
            first = known.events[at]
            if known.money[at] == meta.money and first.trust in (TRUSTED, meta.trust):
                return Appended(known.epoch, first.seq, first.chain, Outcome.DUPLICATE)
        seq, digest = len(known.events) + 1, hashlib.sha256(incoming.body).hexdigest()
        chain = chain_next(known.events[-1].chain if known.events else GENESIS, seq, key, digest)
        event = Event(name, seq, chain, incoming.kind, key, meta.trust, meta.src, utc_text(meta.at_ms), digest)
        event.receipt, event.rev = meta.receipt, len(same)
        event.nonce, event.short_code = meta.nonce, meta.short_code
        if meta.encoding == Encoding.JSON:
            event.body = msgspec.Raw(incoming.body)
        else:
            event.raw = b64encode(incoming.body).decode()
        known.events.append(event)
        known.money.append(meta.money)
        for flag in known.flags:
            flag.set()
        return Appended(known.epoch, seq, chain, Outcome.REVISION if same else Outcome.NEW)

    async def append_if(self, stream: str, decide: Callable[[Any, Head], tuple[list[Any], Any]]) -> Any:
        incoming, said = decide(None, await self.head(stream))
        for one in incoming:
            self._add(stream, one)
        return said

    async def read(self, stream: str, after: int, limit: int = 200) -> list[Event]:
        found: list[Event] = []
        room = PAGE_BYTES
        for event in self._known(stream).events[after : after + limit]:
            found.append(event)
            room -= len(bytes(event.body)) if event.raw is None else len(event.raw)
            if room <= 0:
                break
        return found

    async def head(self, stream: str) -> Head:
        known = self._known(stream)
        last = known.events[-1].chain if known.events else GENESIS
        return Head(known.id, known.epoch, len(known.events), last)

    async def chain_at(self, stream: str, seq: int) -> str | None:
        events = self._known(stream).events
        if seq == 0:
            return GENESIS
        return events[seq - 1].chain if seq <= len(events) else None

    async def rotate(self, stream: str, epoch: str, reason: str) -> Head:
        known = self._known(stream)
        if known.epoch == epoch:
            known.epoch, known.reason = new_epoch(epoch), reason
            for flag in known.flags:
                flag.set()
        return await self.head(stream)

    def reset_reason(self, stream: str) -> str:
        return self._known(stream).reason

    @contextmanager
    def wakeups(self, stream: str, flag: asyncio.Event) -> Iterator[None]:
        flags = self._known(stream).flags
        flags.add(flag)
        try:
            yield
        finally:
            flags.discard(flag)

    async def close(self) -> None:
        self._closed = True

    def _known(self, stream: str) -> _Stream:
        if stream not in self._streams:
            raise UnknownStreamError(stream)
        return self._streams[stream]
