"""Connections to PostgreSQL: how they are made, what each sets for itself, and what durability stands on, read back.

It must not know tables. Each needs a session of its own on the server: behind a pooler that lends one for a single
transaction, neither the settings nor LISTEN would hold.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from relay.stores.postgresql_arrays import register
from relay.stores.store import StoreSettingError

# A server that is no longer there is noticed within seconds, not after the two hours of an idle TCP connection. Of
# several in the address the one is found that can be written: another may not have yet what was acknowledged.
_LINE: Mapping[str, Any] = {
    "application_name": "till-relay",
    "client_encoding": "utf8",
    "connect_timeout": 3,
    "target_session_attrs": "primary",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}
# A relay that stands still while it holds a stream is cut off before the others give up waiting for that stream.
PATIENT = {"lock_timeout": "0", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
_HASTY = {"lock_timeout": "5s", "statement_timeout": "10s", "idle_in_transaction_session_timeout": "3s"}
WRITING = {**_HASTY, "plan_cache_mode": "force_generic_plan"}
"""A batch is planned once: it is found by indexes, whatever the numbers."""
READING = {**_HASTY, "default_transaction_read_only": "on", "plan_cache_mode": "force_custom_plan"}
"""A page is planned for its days, so that the partitions of all others are not looked at."""

_ALWAYS = {"TimeZone": "UTC"}
_DURABLE = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "remote_apply"},
    "server_encoding": {"UTF8"},
}
# Whoever waits for more than that keeps it.
_STRONGER = """
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') <> 'remote_apply'
"""
_HELD = "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name"
_CLASHES = {"40001", "40P01"}


def engine(url: str, settings: Mapping[str, str]) -> Engine:
    """Connections commit only where they say so. StoreSettingError for an address that is none."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error as error:
        # Without its words: they may hold the password.
        raise StoreSettingError("the address of the store cannot be read") from error

    def made() -> psycopg.Connection[Any]:
        return psycopg.connect(
            url, autocommit=True, **{name: said for name, said in _LINE.items() if name not in given}
        )

    found = create_engine(
        "postgresql+psycopg://",
        creator=made,
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        hide_parameters=True,
        use_native_hstore=False,
    )

    @event.listens_for(found, "connect")
    def _(connection: psycopg.Connection[Any], _record: object) -> None:
        register(connection)
        configure(connection, {**_ALWAYS, **settings})

    return found


def configure(connection: psycopg.Connection[Any], settings: Mapping[str, str]) -> None:
    """Sets, and reads back what was set and what cannot be set here. StoreSettingError where that is not so."""
    sets = sql.SQL(", ").join(
        sql.SQL("set_config({}, {}, false)").format(name, value) for name, value in settings.items()
    )
    connection.execute(sql.SQL("SELECT {}").format(sets))
    connection.execute(_STRONGER)
    wanted = {name: {value} for name, value in settings.items()} | _DURABLE
    held = dict(connection.execute(_HELD, (list(wanted),)).fetchall())
    for name, values in wanted.items():
        if held[name] not in values:
            raise StoreSettingError(f"PostgreSQL keeps {name} at {held[name]}, not {' or '.join(sorted(values))}")


def driver(connection: Connection) -> psycopg.Connection[Any]:
    return cast(psycopg.Connection[Any], connection.connection.driver_connection)


@contextmanager
def translated() -> Iterator[None]:
    """What the driver raises, as SQLAlchemy says it."""
    try:
        yield
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error) from error


def is_clash(error: DBAPIError) -> bool:
    """A deadlock, or two transactions that could not be put in an order: one was given up, whole."""
    return getattr(error.orig, "sqlstate", None) in _CLASHES
