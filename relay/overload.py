"""How hard the relay is pressed, and what it does without meanwhile; a callback is never among that (relay.md §4.6).

It must not know what any part does inside. One place decides for all, from how late the event loop and the disk are.
"""

import asyncio
import logging
import time
from enum import IntEnum

from relay.metrics import Metrics

CALM_SECONDS = 5.0
"""For so long it must have been better before anything is taken up again."""

logger = logging.getLogger("relay.overload")


class Level(IntEnum):
    """What is done without, with all that stands before it."""

    NOTHING = 0
    CONSOLE = 1
    OLD_EVENTS = 2
    SOCKETS = 3
    EVENTS = 4


LATE_SECONDS = {Level.CONSOLE: 0.25, Level.OLD_EVENTS: 0.5, Level.SOCKETS: 1.0, Level.EVENTS: 2.0}
"""By how late the loop is, or how long a callback has waited for the disk."""


class Overload:
    """Belongs to the event loop that it was made on. `look` is to be called some times a second."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._worse_at = 0.0
        self._flags: set[asyncio.Event] = set()
        self.level = Level.NOTHING

    def look(self, late: float) -> None:
        """`late` in seconds."""
        found = max((level for level, seconds in LATE_SECONDS.items() if late >= seconds), default=Level.NOTHING)
        now = time.monotonic()
        if found >= self.level:
            self._worse_at = now
        if found > self.level or now - self._worse_at > CALM_SECONDS:
            self._become(found)

    def _become(self, level: Level) -> None:
        if level is not self.level:
            self.level = level
            self._metrics.overload_level.set(level)
            logger.warning("does without: %s", level.name.lower().replace("_", " "))
            for flag in self._flags:
                flag.set()
            self._flags.clear()

    def sheds(self, what: Level) -> bool:
        """Counts as one more that was refused, or put off, if so."""
        if self.level < what:
            return False
        self._metrics.shed.labels(what.name.lower()).inc()
        return True

    def wake_when_changed(self, flag: asyncio.Event) -> None:
        self._flags.add(flag)

    def forget(self, flag: asyncio.Event) -> None:
        self._flags.discard(flag)
