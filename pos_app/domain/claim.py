"""Who holds a receipt: the relay gives it to one sale of one till, first come; here its answers become one view.

Knows neither the relay nor the disk. The answers come in any order and more than once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from pos_app.domain.clock import day_and_time
from pos_app.domain.evidence import Disposition


@dataclass(frozen=True, slots=True)
class Claim:
    """One till's hold on a receipt for one sale. A charge holds its own by `nonce` alone, and has no generation."""

    receipt: str
    generation: int
    till_id: str
    till: str
    sale: str
    cashier: str
    at: datetime | None
    nonce: str = ""

    def taken(self, now: datetime) -> str:
        """`Taken by Till 2 (Wanjiku) at 14:02`."""
        return f"Taken by {self._holder}{f' ({self.cashier})' if self.cashier else ''}{self._when(' at ', now)}"

    def used(self, now: datetime) -> str:
        """For a code that somebody shows again: `Used by sale 142 at Till 1, 14:02`."""
        return f"Used by sale {self.sale} at {self._holder}{self._when(', ', now)}" if self.sale else self.taken(now)

    @property
    def _holder(self) -> str:
        return self.till or ("a charge" if self.nonce else "another till")

    def _when(self, before: str, now: datetime) -> str:
        return f"{before}{day_and_time(self.at, now)}" if self.at else ""


@dataclass(frozen=True, slots=True)
class Release:
    """A manager gave a receipt back; the next claim of it has the next generation."""

    receipt: str
    generation: int
    till_id: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Claimant:
    """This till as claims name it: its id at the relay, and the sales of its own charges by their nonce."""

    till_id: str
    charged_sales: Mapping[str, str] = field(default_factory=dict)

    def owns(self, claim: Claim) -> bool:
        return claim.nonce in self.charged_sales if claim.nonce else claim.till_id == self.till_id

    def sale_of(self, claim: Claim) -> str:
        """The sale of this till that the claim is for; empty when it is another till's."""
        if not self.owns(claim):
            return ""
        return self.charged_sales[claim.nonce] if claim.nonce else claim.sale


class Standing(StrEnum):
    FREE = "free"
    PROVISIONAL = "provisional"
    """Asked for by this till while the relay was out of reach: not confirmed (money-safety C4)."""
    WON = "won"
    LOST = "lost"
    """Asked for by this till, and held by another sale: ours is unpaid again."""
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Claims:
    """All that is known of the claims of one receipt; the same facts in any order give the same value.

    A generation begins only after the one before it was released, so the highest of each says who holds the receipt.
    A trusted STK success claims for its charge without an event: the charge holds whatever no claim holds.
    """

    receipt: str
    latest: Claim | None = None
    released: int = 0
    charged: Claim | None = None
    asked: Claim | None = None
    """This till's own, until the relay's answer is known."""

    def apply(self, told: Claim | Release) -> tuple[Self, Disposition]:
        """Raises ValueError for another receipt. CONFLICT: two holders of one generation; the first known stands."""
        if told.receipt != self.receipt:
            raise ValueError("a claim of another receipt")
        if isinstance(told, Release):
            return self._known(replace(self, released=max(self.released, told.generation)))
        if told.nonce:
            return self._charged(told)
        if self.latest is None or told.generation > self.latest.generation:
            return self._known(replace(self, latest=told, released=max(self.released, told.generation - 1)))
        another = told.generation == self.latest.generation and _by(told) != _by(self.latest)
        return self, Disposition.CONFLICT if another else Disposition.NOTED

    def _charged(self, told: Claim) -> tuple[Self, Disposition]:
        if self.charged is None:
            return self._known(replace(self, charged=told))
        return self, Disposition.NOTED if told.nonce == self.charged.nonce else Disposition.CONFLICT

    def _known(self, after: Self) -> tuple[Self, Disposition]:
        return after, Disposition.NOTED if after == self else Disposition.APPLIED

    def ask(self, claim: Claim) -> Self:
        return replace(self, asked=claim)

    def answered(self) -> Self:
        """The till has acted on WON or LOST, or has given its wish up."""
        return replace(self, asked=None)

    @property
    def holder(self) -> Claim | None:
        if self.latest is not None and self.latest.generation > self.released:
            return self.latest
        return self.charged

    def standing(self, me: Claimant) -> Standing:
        """For this till; what it asked for is WON only when its own sale holds the receipt."""
        holder = self.holder
        if holder is None:
            return Standing.PROVISIONAL if self.asked else Standing.FREE
        if self.asked:
            return Standing.WON if me.sale_of(holder) == self.asked.sale else Standing.LOST
        return Standing.WON if me.owns(holder) else Standing.TAKEN

    def sale(self, me: Claimant) -> str:
        """The sale of this till that has the receipt, be it provisionally; empty when none has."""
        if self.standing(me) is Standing.PROVISIONAL and self.asked:
            return self.asked.sale
        return me.sale_of(self.holder) if self.holder else ""

    def other(self, me: Claimant) -> Claim | None:
        """The holder, when that is not this till."""
        return self.holder if self.holder and not me.owns(self.holder) else None


def _by(claim: Claim) -> tuple[str, str]:
    return claim.till_id, claim.sale
