"""One thing to settle: what it is, what the till can do about it, and a line for a supervisor's words."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout

from pos_app.ui.network.state import Card
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.fields import Field
from pos_app.ui.widgets.labels import Elided, Text

_NAME_WIDTH = 150
_NOTE_MAX = 200


class CardView(QFrame):
    """Stays the same widget while its card changes, so that words half typed are not lost."""

    def __init__(self, card: Card, on_act: Callable[[], object], on_note: Callable[[str], object]) -> None:
        super().__init__()
        self.setProperty("panel", "surface")
        self.card: Card | None = None
        self._busy: bool | None = None
        self.title, self.sentence = Text("", "title"), Text("", wrap=True)
        self.values = [Elided() for _ in card.facts]
        self.act = Button("", on_click=on_act)
        self.note = Field(f"In a few words: {card.title}", "In a few words, for the record")
        self.note.setMaxLength(_NOTE_MAX)
        self.note.entered.connect(on_note)
        self.note_act = Button("", on_click=lambda: on_note(self.note.text()))
        self._lay_out(card)
        self.show_card(card, is_busy=False)

    def show_card(self, card: Card, *, is_busy: bool) -> None:
        if (card, is_busy) == (self.card, self._busy):
            return
        self.card, self._busy = card, is_busy
        self.title.setText(card.title)
        self.sentence.setText(card.sentence)
        for value, (_, told) in zip(self.values, card.facts, strict=True):
            value.setText(told)
        self.act.setText("Asking Safaricom …" if is_busy and card.act else card.act)
        self.act.setVisible(bool(card.act))
        self.note_act.setText(card.note_act)
        for button, word in ((self.act, card.act), (self.note_act, card.note_act)):
            button.setAccessibleName(f"{word}: {card.title}")
            button.setEnabled(not is_busy)

    def _lay_out(self, card: Card) -> None:
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.act)
        below = QHBoxLayout()
        below.setSpacing(GAP)
        below.addWidget(self.note, 1)
        below.addWidget(self.note_act)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(GAP)
        column.addLayout(top)
        column.addWidget(self.sentence)
        if card.facts:
            column.addLayout(self._facts(card))
        column.addLayout(below)

    def _facts(self, card: Card) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GAP)
        grid.setVerticalSpacing(2)
        grid.setColumnMinimumWidth(0, _NAME_WIDTH)
        grid.setColumnStretch(1, 1)
        for row, ((name, _), value) in enumerate(zip(card.facts, self.values, strict=True)):
            grid.addWidget(Text(name, "muted"), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(value, row, 1)
        return grid
