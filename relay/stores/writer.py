"""The writer thread: takes whatever waits, commits it as one batch, and says so; the group commit of the relay.

It must not know asyncio or HTTP: it tells a listener, on its own thread.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from relay.stores import batch as store
from relay.stores import sequence, sqlite
from relay.stores.sequence import Head, Incoming, Plan

PROBE_SECONDS = 1.0
CHECKPOINT_SECONDS = 0.5

logger = logging.getLogger("relay.store")
T = TypeVar("T")


class UnavailableError(Exception):
    """Could not be made durable now; it may still turn up in the log, so the sender's copy will be a duplicate."""


class UnknownStreamError(Exception):
    """There is no such stream in the store."""


class Waiting(Protocol):
    """One callback on its way to disk; the writer reads nothing of it but `incoming`."""

    @property
    def incoming(self) -> Incoming: ...


W = TypeVar("W", bound=Waiting)
W_contra = TypeVar("W_contra", bound=Waiting, contravariant=True)


class Listener(Protocol[W_contra]):
    """Called on the writer's thread."""

    def committed(self, batch: Sequence[W_contra], plan: Plan) -> None: ...
    def flushed(self, seconds: float) -> None: ...
    def failed(self, batch: Sequence[W_contra], error: UnavailableError | UnknownStreamError) -> None: ...
    def reopened(self, heads: dict[str, Head]) -> None: ...


