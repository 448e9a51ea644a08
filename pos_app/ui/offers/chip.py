"""One payment in the rail: a button with its amount, its customer, its sale and its age."""

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from pos_app.ui.motion import motion_is_reduced
from pos_app.ui.offers.state import ChipState, Kind
from pos_app.ui.offers.words import age_words
from pos_app.ui.theme import set_kind, tokens
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Elided, Number, Text, tooltip

_PULSE_MS = 180
_PULSES = 2
_BORDER = 3
_SIGNS = {
    Kind.FITS: ("tick", "success"),
    Kind.UNCLAIMED: ("question", "text"),
    Kind.CLAIMED: ("tick", "success"),
    Kind.TAKEN: ("exclamation", "text"),
}


class Chip(Button):
    def __init__(self, press: Callable[[ChipState], None]) -> None:
        super().__init__("", on_click=lambda: self._pressed(press))
        self.setProperty("chip", "plain")
        self.setMaximumWidth(264)
        self._shown: ChipState | None = None
        self._under_finger: ChipState | None = None
        self._age = ""
        self.sign, self.amount = Glyph("tick", "success", 20), Number("", "strong")
        self.age, self.who = Text("", "small"), Elided("", "small")
        self._beats = 0
        self._pulse = QTimer(self, interval=_PULSE_MS)
        self._pulse.timeout.connect(self._beat)
        self.pressed.connect(self._put_finger)
        self._lay_out()

    def _lay_out(self) -> None:
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
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(6)
        row.addWidget(self.sign)
        row.addLayout(words, 1)
        for label in self.findChildren(QWidget):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_chip(self, chip: ChipState, now: datetime) -> None:
        age = age_words(now - chip.since)
        before = self._shown
        if (before, self._age) == (chip, age):
            return
        self._shown, self._age = chip, age
        self.age.setText(age)
        self.setAccessibleName(f"{chip.amount} from {chip.who}, {chip.place}, {age} ago")
        if before != chip:
            self._dress(chip)
        was_fitting = before is not None and before.key == chip.key and before.kind is Kind.FITS
        if chip.kind is Kind.FITS and not was_fitting:
            self._start_pulse()
        elif chip.kind is not Kind.FITS:
            self._pulse.stop()

    def _dress(self, chip: ChipState) -> None:
        sign, tint = _SIGNS[chip.kind]
        self.sign.show_sign(*(("exclamation", "text") if chip.late else (sign, tint)))
        self.amount.setText(str(chip.amount))
        # Who has it matters more of what is taken than who sent it.
        self.who.setText(chip.place if chip.kind is Kind.TAKEN else f"{chip.who} · {chip.place}")
        set_kind(self, str(chip.kind), "chip")
        self.setToolTip(tooltip(chip.receipt) or "M-Pesa code to follow")
        self.update()

    # A press counts for the payment that was there when the finger came down.

    def _put_finger(self) -> None:
        self._under_finger = self._shown

    def _pressed(self, press: Callable[[ChipState], None]) -> None:
        chip, meant = self._shown, self._under_finger or self._shown
        self._under_finger = None
        if chip is not None and meant is not None and chip.key == meant.key:
            press(chip)

    # The border of what fits: it comes and goes twice, then it stays.

    def _start_pulse(self) -> None:
        if motion_is_reduced():
            return
        self._beats = 2 * _PULSES
        self._pulse.start()
        self.update()

    def _beat(self) -> None:
        self._beats -= 1
        if self._beats <= 0:
            self._pulse.stop()
        self.update()

    @property
    def paints_border(self) -> bool:
        return self._shown is not None and self._shown.kind is Kind.FITS and self._beats % 2 == 0

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.paints_border:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens().success), _BORDER))
        inset = _BORDER / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 8, 8)
        painter.end()
