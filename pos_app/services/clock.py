"""The two clocks: one tells the time of day for records, the other only how long something took."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds; a step of the wall clock does not move it."""
    return time.monotonic()
