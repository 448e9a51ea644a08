"""How long ago something was done, at most: by the wall clock, and no longer than this run of the till saw pass.

So a clock that is set forward while the till runs makes nothing older. What was done before the till started is known
by the wall clock alone.
"""

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

K = TypeVar("K")


def seconds_since_boot() -> float:
    """The time that the computer slept included, where it can be told: a night passes also for a till that sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


class Ages(Generic[K]):
    def __init__(self, elapsed: Callable[[], float] = seconds_since_boot) -> None:
        """`elapsed` are seconds of a clock that never jumps."""
        self._elapsed = elapsed
        self._begun: dict[K, float] = {}

    def begin(self, key: K) -> None:
        self._begun[key] = self._elapsed()

    def of(self, key: K, since: datetime, now: datetime) -> timedelta:
        begun = self._begun.get(key)
        by_wall = now - since
        return by_wall if begun is None else min(by_wall, timedelta(seconds=self._elapsed() - begun))

    def within(self, span: timedelta) -> list[K]:
        """What began in this run, less than that ago."""
        now = self._elapsed()
        return [key for key, begun in self._begun.items() if now - begun < span.total_seconds()]
