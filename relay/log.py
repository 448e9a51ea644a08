"""The event log as the rest of the relay sees it: append and wait until it is durable, read behind a cursor, wake up.

It must not know HTTP, websockets or tills, nor which database holds it. A wake-up only means "look now": it may come
late, twice or for nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from relay.intake import Arrived, Intake, Stored
from relay.marking import Marker
from relay.metrics import Metrics
from relay.news import Hear, reads_the_log
from relay.protocol import RESET_EPOCH, Event
from relay.spool import Kept, Spool
from relay.stores import body_keys, high_water, streams
from relay.stores.reader import Reader
from relay.stores.sequence import Appended, Encoding, Head, Incoming, Meta, Outcome, Plan
from relay.stores.store import Store, UnknownStreamError
from relay.stores.streams import new_epoch
from relay.stores.writer import Job, NotStorableError, UnavailableError, Writer
from relay.tail import KnownStream, event_of, utc_text
from relay.waiting import Waiting

__all__ = [
    "Appended",
    "Encoding",
    "EventLog",
    "Head",
    "Incoming",
    "Kept",
    "Meta",
    "NotStorableError",
    "Outcome",
    "Stored",
    "UnavailableError",
    "UnknownStreamError",
    "new_epoch",
    "utc_text",
]

TURN_EVENTS = 200
TURN_BYTES = 256 * 1024
T = TypeVar("T")

logger = logging.getLogger("relay.log")


class EventLog:
    """Every method belongs to the event loop it was opened on."""

    def __init__(self, store: Store, high_water_path: Path, spool: Spool | None = None, shop_pace: float = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self.metrics = Metrics()
        self._flushes = self.metrics.fsync_seconds.labels("store")
        self._marker = Marker(high_water_path, self.metrics.fsync_seconds.labels("high_water").observe)
        self._streams: dict[str, KnownStream] = {}
        self._watched: dict[int, str] = {}
        self._store = store
        self._writer: Writer[Arrived] = Writer(store, self)
        self._keeper = store.keeper(self)
        self._intake = Intake(self._writer.put, spool, shop_pace)
        self._reader = Reader(store)
        self._hinted: list[Callable[[str], None]] = []
        self._closed = False

    @classmethod
    async def open(
        cls, store: Store, high_water_path: Path, spool: Spool | None = None, shop_pace: float = 0
    ) -> "EventLog":
        """Creates what is missing; gives a new epoch to every stream whose database is older than its high water.

        What the store does not take in time goes to the spool. `shop_pace`: see `Lanes`.
        """
        store.prepare()
        with store.connect() as connection, store.transaction(connection):
            body_keys.recognise(connection)
        high_water.turn_the_outdated(store, high_water.load(high_water_path))
        log = cls(store, high_water_path, spool, shop_pace)
        log._writer.start()
        log._keeper.start()
        await log._mark_all()
        return log

    async def close(self) -> None:
        """Commits everything that was appended, then lets the database go."""
        if not self._closed:
            self._intake.hand_over_all()
            self._closed = True
            await asyncio.to_thread(self._stop)
            await asyncio.sleep(0)
            self._intake.answer_all()
            await self.save_high_water()
            await self._reader.close()
            self._marker.close()

    def _stop(self) -> None:
        self._writer.stop()
        self._keeper.stop()

    @property
    def is_shared(self) -> bool:
        """Whether other relays append to it too."""
        return self._store.is_shared

    @property
    def name(self) -> str:
        """What the others know this relay by."""
        return self._store.own_name

    @property
    def healthy(self) -> bool:
        """Whether the store takes callbacks. Not while a flush hangs either: who calls then is refused in the end."""
        return self._writer.healthy and not self._closed and not self._intake.hangs

    async def append(self, stream: str, kind: str, key: str, body: bytes, meta: Meta) -> Appended:
        """Returns once it is in the log; else UnavailableError. Cancelling the caller does not cancel the append."""
        future: asyncio.Future[Appended] = self._loop.create_future()
        if not self.put(Incoming.of(stream, kind, key, body, meta), partial(_tell, future)):
            raise UnavailableError("closing")
        return await future

    def put(self, incoming: Incoming, told: Callable[[Stored], None]) -> bool:
        """`told` is called once, later: it is durable, or why not. False where nothing is taken any more."""
        return self.put_all([Waiting(incoming, told)])

    def put_all(self, arrived: Sequence[Arrived]) -> bool:
        """As `put` does with each: what came in one turn costs less together."""
        if self._closed:
            return False
        if delayed := self._intake.put(arrived):
            self.metrics.delayed.inc(delayed)
        return True

    def at_end_of_turn(self, what: Callable[[], None]) -> None:
        """Has it done once, when everything has been read that can be at once: what it puts is still of this turn."""
        self._intake.at_end_of_turn(what)

    def expire_waiting(self) -> None:
        """Gives up on what has waited too long for the disk. To be called some times a second."""
        self._intake.expire()

    def waited(self) -> float:
        """How many seconds the oldest callback has waited for the disk."""
        return self._intake.longest()

    async def read(self, stream: str, after: int, limit: int = TURN_EVENTS) -> list[Event]:
        """Events in order from `after` + 1; about TURN_BYTES at most, but one at least if there is any.

        Nothing from below the floor, which may have moved since: then the head says so afterwards.
        """
        known = await self._stream(stream)
        newest = known.newest(after, limit)
        if newest is not None:
            return newest
        if known.head.seq <= after:
            return []
        head = known.head
        found = await self._reader.run(lambda connection: self._store.read(connection, head, after, limit, TURN_BYTES))
        if not found:
            known.move(await self._look_up(stream))
        return [event_of(stream, row) for row in found]

    async def head(self, stream: str) -> Head:
        """As far as this process knows."""
        return (await self._stream(stream)).head

    async def latest(self, stream: str) -> Head:
        """As far as any relay knows: to hold a till's cursor against."""
        known = await self._stream(stream)
        if self._store.is_shared:
            told = {stream: known.head}
            head, is_lost = await self._reader.run(lambda connection: self._look(connection, stream, told))
            if is_lost:
                return await self.rotate(stream, head.epoch, RESET_EPOCH)
            known.move(head)
        return known.head

    def _look(self, connection: Connection, stream: str, told: dict[str, Head]) -> tuple[Head, bool]:
        """Whether the database has lost what was told of the stream, too."""
        heads = self._store.heads(connection, [stream])
        if stream not in heads:
            raise UnknownStreamError(stream)
        return heads[stream], bool(streams.lost(connection, heads, told))

    async def chain_at(self, stream: str, seq: int) -> str | None:
        stream_id = (await self._stream(stream)).head.stream_id
        return await self._reader.run(lambda connection: streams.chain_at(connection, stream_id, seq))

    def known_seq(self, stream: str) -> int:
        """As far as this process has looked: what comes next may be there already."""
        known = self._streams.get(stream)
        return known.head.seq if known is not None else 0

    def heard(self) -> dict[str, float]:
        """When each stream was last called back here, at the earliest since the relay has known it."""
        return {name: stream.heard for name, stream in self._streams.items()}

    def reset_reason(self, stream: str) -> str:
        """Why the stream's epoch turned while the relay ran."""
        return self._streams[stream].reason

    @contextmanager
    def wakeups(self, stream: str, flag: asyncio.Event, hear: Hear = reads_the_log) -> Iterator[None]:
        """Sets `flag` whenever there may be something new that `hear` did not take. Enter it before the first read."""
        known = self._streams[stream]
        known.listening[flag] = hear
        self._watched[known.head.stream_id] = stream
        try:
            yield
        finally:
            del known.listening[flag]
            if not known.listening:
                del self._watched[known.head.stream_id]
                known.forget_tail()

    async def rotate(self, stream: str, epoch: str, reason: str) -> Head:
        """Turns the epoch, unless somebody has turned `epoch` already; everybody who listens is woken."""
        fresh = new_epoch(epoch)
        known = await self._stream(stream)
        known.will_turn(fresh, reason)
        await self.run(lambda connection: streams.set_epoch(connection, stream, epoch, fresh), forget=stream)
        known.move(await self._look_up(stream))
        return known.head

    async def run(self, job: Callable[[Connection], T], *, forget: str | None = None) -> T:
        """Runs `job` in a transaction of its own on the writer's thread; returns once it is durable."""
        if self._closed:
            raise UnavailableError("closing")
        future: asyncio.Future[T] = self._loop.create_future()
        self._intake.hand_over()
        self._writer.put(
            Job(
                job,
                lambda result: self._call(_settle, future, result),
                lambda error: self._call(_refuse, future, error),
                forget,
            )
        )
        return await future

    async def append_if(self, stream: str, decide: Callable[[Connection, Head], tuple[list[Incoming], T]]) -> T:
        """Looks at the log and appends what `decide` says, in one transaction; returns what else it said.

        Durable then; else UnavailableError. Cancelling the caller does not cancel the append.
        """

        return (await self._append_held(stream, decide))[1]

    async def append_all(self, stream: str, incoming: Sequence[Incoming]) -> None:
        """Past the spool, of which they are: all in this order in one transaction, or none."""
        answers = (await self._append_held(stream, lambda _connection, _head: (incoming, None)))[2]
        self.metrics.moved(incoming, answers)

    async def _append_held(
        self, stream: str, decide: Callable[[Connection, Head], tuple[Sequence[Incoming], T]]
    ) -> tuple[Head, T, list[Appended]]:
        def job(connection: Connection) -> tuple[Head, T, list[Appended]]:
            head = self._store.hold(connection, stream)
            if head is None:
                raise UnknownStreamError(stream)
            incoming, said = decide(connection, head)
            plan = self._store.append(connection, incoming, stream, head)
            return plan.heads.get(stream, head), said, plan.answers

        moving = asyncio.ensure_future(self.run(job, forget=stream))
        moving.add_done_callback(partial(self._moved, stream))
        return await asyncio.shield(moving)

    def _moved(self, stream: str, moving: "asyncio.Future[tuple[Head, T, list[Appended]]]") -> None:
        """Whoever listens reads it from the disk; a batch that was committed after it may have been told before."""
        if not moving.cancelled() and moving.exception() is None:
            head = moving.result()[0]
            self._streams.setdefault(stream, KnownStream(head)).move(head)

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """Runs `question`, which only reads, on the reader's thread."""
        return await self._reader.run(question)

    def set_alone(self, is_alone: bool) -> None:
        """While no other relay is there, nobody is told that a stream has moved."""
        self._store.is_alone = is_alone

    def hint(self, connection: Connection, word: str) -> None:
        """In a job: says the word to the other relays once that is durable. It may be lost on its way."""
        self._store.hint(connection, word)

    def on_hint(self, told: Callable[[str], None]) -> None:
        """`told` is called with each word of the others that is not lost."""
        self._hinted.append(told)

    async def save_high_water(self) -> None:
        """Writes the file if a head has moved; to be called about once a second."""
        await self._marker.save({name: stream.head for name, stream in self._streams.items()})

    async def _mark_all(self) -> None:
        self._streams |= {name: KnownStream(head) for name, head in (await self._reader.run(self._store.heads)).items()}
        await self.save_high_water()

    async def _stream(self, name: str) -> KnownStream:
        if name not in self._streams:
            head = await self._look_up(name)
            self._streams.setdefault(name, KnownStream(head))
        return self._streams[name]

    async def _look_up(self, name: str) -> Head:
        return (await self._reader.run(lambda connection: self._look(connection, name, {})))[0]

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)

    # On the writer's thread:

    def committed(self, batch: Sequence[Arrived], plan: Plan) -> None:
        self._call(self._publish, batch, plan)

    def flushed(self, seconds: float) -> None:
        self._flushes.observe(seconds)

    def failed(self, batch: Sequence[Arrived], error: UnavailableError | UnknownStreamError) -> None:
        self._call(self._intake.refuse, batch, error)

    def reopened(self, heads: dict[str, Head]) -> None:
        """A commit that was reported as failed may be in the database after all."""
        self._call(self._look_again, heads)

    def known(self, names: Iterable[str] | None = None) -> dict[str, Head]:
        wanted = list(self._streams) if names is None else names
        return {name: self._streams[name].head for name in wanted if name in self._streams}

    # On the store's:

    def watched(self) -> Mapping[int, str]:
        return self._watched

    def seen(self, heads: dict[str, Head]) -> None:
        self._call(self._look_again, heads)

    def hinted(self, word: str) -> None:
        for told in self._hinted:
            self._call(told, word)

    # On the loop:

    def _publish(self, batch: Sequence[Arrived], plan: Plan) -> None:
        # Before the tills, of which a shop may have a thousand.
        self._intake.answer(zip(batch, plan.answers, strict=True))
        events = self._listened_to(batch, plan)
        for name, head in plan.heads.items():
            known = self._streams.setdefault(name, KnownStream(head))
            known.move(head, events.get(name, ()))
            known.heard = time.time()
        self.metrics.stored(batch, plan.answers)

    def _listened_to(self, batch: Sequence[Arrived], plan: Plan) -> dict[str, list[Event]]:
        """The new ones of each stream to which somebody listens."""
        events: dict[str, list[Event]] = {}
        for waiting, row in zip(batch, plan.written, strict=True):
            name = waiting.incoming.stream
            if row is not None and name in self._streams and self._streams[name].listening:
                events.setdefault(name, []).append(event_of(name, row))
        return events

    def _look_again(self, heads: dict[str, Head]) -> None:
        for name, head in heads.items():
            self._streams.setdefault(name, KnownStream(head)).move(head)


def _tell(future: asyncio.Future[Appended], stored: Stored) -> None:
    if isinstance(stored, Kept):
        _refuse(future, UnavailableError("in the spool, not in the log yet"))
    elif isinstance(stored, Exception):
        _refuse(future, stored)
    else:
        _settle(future, stored)


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _refuse(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
