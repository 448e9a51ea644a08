"""Moving SQLite's write-ahead log into the database beside the writer, without ever being in its way.

It must not know what is written.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from relay.stores.store import StoreSettingError

CHECKPOINT_SECONDS = 0.5
PASSIVE_AT_BYTES = 4 * 1024 * 1024
RESTART_AT_BYTES = 64 * 1024 * 1024
PATIENCE_MS = 50

logger = logging.getLogger("relay.store")


class Commits:
    """Counts the writer's commits, each from before it begins. A transaction that wrote nothing is none."""

    def __init__(self) -> None:
        self.begun = self.committed = 0

    @contextmanager
    def counted(self, connection: sqlite3.Connection) -> Iterator[None]:
        before = connection.total_changes
        self.begun = self.committed + 1
        yield
        if connection.total_changes > before:
            self.committed = self.begun


class Checkpointer:
    """The writer never waits for it but when the log is huge.

    It starts one only after a commit that began after the last complete one ended. SQLite before 3.51.3 can lose
    frames when a checkpoint starts in the instant in which a writer begins the log anew, and a writer does that only
    while the whole log has been moved.
    """

    def __init__(self, path: Path, made: Callable[[], Engine], commits: Commits) -> None:
        self._path = path
        self._engine = made()
        self._commits = commits
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
            size = wal_bytes(self._path)
            if size < PASSIVE_AT_BYTES or self._commits.committed <= self._complete_at:
                continue
            try:
                self._checkpoint(size)
            except (SQLAlchemyError, StoreSettingError, OSError) as error:
                logger.error("checkpoint failed: %s", type(getattr(error, "orig", error)).__name__)

    def _checkpoint(self, size: int) -> None:
        with self._engine.connect() as connection:
            # A copy of the store reads for minutes, and while this waits for it no writer may go on.
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE_MS}")
            complete = checkpoint(connection, "PASSIVE")
            if not complete and size > RESTART_AT_BYTES:
                complete = checkpoint(connection, "RESTART")
        if complete:
            self._complete_at = self._commits.begun


def checkpoint(connection: Connection, mode: str) -> bool:
    """True if the whole write-ahead log is in the database file now, and flushed."""
    row = connection.exec_driver_sql(f"PRAGMA wal_checkpoint({mode})").one()
    busy, frames, moved = (int(value) for value in row)
    return busy == 0 and frames == moved


def wal_bytes(path: Path) -> int:
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0
