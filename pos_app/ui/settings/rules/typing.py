"""What the owner typed about payments that may come in, read as rules or refused field by field; pure."""

import re
from dataclasses import dataclass
from datetime import time

from pos_app.domain.money import AmountError, Money
from pos_app.domain.reference import compacted
from pos_app.domain.validation import CLOSED_MAX, REFERENCE_LENGTH_MAX, REFERENCES_MAX, ClosedHours, ValidationRules

_SPAN = re.compile(r"(\d{1,2})[:.](\d\d)\s*(?:-|–|to)\s*(\d{1,2})[:.](\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class RulesDraft:
    """As it stands in the fields."""

    minimum: str = ""
    maximum: str = ""
    only_listed: bool = False
    references: str = ""
    closed: str = ""
    accepts_by_default: bool = True
    asks_till: bool = False


def draft_of(rules: ValidationRules) -> RulesDraft:
    return RulesDraft(
        minimum=rules.minimum.plain if rules.minimum else "",
        maximum=rules.maximum.plain if rules.maximum else "",
        only_listed=rules.references is not None,
        references="\n".join(rules.references or ()),
        closed=", ".join(f"{hours.begins:%H:%M}-{hours.ends:%H:%M}" for hours in rules.closed),
        accepts_by_default=rules.accepts_by_default,
        asks_till=rules.asks_till,
    )


def rules_typed(draft: RulesDraft) -> ValidationRules | dict[str, str]:
    """The rules, or a sentence for each field that cannot be used."""
    reading = _Reading(draft, {})
    rules = ValidationRules(
        minimum=reading.amount("minimum", draft.minimum),
        maximum=reading.amount("maximum", draft.maximum),
        references=reading.references(),
        closed=reading.closed(),
        accepts_by_default=draft.accepts_by_default,
        asks_till=draft.asks_till,
    )
    if rules.minimum and rules.maximum and rules.minimum > rules.maximum:
        reading.errors["minimum"] = f"The smallest amount, {rules.minimum}, is over the largest, {rules.maximum}."
    return reading.errors or rules


@dataclass(frozen=True, slots=True)
class _Reading:
    draft: RulesDraft
    errors: dict[str, str]

    def amount(self, name: str, typed: str) -> Money | None:
        if not typed.strip():
            return None
        try:
            amount = Money.typed(typed)
        except AmountError as error:
            self.errors[name] = str(error)
            return None
        if not amount:
            self.errors[name] = "Leave it empty, or type an amount above zero."
        return amount

    def references(self) -> tuple[str, ...] | None:
        if not self.draft.only_listed:
            return None
        typed = [one.strip() for one in re.split(r"[\n,;]", self.draft.references)]
        listed = tuple(dict.fromkeys(one for one in typed if one))
        wrong = next((one for one in listed if len(one) > REFERENCE_LENGTH_MAX or not compacted(one)), "")
        if wrong:
            self.errors["references"] = (
                f"“{wrong[:30]}” cannot be an account: a customer types 1 to {REFERENCE_LENGTH_MAX} letters and digits."
            )
        elif len(listed) > REFERENCES_MAX:
            self.errors["references"] = f"The list has {len(listed):,} accounts; the relay takes {REFERENCES_MAX:,}."
        elif not listed and not self.draft.asks_till:
            self.errors["references"] = "With an empty list nobody can pay. Type the accounts, or have the tills asked."
        return listed

    def closed(self) -> tuple[ClosedHours, ...]:
        spans = [one.strip() for one in re.split(r"[\n,;]", self.draft.closed)]
        read = {one: _hours(one) for one in spans if one}
        wrong = next((one for one, hours in read.items() if hours is None), "")
        if wrong:
            self.errors["closed"] = f"“{wrong[:30]}” is no time of day from and to. Type for example 22:00-06:00."
        elif len(read) > CLOSED_MAX:
            self.errors["closed"] = f"The relay takes {CLOSED_MAX} times at most."
        return tuple(hours for hours in read.values() if hours)


def _hours(typed: str) -> ClosedHours | None:
    found = _SPAN.fullmatch(typed)
    if not found:
        return None
    from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
    try:
        hours = ClosedHours(time(from_hour, from_minute), time(to_hour, to_minute))
    except ValueError:
        return None
    return hours if hours.begins != hours.ends else None
