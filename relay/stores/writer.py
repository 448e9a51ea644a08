"""The writer thread: takes whatever waits, commits it as one batch, and says so; the group commit of the relay.

It must not know asyncio or HTTP: it tells a listener, on its own thread.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from relay.stores import streams
from relay.stores.link import Link
from relay.stores.sealing import SealedError
from relay.stores.sequence import Head, Incoming, Plan
from relay.stores.store import Store, StoreGoneError, StoreSettingError, UnknownStreamError

PROBE_SECONDS = 1.0
CLASHES = 5
"""How often the same is tried when another relay is in the way each time."""

logger = logging.getLogger("relay.store")
T = TypeVar("T")


class UnavailableError(Exception):
    """Could not be made durable now; it may still turn up in the log, so the sender's copy will be a duplicate."""


class NotStorableError(UnavailableError):
    """The store is well, and will never take this one."""


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

    def known(self) -> dict[str, Head]:
        """Every position that anybody was told of."""


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
        """What to call once the transaction is committed. It may be tried again where that failed."""
        result = self._run(connection)
        return lambda: self._done(result)


class Writer(Generic[W]):
    """Commits at once when nothing else waits; what arrives during a commit makes the next batch."""

    def __init__(self, store: Store, listener: Listener[W]) -> None:
        self._store = store
        self._listener = listener
        self._queue: SimpleQueue[list[W] | Job[Any] | None] = SimpleQueue()
        self._link = Link(self._connect, store.longest_pause)
        self._heads: dict[str, Head] = {}
        self._thread = threading.Thread(target=self._run, name="relay-writer", daemon=True)
        self.healthy = True

    def start(self) -> None:
        """Opens the database on the caller's thread, so that what is wrong with it is raised here."""
        self._link.get()
        self._thread.start()

    def put(self, item: list[W] | Job[Any]) -> None:
        self._queue.put(item)

    def stop(self) -> None:
        """Everything put before is committed first."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            items = self._take()
            waiting = [one for item in items if isinstance(item, list) for one in item]
            for start in range(0, len(waiting), self._store.max_batch):
                self._commit(waiting[start : start + self._store.max_batch])
            for item in items:
                if isinstance(item, Job):
                    self._do(item)
            stopping = None in items
        self._link.drop()

    def _take(self) -> list[list[W] | Job[Any] | None]:
        """One that is not another's file may go away unseen while nothing is written."""
        items: list[list[W] | Job[Any] | None] = []
        rests = self.healthy and not self._store.is_shared
        try:
            items.append(self._queue.get(timeout=None if rests else PROBE_SECONDS))
            while True:
                items.append(self._queue.get_nowait())
        except Empty:
            if not items:
                self._probe()
        return items

    def _commit(self, batch: list[W]) -> None:
        incoming = [waiting.incoming for waiting in batch]
        try:
            plan = self._unless_clashing(lambda: self._write(incoming))
        except (IntegrityError, DataError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            self._commit_apart(batch, error)
        except UnknownStreamError as error:
            self._commit_apart(batch, error)
        except (SQLAlchemyError, StoreSettingError, OSError) as error:
            self._broken(error)
            self._listener.failed(batch, UnavailableError("the store failed"))
        else:
            self.healthy = True
            self._listener.committed(batch, plan)

    def _write(self, incoming: list[Incoming]) -> Plan:
        connection = self._link.get()
        began = time.monotonic()
        plan = self._store.write(connection, incoming, self._heads)
        if plan.rows:
            self._listener.flushed(time.monotonic() - began)
        return plan

    def _commit_apart(self, batch: list[W], error: Exception) -> None:
        """One that cannot be stored must not take the others of its batch with it."""
        self._link.drop()
        if len(batch) > 1:
            for waiting in batch:
                self._commit([waiting])
            return
        logger.error("one event could not be stored: %s", type(error).__name__)
        self._listener.failed(
            batch, error if isinstance(error, UnknownStreamError) else NotStorableError("not storable")
        )

    def _do(self, job: Job[Any]) -> None:
        try:
            announce = self._unless_clashing(lambda: self._attempt(job))
            self.healthy = True
            if job.forget is not None:
                self._heads.pop(job.forget, None)
            announce()
        except (IntegrityError, DataError, SealedError) as error:
            job.failed(error)
        except (SQLAlchemyError, StoreSettingError, OSError) as error:
            self._broken(error)
            job.failed(UnavailableError("the store failed"))
        except Exception as error:
            logger.exception("a job of the writer failed")
            job.failed(error)

    def _attempt(self, job: Job[Any]) -> Callable[[], None]:
        connection = self._link.get()
        with self._store.transaction(connection):
            return job.attempt(connection)

    def _unless_clashing(self, attempt: Callable[[], T]) -> T:
        for _ in range(CLASHES - 1):
            try:
                return attempt()
            except DBAPIError as error:
                if not self._store.is_clash(error):
                    raise
        return attempt()

    def _probe(self) -> None:
        """Without callbacks nothing else would find out that the database is gone, or well again."""
        try:
            self._link.get().exec_driver_sql("SELECT 1")
            self.healthy = True
        except (SQLAlchemyError, StoreSettingError, OSError) as error:
            self._broken(error)

    def _broken(self, error: Exception) -> None:
        # After a failed flush the next commit on the same connection may claim a success that is not on the disk.
        cause = getattr(error, "orig", error)
        code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
        if not isinstance(error, StoreGoneError):
            logger.error("store failed: %s %s", type(cause).__name__, code)
        self.healthy = False
        self._link.drop()

    def _connect(self) -> Connection:
        connection = self._store.connect()
        try:
            if not self.healthy:
                self._store.recover(connection)
            self._heads = self._looked_up(connection)
        except BaseException:
            connection.close()
            raise
        self._listener.reopened(dict(self._heads))
        return connection

    def _looked_up(self, connection: Connection) -> dict[str, Head]:
        """The heads as they are now. A stream that has lost what anybody was told of has a new epoch first."""
        told = self._listener.known()
        names = list(told.keys() | self._heads.keys())
        heads = self._store.heads(connection, names)
        lost = streams.lost(connection, heads, told) | streams.lost(connection, heads, self._heads)
        if not lost:
            return heads
        with self._store.transaction(connection):
            streams.turn(connection, lost, told, self._heads)
        return self._store.heads(connection, names)
