"""Whether a number is the one that M-Pesa shows masked, hashed, or beside a name; it never finds a number out."""

import re
from enum import StrEnum
from hashlib import sha256

from pos_app.domain.msisdn import Msisdn, MsisdnError

_NUMBER_PART = re.compile(r"[+\d\s*•]*", re.ASCII)
_HEAD = re.compile(r"\+?(?:254|0)(\d+)\s*[*•]", re.ASCII)
"""What a masked number shows of its beginning: a `01…` is no `07…`, whatever its end."""
_TAIL = re.compile(r"\d+\Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f*]{64}", re.ASCII)
_TAIL_MIN = 3
_NATIONAL = 9
_HASH_MIN = 32
"""Digits that a starred hash must still show; fewer prove nothing."""


class PhoneMatch(StrEnum):
    SAME = "same"
    """As far as the text goes: three digits fit one number in a thousand."""
    ANOTHER = "another"
    UNREADABLE = "unreadable"


def phone_match(number: Msisdn, told: str) -> PhoneMatch:
    """`told` is `2547 ***** 126`, `•••126`, `07… - NAME`, `254… - NAME`, or the v1 feed's SHA-256 (contract §2.6)."""
    if _is_hash(told):
        return _hash_match(number, _tidy(told))
    shown = shown_digits(told)
    if not shown:
        return PhoneMatch.UNREADABLE
    begun = _HEAD.match(_tidy(told))
    fits = number.digits.endswith(shown) and (begun is None or number.digits[3:].startswith(begun[1]))
    return PhoneMatch.SAME if fits else PhoneMatch.ANOTHER


def shown_digits(told: str) -> str:
    """The last digits of the number, up to all nine after `254`; empty where nothing can be told from them."""
    match = None if _is_hash(told) else _NUMBER_PART.match(_tidy(told))
    tail = _TAIL.search(re.sub(r"\s", "", match[0] if match else ""))
    return tail[0][-_NATIONAL:] if tail is not None and len(tail[0]) >= _TAIL_MIN else ""


def _tidy(told: str) -> str:
    return told.strip().lower()


def _is_hash(told: str) -> bool:
    return bool(_HASH.fullmatch(_tidy(told)))


def _hash_match(number: Msisdn, told: str) -> PhoneMatch:
    """M-Pesa hashes the 12 digits; some feeds put stars inside the hash."""
    if len(told.replace("*", "")) < _HASH_MIN:
        return PhoneMatch.UNREADABLE
    ours = sha256(number.digits.encode("ascii")).hexdigest()
    same = all(shown in {digit, "*"} for digit, shown in zip(ours, told, strict=True))
    return PhoneMatch.SAME if same else PhoneMatch.ANOTHER


def typed_twice(first: str, second: str) -> Msisdn:
    """The number to pay, when both say the same in whatever spelling. Raises MsisdnError with a sentence."""
    number = Msisdn.parse(first)
    if Msisdn.parse(second) != number:
        raise MsisdnError("The two numbers differ. Type the number again, twice.")
    return number
