"""Copies of a store in a file: one statement of SQLite's own makes one, and a rename puts one back.

It must not know what is in it but the epochs of its streams.
"""

import os
import sqlite3
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from relay.stores import copies
from relay.stores.copies import CopyError, Restored
from relay.stores.high_water import Mark
from relay.stores.lock import StoreLock
from relay.stores.sqlite import SqliteStore
from relay.stores.sqlite_checkpoints import checkpoint

FLUSH_SECONDS = 0.1
_WAL, _SHM = "-wal", "-shm"


def back_up(path: Path, to: Path) -> None:
    """What was erased is not in it: only what is in use is written."""
    if not path.is_file():
        raise CopyError(f"there is no store at {path}")
    beside = _named(to, ".new")
    _remove(beside)
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with SqliteStore(path).connect() as connection, _flushed_meanwhile(beside):
            connection.exec_driver_sql("VACUUM INTO ?", (str(beside),))
        _check(beside)
        _flush(beside)
        beside.replace(to)
    except BaseException:
        _remove(beside)
        raise
    _flush(to.parent)


def put_back(copy: Path, path: Path, lock: Path, marks: Mapping[str, Mark]) -> Restored:
    """The store that was there is kept beside it. A relay that starts in between finds one of the two, never none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = StoreLock(lock, "a relay is serving this store: stop it first")
    try:
        fresh = _named(path, ".restoring")
        _remove(fresh)
        _copy(copy, fresh)
        _check(fresh)
        restored = _turn(fresh, marks)
        _flush(fresh)
        kept = _set_aside(path)
        fresh.replace(path)
        _flush(path.parent)
    finally:
        held.release()
    return restored._replace(kept=kept)


def _copy(copy: Path, fresh: Path) -> None:
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    # One that nobody writes to may lie where nothing can be written.
    how = "mode=ro" if _named(copy, _WAL).exists() else "immutable=1"
    try:
        with (
            closing(sqlite3.connect(f"{copy.absolute().as_uri()}?{how}", uri=True)) as source,
            closing(sqlite3.connect(fresh)) as target,
        ):
            source.backup(target)
            tables = target.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('stream', 'event')").fetchone()
    except sqlite3.Error as error:
        raise CopyError(f"{copy} cannot be read: {error}") from error
    if tables != (2,):
        raise CopyError(f"{copy} is no copy of a relay's store")


def _turn(fresh: Path, marks: Mapping[str, Mark]) -> Restored:
    store = SqliteStore(fresh)
    store.prepare()
    with store.connect() as connection:
        with store.transaction(connection):
            restored = copies.turned(store, connection, marks)
        if not checkpoint(connection, "TRUNCATE"):
            raise CopyError(f"{fresh} is used by somebody else")
    _remove(_named(fresh, _WAL), _named(fresh, _SHM))
    return restored


def _set_aside(path: Path) -> Path | None:
    """With its write-ahead log, which would be taken for that of the file that comes in its place."""
    if not path.exists():
        return None
    kept = _named(path, f".replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
    try:
        os.link(path, kept)
    except OSError:
        # Not every file system can have one file under two names.
        path.replace(kept)
    for ending in (_WAL, _SHM):
        with suppress(FileNotFoundError):
            _named(path, ending).replace(_named(kept, ending))
    return kept


def _check(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        said = (str(error),)
    if said != ("ok",):
        raise CopyError(f"{path} is damaged: {' '.join(str(said and said[0]).split())}")


@contextmanager
def _flushed_meanwhile(path: Path) -> Iterator[None]:
    """A little at a time: one flush of all of it at the end would keep every callback's own waiting behind it."""
    over = threading.Event()

    def flush() -> None:
        while not over.wait(FLUSH_SECONDS):
            # The last flush, of the whole, says what is wrong.
            with suppress(OSError):
                _flush(path)

    flushing = threading.Thread(target=flush, name="relay-copy")
    flushing.start()
    try:
        yield
    finally:
        over.set()
        flushing.join()


def _flush(path: Path) -> None:
    """A folder too, where the system can: a rename is durable only with it."""
    if sys.platform == "win32" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _named(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
