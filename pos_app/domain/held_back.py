"""A confirmation that may not be believed: it counts for nothing until Safaricom itself lists the payment.

Anybody may have written every word of it, so none of them is shown as more than what the message says.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pos_app.domain.money import Money


class Doubt(StrEnum):
    """Why it is not believed."""

    SENDER = "sender"
    """It came from an address that is not known to be Safaricom's."""
    ACCOUNT = "account"
    """It names a number that is not the shop's."""


class Finding(StrEnum):
    """What Safaricom says of it, as far as it was asked."""

    NOT_ASKED = "not asked"
    NOT_LISTED = "not listed"
    LISTED = "listed"
    """It is true, and counts as soon as the relay has told every till."""
    OTHER_AMOUNT = "other amount"
    """There is a payment with that code, of another amount."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    id: int
    receipt: str
    amount: Money
    short_code: str
    doubt: Doubt
    received_at: datetime
    paid_at: datetime | None = None
    payer_name: str = ""
    payer_phone: str = ""
    bill_reference: str = ""
    finding: Finding = Finding.NOT_ASKED
    asked_at: datetime | None = None
    """When Safaricom last listed every payment of that time."""

    @property
    def told_time(self) -> datetime:
        """When it says that the money was paid."""
        return self.paid_at or self.received_at
