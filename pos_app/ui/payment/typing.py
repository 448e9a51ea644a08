"""What becomes of keys typed into the phone and cash fields: pure text in, text and amounts out."""

from itertools import pairwise

from pos_app.domain.money import ZERO, AmountError, Money
from pos_app.domain.msisdn import Msisdn, MsisdnError

_NOTES = (100, 500, 1000)
PHONE_MAX = 16


def grouped(text: str) -> str:
    """The number as people read it, however far it is typed: `0712 345 678`, `+254 712 345 678`."""
    plus = "+" if text.lstrip().startswith("+") else ""
    digits = "".join(character for character in text if character.isascii() and character.isdigit())
    bounds = (0, *_cuts(digits, international=bool(plus)), len(digits))
    parts = [digits[start:end] for start, end in pairwise(bounds)]
    return plus + " ".join(part for part in parts if part)


def _cuts(digits: str, international: bool) -> tuple[int, ...]:
    if international or digits.startswith("254"):
        return (3, 6, 9)
    return (4, 7) if digits.startswith("0") else (3, 6)


def prefix_warning(text: str) -> str:
    """The domain's warning as soon as the number is whole; nothing before."""
    try:
        return Msisdn.parse(text).warning
    except MsisdnError:
        return ""


def quick_amounts(due: Money) -> tuple[Money, ...]:
    """The exact amount and the sums people hand over for it, smallest first."""
    sums = {due}
    for note in _NOTES:
        cents = note * 100
        sums.add(Money(-(-due.cents // cents) * cents))
    return tuple(sorted(sums))


def typed_amount(text: str) -> Money | None:
    """None while nothing, or nothing readable, is typed."""
    try:
        return Money.typed(text)
    except AmountError:
        return None


def change_words(text: str, due: Money) -> tuple[str, Money]:
    """What to write under the cash field, and the amount of it; an empty field means the exact sum."""
    received = typed_amount(text) if text.strip() else due
    if received is None:
        return "", ZERO
    if received < due:
        return "Still to pay", due - received
    return "Change", received - due
