"""The weather of the network, from the shop's own last charges: how long answers take, how many never come by
themselves, and since when it is bad. Nobody else's status page is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from operator import attrgetter
from statistics import median

WINDOW = timedelta(minutes=30)
ENOUGH = 3
"""Fewer results than these say nothing about the network."""
SLOW_SECONDS, DOWN_SECONDS = 30.0, 75.0
"""A PIN takes most customers under half a minute; after 75 s the screen says CHECKING (architecture §8)."""
SLOW_SHARE, DOWN_SHARE = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one charge ended. `seconds` is from the prompt to M-Pesa's own message; None when none came by itself:
    a query or a Pull had to find the outcome, or nothing did.
    """

    ended_at: datetime
    seconds: float | None

    @property
    def is_missing(self) -> bool:
        return self.seconds is None


class WeatherLevel(StrEnum):
    """The same values as the lights of the status bar."""

    OK = "ok"
    SLOW = "slow"
    DOWN = "down"
    OFF = "off"
    """Too few results to tell."""

    @property
    def is_bad(self) -> bool:
        return self in {WeatherLevel.SLOW, WeatherLevel.DOWN}


@dataclass(frozen=True, slots=True)
class Weather:
    level: WeatherLevel
    count: int
    median_seconds: float | None
    """None when no message came by itself."""
    missing_share: float
    """From 0 to 1."""
    since: datetime | None = None
    """Since when it is bad without a break; None when it is not."""


def weather(outcomes: Sequence[Outcome], now: datetime, window: timedelta = WINDOW) -> Weather:
    """Of the results of the last `window`; `since` may reach further back, as far as the outcomes given do."""
    in_order = sorted(outcomes, key=attrgetter("ended_at"))
    recent = _of([one for one in in_order if now - window < one.ended_at <= now])
    if not recent.level.is_bad:
        return recent
    return Weather(
        recent.level, recent.count, recent.median_seconds, recent.missing_share, _since(in_order, now, window)
    )


def _since(in_order: Sequence[Outcome], now: datetime, window: timedelta) -> datetime:
    """The first bad result of the unbroken run of bad windows that reaches until now."""
    past = [one for one in in_order if one.ended_at <= now]

    def was_bad(last: int) -> bool:
        until = past[last].ended_at
        return _of([one for one in past[: last + 1] if until - window < one.ended_at]).level.is_bad

    run = list(takewhile(was_bad, range(len(past) - 1, -1, -1)))
    first_window_opened = past[run[-1]].ended_at - window if run else now - window
    return next(one.ended_at for one in past if one.ended_at > first_window_opened and _is_bad(one))


def _of(outcomes: Sequence[Outcome]) -> Weather:
    told = [one.seconds for one in outcomes if one.seconds is not None]
    middle = median(told) if told else None
    missing = (len(outcomes) - len(told)) / len(outcomes) if outcomes else 0.0
    return Weather(_level(len(outcomes), middle, missing), len(outcomes), middle, missing)


def _level(count: int, middle: float | None, missing: float) -> WeatherLevel:
    if count < ENOUGH:
        return WeatherLevel.OFF
    if missing >= DOWN_SHARE or (middle or 0.0) >= DOWN_SECONDS:
        return WeatherLevel.DOWN
    if missing >= SLOW_SHARE or (middle or 0.0) >= SLOW_SECONDS:
        return WeatherLevel.SLOW
    return WeatherLevel.OK


def _is_bad(outcome: Outcome) -> bool:
    return outcome.seconds is None or outcome.seconds >= SLOW_SECONDS
