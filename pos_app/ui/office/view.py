"""The office page: its parts on the left, the chosen part beside them; who may not see a part is told so."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QStackedWidget, QVBoxLayout, QWidget

from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.services.changes import Changes, SessionChanged
from pos_app.ui.office.part import Part
from pos_app.ui.refund.part import RefundsPart
from pos_app.ui.theme import ROW
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Text

_LIST_WIDTH = 200


class OfficePage(QWidget):
    closed = Signal()

    def __init__(self, changes: Changes, may: Callable[[Action], Refused | None], *parts: Part) -> None:
        """`may` asks who is signed in, and takes what was allowed in place."""
        super().__init__()
        self.setProperty("panel", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.parts, self._may = parts, may
        self._shown: Part | None = None
        self.list, self.stack = QListWidget(), QStackedWidget()
        self.denied = Text("", "sentence", wrap=True)
        self.denied.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.again = Button("Look again", on_click=self._show_part)
        self._lay_out()
        changes.subscribe(SessionChanged, self._on_session)

    @property
    def refunds(self) -> RefundsPart:
        part = self.parts[0]
        if not isinstance(part, RefundsPart):
            raise TypeError("the refunds come first")
        return part

    def show_part(self, part: Part) -> None:
        self.list.setCurrentRow(self.parts.index(part))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_part()
        self.list.setFocus()

    def focusInEvent(self, _event: QFocusEvent) -> None:
        """The window gives the focus to the page; the page passes it on."""
        self.list.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._forget()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Not a shortcut: the pages within have their own for the same key, and theirs goes first."""
        if event.key() == Qt.Key.Key_Escape:
            self._step_back()
            return
        super().keyPressEvent(event)

    def _show_part(self) -> None:
        if not self.isVisible() or self.list.currentRow() < 0:
            return
        part = self.parts[self.list.currentRow()]
        if part is self._shown:
            return
        self._forget()
        refused = self._may(part.sees)
        if refused is not None:
            self.denied.setText(refused.sentence)
            self.stack.setCurrentIndex(0)
            return
        self._shown = part
        self.stack.setCurrentWidget(part)
        part.enter()

    def _on_session(self, change: SessionChanged) -> None:
        """Whoever comes sees what they may, also where the door has opened on this page already."""
        self._forget()
        if change.session is not None:
            self._show_part()

    def _forget(self) -> None:
        """What somebody else was allowed to see must not stay for the next."""
        if self._shown is not None:
            self._shown.leave()
            self._shown = None
            self.stack.setCurrentIndex(0)

    def _step_back(self) -> None:
        if self._shown is None or not self._shown.step_back():
            self.closed.emit()

    def _lay_out(self) -> None:
        shut = QWidget()
        box = QVBoxLayout(shut)
        box.addStretch(1)
        box.addWidget(self.denied)
        box.addWidget(self.again, 0, Qt.AlignmentFlag.AlignHCenter)
        box.addStretch(2)
        self.stack.addWidget(shut)
        for part in self.parts:
            self.list.addItem(QListWidgetItem(part.title))
            self.stack.addWidget(part)
        self.list.setAccessibleName("Parts of the office")
        self.list.setFixedWidth(_LIST_WIDTH)
        self.list.setProperty("panel", "side")
        self.list.setStyleSheet(f"QListWidget::item {{ min-height: {ROW}px; padding: 0 16px; }}")
        self.list.setCurrentRow(0)
        self.list.currentRowChanged.connect(lambda _row: self._show_part())
        self.list.itemActivated.connect(lambda _item: self._show_part())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.list)
        row.addWidget(self.stack, 1)
