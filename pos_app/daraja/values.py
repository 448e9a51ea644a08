"""Reads single values out of what strangers wrote: any type may stand anywhere, and reading it never raises.

It must not know which message a value stands in.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn

EAT = timezone(timedelta(hours=3), "EAT")
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.0+)?", re.ASCII)
_PLAIN_PHONE = re.compile(r"(?:\+?254|0)?[17]\d{8}", re.ASCII)
_STARRED_PHONE = re.compile(r"(?:\+?254|0)([17]\d{0,2})\s*\*+\s*(\d{3})", re.ASCII)


def fields_of(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def folded(value: object) -> dict[str, object]:
    """By names in small letters without spaces: Pull spells one name in several ways (contract §2.12)."""
    return {name.replace(" ", "").lower(): inner for name, inner in fields_of(value).items()}


def text_of(value: object, limit: int = 1000) -> str:
    """A string or number as one printable line, so that `0`, `"0"` and `"E3008"` are codes alike; else empty."""
    text = value if isinstance(value, str) else _digits(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    if " " in text:
        text = " ".join(text.split())
    return text[:limit]


def _digits(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if isinstance(value, int) and abs(value) >= 10**20:
        return ""  # Nothing of Daraja's; and Python refuses to print the longest.
    return str(value)


def money_of(value: object) -> Money | None:
    return Money.from_wire(text_of(value))


def moment_of(value: object) -> datetime | None:
    """Fourteen digits of East Africa Time, as UTC."""
    match = _MOMENT.fullmatch(text_of(value))
    if not match:
        return None
    # Not strptime: after a week without a line, ten thousand of these come at once.
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=EAT).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def masked_phone(text: str) -> str:
    """`0712 ••• 678`, or with what C2B leaves of a number: `07•• ••• 678`. Empty for a hash."""
    if _PLAIN_PHONE.fullmatch(text):
        return Msisdn.parse(text).masked
    starred = _STARRED_PHONE.fullmatch(text)
    return f"{'0' + starred[1]:•<4} ••• {starred[2]}" if starred else ""
