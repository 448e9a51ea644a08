"""When to look at Safaricom's list of payments, and how far back; it looks at nothing itself.

Times are monotonic seconds; only the quiet hour of the night is told by the wall clock.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from pos_app.domain.clock import EAT

EVERY_SECONDS = 15 * 60.0
OVERLAP = timedelta(hours=2)
"""Rows may be listed late, and clocks differ."""
LONG = timedelta(hours=47)
_RETRY_SECONDS = 60.0
_QUIET_HOUR, _QUIET_END = timedelta(hours=2), timedelta(hours=5)
_NIGHTLY_SECONDS = 12 * 3600.0


class PullSchedule:
    def __init__(self, elapsed: Callable[[], float], rng: random.Random) -> None:
        self._elapsed = elapsed
        self._rng = rng
        self._next = elapsed()
        self._asked: float | None = None
        self._reach = LONG  # Most shops are closed in the quiet hour, so a till begins with the long look.
        self._last_long = elapsed()
        self._failures = 0
        # Not all tills in the same minute.
        self._tonight = _QUIET_HOUR + timedelta(hours=rng.uniform(0, 2))

    @property
    def seconds_left(self) -> float:
        due = self._next if self._asked is None else min(self._next, self._asked)
        return max(0.0, due - self._elapsed())

    def ask(self, reach: timedelta, within: float = 0.0) -> None:
        """One more look, at some moment of the next `within` seconds; one that is under way does not count for it."""
        at = self._elapsed() + self._rng.uniform(0, within)
        self._asked = at if self._asked is None else min(self._asked, at)
        self._reach = max(self._reach, reach)

    def begin(self, now: datetime) -> timedelta:
        """A look begins: how far back it must reach."""
        reach, self._reach, self._asked = self._reach, OVERLAP, None
        return LONG if self._is_nightly(now) else reach

    def _is_nightly(self, now: datetime) -> bool:
        local = now.astimezone(EAT)
        hour = timedelta(hours=local.hour, minutes=local.minute)
        return self._tonight <= hour < _QUIET_END and self._elapsed() - self._last_long > _NIGHTLY_SECONDS

    def end(self, reach: timedelta, *, is_complete: bool) -> None:
        """What was not answered completely is asked for again, soon and as far back."""
        pause = EVERY_SECONDS * self._rng.uniform(0.9, 1.0)
        if is_complete:
            self._failures = 0
            self._last_long = self._elapsed() if reach >= LONG else self._last_long
        else:
            pause = min(pause, _RETRY_SECONDS * 2 ** min(self._failures, 4))
            self._failures += 1
            self._reach = max(self._reach, reach)
        self._next = self._elapsed() + pause
