"""The simulator's own clock: seconds since 1970, and Nairobi's wall clock.

It must not know what is timed with it.
"""

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

EAT = timezone(timedelta(hours=3), "EAT")


class Clock(Protocol):
    def now(self) -> float: ...

    def advance(self, seconds: float) -> None: ...


class ManualClock:
    """Stands still until advanced. Starts in the contract's scene: 2026-10-14 15:30:12 EAT."""

    def __init__(self, now: float = datetime(2026, 10, 14, 12, 30, 12, 345_000, tzinfo=UTC).timestamp()) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


class RealClock:
    """The computer's clock; `advance` travels in time, so that an hour's delay can be shown in a second."""

    def __init__(self) -> None:
        self._travelled = 0.0

    def now(self) -> float:
        return time.time() + self._travelled

    def advance(self, seconds: float) -> None:
        self._travelled += seconds


def nairobi(when: float) -> datetime:
    return datetime.fromtimestamp(when, EAT)


def moment(stamped: str) -> float:
    """The seconds of what `stamp` writes. Raises ValueError with a sentence."""
    try:
        return datetime.strptime(stamped, "%Y%m%d%H%M%S").replace(tzinfo=EAT).timestamp()
    except ValueError as error:
        raise ValueError(f"{stamped!r} is no moment like 20261014153012") from error


def stamp(when: float) -> str:
    """The 14 digits `YYYYMMDDHHmmss` of the contract §6, in EAT."""
    return nairobi(when).strftime("%Y%m%d%H%M%S")
