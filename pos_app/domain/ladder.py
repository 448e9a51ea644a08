"""When Safaricom is asked about a charge that has no answer: soon, then ever more seldom, for a day."""

SILENCE_SECONDS = 180.0
"""Without an answer for so long, a charge is UNKNOWN (money-safety §2.1)."""

_MINUTE, _HOUR = 60.0, 3600.0
RUNGS = (20.0, 40.0, 60.0, 90.0, 120.0, 5 * _MINUTE, 15 * _MINUTE, _HOUR, *(hour * _HOUR for hour in range(2, 25)))
"""Seconds since the request left (money-safety §1.2, architecture §8)."""


def next_rung(age_seconds: float) -> float | None:
    """The first rung after this age; None once the day is over."""
    return next((rung for rung in RUNGS if rung > age_seconds), None)
