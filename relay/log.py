"""The event log as the rest of the relay sees it: append and wait until it is durable, read behind a cursor, wake up.

It must not know HTTP, websockets or tills. A wake-up only means "look now": it may come late, twice or for nothing.
"""

import asyncio
import logging
import secrets
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from relay.protocol import RESET_EPOCH, Event
from relay.stores import batch, console_tables, high_water, sequence, sqlite
from relay.stores.sequence import Appended, Encoding, Head, Incoming, Meta, Outcome, Plan, Row
from relay.stores.writer import Job, UnavailableError, UnknownStreamError, Writer
from relay.waiting import Waiting, WaitingRoom

__all__ = [
    "Appended",
    "Encoding",
    "EventLog",
    "Head",
    "Meta",
    "Outcome",
    "Stored",
    "UnavailableError",
    "UnknownStreamError",
]

TURN_EVENTS = 200
TURN_BYTES = 256 * 1024
APPEND_SECONDS = 5.0
_TAIL_BYTES = 1024 * 1024
_TAIL_EVENTS = 512
T = TypeVar("T")
Stored = Appended | UnavailableError | UnknownStreamError
"""What became of an append."""
_Waiting = Waiting[Stored]

logger = logging.getLogger("relay.log")


def new_epoch() -> str:
    return "e" + secrets.token_hex(8)


