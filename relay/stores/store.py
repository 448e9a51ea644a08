"""The seam between the one log and the databases that can hold it: what a store must do, and which an address names.

It must not know SQLite or PostgreSQL. Whoever calls a store owns the connection and its thread; what goes wrong with
the database comes as SQLAlchemyError.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from relay.stores.sealing import Seals
from relay.stores.sequence import Head, Incoming, Plan, Row

SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://")


class StoreSettingError(Exception):
    """The database keeps a setting that durability stands on otherwise, or is not ours: this relay must not start."""


class StoreGoneError(SQLAlchemyError):
    """The database could not be reached a moment ago, and it is too early to try again."""


class UnknownStreamError(Exception):
    """There is no such stream in the store."""


class Watcher(Protocol):
    """Who is told of what other relays do. Called on a thread of the store."""

    def watched(self) -> Mapping[int, str]:
        """The streams that somebody listens to, by id, with their names; it changes while it is looked at."""

    def known(self, names: Iterable[str] | None = None) -> dict[str, Head]:
        """Of these streams, or of all, the positions that anybody was told of."""

    def seen(self, heads: dict[str, Head]) -> None:
        """Heads as they were a moment ago; an older one than is known says nothing."""

    def hinted(self, word: str) -> None:
        """Another relay said it to all (`Store.hint`). It may come late, twice or never."""


class Keeper(Protocol):
    """What a store does beside the writer, on a thread of its own, as long as the log is open."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


class Store(Protocol):
    """Where a log is kept."""

    max_batch: int
    is_shared: bool
    """Whether other relays append to it too."""
    own_name: str
    """What the others know this one by."""
    is_alone: bool
    """Whether nobody is there just now who could hear a hint; to be set by who knows."""
    longest_pause: float
    """Seconds between two tries to reach a database that is gone; 0 where each caller may try."""

    def prepare(self) -> None:
        """Makes or mends the tables. StoreSettingError for a store that is not ours, or of a newer relay."""

    def connect(self, *, query_only: bool = False) -> Connection:
        """One that flushes every commit, and commits only where it is told to."""

    def transaction(self, connection: Connection) -> AbstractContextManager[None]:
        """Commits at its end, durably, or rolls back on an exception."""

    def recover(self, connection: Connection) -> None:
        """Before the first commit after a failed one."""

    def is_clash(self, error: DBAPIError) -> bool:
        """Whether only another relay was in the way: nothing was stored, and the same again may go well."""

    def heads(self, connection: Connection, names: Sequence[str] | None = None) -> dict[str, Head]:
        """Of these streams, or of all; those that are not there are left out."""

    def hold(self, connection: Connection, name: str) -> Head | None:
        """The head of a stream, which nobody else moves before the transaction ends."""

    def read(self, connection: Connection, head: Head, after: int, limit: int, max_bytes: int) -> list[Row]:
        """In order from `after` + 1; at least one if there is any, and no more than `max_bytes` of bodies beyond it.

        None where the stream's floor is above `after` by now: what lies below may be there in parts only.
        """

    def write(self, connection: Connection, batch: Sequence[Incoming], heads: dict[str, Head]) -> Plan:
        """A batch, durable when it returns, all of it or nothing. `heads` is what is remembered, and is kept so."""

    def append(self, connection: Connection, incoming: Sequence[Incoming], name: str, head: Head) -> Plan:
        """To one stream that is held, in its transaction."""

    def drop_days(self, connection: Connection, before_ms: int) -> None:
        """The bodies of whole days before that, of all streams, where they are kept by day. No floor is below them."""

    def keeper(self, watcher: Watcher) -> Keeper: ...

    def hint(self, connection: Connection, word: str) -> None:
        """Says it to the other relays once the transaction is committed; a word may be lost."""


def opened(url: str, seals: Seals | None = None) -> Store:
    """The store at an address. StoreSettingError where what it needs is not installed."""
    seals = seals or Seals()
    if url.startswith(SQLITE):
        from relay.stores.sqlite import SqliteStore

        return SqliteStore(Path(url.removeprefix(SQLITE)), seals)
    try:
        from relay.stores.postgresql import PostgresStore
    except ModuleNotFoundError as missing:
        raise StoreSettingError(
            "a store on PostgreSQL needs psycopg: pip install 'mpesa-till[postgresql]'"
        ) from missing
    return PostgresStore(url, seals)


@contextmanager
def transaction(store: Store) -> Iterator[Connection]:
    """One job on a store that need not be served, as the command line does it beside a running relay."""
    store.prepare()
    with store.connect() as connection, store.transaction(connection):
        yield connection
