"""The manager's list of payments: which are unclaimed, which sales of this till have, and what is given back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.payment import Payment
from pos_app.domain.refused import Refused
from pos_app.services.changes import Changes, OffersChanged, PaymentArrived, PaymentMoved
from pos_app.ui.offers.words import named, named_sale, place
from pos_app.ui.tasks import OneAtATime, Soon, Tasks
from pos_app.ui.unclaimed.rows import PaymentRows, Row

if TYPE_CHECKING:
    from pos_app.services.matching import Matching

_READ_MS = 200
MOST = 200
GIVE_A_REASON = "Write why it is given back, for example: wrong sale."


@dataclass(frozen=True, slots=True)
class UnclaimedState:
    claimed: bool = False
    """The list is of what sales of this till have."""
    count: int = 0
    loading: bool = True
    problem: str = ""
    done: str = ""


class UnclaimedViewModel(QObject):
    changed = Signal()

    def __init__(self, matching: "Matching", changes: Changes, tasks: Tasks, *, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._matching, self._clock = matching, clock
        self._is_shown = False
        self.rows = PaymentRows()
        self.state = UnclaimedState()
        self._once = OneAtATime(tasks)
        self._reading = Soon(tasks, self._read, "unclaimed payments", _READ_MS, self)
        for kind in (OffersChanged, PaymentArrived, PaymentMoved):
            changes.subscribe(kind, lambda _change: self._read_soon())

    def enter(self) -> None:
        """The page is shown."""
        self._is_shown = True
        self._set(problem="", done="")
        self._reading.now()

    def leave(self) -> None:
        """The page is hidden: changes no longer cost anything."""
        self._is_shown = False

    def show_claimed(self, claimed: bool) -> None:
        if claimed != self.state.claimed:
            self._set(claimed=claimed, loading=True, problem="", done="")
            self._reading.now()

    def release(self, payment: Payment, reason: str) -> None:
        if reason.strip():
            self._once.start(self._release(payment, " ".join(reason.split())), "give payment back")
        else:
            self._set(problem=GIVE_A_REASON, done="")

    async def _release(self, payment: Payment, reason: str) -> None:
        answer = await self._matching.release(payment.id, reason)
        if isinstance(answer, Refused):
            self._set(problem=answer.sentence, done="")
        else:
            self._set(problem="", done=f"{payment.amount} from {named(payment)} is free again, for any sale.")
            self._reading.now()

    def _read_soon(self) -> None:
        if self._is_shown:
            self._reading.call()

    async def _read(self) -> None:
        claimed = self.state.claimed
        rows = await (self._claimed() if claimed else self._unclaimed())
        if claimed == self.state.claimed:
            self.rows.show_rows(rows, self._clock())
            self._set(loading=False, count=len(rows))

    async def _unclaimed(self) -> list[Row]:
        asked = {claim.receipt: claim.sale for claim in await self._matching.unconfirmed()}
        return [self._row(payment, asked) for payment in await self._matching.unclaimed(MOST)]

    def _row(self, payment: Payment, asked: dict[str, str]) -> Row:
        if payment.receipt and payment.receipt in asked:
            return Row(payment, f"asked for sale {asked[payment.receipt]}, not confirmed yet")
        if not payment.from_customer:
            return Row(payment, "not a customer’s payment")
        offers = self._matching.offers
        verdict = offers.verdict(payment)
        sale_id = named_sale(verdict)
        return Row(payment, place(verdict, None if sale_id is None else offers.sale_number(sale_id)))

    async def _claimed(self) -> list[Row]:
        asked = {claim.receipt for claim in await self._matching.unconfirmed()}
        return [
            Row(one.payment, f"sale {one.sale_number}" + _unless_confirmed(one.payment.receipt in asked))
            for one in await self._matching.claimed()
        ]

    def _set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.changed.emit()


def _unless_confirmed(is_asked: bool) -> str:
    return ", not confirmed yet" if is_asked else ""
