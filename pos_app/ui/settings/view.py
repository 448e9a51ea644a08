"""The settings screen: parts on the left, the chosen part on the right, save below; it decides nothing."""

from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from pos_app.ui.settings.probe_line import Telling
from pos_app.ui.settings.section import Section
from pos_app.ui.settings.sections import MpesaSection, RelaySection, ShopSection
from pos_app.ui.settings.state import SettingsState
from pos_app.ui.settings.view_model import SettingsViewModel
from pos_app.ui.theme import ROW
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import Foot, tell
from pos_app.ui.widgets.labels import Text

_LIST_WIDTH = 240
_FORM_WIDTH = 940


class SettingsPage(QWidget):
    closed = Signal()

    def __init__(self, view_model: SettingsViewModel, *more: Section) -> None:
        """`more` are the parts that act by themselves, without Save."""
        super().__init__()
        self.setProperty("panel", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._view_model = view_model
        self.shop = ShopSection(view_model)
        self.mpesa = MpesaSection(view_model)
        self.relay = RelaySection(view_model)
        self.sections: tuple[Section, ...] = (self.shop, self.mpesa, self.relay, *more)
        self._acting = more
        self.parts = QListWidget()
        self.stack = QStackedWidget()
        self.problem = Text("", "error", wrap=True)
        self.standing = Text("", "strong")
        self.undo = Button("Undo changes", on_click=view_model.undo)
        self.save = Button("Save  ·  Ctrl+S", "primary", name="Save", on_click=self._save)
        self.done = Button("Back  ·  Esc", name="Back", on_click=self.closed.emit)
        self._lay_out()
        for keys, work in (("Ctrl+S", self._save), ("Esc", self.closed.emit)):
            QShortcut(QKeySequence(keys), self, work, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        view_model.changed.connect(lambda: self.show_state(view_model.state))
        self.show_state(view_model.state)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._view_model.enter()
        self.sections[self.parts.currentRow()].enter()
        self.parts.setFocus()

    def focusInEvent(self, _event: QFocusEvent) -> None:
        """The window gives the focus to the page; the page passes it on."""
        self.parts.setFocus()

    def show_state(self, state: SettingsState) -> None:
        for position, section in enumerate(self.sections):
            section.show_state(state)
            wrong = len(section.errors_in(state))
            self.parts.item(position).setText(f"{section.title}   ! {wrong}" if wrong else section.title)
        tell(self.problem, f"! {state.problem}" if state.problem else "")
        tell(self.standing, _standing(state))
        self.save.setText("Saving …" if state.saving else "Save  ·  Ctrl+S")
        self.save.setEnabled(state.has_unsaved and not state.saving)
        self.undo.setEnabled(state.has_unsaved and not state.saving)
        self._show_save()

    def _show_save(self) -> None:
        """Not beside parts that act by themselves, unless another part waits for it."""
        wanted = self.sections[self.parts.currentRow()] not in self._acting or self._view_model.state.has_unsaved
        self.save.setVisible(wanted)
        self.undo.setVisible(wanted)

    def show_part(self, section: Section) -> None:
        self.parts.setCurrentRow(self.sections.index(section))

    def _turn_to(self, row: int) -> None:
        self.stack.setCurrentIndex(row)
        self.sections[row].enter()
        self._show_save()

    def _save(self) -> None:
        self._view_model.save()
        for section in self.sections:
            wrong = section.errors_in(self._view_model.state)
            if wrong:
                self.show_part(section)
                wrong[0].editor.setFocus()
                return

    def _lay_out(self) -> None:
        for section in self.sections:
            item = QListWidgetItem(section.title)
            self.parts.addItem(item)
            self.stack.addWidget(_scrolled(section))
        self.parts.setAccessibleName("Parts of the settings")
        self.parts.setFixedWidth(_LIST_WIDTH)
        self.parts.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.parts.setStyleSheet(f"QListWidget::item {{ min-height: {ROW}px; padding: 0 16px; }}")
        self.parts.currentRowChanged.connect(self._turn_to)
        self.parts.setCurrentRow(0)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.parts)
        row.addWidget(self.stack, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(Foot(self.problem, self.done, self.standing, self.undo, self.save))


def _scrolled(section: Section) -> QScrollArea:
    section.setMaximumWidth(_FORM_WIDTH)
    area = QScrollArea()
    area.setWidget(section)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    for line in section.lines:
        line.told.connect(partial(_bring_into_sight, area, line))
    return area


def _bring_into_sight(area: QScrollArea, line: Telling) -> None:
    """Once the new sentence has its height."""
    QTimer.singleShot(0, line, lambda: area.ensureWidgetVisible(line))


def _standing(state: SettingsState) -> str:
    if state.saving:
        return ""
    if state.has_unsaved:
        return "● Unsaved changes"
    return f"✓ {state.note}" if state.note else ""
