"""How far back nothing can be missing: moved by each look at Safaricom’s list, in the transaction that keeps its rows.

A stretch that M-Pesa forgot before any look covered it becomes a hole; it is never skipped in silence.
"""

import sqlite3
from datetime import datetime

from pos_app.daraja.pull import REMEMBERED
from pos_app.store import pulls
from pos_app.store.pulls import Coverage


def covered(connection: sqlite3.Connection, short_code: str, start: datetime, now: datetime) -> None:
    """A look from `start` until `now` was answered completely."""
    held = pulls.coverage(connection, short_code)
    if held is not None and held.until < start:
        pulls.add_hole(connection, short_code, held.until, start)
    pulls.cover(connection, short_code, Coverage(now, swept=True))


def not_covered(connection: sqlite3.Connection, short_code: str, now: datetime, *, relay_is_live: bool) -> None:
    """A look was not answered, or in part. In a shop that never had Pull the relay is all there is to go by."""
    held = pulls.coverage(connection, short_code) or Coverage(now, swept=False)
    goes_by_relay = relay_is_live and not held.swept
    forgotten = now - REMEMBERED
    until = now if goes_by_relay else max(held.until, forgotten)
    # What was given up until this very moment goes on being given up.
    if held.until <= forgotten and held.until < until:
        pulls.add_hole(connection, short_code, held.until, until)
    pulls.cover(connection, short_code, Coverage(until, held.swept))
