"""Times, numbers and money as a tired person reads them, and personal data as little of it as will do.

Pure. Times are Nairobi's: that is where the shops are.
"""

from datetime import UTC, datetime, timedelta, timezone

EAT = timezone(timedelta(hours=3), "EAT")
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    """The largest unit of which there are two; `1 minute` but `90 seconds`."""
    whole = max(0, int(seconds))
    for size, noun in _UNITS:
        if whole >= 2 * size or whole == size:
            return plural(whole // size, noun)
    return "0 seconds"


def ago(at_ms: int | None, now_ms: int) -> str:
    if at_ms is None:
        return "never"
    seconds = (now_ms - at_ms) / 1000
    return "just now" if seconds < 2 else f"{duration(seconds)} ago"


def moment(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, EAT)
    return f"{at.day} {at:%b %Y, %H:%M:%S} EAT"


def clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, EAT).strftime("%H:%M:%S") + " EAT"


def machine_time(at_ms: int) -> str:
    """For the `datetime` of a `<time>`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


def typed_moment(text: str) -> int | None:
    """Milliseconds of what a field for date and time in Nairobi holds; None for what is none."""
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=EAT).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def size(count: int) -> str:
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def masked_phone(text: str) -> str:
    """Enough to compare with a statement; of what Safaricom has hashed or masked itself, no more than that either."""
    digits = text.strip()
    if digits.isdecimal() and len(digits) >= 9:
        return f"0{digits[-9:-6]} ••• {digits[-3:]}"
    return f"••• {digits[-3:]}" if digits else ""


def masked_name(text: str) -> str:
    first = text.strip()[:1]
    return f"{first}•••" if first else ""
