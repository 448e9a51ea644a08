"""Fields for the two things people type at a till: a phone number, grouped while it grows, and an amount."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from pos_app.ui.theme import numeric_font


class Field(QLineEdit):
    """`entered` is Enter pressed by a person: a held key enters once."""

    entered = Signal(str)

    def __init__(self, name: str, placeholder: str = "", scale: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        if scale:
            self.setProperty("scale", scale)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self.entered.emit(self.text())
            event.accept()
            return
        super().keyPressEvent(event)


class NumberField(Field):
    """Large tabular figures. `regroup` rewrites the text while it is typed; the caret stays behind its digit."""

    def __init__(
        self,
        name: str,
        placeholder: str = "",
        *,
        scale: str = "huge",
        longest: int = 12,
        regroup: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(name, placeholder, scale)
        self.setFont(numeric_font(20, QFont.Weight.DemiBold))
        self.setMaxLength(longest)
        if regroup is not None:
            self.textEdited.connect(lambda text: self._show(regroup(text)))

    def _show(self, text: str) -> None:
        if text == self.text():
            return
        behind = sum(character != " " for character in self.text()[: self.cursorPosition()])
        self.setText(text)
        at = 0
        while behind and at < len(text):
            behind -= text[at] != " "
            at += 1
        self.setCursorPosition(at)
