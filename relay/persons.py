"""How a person stands in what is called back: by a phone number, which M-Pesa writes in several ways, or by a receipt.

Pure: it must not know the store. Sources: contract §2.1 (STK), §2.6 (a C2B number is masked or hashed), §2.7 (results).
"""

import hashlib
import re
from typing import NamedTuple

_GIVEN = re.compile(r"(?:\+?254|0)?([17][0-9]{8})", re.ASCII)
_MASKED = re.compile(rb'"(?:MSISDN|msisdn)"\s*:\s*"([0-9a-fA-F ]*)\*[ *]*([0-9a-fA-F ]*)"')
_WORD = re.compile(rb"[0-9A-Z]{1,32}")


class Person(NamedTuple):
    """`number` finds the one; `spellings` are all that a masked number may be a mask of."""

    number: re.Pattern[bytes]
    spellings: tuple[str, ...]


def person(phone: str) -> Person | None:
    """None for what is no mobile number of Kenya."""
    found = _GIVEN.fullmatch("".join(phone.split()).replace("-", ""))
    return None if found is None else _of(found[1])


def _of(national: str) -> Person:
    written = [f"254{national}", f"+254{national}", f"0{national}", national]
    hashes = [hashlib.sha256(one.encode()).hexdigest() for one in written]
    spaced = "[ -]?".join(national)
    ways = (
        rf"(?<![0-9])(?:254[ -]?|0)?{spaced}(?![0-9])",
        # The end of a CheckoutRequestID: all that a failed charge says of whom it asked.
        rf"ws_CO_[0-9]{{10,}}{national}(?![0-9])",
        rf"2\.54{national}[eE]\+?11(?![0-9])",
        *hashes,
    )
    return Person(re.compile("|".join(f"(?:{way})" for way in ways).encode(), re.IGNORECASE), (written[0], hashes[0]))


def names(body: bytes, who: Person) -> bool:
    return who.number.search(body) is not None


def may_name(body: bytes, who: Person) -> bool:
    """Of a number that M-Pesa shows in parts; many people's look the same."""
    for found in _MASKED.finditer(body):
        start, end = (part.decode().replace(" ", "").lower() for part in found.groups())
        if any(told.startswith(start) and told.endswith(end) for told in who.spellings) and (start or end):
            return True
    return False


def receipts_in(body: bytes) -> set[str]:
    """Every word that may be one."""
    return {word.decode() for word in _WORD.findall(body)}
