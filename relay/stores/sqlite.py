"""The log on SQLite: its settings, streams, reading, checkpoints.

It must not know threads or waiters: whoever calls it owns the connection. Errors come as SQLAlchemyError.
"""

import os
import sqlite3
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from relay.protocol import GENESIS
from relay.stores import tables
from relay.stores.sequence import SEQ_MASK, Head, Row, row_id

T = TypeVar("T")
BUSY_SECONDS = 5.0
PASSIVE_AT_BYTES = 4 * 1024 * 1024
RESTART_AT_BYTES = 64 * 1024 * 1024


class StoreSettingError(Exception):
    """SQLite did not take a setting that durability stands on, or the file is another relay's: ours must not start."""


def engine(path: Path, *, query_only: bool = False) -> Engine:
    """Connections commit only where they say so, flush every commit, and never checkpoint by themselves."""
    _make_private(path)
    made = create_engine(
        # Not as text: what follows a question mark in the folder's name would be read as options.
        URL.create("sqlite", database=str(path)),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "cached_statements": 128},
    )

    @event.listens_for(made, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        configure(connection, query_only=query_only)

    return made


def configure(connection: sqlite3.Connection, *, query_only: bool = False) -> None:
    """Sets and reads back: SQLite answers a refused PRAGMA with the old value, not with an error."""
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "wal_autocheckpoint": 0,
        "foreign_keys": 1,
        "cache_size": -32768,
        "journal_size_limit": RESTART_AT_BYTES,
        "query_only": int(query_only),
    }
    for name, value in wanted.items():
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
        held = connection.execute(f"PRAGMA {name}").fetchone()
        if held is None or held[0] != value:
            raise StoreSettingError(f"SQLite keeps {name} at {held and held[0]}, not {value}.")


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def create_tables(connection: Connection) -> None:
    """In an empty file. StoreSettingError for one that has tables of another shape: they are not ours to change."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version == tables.VERSION:
        return
    if version != 0 or connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one():
        raise StoreSettingError("The store was made by another version of the relay; this one cannot use it.")
    tables.metadata.create_all(connection)
    connection.exec_driver_sql(f"PRAGMA user_version = {tables.VERSION}")


class Transaction:
    """`with Transaction(connection):` takes the write lock at once and commits, or rolls back on an exception."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.exec_driver_sql("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            try:
                self._connection.exec_driver_sql("COMMIT")
            except SQLAlchemyError:
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        driver = self._connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection) and driver.in_transaction:
            driver.rollback()


def head(connection: Connection, name: str) -> Head | None:
    stream = connection.execute(select(tables.stream).where(tables.stream.c.name == name)).first()
    if stream is None:
        return None
    place = tables.event.c.id
    last = connection.execute(
        select(place, tables.event.c.chain)
        .where(place > row_id(stream.id, 0), place < row_id(stream.id + 1, 0))
        .order_by(place.desc())
        .limit(1)
    ).first()
    seq, chained = (last.id & SEQ_MASK, last.chain.hex()) if last else (0, GENESIS)
    return Head(stream.id, stream.epoch, seq, chained, stream.floor)


def chain_at(connection: Connection, stream_id: int, seq: int) -> str | None:
    if seq == 0:
        return GENESIS
    wanted = select(tables.event.c.chain).where(tables.event.c.id == row_id(stream_id, seq))
    found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else found.hex()


def read(connection: Connection, stream_id: int, after: int, limit: int, max_bytes: int) -> list[Row]:
    """In order from `after` + 1; at least one if there is any, and no more than `max_bytes` of bodies beyond it."""
    place = tables.event.c.id
    wanted = (
        select(tables.event)
        .where(place > row_id(stream_id, after), place < row_id(stream_id + 1, 0))
        .order_by(place)
        .limit(limit)
    )
    found: list[Row] = []
    with connection.execute(wanted) as result:
        for columns in result:
            row = Row(*columns)
            found.append(row)
            max_bytes -= len(row.body or "")
            if max_bytes <= 0:
                break
    return found


def create_stream(connection: Connection, name: str, epoch: str) -> int:
    made = insert(tables.stream).values(name=name, epoch=epoch).returning(tables.stream.c.id)
    return int(connection.execute(made).scalar_one())


def set_epoch(connection: Connection, name: str, old: str, new: str) -> bool:
    """False if somebody else has turned the epoch meanwhile."""
    changed = update(tables.stream).where(tables.stream.c.name == name, tables.stream.c.epoch == old)
    return connection.execute(changed.values(epoch=new)).rowcount == 1


def heads(connection: Connection) -> dict[str, Head]:
    names = connection.execute(select(tables.stream.c.name)).scalars().all()
    return {name: found for name in names if (found := head(connection, name)) is not None}


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
