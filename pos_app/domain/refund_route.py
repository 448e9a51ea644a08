"""By which way money can go back, and why another cannot be taken: the first that can is the one to offer.

Sources: features §4 (routes), contract §2.7 and §2.8 (what Daraja takes). Reversal comes first: it needs no number, and
it can only go back to whoever paid.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pos_app.domain.money import ZERO, Money
from pos_app.domain.refund import Route

B2C_MIN, B2C_MAX = Money.shillings(10), Money.shillings(250_000)
REVERSAL_WINDOW = timedelta(days=7)
"""Ours: Safaricom states none. Older money may have been settled or spent, so a new payment is surer."""
UNCONFIRMED = "The relay has not confirmed this payment yet: another till may have it. Give it back once it has."


@dataclass(frozen=True, slots=True)
class Sought:
    """What is to be given back. `paid` and `receipt` are of one M-Pesa payment; without one it is of the sale's cash.

    `left` is what of that payment is not given back yet, `cash_left` the same of the sale's cash.
    """

    amount: Money
    paid: Money = ZERO
    receipt: str = ""
    paid_at: datetime | None = None
    left: Money = ZERO
    cash_left: Money = ZERO
    is_confirmed: bool = True
    """Not while the relay has yet to say that this till has the payment: another may have it, and refund it too."""

    @property
    def limit(self) -> Money:
        return self.left if self.paid else self.cash_left

    @property
    def is_whole(self) -> bool:
        return self.amount == self.paid == self.left


@dataclass(frozen=True, slots=True)
class Means:
    """What this till can do just now. `float_available` is None where Safaricom was not asked."""

    is_set_up: bool
    switched_off: str = ""
    """Why refunds by M-Pesa are off, as a sentence; empty where they are on."""
    float_available: Money | None = None
    reversal_window: timedelta = REVERSAL_WINDOW


@dataclass(frozen=True, slots=True)
class RouteOffer:
    """`refusal` says why not, as a sentence; empty for a way that can be taken."""

    route: Route
    refusal: str = ""

    @property
    def is_open(self) -> bool:
        return not self.refusal


def routes(sought: Sought, means: Means, now: datetime) -> tuple[RouteOffer, ...]:
    """All of them, in the order in which they are offered."""
    closed = "" if sought.is_confirmed else UNCONFIRMED
    return (
        RouteOffer(Route.REVERSAL, closed or _by_mpesa(sought, means) or _reversal(sought, means, now)),
        RouteOffer(Route.B2C, closed or _by_mpesa(sought, means) or _b2c(sought, means)),
        RouteOffer(Route.CASH, closed or _too_much(sought)),
        RouteOffer(Route.CREDIT_NOTE, closed or _too_much(sought)),
    )


def first_open(offers: tuple[RouteOffer, ...]) -> Route | None:
    return next((offer.route for offer in offers if offer.is_open), None)


def _too_much(sought: Sought) -> str:
    if sought.amount <= ZERO:
        return "Type what is to be given back."
    return f"Only {sought.limit} of it can still be given back." if sought.amount > sought.limit else ""


def _by_mpesa(sought: Sought, means: Means) -> str:
    if not sought.receipt:
        return "This was not paid by M-Pesa, or its code is still to come."
    if not means.is_set_up:
        return "Refunds by M-Pesa are not set up on this till."
    if means.switched_off:
        return means.switched_off
    return _too_much(sought)


def _reversal(sought: Sought, means: Means, now: datetime) -> str:
    if not sought.is_whole:
        return "A payment is reversed as a whole only."
    if sought.paid_at is not None and now - sought.paid_at > means.reversal_window:
        return f"The payment is older than {means.reversal_window.days} days."
    return ""


def _b2c(sought: Sought, means: Means) -> str:
    if sought.amount < B2C_MIN:
        return f"M-Pesa pays out {B2C_MIN} or more."
    if sought.amount > B2C_MAX:
        return f"M-Pesa pays out at most {B2C_MAX} at once."
    if not sought.amount.is_whole:
        return "M-Pesa pays out whole shillings."
    if means.float_available is not None and means.float_available < sought.amount:
        return f"The business account holds {means.float_available} for payments. Top it up first."
    return ""
