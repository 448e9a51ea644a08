"""Tells when this computer's clock is wrong, by the time that every answer from outside carries (RFC 9110, 6.6.1).

A wrong clock hides whose money a payment is and which hours were asked about (money-safety T4). It sets no clock.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from pos_app.services.changes import Changes, Notice
from pos_app.services.clock import utc_now

log = logging.getLogger(__name__)

WRONG = timedelta(seconds=120)
RIGHT = timedelta(seconds=60)
"""Once wrong it is wrong until it is this near, so that a clock on the edge is not spoken of again and again."""


class ClockWatch:
    def __init__(self, changes: Changes, clock: Callable[[], datetime] = utc_now) -> None:
        self._changes = changes
        self._clock = clock
        self._is_wrong = False

    async def answered(self, response: httpx.Response) -> None:
        """A hook of the HTTP client: every answer, whosesoever. It never raises."""
        told = _time_of(response.headers.get("date", ""))
        if told is not None:
            self._compare(self._clock() - told)

    def _compare(self, ahead: timedelta) -> None:
        if self._is_wrong:
            self._is_wrong = abs(ahead) > RIGHT
        elif abs(ahead) > WRONG:
            self._is_wrong = True
            log.warning("this computer's clock is %d s from the time outside", ahead.total_seconds())
            self._changes.publish(Notice(_sentence(ahead), urgent=True))


def _time_of(header: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(header)
    except ValueError:
        return None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told


def _sentence(ahead: timedelta) -> str:
    minutes = round(abs(ahead).total_seconds() / 60)
    size = f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"
    return (
        f"This computer’s clock is {size} {'fast' if ahead > timedelta(0) else 'slow'}. No money is lost, but payments "
        "may be shown for the wrong sale or be found late. Set the clock, then start the till again."
    )
