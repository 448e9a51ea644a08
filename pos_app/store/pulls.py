"""On disk: until when Safaricom was asked for every payment, the rows that the relay has yet to hear, and the holes.

It must not know what a row says.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pos_app.store import statements
from pos_app.store.statements import ONE_OF, listed
from pos_app.store.times import from_text, to_text

_COVERAGE = "SELECT covered_until, swept FROM pull_coverage WHERE short_code = ?"
_COVER = """INSERT INTO pull_coverage (short_code, covered_until, swept) VALUES (?, ?, ?)
    ON CONFLICT (short_code) DO UPDATE SET covered_until = excluded.covered_until, swept = excluded.swept"""
_KEEP = """INSERT INTO pulled_row (short_code, receipt, told) VALUES (?, ?, ?)
    ON CONFLICT (short_code, receipt) DO NOTHING"""
_UNTOLD = "SELECT id, told FROM pulled_row WHERE short_code = ? ORDER BY id LIMIT ?"
_COUNT = "SELECT count(*) FROM pulled_row WHERE short_code = ?"
_FORGET = f"DELETE FROM pulled_row WHERE id {ONE_OF}"  # noqa: S608 — a constant
_OPEN = """SELECT id, short_code, since, until FROM statement_task
    WHERE short_code = ? AND resolved_at IS NULL ORDER BY since"""
_ADD = statements.insert("statement_task", ("short_code", "since", "until", "note"))
_SPAN = statements.update("statement_task", ("since", "until"))
_RESOLVE = "UPDATE statement_task SET resolved_at = ?, note = ? WHERE id = ? AND resolved_at IS NULL"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Up to here nothing can be missing. `swept`: a Pull has said so at least once; else only the relay has."""

    until: datetime
    swept: bool


@dataclass(frozen=True, slots=True)
class Hole:
    """Payments of this time may be missing here, and only the statement can tell."""

    id: int
    short_code: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Untold:
    """A row, as JSON, that the relay has not heard of from this till."""

    id: int
    told: str


def coverage(connection: sqlite3.Connection, short_code: str) -> Coverage | None:
    row = connection.execute(_COVERAGE, (short_code,)).fetchone()
    return Coverage(from_text(row[0]), bool(row[1])) if row else None


def cover(connection: sqlite3.Connection, short_code: str, to: Coverage) -> None:
    connection.execute(_COVER, (short_code, to_text(to.until), int(to.swept)))


def keep_rows(connection: sqlite3.Connection, short_code: str, rows: Iterable[tuple[str, str]]) -> None:
    """`rows`: receipt and JSON, in the order in which the relay shall hear of them."""
    connection.executemany(_KEEP, [(short_code, receipt, told) for receipt, told in rows])


def untold(connection: sqlite3.Connection, short_code: str, limit: int) -> tuple[Untold, ...]:
    """Oldest first."""
    return tuple(Untold(*row) for row in connection.execute(_UNTOLD, (short_code, limit)))


def count_untold(connection: sqlite3.Connection, short_code: str) -> int:
    (count,) = connection.execute(_COUNT, (short_code,)).fetchone()
    return int(count)


def forget_rows(connection: sqlite3.Connection, told: Iterable[Untold]) -> None:
    connection.execute(_FORGET, (listed(row.id for row in told),))


def open_holes(connection: sqlite3.Connection, short_code: str) -> tuple[Hole, ...]:
    """Oldest first."""
    rows = connection.execute(_OPEN, (short_code,))
    return tuple(Hole(hole_id, code, from_text(since), from_text(until)) for hole_id, code, since, until in rows)


def add_hole(connection: sqlite3.Connection, short_code: str, since: datetime, until: datetime) -> None:
    """One that goes on where an open one ended is the same hole, grown."""
    for hole in open_holes(connection, short_code):
        if hole.until == since:
            resize_hole(connection, hole.id, hole.since, until)
            return
    connection.execute(_ADD, (short_code, to_text(since), to_text(until), ""))


def resize_hole(connection: sqlite3.Connection, hole_id: int, since: datetime, until: datetime) -> None:
    connection.execute(_SPAN, (to_text(since), to_text(until), hole_id))


def resolve_hole(connection: sqlite3.Connection, hole_id: int, note: str, at: datetime) -> bool:
    """False when it was resolved before."""
    return connection.execute(_RESOLVE, (to_text(at), note, hole_id)).rowcount == 1
