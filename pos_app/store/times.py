"""Instants as SQLite keeps them: UTC, ISO 8601, always with microseconds, so that text order is time order."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=16)  # what is written together happened together
def to_text(instant: datetime) -> str:
    # Not strftime: it spells the year 999 with three digits, and that could not be read again.
    return instant.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def from_text(text: str) -> datetime:
    return datetime.fromisoformat(text)


def to_text_or_none(instant: datetime | None) -> str | None:
    return to_text(instant) if instant else None


def from_text_or_none(text: str | None) -> datetime | None:
    return from_text(text) if text else None
