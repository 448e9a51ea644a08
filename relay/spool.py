"""Where callbacks go that the log cannot take now: kept durably on this computer, and answered, until they are moved.

It must not know the log, HTTP or what a callback says. Once a stream has something here, what comes later of it follows
here, so that nothing overtakes.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from relay.spool_files import Segments
from relay.stores.lock import StoreLock
from relay.stores.sealing import Seals
from relay.stores.sequence import Incoming, Meta
from relay.stores.writer import UnavailableError
from relay.waiting import Waiting, WaitingRoom

GIVE_UP_SECONDS = 3.5

logger = logging.getLogger("relay.spool")
T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """Durable here, and in the log later."""


KEPT = Kept()
KeptOrNot = Kept | UnavailableError


class _Record(msgspec.Struct, frozen=True, array_like=True):
    """`sealed` is the body where the operator gave a key; then `body` is empty."""

    stream: str
    kind: str
    key: str
    body: bytes
    meta: Meta
    sealed: str = ""


def packed(incoming: Incoming, seals: Seals) -> bytes:
    stream, kind, key, body, meta = incoming.stream, incoming.kind, incoming.key, incoming.body, incoming.meta
    if not seals.id:
        return msgspec.msgpack.encode(_Record(stream, kind, key, body, meta))
    sealed = seals.seal(_bound(stream, key), body.decode("latin-1"))
    return msgspec.msgpack.encode(_Record(stream, kind, key, b"", meta, sealed))


def unpacked(record: bytes, seals: Seals) -> Incoming:
    """msgspec.MsgspecError for one of another relay's making, SealedError for one whose key is not here."""
    held = msgspec.msgpack.decode(record, type=_Record)
    opened = seals.open(_bound(held.stream, held.key), held.sealed).encode("latin-1") if held.sealed else held.body
    return Incoming.of(held.stream, held.kind, held.key, opened, held.meta)


def _bound(stream: str, key: str) -> str:
    return f"spool\n{stream}\n{key}"


class Spool:
    """Belongs to the event loop that it was opened on; the disk to a thread of its own."""

    def __init__(self, folder: Path, max_bytes: int, seals: Seals | None = None) -> None:
        """StoreInUseError where another relay has that folder, OSError where it cannot be used."""
        self.seals = seals or Seals()
        self._segments = Segments(folder, max_bytes)
        self._lock = StoreLock(folder / "lock", "another relay has this spool: give each its own (--spool)")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="relay-spool")
        self._room: WaitingRoom[KeptOrNot] = WaitingRoom(self._hand_over)
        self._queue: list[Waiting[KeptOrNot]] = []
        self._writing: asyncio.Task[None] | None = None
        self._here: Counter[str] = Counter()
        self._writable = True
        for path in self._segments:
            self._here.update(_streams(self._segments.read(path)))

    @property
    def depth(self) -> int:
        """How many wait here; of one that could not be kept nobody knows, so it counts until all is looked through."""
        return self._here.total()

    def oldest_seconds(self, now: float) -> float:
        """`now` is of UTC."""
        since = self._segments.oldest_since()
        return max(0.0, now - since) if since is not None and self._here else 0.0

    @property
    def healthy(self) -> bool:
        return self._writable and self._room.longest() <= GIVE_UP_SECONDS

    @property
    def is_empty(self) -> bool:
        return not self._here

    def is_for(self, stream: str) -> bool:
        """Whether what comes of that stream must come here, because something of it is here."""
        return stream in self._here

    def put(self, incoming: Incoming, told: Callable[[KeptOrNot], None]) -> None:
        """`told` is called once, later."""
        self._here[incoming.stream] += 1
        self._room.put([Waiting(incoming, told)])

    def expire_waiting(self) -> None:
        """To be called some times a second."""
        self._room.give_up(GIVE_UP_SECONDS, UnavailableError("the spool is too slow"))

    async def probe(self) -> None:
        """Finds out whether a spool that failed is well again; to be called about once a second."""
        if not self._writable and self._writing is None:
            await self._try(self._segments.probe)

    def _hand_over(self, batch: list[Waiting[KeptOrNot]]) -> None:
        self._queue += batch
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        """What comes while the disk is busy is flushed together."""
        while self._queue:
            batch, self._queue = self._queue, []
            records = [packed(waiting.incoming, self.seals) for waiting in batch]
            kept: KeptOrNot = KEPT
            if not await self._try(partial(self._segments.append, records)):
                kept = UnavailableError("the spool failed")
            self._room.answer([(waiting, kept) for waiting in batch])
        self._writing = None

    async def _try(self, act: Callable[[], None]) -> bool:
        try:
            await self._on_disk(act)
        except OSError as error:
            logger.error("the spool cannot be written: %s", error.strerror)
            self._writable = False
        else:
            self._writable = True
        return self._writable

    async def _on_disk(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)

    async def oldest(self) -> tuple[Path, list[bytes]] | None:
        """The segment to be moved next, with its records in their order; None where nothing is here any more."""
        found = await self._on_disk(self._read_oldest)
        if found is None and not len(self._room):
            self._here.clear()
        return found

    def _read_oldest(self) -> tuple[Path, list[bytes]] | None:
        self._segments.retire()
        path = next(iter(self._segments), None)
        return None if path is None else (path, self._segments.read(path))

    def moved(self, stream: str, count: int) -> None:
        """So many of its oldest are in the log, or set aside."""
        self._here[stream] -= count
        if self._here[stream] <= 0:
            del self._here[stream]

    async def remove(self, path: Path) -> None:
        """All of it is in the log. Where this is not done in time, all is moved again, and is there already."""
        await self._on_disk(lambda: self._segments.remove(path))

    async def set_aside(self, records: Sequence[bytes]) -> None:
        await self._on_disk(lambda: self._segments.set_aside(records))

    async def close(self) -> None:
        """What was given is kept first; what is here stays for the next start."""
        self._room.hand_over()
        if self._writing is not None:
            await self._writing
        self._room.answer_all()
        await self._on_disk(self._segments.retire)
        self._thread.shutdown()
        self._lock.release()
        if self._here:
            logger.warning("%d callbacks stay in the spool until the relay starts again", self.depth)


def _streams(records: Iterable[bytes]) -> Iterable[str]:
    for record in records:
        try:
            yield msgspec.msgpack.decode(record, type=_Record).stream
        except msgspec.MsgspecError:
            continue
