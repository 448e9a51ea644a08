"""One means of settling part of a sale: cash in the drawer, or a payment by M-Pesa."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pos_app.domain.money import ZERO, AmountError, Money


class TenderKind(StrEnum):
    CASH = "cash"
    MPESA = "mpesa"


@dataclass(frozen=True, slots=True)
class Tender:
    """`amount` is what it settles; for cash, `received` is what the customer handed over.

    Cash given back because M-Pesa paid too much settles less than nothing, and nothing was handed over for it.
    """

    kind: TenderKind
    amount: Money
    at: datetime
    received: Money = ZERO
    payment_id: str = ""
    receipt: str = ""

    @property
    def change_due(self) -> Money:
        return self.received - self.amount if self.kind is TenderKind.CASH else ZERO


def cash_tender(received: Money, remaining: Money, at: datetime) -> Tender:
    """Cash settles at most what remains; the rest is change. Raises AmountError for nothing at all."""
    if received <= ZERO:
        raise AmountError("Type the cash you were given, for example 500.")
    return Tender(TenderKind.CASH, min(received, remaining), at, received=received)


def change_given(overpaid: Money, at: datetime) -> Tender:
    """Cash out of the drawer for what M-Pesa paid too much; with it the sale is paid, no more and no less."""
    if overpaid <= ZERO:
        raise AmountError("There is no change to give for this sale.")
    return Tender(TenderKind.CASH, ZERO - overpaid, at)
