"""What changed, told to whoever shows it, after the commit and on the one thread; it decides nothing."""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from pos_app.domain.attempt import Attempt
from pos_app.domain.balance import Gap
from pos_app.domain.clock import day_and_time
from pos_app.domain.held_back import HeldBack
from pos_app.domain.payment import Payment
from pos_app.domain.validation import ValidationRules
from pos_app.domain.weather import Weather

if TYPE_CHECKING:
    from pos_app.domain.refund import Refund
    from pos_app.domain.staff import Action, Session

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SaleChanged:
    sale_id: int


@dataclass(frozen=True, slots=True)
class AttemptChanged:
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class PaymentArrived:
    payment: Payment


@dataclass(frozen=True, slots=True)
class PaymentMoved:
    """Another sale has it than before, or another till, or nobody; no money came by it."""

    payment: Payment


@dataclass(frozen=True, slots=True)
class OffersChanged:
    """Which payments fit which sales may be another matter than before."""


@dataclass(frozen=True, slots=True)
class CatalogueChanged:
    pass


class Light(StrEnum):
    OK = "ok"
    SLOW = "slow"
    DOWN = "down"
    OFF = "off"
    """Not set up."""


@dataclass(frozen=True, slots=True)
class HealthChanged:
    internet: Light
    relay: Light
    mpesa: Light
    sentence: str = ""
    """For the bar across the screen; empty when there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person must read once; it stays until dismissed."""

    sentence: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """Who is signed in; None when the till is locked."""

    session: "Session | None"


@dataclass(frozen=True, slots=True)
class ActionDenied:
    """Who is signed in may not do this; somebody who may can allow it in place."""

    action: "Action"
    sentence: str


@dataclass(frozen=True, slots=True)
class PermitUsed:
    """What somebody allowed in place was done, or tried, and is allowed no more."""


@dataclass(frozen=True, slots=True)
class StaffChanged:
    pass


@dataclass(frozen=True, slots=True)
class RefundChanged:
    refund: "Refund"


@dataclass(frozen=True, slots=True)
class AccountsChanged:
    """Safaricom told what the shop's accounts hold."""


@dataclass(frozen=True, slots=True)
class OperatorTaskChanged:
    """What the owner must do about the API operator, for the bar across the screen; empty where nothing."""

    sentence: str


@dataclass(frozen=True, slots=True)
class RefundsSwitched:
    """Refunds by M-Pesa were switched off, or on again."""


@dataclass(frozen=True, slots=True)
class LogReset:
    """The relay’s log is another one than this till read, or has lost its beginning."""

    reason: str


@dataclass(frozen=True, slots=True)
class PullingChanged:
    """How far Safaricom was asked for payments that nobody told of. `trouble` is a sentence, or empty."""

    complete_until: datetime | None
    trouble: str
    untold: int
    """Rows that the relay, and so every till, has yet to hear of."""


@dataclass(frozen=True, slots=True)
class StatementTask:
    """Payments of this time may be missing for ever unless the statement is imported."""

    id: int
    since: datetime
    until: datetime

    def sentence(self, now: datetime) -> str:
        return (
            f"Payments between {day_and_time(self.since, now)} and {day_and_time(self.until, now)} may be missing, and "
            "Safaricom no longer lists them. Import the M-Pesa statement of that time."
        )


@dataclass(frozen=True, slots=True)
class StatementTasksChanged:
    """All that are open. `sentence` is for the bar across the screen until there are none."""

    tasks: tuple[StatementTask, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class BalanceGapsChanged:
    """All that are unexplained. `sentence` is for the amber bar across the screen until there are none."""

    gaps: tuple[Gap, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class PaymentHeldBack:
    """A confirmation came that may not be believed."""


@dataclass(frozen=True, slots=True)
class QuarantineChanged:
    """What is held back and not settled: the newest of them, and how many there are. `sentence` is for the bar."""

    newest: tuple[HeldBack, ...]
    count: int
    sentence: str


@dataclass(frozen=True, slots=True)
class WeatherChanged:
    weather: Weather


class RulesStanding(StrEnum):
    UNKNOWN = "unknown"
    """Not asked yet, or this till has no relay."""
    IN_FORCE = "in force"
    WAITING = "waiting"
    """On this till’s disk; the relay still answers by what it had."""
    REFUSED = "refused"
    """The relay does not take them."""
    UNREADABLE = "unreadable"
    """The relay has others, and this till cannot read them."""


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """The shop’s rules for payments that ask to come in. `trouble` is the relay’s sentence, or empty."""

    rules: ValidationRules
    standing: RulesStanding
    trouble: str = ""


class Changes:
    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any], None]]] = defaultdict(list)

    def subscribe(self, kind: type[T], listener: Callable[[T], None]) -> Callable[[], None]:
        """Returns the call that ends the subscription."""
        self._listeners[kind].append(listener)
        return lambda: self._listeners[kind].remove(listener)

    def publish(self, change: object) -> None:
        """A listener that fails is logged and the others still hear: the money is already saved."""
        for listener in tuple(self._listeners[type(change)]):
            try:
                listener(change)
            except Exception:  # one broken screen must not stop the money
                log.exception("a listener failed on %s", type(change).__name__)
