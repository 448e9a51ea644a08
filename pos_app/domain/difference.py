"""What to say and to do when the money and the total of a sale differ: less, more, or too late."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pos_app.domain.money import Money
from pos_app.domain.sale import Sale, SaleState


class Remedy(StrEnum):
    """The one thing to do, behind the one button."""

    TAKE_THE_REST = "take_the_rest"
    GIVE_CHANGE = "give_change"
    KEEP_ASIDE = "keep_aside"
    """Kept as received and used for nothing, until a supervisor gives it back."""


@dataclass(frozen=True, slots=True)
class Difference:
    amount: Money
    remedy: Remedy
    english: str
    swahili: str

    @classmethod
    def of(cls, sale: Sale) -> Self | None:
        """Less or more than the total; None when it is neither, or when a charge may still settle it."""
        if sale.state is SaleState.OVERPAID:
            over = sale.overpaid
            return cls(over, Remedy.GIVE_CHANGE, f"{over} over: give change.", f"{over} zaidi: rudisha chenji.")
        if sale.state is not SaleState.PART_PAID:
            return None
        rest = sale.remaining
        return cls(
            rest,
            Remedy.TAKE_THE_REST,
            f"{rest} remaining: cash or M-Pesa.",
            f"Bado {rest}: pesa taslimu au M-Pesa.",
        )

    @classmethod
    def late(cls, sale: Sale, amount: Money) -> Self:
        """Money for a sale that was settled, closed or cancelled before it came."""
        return cls(
            amount,
            Remedy.KEEP_ASIDE,
            f"{amount} extra received: sale {sale.number} was finished already.",
            f"{amount} za ziada zimepokelewa: mauzo {sale.number} yalikuwa yamekwisha.",
        )
