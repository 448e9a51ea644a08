"""One SQLite file, one thread that writes it, one that reads it for the screens; knows no table by name."""

import asyncio
import errno
import logging
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from pos_app.store import schema

log = logging.getLogger(__name__)
T = TypeVar("T")

_RESERVE_BYTES = 4 * 1024 * 1024
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
        self._write_engine: Engine | None = None
        self._read_engine: Engine | None = None

    async def open(self) -> None:
        """Brings the schema up to date, checks every setting. Raises StoreError with a sentence."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._open)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            schema.bring_up_to_date(self.path)
            self._write_engine = _engine(self.path, read_only=False)
            self._read_engine = _engine(self.path, read_only=True)
            for engine in (self._write_engine, self._read_engine):
                engine.connect().close()
        except (DBAPIError, sqlite3.DatabaseError, OSError) as error:
            why = getattr(error, "orig", error)
            raise StoreError(
                f"The till’s records at {self.path} cannot be opened: {why}. Nothing was changed."
            ) from error
        self._keep_reserve()

    async def run(self, work: Callable[[Session], T], *, may_use_reserve: bool = True) -> T:
        """`work` in one durable transaction. Raises StoreError (nothing was written), or what `work` raises.

        On a full disk the reserve is released and `work` runs again: what has happened must be recorded. What has yet
        to happen, a new charge, may not use it; and it alone is not done when its caller is cancelled in time.
        """
        written = asyncio.get_running_loop().run_in_executor(self._writer, self._run, work, may_use_reserve)
        # To cancel is to take what still waits for the thread out of its queue.
        return await (asyncio.shield(written) if may_use_reserve else written)

    async def read(self, work: Callable[[Session], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._read, work)

    def _run(self, work: Callable[[Session], T], may_use_reserve: bool) -> T:
        try:
            return self._write(work)
        except DiskFullError:
            if not (may_use_reserve and self._reserve_released):
                raise
            return self._write(work)

    def _write(self, work: Callable[[Session], T]) -> T:
        if self.failure:
            raise self.failure
        try:
            with Session(self._write_engine, expire_on_commit=False) as session, session.begin():
                return work(session)
        except DBAPIError as error:
            raise self._classified(error) from error

    def _read(self, work: Callable[[Session], T]) -> T:
        try:
            with Session(self._read_engine, expire_on_commit=False) as session:
                return work(session)
        except DBAPIError as error:
            raise self._classified(error) from error

    def _classified(self, error: DBAPIError) -> Exception:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            self._release_reserve()
            return DiskFullError("The disk is full. Nothing was written or sent. Free some space, then try again.")
        if code in _FATAL:
            self.failure = StoreError(
                "The till’s records cannot be written safely. Stop taking money here and call your supervisor."
            )
            log.critical("the database failed with SQLite code %s; no more writes", code)
            return self.failure
        if code in _OUR_FAULT:
            return error
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
        await asyncio.get_running_loop().run_in_executor(self._writer, self._close)
        self._writer.shutdown()
        self._reader.shutdown()

    def _close(self) -> None:
        for engine in (self._read_engine, self._write_engine):
            if engine is not None:
                engine.dispose()
        if self._write_engine is not None and not self.failure:
            try:
                with closing(sqlite3.connect(self.path)) as connection:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error:
                log.exception("the write-ahead log stays; the next start reads it")


def _engine(path: Path, *, read_only: bool) -> Engine:
    # Each engine is used by the one thread of its executor, except to be opened and closed.
    # What was bound, phones and names among it, never becomes part of an error's text.
    engine = create_engine(
        schema.url(path), hide_parameters=True, connect_args={"timeout": 5.0, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not BEGIN by itself
        for name, value in (*_PRAGMAS, *(_READER_PRAGMAS if read_only else ())):
            connection.execute(f"PRAGMA {name}={value}").fetchall()
            if (found := connection.execute(f"PRAGMA {name}").fetchone()[0]) != value:
                raise sqlite3.DatabaseError(f"{name} is {found}, not {value}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
