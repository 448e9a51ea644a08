"""One setting: its label, its editor, what it is for, and what is wrong with it; it knows no setting by name."""

from collections.abc import Callable

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLineEdit, QRadioButton, QVBoxLayout, QWidget

from pos_app.ui.theme import GAP, set_kind
from pos_app.ui.widgets.labels import Text


class Field(QWidget):
    """A label above an editor, the hint or the error below. `hint` is also what a screen reader says."""

    def __init__(self, label: str, editor: QWidget, hint: str = "") -> None:
        super().__init__()
        self.editor = editor
        self.hint = Text(hint, "small", wrap=True)
        self.error = Text("", "error", wrap=True)
        self.error.hide()
        self._hint = hint
        self.caption = Text(label, "strong")
        self.caption.setBuddy(editor)
        editor.setAccessibleName(label)
        editor.setAccessibleDescription(hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 2)
        for widget in (self.caption, editor, self.error, self.hint):
            column.addWidget(widget)
        column.addStretch(1)
        self.hint.setVisible(bool(hint))

    def show_error(self, sentence: str) -> None:
        self.error.show_text(f"! {sentence}" if sentence else "")
        self.hint.setVisible(bool(self._hint) and not sentence)
        self.editor.setAccessibleDescription(sentence or self._hint)
        if isinstance(self.editor, QLineEdit):
            set_kind(self.editor, "true" if sentence else "false", "invalid")

    def show_words(self, label: str, hint: str) -> None:
        self.caption.setText(label)
        self._hint = hint
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint) and self.error.isHidden())
        self.editor.setAccessibleName(label)

    def fix(self, reason: str) -> None:
        """Cannot be changed here, and why."""
        self._hint = reason
        self.hint.show_text(reason)
        self.editor.setEnabled(False)
        self.editor.setAccessibleDescription(reason)


class TextField(Field):
    def __init__(self, label: str, hint: str = "", *, limit: int, on_edit: Callable[[str], None] | None = None) -> None:
        self.line = QLineEdit()
        self.line.setMaxLength(limit)
        super().__init__(label, self.line, hint)
        if on_edit is not None:
            self.line.textEdited.connect(on_edit)

    def show_value(self, text: str) -> None:
        if self.line.text() != text:
            self.line.setText(text)


class KeyField(TextField):
    """For a secret: dots only, and empty again once it is kept."""

    def __init__(self, label: str, hint: str, on_edit: Callable[[str], None]) -> None:
        super().__init__(label, hint, limit=256, on_edit=on_edit)
        self.line.setEchoMode(QLineEdit.EchoMode.Password)

    def show_standing(self, *, is_typed: bool, is_stored: bool, where: str) -> None:
        if not is_typed and self.line.text().strip():
            self.line.clear()
        self.line.setPlaceholderText(f"Stored in {where}" if is_stored else "Not set yet")


class ChoiceField(Field):
    """One of a few, all of them in sight."""

    def __init__(self, label: str, choices: tuple[tuple[str, str], ...], on_choose: Callable[[str], None]) -> None:
        box = QWidget()
        super().__init__(label, box)
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3 * GAP)
        self._group = QButtonGroup(box)
        self.buttons: dict[str, QRadioButton] = {}
        for value, words in choices:
            button = QRadioButton(words)
            button.setAccessibleName(f"{label}: {words}")
            button.clicked.connect(lambda _checked=False, chosen=value: on_choose(chosen))
            self._group.addButton(button)
            row.addWidget(button)
            self.buttons[value] = button
        row.addStretch(1)

    def show_value(self, value: str) -> None:
        self.buttons[value].setChecked(True)


def side_by_side(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(3 * GAP)
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
