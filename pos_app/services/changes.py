"""What changed, told to whoever shows it, after the commit and on the one thread; it decides nothing."""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from pos_app.domain.attempt import Attempt
from pos_app.domain.payment import Payment

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
