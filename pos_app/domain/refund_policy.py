"""Who may release how much, and when two people must: figures alone, so that a refund is judged the same everywhere.

Sources: features §4 (limits, velocity), money-safety §5 row 2, B2, B9, B10. What is not known counts as paid.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pos_app.domain.money import ZERO, Money
from pos_app.domain.refund import Refund
from pos_app.domain.staff import Action, Person, Role


@dataclass(frozen=True, slots=True)
class Caps:
    """What one person may release: at once, in any hour, in any day of 24 hours."""

    at_once: Money
    per_hour: Money
    per_day: Money


@dataclass(frozen=True, slots=True)
class Spent:
    """What one person released in the last hour and day, all that is not certainly unpaid."""

    hour: Money = ZERO
    day: Money = ZERO


NOTHING = Caps(ZERO, ZERO, ZERO)
_USUAL: Mapping[Role, Caps] = {
    Role.OWNER: Caps(Money.shillings(250_000), Money.shillings(500_000), Money.shillings(1_000_000)),
    Role.MANAGER: Caps(Money.shillings(20_000), Money.shillings(50_000), Money.shillings(100_000)),
    Role.SUPERVISOR: Caps(Money.shillings(2_000), Money.shillings(5_000), Money.shillings(10_000)),
}


_TWO_PEOPLE_FROM = Money.shillings(5_000)


@dataclass(frozen=True, slots=True)
class RefundPolicy:
    """Of one shop. From `two_people_from` of one sale on, and to another number, two people release a refund."""

    caps: Mapping[Role, Caps] = field(default_factory=lambda: _USUAL)
    two_people_from: Money = _TWO_PEOPLE_FROM

    def approvals_needed(self, refund: Refund, before: Money = ZERO) -> int:
        """`before` is what else of its sale was given back when it was prepared, so that no splitting needs fewer."""
        return 2 if before + refund.amount >= self.two_people_from or refund.other_number else 1

    def refusal(self, refund: Refund, person: Person, spent: Spent, before: Money = ZERO) -> str:
        """Why this person may not release it; empty where they may. `spent` does not count this refund."""
        if not person.may(Action.APPROVE_REFUND):
            return f"{person.name} ({person.role}) may not release a refund."
        if person.id in {held.by for held in refund.approvals}:
            return f"{person.name} has released it already. Another person must."
        if self.approvals_needed(refund, before) > 1 and person.id == refund.requested_by:
            return (
                f"{person.name} prepared it. From {self.two_people_from} of one sale, or to another number, two others "
                "release it."
            )
        return self._over(refund.amount, self.caps.get(person.role, NOTHING), spent)

    def standing(self, amount: Money, person: Person, spent: Spent) -> str:
        """For the record: what this person had released before it and has after it, against the caps."""
        caps = self.caps.get(person.role, NOTHING)
        hour = f"hour {spent.hour.plain} → {(spent.hour + amount).plain} of {caps.per_hour.plain}"
        day = f"day {spent.day.plain} → {(spent.day + amount).plain} of {caps.per_day.plain}"
        return f"{hour}, {day}, at once up to {caps.at_once.plain}"

    def _over(self, amount: Money, caps: Caps, spent: Spent) -> str:
        if amount > caps.at_once:
            return f"That is over the limit of {caps.at_once} at once. Somebody with a higher limit must release it."
        if spent.hour + amount > caps.per_hour:
            return f"That is over the limit of {caps.per_hour} in an hour: {spent.hour} is released already."
        if spent.day + amount > caps.per_day:
            return f"That is over the limit of {caps.per_day} in a day: {spent.day} is released already."
        return ""
