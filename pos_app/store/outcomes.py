"""How the last charges ended, read for the weather of the network: when, and how long M-Pesa's own message took."""

import sqlite3
from datetime import datetime, timedelta

from pos_app.domain.ladder import SILENCE_SECONDS
from pos_app.domain.weather import Outcome
from pos_app.store.times import from_text

# Only what reached a phone, or may have, tells of the network: a refused request ended before it.
_LAST = """SELECT submitted_at, finished_at, (SELECT min(recorded_at) FROM evidence
        WHERE attempt_id = attempt.id AND source IN ('callback', 'confirmation')
        AND disposition IN ('applied', 'noted')) FROM attempt
    WHERE submitted_at IS NOT NULL AND ((finished_at IS NOT NULL AND checkout_request_id <> '') OR state = 'UNKNOWN')
    ORDER BY id DESC LIMIT ?"""
_SILENCE = timedelta(seconds=SILENCE_SECONDS)


def last(connection: sqlite3.Connection, limit: int) -> tuple[Outcome, ...]:
    """Newest charge first."""
    return tuple(_outcome(*row) for row in connection.execute(_LAST, (limit,)))


def _outcome(submitted_at: str, finished_at: str | None, told_at: str | None) -> Outcome:
    submitted = from_text(submitted_at)
    if told_at:
        told = from_text(told_at)
        return Outcome(told, max(0.0, (told - submitted).total_seconds()))
    return Outcome(_ended(submitted, finished_at), None)


def _ended(submitted: datetime, finished_at: str | None) -> datetime:
    return from_text(finished_at) if finished_at else submitted + _SILENCE
