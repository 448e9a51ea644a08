"""The payments rail: the last five payments and money that belongs to no sale yet, with their age."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from pos_app.ui.sale.state import SellState
from pos_app.ui.theme import set_kind
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Elided, Number, Text, tooltip

if TYPE_CHECKING:
    from pos_app.services.payments import RecentPayment

CHIPS = 5
_AGE_MS = 10_000


def age_words(age: timedelta) -> str:
    seconds = max(int(age.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 86_400 else f"{seconds // 86_400} d"


class Chip(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("chip", "plain")
        self.setMaximumWidth(264)
        self._shown: tuple[RecentPayment, str] | None = None
        self.sign, self.amount = Glyph("tick", "success", 20), Number("", "strong")
        self.age, self.who = Text("", "small"), Elided("", "small")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.amount)
        top.addStretch(1)
        top.addWidget(self.age)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addLayout(top)
        words.addWidget(self.who)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 10, 2)
        row.setSpacing(8)
        row.addWidget(self.sign)
        row.addLayout(words, 1)

    def show_payment(self, payment: "RecentPayment", now: datetime) -> None:
        age = age_words(now - payment.at)
        if self._shown == (payment, age):
            return
        self._shown = payment, age
        unclaimed = payment.sale_number is None
        self.sign.show_sign(*_sign_of(payment))
        self.amount.setText(str(payment.amount))
        self.age.setText(age)
        who = " ".join(filter(None, (payment.who, _tail(payment.phone)))) or "(no name)"
        place = "no sale yet" if unclaimed else f"sale {payment.sale_number}"
        late = " · late" if payment.late else ""
        self.who.setText(f"{who} · {place}{late}")
        set_kind(self, "unclaimed" if unclaimed else "plain", "chip")
        self.setAccessibleName(f"{payment.amount} from {who}, {place}{late}, {age} ago")
        self.setToolTip(tooltip(payment.receipt) or "M-Pesa code to follow")


def _sign_of(payment: "RecentPayment") -> tuple[str, str]:
    if payment.sale_number is None:
        return "question", "text"
    return ("exclamation", "text") if payment.late else ("tick", "success")


def _tail(phone: str) -> str:
    """The last three digits are what a customer can be asked for."""
    digits = "".join(character for character in phone if character.isdigit())
    return f"•••{digits[-3:]}" if len(digits) >= 3 else ""


class PaymentsRail(QWidget):
    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._payments: tuple[RecentPayment, ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", "rail")
        self.setFixedHeight(64)
        self.empty = Text("", "muted")
        self.chips = [Chip() for _ in range(CHIPS)]
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(8)
        row.addWidget(self.empty, 1)
        for chip in self.chips:
            row.addWidget(chip, 1)
        self._rest = QWidget()
        row.addWidget(self._rest, 0)
        timer = QTimer(self, interval=_AGE_MS)
        timer.timeout.connect(self._show)
        timer.start()

    def show_state(self, state: SellState) -> None:
        self._payments = state.recent
        number = f" Customers pay {state.number_label}." if state.number_label else ""
        self.empty.setText(f"No payments yet today.{number}")
        self._show()

    def _show(self) -> None:
        now = self._clock()
        self.empty.setVisible(not self._payments)
        for position, chip in enumerate(self.chips):
            chip.setVisible(position < len(self._payments))
            if position < len(self._payments):
                chip.show_payment(self._payments[position], now)
