"""The partitions of events, one a day: made ahead of time, so that an append finds its own, and dropped when old.

It must not know who appends. What comes on a day that has none lies in the partition for no day, and stays there.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

AHEAD = 7
_OF_NO_DAY = "event_of_no_day"
_LOCK = 0x7E1A9D
"""Of PostgreSQL's advisory locks, for these tables: whoever comes first makes them."""

_MADE = """
    SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'event'::regclass
"""

logger = logging.getLogger("relay.store")


def make_ahead(connection: Connection) -> None:
    """From today on, in a transaction each. What cannot be made now is made by whoever comes next."""
    made = _made(connection)
    today = datetime.now(UTC).date()
    for day in (today + timedelta(days) for days in range(AHEAD + 1)):
        if name(day) not in made:
            _make(connection, day)


def name(day: date) -> str:
    return f"event_{day:%Y%m%d}"


def _made(connection: Connection) -> set[str]:
    return set(connection.exec_driver_sql(_MADE).scalars())


def drop_before(connection: Connection, day: date) -> None:
    """Those that are over before `day`, in a transaction each. What cannot be dropped now is dropped the next time."""
    for partition in sorted(_made(connection) - {_OF_NO_DAY}):
        if partition < name(day):
            statements = (f"ALTER TABLE event DETACH PARTITION {partition}", f"DROP TABLE {partition}")
            _change(connection, statements, f"{partition} is not dropped now")


def _make(connection: Connection, day: date) -> None:
    """Attached, not created in its place: that would keep every append waiting for every reader."""
    statements = (
        f"CREATE TABLE IF NOT EXISTS {name(day)} (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        f"ALTER TABLE event ATTACH PARTITION {name(day)} FOR VALUES FROM ('{day}') TO ('{day + timedelta(1)}')",
    )
    _change(connection, statements, f"the partition of {day} is not made now")


def _change(connection: Connection, statements: Sequence[str], failed: str) -> None:
    """Whoever waits for it waits a second at most."""
    around = ("BEGIN", "SET LOCAL lock_timeout = '1s'", f"SELECT pg_advisory_xact_lock({_LOCK})")
    try:
        for statement in (*around, *statements, "COMMIT"):
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        logger.info("%s: %s", failed, type(error.orig).__name__)
        if not error.connection_invalidated:
            connection.exec_driver_sql("ROLLBACK")
