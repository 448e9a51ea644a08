"""The log in one SQLite file: its settings, heads, reading, and a batch written as one statement.

It must not know threads or waiters: whoever calls it owns the connection. Errors come as SQLAlchemyError.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from relay.protocol import GENESIS
from relay.stores import schema, sealing, sequence, sqlite_batch
from relay.stores.sealing import Seals
from relay.stores.sequence import SEQ_BITS, SEQ_MASK, Head, Incoming, Plan, Row, row_id
from relay.stores.sqlite_checkpoints import RESTART_AT_BYTES, Checkpointer, Commits, checkpoint
from relay.stores.store import StoreSettingError, UnknownStreamError, Watcher
from relay.stores.tables import event_row, stream

BUSY_SECONDS = 5.0

# The head of a stream is its last row: nothing else can disagree with it.
_HEADS = f"""
    SELECT s.name, s.id, s.epoch, coalesce(e.id & {SEQ_MASK}, 0), e.chain, s.floor
    FROM stream AS s LEFT JOIN event AS e
    ON e.id = (SELECT max(id) FROM event WHERE id > s.id << {SEQ_BITS} AND id < (s.id + 1) << {SEQ_BITS})
"""  # noqa: S608 (numbers of ours)
_HEAD = text(f"{_HEADS} WHERE s.name = :name")


class SqliteStore:
    """One process serves it (`lock`), and others open it for a moment, as the command line does."""

    max_batch = sqlite_batch.MAX_BATCH
    is_shared = False
    own_name = ""
    is_alone = True
    longest_pause = 0.0

    def __init__(self, path: Path, seals: Seals | None = None) -> None:
        self.path = path
        self._seals = seals or Seals()
        self._commits = Commits()
        self._engines: dict[bool, Engine] = {}

    def prepare(self) -> None:
        with self.connect() as connection, self.transaction(connection):
            _recognise(connection)
            schema.bring_up_to_date(connection)

    def connect(self, *, query_only: bool = False) -> Connection:
        if query_only not in self._engines:
            self._engines[query_only] = engine(self.path, query_only=query_only)
        return sealing.lend(self._engines[query_only].connect(), self._seals)

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        """Takes the write lock at once."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            with self._commits.counted(_driver(connection)):
                yield
                connection.exec_driver_sql("COMMIT")
        except BaseException:
            if _driver(connection).in_transaction:
                _driver(connection).rollback()
            raise

    def recover(self, connection: Connection) -> None:
        """Pages of a failed flush count as clean; copying the log into the database writes them again."""
        if not checkpoint(connection, "TRUNCATE"):
            raise OSError("the write-ahead log could not be moved")

    def is_clash(self, _error: DBAPIError) -> bool:
        """A lock that is held is waited for, as long as anybody would."""
        return False

    def heads(self, connection: Connection, names: Sequence[str] | None = None) -> dict[str, Head]:
        if names is None:
            found = connection.execute(text(_HEADS)).all()
        else:
            found = [row for name in names for row in connection.execute(_HEAD, {"name": name})]
        return {
            name: Head(stream_id, epoch, seq, chain.hex() if seq else GENESIS, floor)
            for name, stream_id, epoch, seq, chain, floor in found
        }

    def hold(self, connection: Connection, name: str) -> Head | None:
        return self.heads(connection, [name]).get(name)

    def read(self, connection: Connection, head: Head, after: int, limit: int, max_bytes: int) -> list[Row]:
        place = event_row.c.id
        wanted = (
            select(event_row)
            .where(place > row_id(head.stream_id, after), place < row_id(head.stream_id + 1, 0))
            .where(select(stream.c.floor).where(stream.c.id == head.stream_id).scalar_subquery() <= after)
            .order_by(place)
            .limit(limit)
        )
        found: list[Row] = []
        with connection.execute(wanted) as result:
            for columns in result:
                row = self._seals.opened(Row(*columns))
                found.append(row)
                max_bytes -= len(row.body or "")
                if max_bytes <= 0:
                    break
        return found

    def write(self, connection: Connection, batch: Sequence[Incoming], heads: dict[str, Head]) -> Plan:
        missing = [name for name in {one.stream for one in batch} if name not in heads]
        if missing:
            heads.update(self.heads(connection, missing))
            for name in missing:
                if name not in heads:
                    raise UnknownStreamError(name)
        try:
            # Copies are rare: the index refuses them, and only then they are looked up.
            return self._store(connection, sequence.plan(batch, heads, {}), heads)
        except IntegrityError:
            known = sqlite_batch.known(connection, batch, heads)
            return self._store(connection, sequence.plan(batch, heads, known), heads)

    def _store(self, connection: Connection, plan: Plan, heads: dict[str, Head]) -> Plan:
        if plan.rows:
            with self._commits.counted(_driver(connection)):
                sqlite_batch.write(connection, self._seals.sealed(plan.rows))
            heads.update(plan.heads)
        return plan

    def append(self, connection: Connection, incoming: Sequence[Incoming], name: str, head: Head) -> Plan:
        heads = {name: head}
        plan = sequence.plan(incoming, heads, sqlite_batch.known(connection, incoming, heads))
        if plan.rows:
            sqlite_batch.write(connection, self._seals.sealed(plan.rows))
        return plan

    def drop_days(self, _connection: Connection, _before_ms: int) -> None:
        """Bodies lie with their events."""

    def keeper(self, _watcher: Watcher) -> Checkpointer:
        """Nobody else appends, so there is nobody to tell of it."""
        return Checkpointer(self.path, lambda: engine(self.path), self._commits)

    def hint(self, _connection: Connection, _word: str) -> None:
        """There is nobody to hear it."""


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
    # Never a file that is there: closing it would let go of the locks that SQLite holds on it in this process.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _recognise(connection: Connection) -> None:
    """StoreSettingError for a file that has tables of another kind: they are not ours to change."""
    if schema.version(connection):
        return
    number = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if number == 3:
        schema.adopt(connection, "0003")
    elif number != 0 or connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one():
        raise StoreSettingError("the store was made by another version of the relay; this one cannot use it")


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, connection.connection.driver_connection)
