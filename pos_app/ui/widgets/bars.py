"""Amber bars under the status bar: what a person must know, without a dialog in the way."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Text


class Bar(QWidget):
    def __init__(self, sentence: str, sign: str, urgent: bool = False) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", "notice")
        self.sentence = Text(sentence, "strong" if urgent else "", wrap=True)
        self.button: Button | None = None
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(16, 2, 8, 2)
        row.setSpacing(12)
        row.addWidget(Glyph(sign, "on_checking", 20))
        row.addWidget(self.sentence, 1)
        self.setMinimumHeight(40)
        self.setAccessibleName(sentence)

    def offer(self, button: Button) -> None:
        self.button = button
        self._row.addWidget(button)

    def count(self, others: int) -> None:
        if self.button is not None:
            self.button.setText(f"Dismiss ({others} more)" if others else "Dismiss")


class Notices(QWidget):
    """What stands until it is dismissed, newest first, the same sentence once; and the bar that leaves by itself."""

    def __init__(self) -> None:
        super().__init__()
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(1)
        self.standing = Bar("", "exclamation")
        self._box.addWidget(self.standing)
        self.standing.hide()
        self.bars: list[Bar] = []

    def show_standing(self, sentence: str) -> None:
        if sentence and sentence != self.standing.sentence.text():
            announce(self, sentence)
        self.standing.sentence.setText(sentence)
        self.standing.setAccessibleName(sentence)
        self.standing.setVisible(bool(sentence))

    def add(self, sentence: str, urgent: bool = False) -> None:
        if any(bar.sentence.text() == sentence for bar in self.bars):
            return
        bar = Bar(sentence, "exclamation" if urgent else "question", urgent)
        bar.offer(Button("Dismiss", name=f"Dismiss: {sentence}", on_click=lambda: self.dismiss(bar)))
        self.bars.insert(0, bar)
        self._box.insertWidget(0, bar)
        announce(self, sentence)
        self._show_newest()

    def dismiss(self, bar: Bar) -> None:
        self.bars.remove(bar)
        self._box.removeWidget(bar)
        bar.hide()
        bar.deleteLater()
        self._show_newest()

    def _show_newest(self) -> None:
        """One at a time, so that the cart keeps its room; the others come up as this one is dismissed."""
        for position, bar in enumerate(self.bars):
            bar.setVisible(position == 0)
            bar.count(len(self.bars) - 1)
