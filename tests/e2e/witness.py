"""Hears everything that a till's screen is told, and holds every word of it to the simulator's books at that moment.

It must not know how the till comes to say it. `lies` must stay empty; `look` is for what stands on the screen.
"""

from datetime import UTC, datetime

from day_till import ACCOUNT, DayTill

from pos_app.domain.balance import Gap
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.services.changes import (
    BalanceGapsChanged,
    Notice,
    OffersChanged,
    PaymentArrived,
    PaymentMoved,
    StatementTasksChanged,
)
from pos_app.services.whereabouts import Whereabouts
from pos_app.simulator.ledger import Payment as Paid

RAIL = 5


class Witness:
    def __init__(self, till: DayTill) -> None:
        self._till = till
        self.lies: list[str] = []
        self.arrived: dict[str, datetime] = {}
        """When each receipt was first shown."""
        self.sale_of: dict[str, int] = {}
        self.named: set[str] = set()
        """Receipts that an unexplained difference of the balance spoke of before they were known."""
        self.notices: list[str] = []
        self.tasks: list[StatementTasksChanged] = []
        hear = till.changes.subscribe
        hear(PaymentArrived, lambda change: self._payment(change.payment))
        hear(PaymentMoved, lambda change: self._payment(change.payment))
        hear(OffersChanged, lambda _change: self._offers())
        hear(BalanceGapsChanged, lambda change: self._gaps(change.gaps))
        hear(Notice, lambda notice: self.notices.append(notice.sentence))
        hear(StatementTasksChanged, self.tasks.append)

    @property
    def banked(self) -> dict[str, Paid]:
        return {paid.receipt: paid for paid in self._till.core.ledger.payments}

    def _payment(self, told: Payment) -> None:
        paid = self._till.core.ledger.payment(told.receipt)
        if paid is None or told.amount != Money.shillings(paid.amount) or told.short_code != paid.shortcode:
            self.lies.append(f"{told.amount} of {told.receipt} was shown, which nobody paid")
        elif told.paid_at is None or int(told.paid_at.timestamp()) != int(paid.paid_at):
            self.lies.append(f"{told.receipt} is shown as paid at {told.paid_at}, not {paid.paid_at}")
        self.arrived.setdefault(told.receipt, self._till.now())
        if told.sale_id is not None and self.sale_of.setdefault(told.receipt, told.sale_id) != told.sale_id:
            self.lies.append(f"{told.receipt} paid two sales")

    def _offers(self) -> None:
        for offer in self._till.matching.offers.newest(RAIL):
            receipt = offer.payment.receipt
            if receipt not in self.banked or not offer.payment.is_free:
                self.lies.append(f"{receipt} was offered, which is not to be had")

    def _gaps(self, gaps: tuple[Gap, ...]) -> None:
        self.named |= {paid.receipt for gap in gaps for paid in self._unseen_in(gap)}

    def look(self) -> None:
        """Each difference of the balance that stands there is the money that has not been seen, to the shilling."""
        for gap in self._till.watch.open:
            unseen = self._unseen_in(gap)
            if gap.difference != Money.shillings(sum(paid.amount for paid in unseen)):
                self.lies.append(f"{gap} was shown, and {len(unseen)} payments were unseen then")

    def _unseen_in(self, gap: Gap) -> list[Paid]:
        return [paid for paid in self.banked.values() if self._is_unseen_in(gap, paid)]

    def _is_unseen_in(self, gap: Gap, paid: Paid) -> bool:
        second = datetime.fromtimestamp(int(paid.paid_at), UTC)
        ours = paid.shortcode == ACCOUNT.short_code
        return ours and gap.since < second <= gap.until and paid.receipt not in self.arrived

    async def look_up(self, receipt: str) -> None:
        """A customer shows a code at the counter; what the cashier is answered must be so."""
        found = await self._till.matching.look_up(receipt)
        if receipt not in self.arrived:
            truth = Whereabouts.NOT_RECEIVED
        else:
            truth = Whereabouts.USED if receipt in self.sale_of else Whereabouts.FREE
        if found.whereabouts is not truth:
            self.lies.append(f"asked for {receipt}, the till said “{found.sentence}”, and it is {truth}")
