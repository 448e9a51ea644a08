"""The payments rail: what it shows, read anew when money comes or goes; it accepts nothing itself."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from pos_app.services.changes import AttemptChanged, Changes, OffersChanged, PaymentArrived, PaymentMoved
from pos_app.ui.offers.chips import CHIPS, chips_of
from pos_app.ui.offers.state import ChipState, RailState
from pos_app.ui.offers.view_model import OfferViewModel
from pos_app.ui.payment.view_model import SETTLE
from pos_app.ui.tasks import Soon, Tasks

if TYPE_CHECKING:
    from pos_app.services.offers import Offers
    from pos_app.services.payments import Payments, RecentPayment

_READ_MS = 40
_SHOW_MS = 15
"""Many changes at once are shown once a frame; one alone is shown at once."""


class RailViewModel(QObject):
    changed = Signal()

    def __init__(
        self,
        payments: "Payments",
        offers: "Offers",
        changes: Changes,
        tasks: Tasks,
        *,
        offered: OfferViewModel,
        number_label: str = "",
        monotonic: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._payments, self._offers, self._offered = payments, offers, offered
        self._monotonic = monotonic
        self._recent: tuple[RecentPayment, ...] = ()
        self.state = RailState(number_label=number_label)
        self._since = monotonic()
        self._reading = Soon(tasks, self._read, "read payments", _READ_MS, self)
        self._showing, self._shown_at = QTimer(self, singleShot=True), 0.0
        self._showing.timeout.connect(self._show)
        for kind in (PaymentArrived, PaymentMoved, AttemptChanged):
            changes.subscribe(kind, lambda _change: self._reading.call())
        changes.subscribe(OffersChanged, lambda _change: self._show_soon())
        offered.changed.connect(self._show_soon)

    def start(self) -> None:
        self._reading.now()

    def show_number(self, label: str) -> None:
        self._replace(replace(self.state, number_label=label))

    def press(self, chip: ChipState) -> None:
        """What is unclaimed is taken for the sale at the counter; of what is used it is said who has it."""
        if self._monotonic() - self._since < SETTLE:
            return  # The chips have just moved, so the finger may have meant another.
        if chip.payment is not None:
            self._offered.take(chip.payment)
        elif chip.receipt:
            self._offered.look_up(chip.receipt)

    @Slot()
    def _show_soon(self) -> None:
        """A stream of changes never puts it off."""
        if not self._showing.isActive():
            since_ms = int((self._monotonic() - self._shown_at) * 1000)
            self._showing.start(min(max(_SHOW_MS - since_ms, 0), _SHOW_MS))

    async def _read(self) -> None:
        self._recent = await self._payments.recent()
        self._show()

    @Slot()
    def _show(self) -> None:
        offers, self._shown_at = self._offers, self._monotonic()
        chips = chips_of(self._offered.fits, offers.newest(CHIPS), self._recent, offers.sale_number, offers.verdict)
        if [chip.key for chip in chips] != [chip.key for chip in self.state.chips]:
            self._since = self._monotonic()
        self._replace(replace(self.state, chips=chips, unclaimed=offers.count))

    def _replace(self, state: RailState) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit()
