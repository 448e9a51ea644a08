"""One SQLite file, one thread that writes it, one that reads it for the screens; knows no table by name."""

import asyncio
import errno
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pos_app.store import schema

log = logging.getLogger(__name__)
T = TypeVar("T")

_RESERVE_BYTES = 4 * 1024 * 1024
_BUSY_SECONDS = 5.0
_STATEMENTS_KEPT = 256
"""More than there are statements, so that each is compiled once."""
_PRAGMAS = (
    ("journal_mode", "wal"),
    ("synchronous", 2),
    ("foreign_keys", 1),
    ("busy_timeout", 5000),
    ("trusted_schema", 0),
    ("recursive_triggers", 1),  # without it REPLACE deletes past the triggers that keep every row
)
_READER_PRAGMAS = (("query_only", 1), ("wal_autocheckpoint", 0))
# After a failed fsync the next commit may only seem to succeed.
_FATAL = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# What was to be written is wrong, and would be wrong again; every other error is of the moment or of this computer.
_OUR_FAULT = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
    }
)


class StoreError(Exception):
    """The database cannot be used; the message is a sentence for the person at the till."""


class DiskFullError(StoreError):
    pass


class Database:
    """`run` writes, `read` cannot. Both give their result only after the transaction has ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: StoreError | None = None
        self.low_space = False
        self._reserve_released = False
        self._reserve = path.with_name(path.name + ".reserve")
        self._writer = ThreadPoolExecutor(1, "till-writer")
        self._reader = ThreadPoolExecutor(1, "till-reader")
        self._writing: sqlite3.Connection | None = None
        self._reading: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Brings the schema up to date, checks every setting. Raises StoreError with a sentence."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._open)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            schema.bring_up_to_date(self.path)
            self._writing = _connected(self.path, _PRAGMAS)
            self._reading = _connected(self.path, (*_PRAGMAS, *_READER_PRAGMAS))
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The till’s records at {self.path} cannot be opened: {error}. Nothing was changed."
            ) from error
        self._keep_reserve()

    async def run(self, work: Callable[[sqlite3.Connection], T], *, may_use_reserve: bool = True) -> T:
        """`work` in one durable transaction. Raises StoreError (nothing was written), or what `work` raises.

        On a full disk the reserve is released and `work` runs again: what has happened must be recorded. What has yet
        to happen, a new charge, may not use it; and it alone is not done when its caller is cancelled in time.
        """
        written = asyncio.get_running_loop().run_in_executor(self._writer, self._run, work, may_use_reserve)
        # To cancel is to take what still waits for the thread out of its queue.
        return await (asyncio.shield(written) if may_use_reserve else written)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._read, work)

    def _run(self, work: Callable[[sqlite3.Connection], T], may_use_reserve: bool) -> T:
        try:
            return self._write(work)
        except DiskFullError:
            if not (may_use_reserve and self._reserve_released):
                raise
            return self._write(work)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self.failure:
            raise self.failure
        return self._transact(self._writing, "BEGIN IMMEDIATE", work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._transact(self._reading, "BEGIN", work)

    def _transact(
        self, connection: sqlite3.Connection | None, begin: str, work: Callable[[sqlite3.Connection], T]
    ) -> T:
        if connection is None:
            raise RuntimeError("the till’s records are not open")
        try:
            with _transaction(connection, begin):
                return work(connection)
        except sqlite3.Error as error:
            if _code(error) in _OUR_FAULT:
                raise
            raise self._classified(_code(error)) from error

    def _classified(self, code: int) -> StoreError:
        if code == sqlite3.SQLITE_FULL:
            self._release_reserve()
            return DiskFullError("The disk is full. Nothing was written or sent. Free some space, then try again.")
        if code in _FATAL:
            self.failure = StoreError(
                "The till’s records cannot be written safely. Stop taking money here and call your supervisor."
            )
            log.critical("the database failed with SQLite code %s; no more writes", code)
            return self.failure
        log.error("the database is not available: SQLite code %s", code)
        return StoreError("The till’s records cannot be reached just now. Nothing was written. Try again.")

    def _keep_reserve(self) -> None:
        """A file to delete when the disk is full, so that what already happened can still be recorded."""
        try:
            if not self._reserve.exists():
                # With no more than its own size free, taking it would make the disk full again.
                if shutil.disk_usage(self.path.parent).free < 2 * _RESERVE_BYTES:
                    raise OSError(errno.ENOSPC, "too little space for the reserve")
                self._reserve.write_bytes(bytes(_RESERVE_BYTES))
            self.low_space = False
        except OSError:
            self._release_reserve()

    def _release_reserve(self) -> None:
        self.low_space = True
        self._reserve_released = self._reserve.exists()
        self._reserve.unlink(missing_ok=True)
        log.error("the disk is full; the reserve was %s", "released" if self._reserve_released else "gone already")

    async def has_room(self) -> bool:
        """Whether a new charge may be written; asks the disk again once it was full."""
        if self.low_space:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._keep_reserve)
        return not self.low_space

    async def close(self) -> None:
        """Waits for what is being written, then checkpoints."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reader, self._stop_reading)
        await loop.run_in_executor(self._writer, self._stop_writing)
        self._reader.shutdown()
        self._writer.shutdown()

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()

    def _stop_writing(self) -> None:
        if self._writing is not None:
            if not self.failure:
                self._checkpoint(self._writing)
            self._writing.close()

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error:
            log.exception("the write-ahead log stays; the next start reads it")


def read_only(path: Path) -> sqlite3.Connection:
    """For a command beside the till. Raises StoreError where there is none, sqlite3.Error where it cannot be read."""
    if not path.exists():
        raise StoreError(f"There are no records of a till at {path.parent}.")
    return _connected(path, (("busy_timeout", 5000), *_READER_PRAGMAS))


def _connected(path: Path, pragmas: tuple[tuple[str, object], ...]) -> sqlite3.Connection:
    """Used by the one thread of its executor, except to be opened and closed; raises where a setting does not hold."""
    connection = sqlite3.connect(
        path,
        timeout=_BUSY_SECONDS,
        isolation_level=None,  # the driver must not BEGIN by itself
        check_same_thread=False,
        cached_statements=_STATEMENTS_KEPT,
    )
    try:
        for name, value in pragmas:
            connection.execute(f"PRAGMA {name}={value}").fetchall()
            if (found := connection.execute(f"PRAGMA {name}").fetchone()[0]) != value:
                raise sqlite3.DatabaseError(f"{name} is {found}, not {value}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors SQLite has rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary code; 0 for what the driver itself refused."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
