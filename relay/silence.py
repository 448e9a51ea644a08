"""Whether a shop has been silent for longer than it ever is by day: then its callbacks may no longer find their way.

Pure: it must not know the store or a clock. All times are seconds of UTC.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

TIMES_USUAL = 3
LEAST_SECONDS = 15 * 60
ENOUGH_GAPS = 20
"""A shop with fewer callbacks has no habits yet."""

_DAY = 24 * 3600
_OPENS, _CLOSES = 4 * 3600, 18 * 3600
"""07:00 to 21:00 in East Africa. What happens at night, or does not, says nothing."""


class Pulse(NamedTuple):
    """`usual` is the gap that a shop stays below in 99 of 100 cases; None where that is not known yet."""

    last: float
    usual: float | None


def pulse(callbacks: Sequence[float]) -> Pulse:
    """`callbacks` are at least one, the newest first."""
    gaps = sorted(daytime(earlier, later) for later, earlier in pairwise(callbacks))
    usual = gaps[len(gaps) * 99 // 100] if len(gaps) >= ENOUGH_GAPS else None
    return Pulse(callbacks[0], usual)


def is_silent(found: Pulse, now: float) -> bool:
    if found.usual is None:
        return False
    return daytime(found.last, now) > max(LEAST_SECONDS, TIMES_USUAL * found.usual)


def daytime(start: float, end: float) -> float:
    """How much of that span was by day; nothing where it ends before it begins."""
    return max(0.0, _daytime_until(end) - _daytime_until(start))


def _daytime_until(at: float) -> float:
    """Since 1970."""
    days, second = divmod(at, _DAY)
    return days * (_CLOSES - _OPENS) + min(max(second, _OPENS), _CLOSES) - _OPENS
