"""The payments rail at the bottom of the selling screen: it draws its state, and lets the ages go on."""

from collections.abc import Callable
from datetime import datetime, timedelta

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from pos_app.services.offers import LOOK_BACK
from pos_app.ui.offers.chip import Chip
from pos_app.ui.offers.chips import CHIPS
from pos_app.ui.offers.rail_model import RailViewModel
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Text

_YOUNG_MS, _OLD_MS = 1_000, 10_000
_YOUNG = timedelta(minutes=1)


class PaymentsRail(QWidget):
    list_wanted = Signal()

    def __init__(self, model: RailViewModel, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._model, self._clock = model, clock
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", "rail")
        self.setFixedHeight(64)
        self.empty = Text("", "muted")
        self.chips = [Chip(model.press) for _ in range(CHIPS)]
        self.unclaimed = Button("", scale="chip", on_click=self.list_wanted.emit)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(8)
        row.addWidget(self.empty, 1)
        for chip in self.chips:
            row.addWidget(chip, 1)
        row.addStretch(0)
        row.addWidget(self.unclaimed)
        self._timer = QTimer(self, interval=_OLD_MS)
        self._timer.timeout.connect(self._show_chips)
        self._timer.start()
        model.changed.connect(self.render_state)
        self.render_state()

    @Slot()
    def render_state(self) -> None:
        state = self._model.state
        number = f" Customers pay {state.number_label}." if state.number_label else ""
        self.empty.setText(f"No payments yet today.{number}")
        self.empty.setVisible(not state.chips)
        self.unclaimed.setText(f"{state.unclaimed} unclaimed  F10")
        self.unclaimed.setAccessibleName(f"{state.unclaimed} unclaimed payments of the last {LOOK_BACK.days} days, F10")
        self.unclaimed.setToolTip(f"Of the last {LOOK_BACK.days} days")
        self.unclaimed.setVisible(bool(state.unclaimed))
        self._show_chips()

    @Slot()
    def _show_chips(self) -> None:
        chips, now = self._model.state.chips, self._clock()
        for position, chip in enumerate(self.chips):
            chip.setVisible(position < len(chips))
            if position < len(chips):
                chip.show_chip(chips[position], now)
        young = any(now - chip.since < _YOUNG for chip in chips)
        self._timer.setInterval(_YOUNG_MS if young else _OLD_MS)
