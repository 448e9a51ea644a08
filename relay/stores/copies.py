"""Copies of a store, taken beside a running relay, and one put back in its place with the epoch of every stream turned.

It must not know which of the two databases it is: each has its own way.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from relay.stores import streams
from relay.stores.high_water import Mark
from relay.stores.store import SQLITE, Store


class CopyError(Exception):
    """The copy cannot be made or put back; the text says why, for the operator."""


class Restored(NamedTuple):
    """`missing` are streams that the relay knew and the copy has not: their shops were added after it was taken."""

    streams: int
    missing: tuple[str, ...]
    kept: Path | None
    """The store that was there before, if there was one."""


def back_up(url: str, to: Path) -> None:
    """Of one moment, whole and flushed when it returns, readable by its owner alone: it holds what the store does."""
    if to.exists():
        raise CopyError(f"there is a file {to} already")
    if url.startswith(SQLITE):
        from relay.stores import sqlite_copies

        sqlite_copies.back_up(Path(url.removeprefix(SQLITE)), to)
    else:
        from relay.stores import postgresql_copies

        postgresql_copies.back_up(url, to)


def put_back(url: str, copy: Path | None, lock: Path, marks: Mapping[str, Mark]) -> Restored:
    """Without a copy the database itself was restored, by its own means, and its epochs are turned."""
    if copy is not None and not copy.is_file():
        raise CopyError(f"there is no file {copy}")
    if not url.startswith(SQLITE):
        from relay.stores import postgresql_copies

        return postgresql_copies.put_back(url, copy, marks)
    if copy is None:
        raise CopyError("say which copy is to be put back")
    from relay.stores import sqlite_copies

    return sqlite_copies.put_back(copy, Path(url.removeprefix(SQLITE)), lock, marks)


def turned(store: Store, connection: Connection, marks: Mapping[str, Mark]) -> Restored:
    """Whoever has read of the store as it was before is told to begin anew, in the caller's transaction."""
    heads = store.heads(connection)
    streams.turn_all(connection, heads, marks)
    return Restored(len(heads), tuple(sorted(marks.keys() - heads.keys())), None)
