"""The key that is printed once at set-up, for an owner who has forgotten the PIN: too long to be guessed."""

import re
import secrets

_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""None that is read as another from paper: no I, L, O, U, 0, 1."""
_GROUPS, _IN_GROUP = 6, 5


def make_recovery_key() -> str:
    """`XXXXX-XXXXX-…`, 30 letters, 147 bits; compare it as `as_typed`."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_IN_GROUP)) for _ in range(_GROUPS))


def as_typed(text: str) -> str:
    """However it was typed: its letters, in their groups."""
    letters = re.sub(r"[^A-Z0-9]", "", text.upper())
    return "-".join(letters[at : at + _IN_GROUP] for at in range(0, len(letters), _IN_GROUP))
