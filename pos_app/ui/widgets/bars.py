"""Amber bars under the status bar: what a person must know, without a dialog in the way."""

from collections.abc import Callable

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

    def show_sentence(self, sentence: str) -> None:
        """Stands for as long as there is one."""
        if sentence and sentence != self.sentence.text():
            announce(self, sentence)
        self.sentence.setText(sentence)
        self.setAccessibleName(sentence)
        self.setVisible(bool(sentence))

    def offer(self, button: Button) -> None:
        self.button = button
        self._row.addWidget(button)

    def count(self, others: int) -> None:
        if self.button is not None:
            self.button.setText(f"Dismiss ({others} more)" if others else "Dismiss")


class Matters(Bar):
    """What a person has to settle: the loudest of it in words, the others counted, all of them behind the button."""

    def __init__(self, words: str, open_all: Callable[[], object]) -> None:
        super().__init__("", "exclamation", urgent=True)
        self._words = words
        self._told: dict[int, str] = {}
        self.offer(Button(words, on_click=open_all))
        self.hide()

    def show_matter(self, rank: int, sentence: str) -> None:
        """One sentence for each rank, empty once there is nothing to settle; the lowest rank is the loudest."""
        self._told[rank] = sentence
        told = [self._told[known] for known in sorted(self._told) if self._told[known]]
        self.show_sentence(told[0] if told else "")
        if self.button is not None:
            self.button.setText(f"{self._words} ({len(told) - 1} more)" if len(told) > 1 else self._words)


class Notices(QWidget):
    """What stands until it is dismissed, newest first, the same sentence once; bars that leave by themselves below."""

    def __init__(self, settle: tuple[str, Callable[[], object]]) -> None:
        """`settle`: the words on the button of what a person has to settle, and what shows all of it."""
        super().__init__()
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(1)
        self.standing = Bar("", "exclamation")
        self.standing.hide()
        self.matters = Matters(*settle)
        self._box.addWidget(self.matters)
        self._box.addWidget(self.standing)
        self.bars: list[Bar] = []

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
