"""Amounts of Kenyan money as whole cents; no float ever enters or leaves."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

_TYPED = re.compile(r"\d{1,9}(\.\d{1,2})?|\d{1,3}(,\d{3}){1,2}(\.\d{1,2})?", re.ASCII)
_WIRE = re.compile(r"-?\d{1,12}(\.\d{1,6})?", re.ASCII)
_CENTS = 100
_ABSURD = 10**12


class AmountError(ValueError):
    """The text or number is not an amount; its message is a sentence for the cashier."""


@dataclass(frozen=True, order=True, slots=True)
class Money:
    cents: int

    def __post_init__(self) -> None:
        if type(self.cents) is not int:
            raise TypeError("money is an integer number of cents")

    @classmethod
    def shillings(cls, count: int) -> Self:
        return cls(count * _CENTS)

    @classmethod
    def typed(cls, text: str) -> Self:
        """What a person typed: `350`, `1,250`, `99.50`, `KES 20`. Raises AmountError with a sentence."""
        cleaned = text.strip().upper().removeprefix("KES").removeprefix("KSH").strip()
        if not _TYPED.fullmatch(cleaned):
            raise AmountError(f"“{text.strip()}” is not an amount. Type shillings, for example 350 or 99.50.")
        return cls(int(Decimal(cleaned.replace(",", "")) * _CENTS))

    @classmethod
    def from_wire(cls, value: object) -> Self | None:
        """Daraja's `150`, `150.0`, `"150.00"` (contract §6, Decimals), or None for anything else."""
        if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
            return None
        if isinstance(value, int) and abs(value) >= _ABSURD:
            return None  # Python refuses to print the longest.
        match = _WIRE.fullmatch(str(value).strip())
        cents = Decimal(match[0]) * _CENTS if match else Decimal("NaN")
        return cls(int(cents)) if cents.is_finite() and cents == cents.to_integral_value() else None

    def __add__(self, other: Self) -> Self:
        return type(self)(self.cents + other.cents)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.cents - other.cents)

    def __mul__(self, count: int) -> Self:
        return type(self)(self.cents * count)

    def __bool__(self) -> bool:
        return self.cents != 0

    @property
    def is_whole(self) -> bool:
        return self.cents % _CENTS == 0

    @property
    def whole_shillings(self) -> int:
        if not self.is_whole:
            raise AmountError(f"{self} is not in whole shillings; M-Pesa takes whole shillings only.")
        return self.cents // _CENTS

    def rounded(self) -> Self:
        """To the nearest whole shilling, half up."""
        return type(self)((self.cents + _CENTS // 2) // _CENTS * _CENTS)

    def __str__(self) -> str:
        return f"KES {self.plain}"

    @property
    def plain(self) -> str:
        """Without the currency: `1,250` or `99.50`."""
        sign, (shillings, cents) = "-" if self.cents < 0 else "", divmod(abs(self.cents), _CENTS)
        return f"{sign}{shillings:,}" + (f".{cents:02d}" if cents else "")


ZERO = Money(0)
CHARGE_MIN = Money.shillings(1)
CHARGE_MAX = Money.shillings(250_000)
"""Per transaction, contract §6 Limits (Dec 2025)."""


def checked_charge(amount: Money, maximum: Money = CHARGE_MAX) -> Money:
    """The amount, when M-Pesa can be asked for it. Raises AmountError with a sentence."""
    if not CHARGE_MIN <= amount <= maximum:
        raise AmountError(f"M-Pesa takes {CHARGE_MIN} to {maximum} at a time, not {amount}.")
    if not amount.is_whole:
        raise AmountError(f"M-Pesa takes whole shillings only, not {amount}.")
    return amount