class _Stream:
    """What the loop knows of a stream. The tail holds its newest events while somebody listens, and no gap."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.reason = RESET_EPOCH
        self.flags: set[asyncio.Event] = set()
        self.tail: deque[Event] = deque()
        self.tail_bytes = 0

    def extend_tail(self, event: Event) -> None:
        if self.tail and self.tail[-1].seq + 1 != event.seq:
            self.forget_tail()
        self.tail.append(event)
        self.tail_bytes += len(bytes(event.body)) + len(event.raw or "")
        while self.tail_bytes > _TAIL_BYTES or len(self.tail) > _TAIL_EVENTS:
            gone = self.tail.popleft()
            self.tail_bytes -= len(bytes(gone.body)) + len(gone.raw or "")

    def forget_tail(self) -> None:
        self.tail.clear()
        self.tail_bytes = 0

    def wake(self) -> None:
        for flag in self.flags:
            flag.set()


class EventLog:
    """Every method belongs to the event loop it was opened on."""

    def __init__(self, path: Path, high_water_path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._high_water = high_water_path
        self._marked: dict[str, Head] = {}
        # One thread: a save whose caller was cancelled goes on, and the next one must come after it.
        self._marker = ThreadPoolExecutor(1, thread_name_prefix="relay-marker")
        self._streams: dict[str, _Stream] = {}
        self._writer: Writer[_Waiting] = Writer(path, self)
        self._waiting: WaitingRoom[Stored] = WaitingRoom(self._writer.put)
        self._reader = _Reader(path)
        self._closed = False

    @classmethod
    async def open(cls, path: Path, high_water_path: Path) -> "EventLog":
        """Creates what is missing; gives a new epoch to every stream whose database is older than its high water."""
        prepare = sqlite.engine(path)
        with prepare.connect() as connection, sqlite.Transaction(connection):
            sqlite.create_tables(connection)
            console_tables.create(connection)
            for name, head in high_water.outdated(connection, high_water.load(high_water_path)).items():
                sqlite.set_epoch(connection, name, head.epoch, new_epoch())
                logger.warning("the database is older than the high water of %s: new epoch", name)
        log = cls(path, high_water_path)
        log._writer.start()
        await log._mark_all()
        return log

    async def close(self) -> None:
        """Commits everything that was appended, then lets the database go."""
        if not self._closed:
            self._closed = True
            self._waiting.hand_over()
            await asyncio.to_thread(self._writer.stop)
            await asyncio.sleep(0)
            self._waiting.answer_all()
            await self.save_high_water()
            await self._reader.close()
            self._marker.shutdown()

    @property
    def healthy(self) -> bool:
        return self._writer.healthy and not self._closed

    async def append(self, stream: str, kind: str, key: str, body: bytes, meta: Meta) -> Appended:
        """Returns once it is durable; else UnavailableError. Cancelling the caller does not cancel the append."""
        future: asyncio.Future[Appended] = self._loop.create_future()
        if not self.put(stream, kind, key, body, meta, told=partial(_tell, future)):
            raise UnavailableError("closing")
        return await future

    def put(self, stream: str, kind: str, key: str, body: bytes, meta: Meta, *, told: Callable[[Stored], None]) -> bool:
        """`told` is called once, later: it is durable, or why not. False where nothing is taken any more."""
        if self._closed:
            return False
        text = body.decode() if meta.encoding == Encoding.JSON else b64encode(body).decode()
        self._waiting.put(Incoming(stream, kind, key, body, text, meta), told)
        return True

    def expire_waiting(self) -> None:
        """Gives up on what has waited too long for the disk. To be called about once a second."""
        self._waiting.give_up(APPEND_SECONDS, UnavailableError("the store is too slow"))

    async def read(self, stream: str, after: int, limit: int = TURN_EVENTS) -> list[Event]:
        """Events in order from `after` + 1; about TURN_BYTES at most, but one at least if there is any."""
        known = await self._stream(stream)
        tail = known.tail
        if tail and tail[0].seq <= after + 1:
            start = after + 1 - tail[0].seq
            return list(islice(tail, start, start + limit))
        if known.head.seq <= after:
            return []
        stream_id = known.head.stream_id
        found = await self._reader.run(lambda connection: sqlite.read(connection, stream_id, after, limit, TURN_BYTES))
        return [_event(stream, row) for row in found]

    async def head(self, stream: str) -> Head:
        return (await self._stream(stream)).head

    async def chain_at(self, stream: str, seq: int) -> str | None:
        stream_id = (await self._stream(stream)).head.stream_id
        return await self._reader.run(lambda connection: sqlite.chain_at(connection, stream_id, seq))

    def reset_reason(self, stream: str) -> str:
        """Why the stream's epoch turned while the relay ran."""
        return self._streams[stream].reason

    @contextmanager
    def wakeups(self, stream: str, flag: asyncio.Event) -> Iterator[None]:
        """Sets `flag` whenever there may be something new. Enter it before the first read."""
        known = self._streams[stream]
        known.flags.add(flag)
        try:
            yield
        finally:
            known.flags.discard(flag)
            if not known.flags:
                known.forget_tail()

    async def rotate(self, stream: str, epoch: str, reason: str) -> Head:
        """Turns the epoch, unless somebody has turned `epoch` already; everybody who listens is woken."""
        fresh = new_epoch()
        if await self.run(lambda connection: sqlite.set_epoch(connection, stream, epoch, fresh), forget=stream):
            known = await self._stream(stream)
            known.head = known.head._replace(epoch=fresh)
            known.reason = reason
            known.wake()
        return await self.head(stream)

    async def run(self, job: Callable[[Connection], T], *, forget: str | None = None) -> T:
        """Runs `job` in a transaction of its own on the writer's thread; returns once it is durable."""
        if self._closed:
            raise UnavailableError("closing")
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.hand_over()
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

        def job(connection: Connection) -> tuple[Head, T]:
            head = sqlite.head(connection, stream)
            if head is None:
                raise UnknownStreamError(stream)
            incoming, said = decide(connection, head)
            plan = sequence.plan(incoming, {stream: head}, batch.known(connection, incoming, {stream: head}))
            if plan.rows:
                batch.write(connection, plan.rows)
            return plan.heads.get(stream, head), said

        moving = asyncio.ensure_future(self.run(job, forget=stream))
        moving.add_done_callback(partial(self._moved, stream))
        return (await asyncio.shield(moving))[1]

    def _moved(self, stream: str, moving: "asyncio.Future[tuple[Head, T]]") -> None:
        """Whoever listens reads it from the disk; a batch that was committed after it may have been told before."""
        if moving.cancelled() or moving.exception() is not None:
            return
        head = moving.result()[0]
        known = self._streams.setdefault(stream, _Stream(head))
        if known.head.seq < head.seq:
            known.head = known.head._replace(seq=head.seq, chain=head.chain)
            known.forget_tail()
            known.wake()

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """Runs `question`, which only reads, on the reader's thread."""
        return await self._reader.run(question)

    async def save_high_water(self) -> None:
        """Writes the file if a head has moved; to be called about once a second."""
        heads = {name: stream.head for name, stream in self._streams.items()}
        if heads.items() <= self._marked.items():
            return
        marks = self._marked | heads
        await self._loop.run_in_executor(self._marker, high_water.save, self._high_water, marks)
        self._marked = marks

    async def _mark_all(self) -> None:
        self._streams |= {name: _Stream(head) for name, head in (await self._reader.run(sqlite.heads)).items()}
        await self.save_high_water()

    async def _stream(self, name: str) -> _Stream:
        if name not in self._streams:
            head = await self._reader.run(lambda connection: sqlite.head(connection, name))
            if head is None:
                raise UnknownStreamError(name)
            self._streams.setdefault(name, _Stream(head))
        return self._streams[name]

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)

    # On the writer's thread:

    def committed(self, batch: Sequence[_Waiting], plan: Plan) -> None:
        self._call(self._publish, batch, plan)

    def failed(self, batch: Sequence[_Waiting], error: UnavailableError | UnknownStreamError) -> None:
        self._call(self._refuse_all, batch, error)

    def reopened(self, heads: dict[str, Head]) -> None:
        self._call(self._look_again, heads)

    # On the loop:

    def _publish(self, batch: Sequence[_Waiting], plan: Plan) -> None:
        for waiting, row in zip(batch, plan.written, strict=True):
            stream = self._streams.get(waiting.incoming.stream)
            if row is not None and stream is not None and stream.flags:
                stream.extend_tail(_event(waiting.incoming.stream, row))
        for name, head in plan.heads.items():
            stream = self._streams.setdefault(name, _Stream(head))
            # The epoch is turned on the loop's side of a job, which this batch may have overtaken.
            stream.head = stream.head._replace(seq=head.seq, chain=head.chain)
            stream.wake()
        self._waiting.answer(zip(batch, plan.answers, strict=True))

    def _refuse_all(self, batch: Sequence[_Waiting], error: UnavailableError | UnknownStreamError) -> None:
        self._waiting.answer((waiting, error) for waiting in batch)

    def _look_again(self, heads: dict[str, Head]) -> None:
        """A commit that was reported as failed may be in the database after all."""
        for name, head in heads.items():
            stream = self._streams.setdefault(name, _Stream(head))
            if stream.head.seq != head.seq:
                stream.head = stream.head._replace(seq=head.seq, chain=head.chain)
                stream.forget_tail()
                stream.wake()


class _Reader:
    """One connection that can only read, on a thread of its own; made anew after an error."""

    def __init__(self, path: Path) -> None:
        self._engine = sqlite.engine(path, query_only=True)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="relay-reader")
        self._connection: Connection | None = None

    async def run(self, question: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._ask, question)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            return question(self._connection)
        except SQLAlchemyError:
            self._drop()
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._executor, self._drop)
        self._executor.shutdown()


def _tell(future: asyncio.Future[Appended], stored: Stored) -> None:
    if isinstance(stored, Exception):
        _refuse(future, stored)
    else:
        _settle(future, stored)


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _refuse(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _event(stream: str, row: Row) -> Event:
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
