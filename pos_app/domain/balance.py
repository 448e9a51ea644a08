"""Finds money that arrived unseen: each confirmation says the account's balance, and the next must continue it.

How, and why a mere disorder raises no alarm. Messages come late, twice and in any order, and M-Pesa's times are whole
seconds, so within one second nobody knows the order. What is known is what each payment did: it led from `balance -
amount` to `balance`. So payments are put together second by second, and a second is a checkpoint only when

- every payment in it carries its balance, and
- laid end to end by balance, each begins where the one before it ended.

Then it led from the lowest beginning to the highest end, in whatever order it was told. Any other second holds
something unknown (a row of a Pull, which has no balance; money lost or drawn within that very second): its amounts
count, but its balances prove nothing, and the next checkpoint judges it too. Between two checkpoints all known money
must make the difference of the balances. More than that came unseen; less means that money left the account.

- Without losses and drawings every second is a checkpoint or adds up at the next one: no gap, however shuffled.
- Without drawings, a gap is exactly the payments that are missing between its two checkpoints.
- Without losses, no gap is ever above zero. A second with drawings in it may by chance lie end to end; then it begins
  no higher and ends no lower than the account did, so the drawing shows as a drop before it or after it.
- A loss and a drawing in one stretch are seen as their sum; a Pull finds the payment, and the drawing is left.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter

from pos_app.domain.clock import day_and_time
from pos_app.domain.money import ZERO, Money

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Credit:
    """A payment into one account, with the balance it led to where the message says so; `paid_at` by M-Pesa's clock."""

    receipt: str
    paid_at: datetime
    amount: Money
    balance: Money | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A person says what `difference` of a gap was: below zero for money drawn. `note` is their own words."""

    since: datetime
    until: datetime
    difference: Money
    note: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Money that the statement says left the account."""

    at: datetime
    amount: Money


@dataclass(frozen=True, slots=True)
class Gap:
    """Between two checkpoints the account did not do what the known payments did."""

    since: datetime
    until: datetime
    difference: Money
    """Above zero: so much arrived unseen. Below: so much left the account."""

    @property
    def is_missing_money(self) -> bool:
        return self.difference > ZERO

    def sentence(self, now: datetime) -> str:
        span = f"between {day_and_time(self.since, now)} and {day_and_time(self.until, now)}"
        if self.is_missing_money:
            return f"{self.difference} arrived {span} that this till has not seen. Safaricom is being asked."
        return f"{ZERO - self.difference} left the account {span}. A supervisor must say what it was."

    def is_what_was_drawn(self, drawings: Iterable[Drawing]) -> bool:
        """Whether they make exactly this gap; times are whole seconds, so both ends belong to it."""
        within = (one.amount for one in drawings if self.since <= one.at < self.until + _SECOND)
        return not self.is_missing_money and sum(within, self.difference) == ZERO


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    at: datetime
    balance: Money
    credited: Money
    """All that is known to have come up to here."""


def gaps(payments: Iterable[Credit], explanations: Iterable[Explanation] = ()) -> tuple[Gap, ...]:
    """Of one account: short codes that share a balance are one. In any order, repeated at will; the oldest gap first.

    The first checkpoint begins the account: what came before it is not judged.
    """
    checkpoints = _checkpoints(_once_each(payments))
    found = [
        Gap(earlier.at, later.at, later.balance - earlier.balance - (later.credited - earlier.credited))
        for earlier, later in pairwise(checkpoints)
    ]
    open_gaps = [gap for gap in found if gap.difference]
    for explanation in explanations:
        _explain(open_gaps, explanation)
    return tuple(gap for gap in open_gaps if gap.difference)


def _once_each(payments: Iterable[Credit]) -> list[Credit]:
    """One per receipt: the message with the balance; where two disagree, the balance of neither can be believed."""
    told: dict[str, set[Credit]] = {}
    for credit in payments:
        told.setdefault(credit.receipt, set()).add(credit)
    return sorted((_believed(versions) for versions in told.values()), key=attrgetter("paid_at", "receipt"))


def _believed(versions: set[Credit]) -> Credit:
    with_balance = [credit for credit in versions if credit.balance is not None]
    if len(with_balance) == 1:
        return with_balance[0]
    return replace(min(versions, key=attrgetter("paid_at", "amount")), balance=None)


def _checkpoints(in_order: Sequence[Credit]) -> Iterator[_Checkpoint]:
    credited = ZERO
    for second, group in groupby(in_order, key=lambda credit: credit.paid_at.replace(microsecond=0)):
        together = list(group)
        credited = sum((credit.amount for credit in together), credited)
        end = _end_to_end(together)
        if end is not None:
            yield _Checkpoint(second, end, credited)


def _end_to_end(together: Sequence[Credit]) -> Money | None:
    """The highest balance, when the payments of one second follow from one another; else nothing is certain."""
    steps = sorted((credit.balance, credit.amount) for credit in together if credit.balance is not None)
    if len(steps) < len(together):
        return None
    follows = all(balance - amount == before for (before, _), (balance, amount) in pairwise(steps))
    return steps[-1][0] if follows else None


def _explain(open_gaps: list[Gap], explanation: Explanation) -> None:
    """Takes it off the gap it was given for, which by now may be shorter, or several, or none; never more than that."""
    left = explanation.difference
    overlapping = [
        position
        for position, gap in enumerate(open_gaps)
        if gap.since < explanation.until and explanation.since < gap.until
    ]
    for position in sorted(overlapping, key=lambda position: open_gaps[position].difference != left):
        gap = open_gaps[position]
        taken = _common(gap.difference, left)
        open_gaps[position] = replace(gap, difference=gap.difference - taken)
        left -= taken


def _common(one: Money, other: Money) -> Money:
    """The smaller of two amounts in the same direction; nothing when they are opposed."""
    if min(one, other) > ZERO:
        return min(one, other)
    return max(one, other) if max(one, other) < ZERO else ZERO
