"""The shop's wall clock: East Africa Time, in which people read and Safaricom writes; values inside are UTC."""

from datetime import date, datetime, timedelta, timezone

EAT = timezone(timedelta(hours=3), "EAT")
"""Kenya keeps one zone without summer time, so no time zone database is needed."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Ours, because strftime would print the computer's language."""


def nairobi_day(at: datetime) -> date:
    return at.astimezone(EAT).date()


def nairobi_midnight(at: datetime) -> datetime:
    """When the shop's present day began."""
    return at.astimezone(EAT).replace(hour=0, minute=0, second=0, microsecond=0)


def paper_time(at: datetime) -> str:
    """`3 Oct 2026, 14:02 EAT`, for paper."""
    local = at.astimezone(EAT)
    return f"{local.day} {MONTHS[local.month - 1]} {local:%Y, %H:%M} EAT"


def day_and_time(at: datetime, now: datetime) -> str:
    """`14:02`, or `3 Oct 14:02` when that was another day."""
    local = at.astimezone(EAT)
    if local.date() == now.astimezone(EAT).date():
        return f"{local:%H:%M}"
    return f"{local.day} {MONTHS[local.month - 1]} {local:%H:%M}"
