"""A test button and what it found: sign, word and the exact sentence; it knows no service."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from pos_app.ui.settings.state import ProbeResult, Standing
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Text

_SIGNS = {
    Standing.RUNNING: ("dots", "muted", "Testing …"),
    Standing.WORKS: ("tick", "success", "Works"),
    Standing.UNSURE: ("question", "muted", "Not certain"),
    Standing.PROBLEM: ("exclamation", "danger", "Problem"),
}
_BUTTON_WIDTH = 200


class Telling(QWidget):
    told = Signal()
    """There is something new to read."""


class ProbeLine(Telling):
    def __init__(self, words: str, on_click: Callable[[], None]) -> None:
        super().__init__()
        self._shown: ProbeResult | None = None
        self.button = Button(words, on_click=on_click)
        self.sign = Glyph("dots", "muted")
        self.word = Text("", "strong")
        self.sentence = Text("", wrap=True)
        self.code = Text("", "code")
        first = QHBoxLayout()
        first.setSpacing(GAP)
        for widget in (self.sign, self.word, self.code):
            first.addWidget(widget)
        first.addStretch(1)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * GAP)
        grid.setVerticalSpacing(0)
        grid.setColumnMinimumWidth(0, _BUTTON_WIDTH)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.button, 0, 0, 2, 1)
        grid.addLayout(first, 0, 1)
        grid.addWidget(self.sentence, 1, 1, Qt.AlignmentFlag.AlignTop)
        self._show_nothing()

    def show_result(self, result: ProbeResult | None) -> None:
        if result == self._shown:
            return
        self._shown = result
        self.button.setEnabled(result is None or result.standing is not Standing.RUNNING)
        if result is None:
            self._show_nothing()
            return
        self.sign.show()
        sign, tint, usual = _SIGNS[result.standing]
        word = result.word or usual
        self.sign.show_sign(sign, tint)
        self.word.show_text(word)
        self.sentence.show_text(result.sentence)
        self.code.show_text(result.code)
        self.button.setAccessibleDescription(f"{word}. {result.sentence}")
        announce(self.button, f"{word}. {result.sentence}")
        self.told.emit()

    def _show_nothing(self) -> None:
        self.sign.hide()
        for label in (self.word, self.sentence, self.code):
            label.show_text("")