class Job(Generic[T]):
    """Some other write, in a transaction of its own. `done` and `failed` are called on the writer's thread, after it.

    `forget` names the stream of which the job changes the epoch.
    """

    def __init__(
        self,
        run: Callable[[Connection], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        forget: str | None = None,
    ) -> None:
        self._run = run
        self._done = done
        self.failed = failed
        self.forget = forget

    def attempt(self, connection: Connection) -> Callable[[], None]:
        """What to call once the transaction is committed."""
        result = self._run(connection)
        return lambda: self._done(result)


class Writer(Generic[W]):
    """Commits at once when nothing else waits; what arrives during a commit makes the next batch."""

    def __init__(self, path: Path, listener: Listener[W]) -> None:
        self._engine = sqlite.engine(path)
        self._listener = listener
        self._queue: SimpleQueue[list[W] | Job[Any] | None] = SimpleQueue()
        self._connection: Connection | None = None
        self._heads: dict[str, Head] = {}
        self._thread = threading.Thread(target=self._run, name="relay-writer", daemon=True)
        self._checkpointer = _Checkpointer(path, self)
        self.begun = self.committed = 0
        self.healthy = True

    def start(self) -> None:
        """Opens the database on the caller's thread, so that what is wrong with it is raised here."""
        self._connect()
        self._thread.start()
        self._checkpointer.start()

    def put(self, item: list[W] | Job[Any]) -> None:
        self._queue.put(item)

    def stop(self) -> None:
        """Everything put before is committed first."""
        self._queue.put(None)
        self._thread.join()
        self._checkpointer.stop()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            items = self._take()
            waiting = [one for item in items if isinstance(item, list) for one in item]
            for start in range(0, len(waiting), store.MAX_BATCH):
                self._commit(waiting[start : start + store.MAX_BATCH])
            for item in items:
                if isinstance(item, Job):
                    self._do(item)
            stopping = None in items
        self._disconnect()

    def _take(self) -> list[list[W] | Job[Any] | None]:
        items: list[list[W] | Job[Any] | None] = []
        try:
            items.append(self._queue.get(timeout=None if self.healthy else PROBE_SECONDS))
            while True:
                items.append(self._queue.get_nowait())
        except Empty:
            if not items:
                self._probe()
        return items

    def _commit(self, batch: list[W]) -> None:
        try:
            plan = self._write(batch)
        except (IntegrityError, ArithmeticError, LookupError, TypeError, ValueError, UnknownStreamError) as error:
            self._commit_apart(batch, error)
        except (SQLAlchemyError, sqlite.StoreSettingError, OSError) as error:
            self._broken(error)
            self._listener.failed(batch, UnavailableError("the store failed"))
        else:
            self.healthy = True
            self._listener.committed(batch, plan)

    def _commit_apart(self, batch: list[W], error: Exception) -> None:
        """One that cannot be stored must not take the others of its batch with it."""
        self._disconnect()
        if len(batch) > 1:
            for waiting in batch:
                self._commit([waiting])
            return
        logger.error("one event could not be stored: %s", type(error).__name__)
        self._listener.failed(
            batch, error if isinstance(error, UnknownStreamError) else UnavailableError("not storable")
        )

    def _write(self, batch: list[W]) -> Plan:
        connection = self._connected()
        incoming = [waiting.incoming for waiting in batch]
        self._load_heads(connection, incoming)
        try:
            # Copies are rare: the index refuses them, and only then they are looked up.
            return self._store(connection, sequence.plan(incoming, self._heads, {}))
        except IntegrityError:
            known = store.known(connection, incoming, self._heads)
            return self._store(connection, sequence.plan(incoming, self._heads, known))

    def _store(self, connection: Connection, plan: Plan) -> Plan:
        if plan.rows:
            with self._counted():
                store.write(connection, plan.rows)
            self._heads.update(plan.heads)
        return plan

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.begun = self.committed + 1
        began = time.monotonic()
        yield
        self._listener.flushed(time.monotonic() - began)
        self.committed = self.begun

    def _load_heads(self, connection: Connection, incoming: list[Incoming]) -> None:
        for name in {one.stream for one in incoming} - self._heads.keys():
            head = sqlite.head(connection, name)
            if head is None:
                raise UnknownStreamError(name)
            self._heads[name] = head

    def _do(self, job: Job[Any]) -> None:
        try:
            connection = self._connected()
            with self._counted(), sqlite.Transaction(connection):
                announce = job.attempt(connection)
            self.healthy = True
            if job.forget is not None:
                self._heads.pop(job.forget, None)
            announce()
        except IntegrityError as error:
            job.failed(error)
        except (SQLAlchemyError, sqlite.StoreSettingError, OSError) as error:
            self._broken(error)
            job.failed(UnavailableError("the store failed"))
        except Exception as error:
            logger.exception("a job of the writer failed")
            job.failed(error)

    def _probe(self) -> None:
        """Without callbacks nothing else would find out that the disk is well again."""
        try:
            self._connected()
            self.healthy = True
        except (SQLAlchemyError, sqlite.StoreSettingError, OSError) as error:
            self._broken(error)

    def _broken(self, error: Exception) -> None:
        # After a failed flush the next commit on the same connection may claim a success that is not on the disk.
        cause = getattr(error, "orig", error)
        logger.error("store failed: %s %s", type(cause).__name__, getattr(cause, "sqlite_errorname", ""))
        self.healthy = False
        self._disconnect()

    def _connected(self) -> Connection:
        return self._connection or self._connect()

    def _connect(self) -> Connection:
        connection = self._engine.connect()
        try:
            # Pages of a failed flush count as clean; copying the log into the database writes them again.
            if not self.healthy and not sqlite.checkpoint(connection, "TRUNCATE"):
                raise OSError("the write-ahead log could not be moved")
            known = {name: sqlite.head(connection, name) for name in self._heads}
        except BaseException:
            connection.close()
            raise
        self._heads = {name: head for name, head in known.items() if head is not None}
        self._connection = connection
        self._listener.reopened(dict(self._heads))
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except SQLAlchemyError:
                logger.warning("the failed connection did not close")


class _Counts(Protocol):
    begun: int
    committed: int


class _Checkpointer:
    """Moves the write-ahead log into the database beside the writer, which never waits for it but when the log is huge.

    It starts one only after a commit that began after the last complete one ended. SQLite before 3.51.3 can lose
    frames when a checkpoint starts in the instant in which a writer begins the log anew, and a writer does that only
    while the whole log has been moved.
    """

    def __init__(self, path: Path, counts: _Counts) -> None:
        self._path = path
        self._engine = sqlite.engine(path)
        self._counts = counts
        self._complete_at = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay-checkpointer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(CHECKPOINT_SECONDS):
            size = sqlite.wal_bytes(self._path)
            if size < sqlite.PASSIVE_AT_BYTES or self._counts.committed <= self._complete_at:
                continue
            try:
                self._checkpoint(size)
            except (SQLAlchemyError, sqlite.StoreSettingError, OSError) as error:
                logger.error("checkpoint failed: %s", type(getattr(error, "orig", error)).__name__)

    def _checkpoint(self, size: int) -> None:
        with self._engine.connect() as connection:
            complete = sqlite.checkpoint(connection, "PASSIVE")
            if not complete and size > sqlite.RESTART_AT_BYTES:
                complete = sqlite.checkpoint(connection, "RESTART")
        if complete:
            self._complete_at = self._counts.begun
