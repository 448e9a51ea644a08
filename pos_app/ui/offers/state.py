"""What the offer line and the payments rail show, as frozen values; the views draw them and nothing else."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.ui.offers.words import Said


class Tone(StrEnum):
    OFFER = "offer"
    ASK = "ask"
    """A person must decide, or must know: amber."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Topic:
    """What was asked for by a person and stands before any offer: a question, an answer, a refusal."""

    tone: Tone
    said: Said
    payment: Payment | None = None
    """What may be accepted."""
    is_question: bool = False
    """Accepting answers it; nothing more is asked."""


@dataclass(frozen=True, slots=True)
class Choice:
    payment: Payment
    words: str
    picked: bool


@dataclass(frozen=True, slots=True)
class Line:
    tone: Tone
    said: Said
    choices: tuple[Choice, ...] = ()
    accepts: bool = False
    by_enter: bool = False
    """Enter accepts too; nothing else waits for it."""
    closes: bool = False


class Kind(StrEnum):
    FITS = "fits"
    """Exactly what remains of the sale at the counter."""
    UNCLAIMED = "unclaimed"
    CLAIMED = "plain"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class ChipState:
    key: str
    amount: Money
    who: str
    place: str
    since: datetime
    kind: Kind
    receipt: str
    late: bool = False
    payment: Payment | None = None
    """None once a sale has it."""


@dataclass(frozen=True, slots=True)
class RailState:
    chips: tuple[ChipState, ...] = ()
    unclaimed: int = 0
    number_label: str = ""
