"""The shop's accounts at M-Pesa as a balance query told them; it must not know how that is spelt or asked."""

from dataclasses import dataclass
from datetime import datetime

from pos_app.domain.money import Money

UTILITY = "Utility Account"
"""PayBill money comes into it, and B2C is paid out of it (contract §2.10)."""
MERCHANT = "Merchant Account"
"""Till money comes into it."""
WORKING = "Working Account"


@dataclass(frozen=True, slots=True)
class AccountFunds:
    """`available` is what can be spent; `current` is that and what is `reserved` (contract §2.10)."""

    name: str
    current: Money
    available: Money
    reserved: Money
    uncleared: Money


@dataclass(frozen=True, slots=True)
class AccountBalances:
    accounts: tuple[AccountFunds, ...]
    at: datetime

    def available(self, name: str) -> Money | None:
        """None where Safaricom named no such account."""
        return next((one.available for one in self.accounts if one.name.casefold() == name.casefold()), None)

    @property
    def utility_available(self) -> Money | None:
        """What a B2C refund can be paid from."""
        return self.available(UTILITY)
