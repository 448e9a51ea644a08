"""One part of the settings screen: a column with a title, and the fields that an error can be shown beside."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from pos_app.settings import variable
from pos_app.ui.settings.field import Field
from pos_app.ui.settings.probe_line import Telling
from pos_app.ui.settings.state import SettingsState
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.labels import Text


class Section(QWidget):
    """`fields` are those that an error can be shown beside, by the setting's name."""

    title = ""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, Field] = {}
        self.lines: tuple[Telling, ...] = ()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(32, 24, 32, 24)
        self.column.setSpacing(2 * GAP)
        self.column.addWidget(Text(self.title, "title"))

    def show_state(self, state: SettingsState) -> None:
        for name, field in self.fields.items():
            field.show_error(state.errors.get(name, ""))
            if name in state.overridden:
                field.fix(f"Set by {variable(name)} on this computer, so it cannot be changed here.")

    def enter(self) -> None:
        """It comes into sight."""

    def errors_in(self, state: SettingsState) -> list[Field]:
        return [field for name, field in self.fields.items() if name in state.errors]
