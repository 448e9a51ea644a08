"""The left of the network page: the weather in a word and a few large figures, and how far all payments are known."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from pos_app.ui.network.state import Figure, PullingWords, WeatherWords
from pos_app.ui.theme import GAP, numeric_font
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Text

_FIGURE_PIXELS = 36
_FIGURES = 2


class WeatherPanel(QFrame):
    def __init__(self) -> None:
        super().__init__()
        self.setProperty("panel", "surface")
        self.sign, self.word = Glyph("minus", "muted", 28), Text("", "sentence", wrap=True)
        self.sentence = Text("", "muted", wrap=True)
        self.figures = [FigureView() for _ in range(_FIGURES)]
        self._shown: WeatherWords | None = None
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.word, 1)
        column = _column(self)
        column.addLayout(top)
        column.addWidget(self.sentence)
        side_by_side = QHBoxLayout()
        side_by_side.setSpacing(2 * GAP)
        for figure in self.figures:
            side_by_side.addWidget(figure, 1)
        column.addLayout(side_by_side)

    def show_words(self, words: WeatherWords) -> None:
        if words == self._shown:
            return
        self._shown = words
        self.sign.show_sign(words.sign, words.tint)
        self.word.setText(words.word)
        self.sentence.setText(words.sentence)
        for position, figure in enumerate(self.figures):
            figure.show_figure(words.figures[position] if position < len(words.figures) else None)


class FigureView(QWidget):
    """A large number, and below it what it counts."""

    def __init__(self) -> None:
        super().__init__()
        self.number, self.caption = Text(), Text("", "small", wrap=True)
        self.number.setFont(numeric_font(_FIGURE_PIXELS, QFont.Weight.DemiBold))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GAP, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.number)
        column.addWidget(self.caption)
        column.addStretch(1)

    def show_figure(self, figure: Figure | None) -> None:
        self.setVisible(figure is not None)
        if figure is not None:
            self.number.setText(figure.number)
            self.caption.setText(figure.caption)


class PullingPanel(QFrame):
    def __init__(self, on_ask: Callable[[], object]) -> None:
        super().__init__()
        self.setProperty("panel", "surface")
        self.sentence, self.trouble = Text("", wrap=True), Text("", "error", wrap=True)
        self.waiting = Text("", "strong", wrap=True)
        self.ask = Button("", name="Ask Safaricom for missed payments now", on_click=on_ask)
        column = _column(self)
        column.addWidget(Text("Missed payments", "title"))
        for widget in (self.sentence, self.trouble, self.waiting, self.ask):
            column.addWidget(widget)

    def show_words(self, words: PullingWords, *, is_asking: bool) -> None:
        self.sentence.setText(words.sentence)
        self.trouble.show_text(f"! {words.trouble}" if words.trouble else "")
        self.waiting.show_text(words.waiting)
        self.ask.setText("Asking Safaricom …" if is_asking else "Ask now")
        self.ask.setEnabled(not is_asking)


def _column(panel: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(panel)
    column.setContentsMargins(20, 16, 20, 20)
    column.setSpacing(GAP)
    return column
