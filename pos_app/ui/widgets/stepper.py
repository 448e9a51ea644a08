"""A count to step up and down with a finger; it knows no product."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from pos_app.ui.theme import TARGET
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Number


class Stepper(QWidget):
    """How many: two buttons large enough for a finger, and the count between them."""

    stepped = Signal(int)

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most, self.count = most, 0
        self.less = Button("−", name="One less", on_click=lambda: self._step(-1))
        self.more = Button("+", name="One more", on_click=lambda: self._step(1))
        self.figure = Number("0")
        for button in (self.less, self.more):
            button.setFixedWidth(TARGET)
        self.figure.setMinimumWidth(28)
        self.figure.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for widget in (self.less, self.figure, self.more):
            row.addWidget(widget)
        self.show_count(0)

    def show_count(self, count: int) -> None:
        self.count = count
        self.figure.setText(str(count))
        self.less.setEnabled(count > 0)
        self.more.setEnabled(count < self._most)

    def _step(self, by: int) -> None:
        self.show_count(min(max(self.count + by, 0), self._most))
        self.stepped.emit(self.count)
