"""The age of the API operator's password: Safaricom lets it die (contract §4), so the owner is told in time."""

from datetime import date

WARNS_FROM = 75
LASTS = 90
"""Days, of a password that was set on the portal."""


def password_task(since: date, today: date) -> str:
    """A sentence for the owner, or empty. A clock that was set back says nothing."""
    age = (today - since).days
    if age < WARNS_FROM:
        return ""
    new = "Set a new one on the M-Pesa portal, then type it in Settings."
    if age >= LASTS:
        return f"The API operator’s password is {age} days old and no longer works. Refunds by M-Pesa would fail. {new}"
    left = LASTS - age
    return f"The API operator’s password dies in {left} {'day' if left == 1 else 'days'}. {new}"
