"""What a person means by a text in the search field: a product, an amount, a new barcode, or an M-Pesa code.

A product that the text finds comes before a code, so that no name of a product is taken for one.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pos_app.domain.catalogue import Product
from pos_app.domain.money import AmountError, Money
from pos_app.domain.payment import parse_receipt

if TYPE_CHECKING:
    from pos_app.services.catalogue import Catalogue

_AMOUNT = re.compile(r"\d{1,6}(\.\d{1,2})?", re.ASCII)
_BARCODE = re.compile(r"\d{7,14}", re.ASCII)
_MIXED_CODE = re.compile(r"(?=.*[A-Z])(?=.*[0-9])[A-Z0-9]{10}", re.ASCII)
_LETTERS_ONLY_CODE = re.compile(r"[S-Z][A-L][A-V][A-Z]{7}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Barcode:
    """Of no product here."""

    digits: str


@dataclass(frozen=True, slots=True)
class Code:
    text: str


async def meaning(catalogue: "Catalogue", typed: str) -> Product | Money | Barcode | Code | None:
    product = await catalogue.by_barcode(typed)
    if product is not None:
        return product
    amount = amount_in(typed)
    if amount is not None:
        return amount
    if is_barcode(typed):
        return Barcode(typed)
    found = await catalogue.products(typed)
    if found:
        return found[0]
    return Code(parse_receipt(typed)) if is_code(typed) else None


def amount_in(text: str) -> Money | None:
    """What is typed, when it is an amount and too short for a barcode."""
    if not _AMOUNT.fullmatch(text.replace(",", "")):
        return None
    try:
        return Money.typed(text)
    except AmountError:
        return None


def is_barcode(text: str) -> bool:
    return bool(_BARCODE.fullmatch(text))


def is_code(text: str) -> bool:
    """Ten letters and digits; letters alone when they begin with a date since 2024 (contract §6), as few words do."""
    code = parse_receipt(text)
    return bool(_MIXED_CODE.fullmatch(code) or _LETTERS_ONLY_CODE.fullmatch(code))
