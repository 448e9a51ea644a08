"""Digits to touch, for a till without a keyboard; it types into whichever field it was given."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLineEdit, QSizePolicy, QWidget

from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button

_KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "00", "0", "⌫")
_BACK = "⌫"


class Keypad(QWidget):
    def __init__(self, field: QLineEdit, last: str = "00", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field = field
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(GAP)
        for position, key in enumerate(_KEYS):
            if key == "00" and not last:
                continue
            grid.addWidget(self._key(last if key == "00" else key), position // 3, position % 3)

    def _key(self, key: str) -> Button:
        button = Button(key, scale="key", name="Delete the last digit" if key == _BACK else key)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        button.setAutoRepeat(key == _BACK)
        button.clicked.connect(lambda _checked=False: self._press(key))
        return button

    def _press(self, key: str) -> None:
        if key == _BACK:
            self._field.backspace()
        else:
            self._field.insert(key)
        self._field.textEdited.emit(self._field.text())
        self._field.setFocus()
