"""What the payment panel shows, as one frozen value; the view draws it and nothing else."""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Self

from pos_app.domain.attempt import Attempt
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

    def of_attempt(
        self,
        stage: Stage,
        attempt: Attempt,
        panel: Panel,
        waited: timedelta,
        *,
        payer: str,
        receipt: str,
        countdown: int,
    ) -> Self:
        """The number is whole while the customer may still be asked, and masked once the charge is over."""
        over = not attempt.state.is_live
        return replace(
            self,
            stage=stage,
            panel=panel,
            due=attempt.amount,
            phone=attempt.msisdn.masked if over else attempt.msisdn.grouped,
            payer=payer,
            receipt=receipt,
            seconds=0 if over else int(waited.total_seconds()),
            countdown=countdown,
        )
