"""What fills the customer display: where to pay, one large message, PAID; sizes follow the window's."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pos_app.ui.customer_display import words
from pos_app.ui.customer_display.scan_code import ScanCode
from pos_app.ui.customer_display.state import DisplayState, Scene
from pos_app.ui.theme import text_font
from pos_app.ui.widgets.glyph import Badge
from pos_app.ui.widgets.labels import FittedNumber, Text

_WEIGHTS = QFont.Weight
_CENTRE = Qt.AlignmentFlag.AlignCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_BADGES = {
    Scene.PHONE: ("selected", "text"),
    Scene.CHECKING: ("checking", "on_checking"),
    Scene.ASK: ("checking", "on_checking"),
}


class DisplayPage(QWidget):
    """All sizes are those at 1366×768; `scale` fits them to another screen."""

    def __init__(self, align: Qt.AlignmentFlag) -> None:
        super().__init__()
        self._align = align
        self._words: list[tuple[Text, int, QFont.Weight]] = []
        self._figures: list[tuple[FittedNumber, int]] = []
        self._badges: list[tuple[Badge, int]] = []

    def words(self, pixels: int, weight: QFont.Weight = _WEIGHTS.Normal, *, muted: bool = False) -> Text:
        made = Text("", "muted" if muted else "", wrap=True)
        made.setAlignment(self._align)
        self._words.append((made, pixels, weight))
        return made

    def figure(self, pixels: int) -> FittedNumber:
        made = FittedNumber(pixels)
        made.setAlignment(self._align)
        self._figures.append((made, pixels))
        return made

    def badge(self, pixels: int) -> Badge:
        made = Badge(pixels)
        self._badges.append((made, pixels))
        return made

    def scale(self, factor: float) -> None:
        for label, pixels, weight in self._words:
            label.setFont(text_font(round(pixels * factor), weight))
        for figure, pixels in self._figures:
            figure.show_largest(round(pixels * factor))
        for badge, pixels in self._badges:
            badge.setFixedSize(round(pixels * factor), round(pixels * factor))

    def show_state(self, state: DisplayState) -> None:
        """Its own part of it."""


class PayPage(DisplayPage):
    """The total, or a welcome; and always the one number to pay to."""

    def __init__(self) -> None:
        super().__init__(_LEFT)
        self.heading, self.amount = self.words(36, muted=True), self.figure(136)
        self.pay_to, self.number = self.words(28, muted=True), self.figure(84)
        self.account_word, self.account = self.words(28, muted=True), self.figure(64)
        self.code, self.scan = ScanCode(), self.words(24, muted=True)
        self.scan.setAlignment(_CENTRE)
        told = QVBoxLayout()
        told.setSpacing(4)
        told.addStretch(1)
        for widget in (self.heading, self.amount):
            told.addWidget(widget)
        told.addStretch(1)
        for widget in (self.pay_to, self.number, self.account_word, self.account):
            told.addWidget(widget)
        told.addStretch(1)
        coded = QVBoxLayout()
        coded.setSpacing(12)
        coded.addWidget(self.code, 1)
        coded.addWidget(self.scan)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(32)
        row.addLayout(told, 3)
        row.addLayout(coded, 2)

    def show_state(self, state: DisplayState) -> None:
        idle = state.scene is Scene.IDLE
        heading, large = words.WELCOME if idle else (words.together(words.TOTAL), str(state.amount))
        self.heading.setText(heading)
        self.amount.setText(large)
        self.pay_to.show_text(words.together(words.PAY_TO) if state.number_label else "")
        _show(self.number, state.number_label)
        self.account_word.show_text(words.together(words.ACCOUNT) if state.account else "")
        _show(self.account, state.account)
        self.code.setVisible(bool(state.code_text))
        self.code.show_code(state.code_text, state.picture)
        scan = words.SCAN_TO_PAY if self.code.is_picture else words.SCAN_TO_READ
        self.scan.show_text("\n".join(scan) if state.code_text else "")


class MessagePage(DisplayPage):
    """One thing to do, in both languages at full size."""

    def __init__(self) -> None:
        super().__init__(_CENTRE)
        self.sign = self.badge(112)
        self.english, self.swahili = self.words(80, _WEIGHTS.Bold), self.words(60, _WEIGHTS.DemiBold)
        self.amount, self.phone = self.figure(92), self.words(38, muted=True)
        self.advice, self.shauri = self.words(36), self.words(36)
        _stack(self, self.sign, self.english, self.swahili, self.amount, self.phone, self.advice, self.shauri)

    def show_state(self, state: DisplayState) -> None:
        sign, said, advised = words.MESSAGES.get(state.scene, words.MESSAGES[Scene.ASK])
        self.sign.show_sign(sign, *_BADGES.get(state.scene, _BADGES[Scene.ASK]))
        for label, text in zip((self.english, self.swahili, self.advice, self.shauri), said + advised, strict=True):
            label.show_text(text)
        _show(self.amount, str(state.amount) if state.scene is not Scene.ASK else "")
        self.phone.show_text(state.phone)


class PaidPage(DisplayPage):
    def __init__(self) -> None:
        super().__init__(_CENTRE)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", "paid")
        self.sign = self.badge(112)
        self.sign.show_sign("tick", "on_pay", "pay")
        self.word, self.amount = self.words(80, _WEIGHTS.Bold), self.figure(112)
        self.thanks, self.change_word, self.change = self.words(40), self.words(28), self.figure(56)
        _stack(self, self.sign, self.word, self.amount, self.change_word, self.change, self.thanks)

    def show_state(self, state: DisplayState) -> None:
        self.word.setText(words.together(words.PAID))
        self.amount.setText(str(state.amount))
        self.change_word.show_text(words.together(words.CHANGE) if state.change else "")
        _show(self.change, str(state.change) if state.change else "")
        self.thanks.setText(words.thanks(state.first_name))


def _stack(page: QWidget, *widgets: QWidget) -> None:
    box = QVBoxLayout(page)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(10)
    box.addStretch(1)
    for widget in widgets:
        if isinstance(widget, QLabel):
            box.addWidget(widget)
        else:
            box.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
    box.addStretch(1)


def _show(figure: FittedNumber, text: str) -> None:
    figure.setText(text)
    figure.setVisible(bool(text))
