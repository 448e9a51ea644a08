"""The row at the foot of a page: the way out on the left, what the page does on the right, what went wrong above."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from pos_app.ui.theme import GAP
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.labels import Text


class Foot(QFrame):
    def __init__(self, problem: Text, leave: QWidget, *acts: QWidget) -> None:
        super().__init__()
        self.setProperty("panel", "rail")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.addWidget(problem)
        row = QHBoxLayout()
        row.setSpacing(2 * GAP)
        row.addWidget(leave)
        row.addStretch(1)
        for act in acts:
            row.addWidget(act)
        column.addLayout(row)


def tell(label: Text, words: str) -> None:
    """Shown, and read out once by a screen reader."""
    if words and words != label.text():
        announce(label, words)
    label.show_text(words)
