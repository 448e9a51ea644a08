"""The two statements of the hot path on SQLite, in the driver's own words: a batch written, its copies looked up.

It must not know threads, waiters or what a batch means. Errors come as SQLAlchemyError.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from relay.stores.sequence import COMPARED, SEQ_MASK, Head, Identity, Incoming, Known, Row, cut_key

MAX_BATCH = 128

# A batch is one statement, its own transaction: each time the writer lets the interpreter lock go, it may wait
# milliseconds to have it back. A text is prepared for some sizes only, and what is left over filled with rows of NULL.
_SIZES = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
    12,
    14,
    16,
    20,
    24,
    28,
    32,
    40,
    48,
    56,
    64,
    72,
    80,
    88,
    96,
    104,
    112,
    120,
    MAX_BATCH,
)
_ROW = ", ".join("?" * len(Row._fields))
_INSERT = f"INSERT INTO event ({', '.join(Row._fields)}) "
# CROSS JOIN keeps the order: two looks into the index for each of the batch, never a scan of the log.
_KNOWN = f"""
    WITH asked AS (VALUES {{}})
    SELECT e.stream_id, e.key_start || e.key_end, e.rev AS rev, e.money, e.trust, e.id, e.chain
    FROM asked CROSS JOIN event AS e
    ON e.key_end = column1 AND e.key_start = column2 AND e.stream_id = column3 AND e.rev < {COMPARED}
    UNION ALL
    SELECT e.stream_id, e.key_start || e.key_end, e.rev, e.money, e.trust, e.id, e.chain
    FROM asked CROSS JOIN event AS e
    ON e.key_end = column1 AND e.key_start = column2 AND e.stream_id = column3 AND e.rev >= {COMPARED} AND e.rev = (
        SELECT max(rev) FROM event WHERE key_end = column1 AND key_start = column2 AND stream_id = column3
    )
    ORDER BY rev
"""  # noqa: S608 (a number of our own)


def write(connection: Connection, rows: Sequence[Row]) -> None:
    """Durable when it returns, all of it or nothing. IntegrityError if one of the rows is in the log already."""
    size = _SIZES[bisect_left(_SIZES, len(rows))]
    values = list(chain.from_iterable(rows))
    values.extend([None] * (size * len(Row._fields) - len(values)))
    _run(connection, _insert(size), values)


def known(connection: Connection, batch: Sequence[Incoming], heads: dict[str, Head]) -> dict[Identity, list[Known]]:
    if not batch:
        return {}
    # Each is asked for once: the copies of a batch may be of the same event.
    keys = {(*reversed(cut_key(incoming.key)), heads[incoming.stream].stream_id) for incoming in batch}
    found: dict[Identity, list[Known]] = {}
    values = list(chain.from_iterable(keys))
    for stream_id, key, rev, money, trust, place, chained in _run(connection, _known(len(keys)), values):
        one = Known(rev, money, trust, place & SEQ_MASK, chained.hex())
        found.setdefault((stream_id, key), []).append(one)
    return found


@cache
def _insert(size: int) -> str:
    if size == 1:
        return f"{_INSERT}VALUES ({_ROW})"
    several = ", ".join([f"({_ROW})"] * size)
    return f"{_INSERT}SELECT * FROM (VALUES {several}) WHERE column1 IS NOT NULL"  # noqa: S608 (names of our own)


def _known(size: int) -> str:
    return _KNOWN.format(", ".join(["(?, ?, ?)"] * size))


def _run(connection: Connection, statement: str, values: Sequence[object]) -> list[Any]:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("not a connection to SQLite")
    try:
        return driver.execute(statement, values).fetchall()
    except sqlite3.Error as error:
        raise DBAPIError.instance(None, None, error, sqlite3.Error) from error
