"""What customers type as account number, read back: which sale of which till they mean, and how surely.

Between till code and number people leave out the dash or put a space or a dot. Without any separator `1142` may be
till 1's sale 142, or sale 1142, or till 11's sale 42: such a reading is never sure.
"""

import re
from dataclasses import dataclass

from pos_app.domain.attempt import as_account_reference

_PARTS = re.compile(r"[A-Z0-9]+", re.ASCII)
_TILL_CODE = re.compile(r"[A-Z0-9]{1,3}", re.ASCII)
_NUMBER = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_RUN_TOGETHER = re.compile(r"(?=.*[A-Z])[A-Z0-9]{1,3}?\d{1,6}", re.ASCII)
_PRINTED = re.compile(r"([A-Z0-9]{1,3})-0*([1-9]\d{0,8})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TypedReference:
    """`sale_number` was named with this till's code; `charge_references` are those it may spell."""

    compact: str = ""
    """Without separators; what it means is a guess."""
    sale_number: int | None = None
    charge_references: tuple[str, ...] = ()
    names_another_till: bool = False


def sale_reference(till_code: str, sale_number: int) -> str:
    """What the customer is asked to type: `T1-142`."""
    return f"{till_code}-{sale_number}"


def printed_reference(till_code: str, sale_number: int) -> str:
    """In the bars of a receipt: `T1-000142`, long enough that a scanner is known by it."""
    return f"{till_code}-{sale_number:06d}"


def read_printed(text: str) -> tuple[str, int] | None:
    """Of which till, and which sale, a receipt is; None for a text that is on no receipt. Typed without zeros too."""
    found = _PRINTED.fullmatch(text.strip().upper())
    return (found[1], int(found[2])) if found else None


def compacted(reference: str) -> str:
    """As it reads without its separators: `T1142`."""
    return "".join(_PARTS.findall(reference.upper()))


def read_reference(typed: str, till_code: str) -> TypedReference:
    parts = _PARTS.findall(typed.upper())
    own = till_code.upper()
    if len(parts) in {2, 3} and parts[0] == own:
        return _own(parts)
    another = _names_a_till(typed, parts) and not (len(parts) == 1 and parts[0].startswith(own))
    return TypedReference("".join(parts), names_another_till=another)


def _own(parts: list[str]) -> TypedReference:
    if len(parts) == 3:
        return TypedReference("".join(parts), charge_references=("-".join(parts), ".".join(parts)))
    number = int(parts[1]) if _NUMBER.fullmatch(parts[1]) else None
    return TypedReference("".join(parts), sale_number=number)


def _names_a_till(typed: str, parts: list[str]) -> bool:
    if as_account_reference(typed):
        return True
    if len(parts) == 1:
        return bool(_RUN_TOGETHER.fullmatch(parts[0]))
    numbered = len(parts) in {2, 3} and all(_NUMBER.fullmatch(part) for part in parts[1:])
    return numbered and bool(_TILL_CODE.fullmatch(parts[0]))
