"""What the payment panel shows, as one frozen value; the view draws it and nothing else."""

from dataclasses import dataclass
from enum import StrEnum

from pos_app.domain.money import ZERO, Money
from pos_app.ui.payment.stage import Stage
from pos_app.ui.payment.words import Panel


class Page(StrEnum):
    NONE = "none"
    """The cart."""
    PHONE = "phone"
    SPLIT = "split"
    CHARGE = "charge"
    RECEIVED = "received"
    """A payment that the customer made unasked, in the charge's dress."""
    CASH = "cash"
    CHANGE = "change"
    TILL = "till"


@dataclass(frozen=True, slots=True)
class PaymentState:
    page: Page = Page.NONE
    title: str = ""
    due: Money = ZERO
    """What this page is about: the amount asked for, or still to be settled."""
    error: str = ""
    warning: str = ""
    number_label: str = ""
    stage: Stage | None = None
    panel: Panel | None = None
    phone: str = ""
    payer: str = ""
    receipt: str = ""
    seconds: int = 0
    countdown: int = 0
    quick: tuple[Money, ...] = ()
    change_word: str = ""
    change: Money = ZERO
    working: bool = False
