"""The rules by which a customer's payment is let in or refused before it happens (contract §2.5): what a shop may
write, checked field by field, and the answer to one payment. Knows nothing of the relay that gives the answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum

from pos_app.domain.clock import EAT
from pos_app.domain.money import Money
from pos_app.domain.reference import compacted

REFERENCES_MAX = 1_000
REFERENCE_LENGTH_MAX = 20
"""Customers can type no more (contract §2.6)."""
CLOSED_MAX = 14
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_CENTS_MAX = 10**12


class ValidationAnswer(StrEnum):
    """The result codes a validation may answer with (contract §5.3)."""

    ACCEPT = "0"
    BAD_ACCOUNT = "C2B00012"
    BAD_AMOUNT = "C2B00013"
    OTHER = "C2B00016"


@dataclass(frozen=True, slots=True)
class FieldError:
    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ClosedHours:
    """By the shop's wall clock; `22:00` to `06:00` goes over midnight, the end itself is open again."""

    begins: time
    ends: time

    def includes(self, at: time) -> bool:
        if self.begins <= self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends


@dataclass(frozen=True, slots=True)
class ValidationRules:
    """`references` as the owner wrote them; None lets any in. `accepts_by_default` answers what cannot be judged, or
    for a till that is silent when `asks_till`.
    """

    minimum: Money | None = None
    maximum: Money | None = None
    references: tuple[str, ...] | None = None
    closed: tuple[ClosedHours, ...] = ()
    accepts_by_default: bool = True
    asks_till: bool = False

    @property
    def default(self) -> ValidationAnswer:
        return ValidationAnswer.ACCEPT if self.accepts_by_default else ValidationAnswer.OTHER


@dataclass(frozen=True, slots=True)
class ValidationRequest:
    """`amount` is None when the message says none that can be read."""

    amount: Money | None
    reference: str = ""


def verdict(rules: ValidationRules, request: ValidationRequest, at: datetime) -> ValidationAnswer:
    """The first rule that refuses gives its code: the hours, the amount, the account reference."""
    wall_clock = at.astimezone(EAT).time()
    if any(hours.includes(wall_clock) for hours in rules.closed):
        return ValidationAnswer.OTHER
    if request.amount is None:
        return rules.default
    too_little = rules.minimum is not None and request.amount < rules.minimum
    too_much = rules.maximum is not None and request.amount > rules.maximum
    if too_little or too_much:
        return ValidationAnswer.BAD_AMOUNT
    if rules.references is not None and compacted(request.reference) not in map(compacted, rules.references):
        return ValidationAnswer.BAD_ACCOUNT
    return ValidationAnswer.ACCEPT


def parse_rules(document: object) -> ValidationRules | tuple[FieldError, ...]:
    """The document as JSON brings it, `{"min", "max", "references", "closed", "default", "ask"}`, or what is wrong."""
    if not isinstance(document, Mapping):
        return (FieldError("", "The rules are not an object with fields."),)
    reading = _Reading(document)
    rules = ValidationRules(
        minimum=reading.amount("min"),
        maximum=reading.amount("max"),
        references=reading.references(),
        closed=reading.closed(),
        accepts_by_default=reading.accepts_by_default(),
        asks_till=reading.asks_till(),
    )
    if rules.minimum is not None and rules.maximum is not None and rules.minimum > rules.maximum:
        reading.refuse("min", f"The smallest amount, {rules.minimum}, is over the largest, {rules.maximum}.")
    reading.refuse_unknown_fields()
    return tuple(reading.errors) or rules


def document_of(rules: ValidationRules) -> dict[str, object]:
    """What `parse_rules` reads."""
    return {
        "min": rules.minimum.cents if rules.minimum else None,
        "max": rules.maximum.cents if rules.maximum else None,
        "references": None if rules.references is None else list(rules.references),
        "closed": [[f"{hours.begins:%H:%M}", f"{hours.ends:%H:%M}"] for hours in rules.closed],
        "default": "accept" if rules.accepts_by_default else "reject",
        "ask": rules.asks_till,
    }


_FIELDS = ("min", "max", "references", "closed", "default", "ask")


@dataclass(slots=True)
class _Reading:
    document: Mapping[object, object]
    errors: list[FieldError] = field(default_factory=list)

    def refuse(self, name: str, sentence: str) -> None:
        self.errors.append(FieldError(name, sentence))

    def refuse_unknown_fields(self) -> None:
        for name in self.document:
            if name not in _FIELDS:
                self.refuse(str(name), "There is no such rule.")

    def amount(self, name: str) -> Money | None:
        cents = self.document.get(name)
        if cents is None:
            return None
        if type(cents) is int and 0 < cents < _CENTS_MAX:
            return Money(cents)
        self.refuse(name, "The amount is a whole number of cents above zero, or nothing.")
        return None

    def references(self) -> tuple[str, ...] | None:
        listed = self.document.get("references")
        if listed is None:
            return None
        if not isinstance(listed, list) or not all(_is_reference(one) for one in listed):
            self.refuse("references", f"Each reference is a text of 1 to {REFERENCE_LENGTH_MAX} letters and digits.")
        elif len(listed) > REFERENCES_MAX:
            self.refuse("references", f"There are more than {REFERENCES_MAX} references.")
        else:
            return tuple(listed)
        return None

    def closed(self) -> tuple[ClosedHours, ...]:
        listed = self.document.get("closed", [])
        if isinstance(listed, list) and len(listed) <= CLOSED_MAX:
            hours = [_hours(one) for one in listed]
            if None not in hours:
                return tuple(one for one in hours if one)
        self.refuse("closed", 'Closed hours are pairs of different times, for example ["22:00", "06:00"].')
        return ()

    def accepts_by_default(self) -> bool:
        told = self.document.get("default", "accept")
        if told not in ("accept", "reject"):  # What JSON brings may have no hash.
            self.refuse("default", "It is “accept” or “reject”.")
        return told != "reject"

    def asks_till(self) -> bool:
        told = self.document.get("ask", False)
        if not isinstance(told, bool):
            self.refuse("ask", "It is yes or no.")
        return told is True


def _is_reference(one: object) -> bool:
    return isinstance(one, str) and len(one) <= REFERENCE_LENGTH_MAX and bool(compacted(one))


def _hours(pair: object) -> ClosedHours | None:
    if not isinstance(pair, list) or len(pair) != 2 or pair[0] == pair[1]:
        return None
    if not all(isinstance(one, str) and _TIME.fullmatch(one) for one in pair):
        return None
    return ClosedHours(time.fromisoformat(pair[0]), time.fromisoformat(pair[1]))
