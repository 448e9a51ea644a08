"""The manager's list as a page: two lists of payments, and below them what can be done with the selected one."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from pos_app.domain.payment import Payment
from pos_app.services.matching import UNCLAIMED_SHOWN
from pos_app.services.offers import LOOK_BACK
from pos_app.ui.theme import GAP, ROW
from pos_app.ui.unclaimed.rows import AMOUNT, CODE, NAME, PAID, PHONE, REFERENCE
from pos_app.ui.unclaimed.view_model import UnclaimedState, UnclaimedViewModel
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.fields import Field
from pos_app.ui.widgets.foot import Foot, tell
from pos_app.ui.widgets.labels import Text
from pos_app.ui.widgets.touch import scroll_by_touch

_WIDTHS = {AMOUNT: 120, NAME: 220, PHONE: 90, CODE: 150, REFERENCE: 190, PAID: 180}
_EXPLAINED = {
    False: f"Of {UNCLAIMED_SHOWN.days} days; the selling page counts {LOOK_BACK.days}. Enter takes one for the sale.",
    True: "Payments that sales of this till have. A wrong one can be given back.",
}
_EMPTY = {False: "Every payment has its sale.", True: "No sale of this till has a customer’s own payment yet."}


class PaymentsTable(QTableView):
    chosen = Signal()
    """Enter, or a double click."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Payments, newest first")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.doubleClicked.connect(lambda _index: self.chosen.emit())
        scroll_by_touch(self.viewport())

    def set_columns(self) -> None:
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStyleSheet("QHeaderView::section { padding: 12px 15px; }")  # in line with the cells below
        header.setSectionsClickable(False)
        for column, width in _WIDTHS.items():
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, width)
        header.setStretchLastSection(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self.chosen.emit()
            event.accept()
            return
        super().keyPressEvent(event)


class UnclaimedPage(QWidget):
    closed = Signal()
    chosen = Signal(object)
    """A payment for the sale at the counter."""

    def __init__(self, view_model: UnclaimedViewModel) -> None:
        super().__init__()
        self._model = view_model
        self.setProperty("panel", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.free = Button("Unclaimed", "quiet", on_click=lambda: view_model.show_claimed(False))
        self.used = Button("Claimed here", "quiet", on_click=lambda: view_model.show_claimed(True))
        for tab in (self.free, self.used):
            tab.setCheckable(True)
        self.explained, self.empty = Text("", "muted"), Text("", "title", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.table = PaymentsTable()
        self.table.setModel(view_model.rows)
        self.table.set_columns()
        self.problem, self.done = Text("", "warning", wrap=True), Text("", "strong", wrap=True)
        self.reason = Field("Why it is given back", "Why it is given back, for example: wrong sale")
        self.accept = Button("Give to the sale  Enter", "primary", on_click=self._choose)
        self.release = Button("Give back", "danger", on_click=self._release)
        self.leave = Button("Back  ·  Esc", name="Back", on_click=self.closed.emit)
        self._lay_out()
        self.table.hide()
        self.table.chosen.connect(self._choose)
        self.reason.entered.connect(lambda _text: self._release())
        QShortcut(QKeySequence("Esc"), self, self.closed.emit, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        view_model.changed.connect(self.render_state)

    def _lay_out(self) -> None:
        head = QFrame()
        head.setProperty("panel", "bar")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 10, 16, 10)
        row.setSpacing(2 * GAP)
        row.addWidget(Text("Customers’ own payments", "title"))
        row.addWidget(self.free)
        row.addWidget(self.used)
        row.addWidget(self.explained, 1)
        self.reason.setMinimumWidth(420)
        self.reason.setMaxLength(80)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self.done)
        column.addWidget(self.empty, 1)
        beside = QHBoxLayout()
        beside.setContentsMargins(GAP, 0, GAP, 0)  # the ring of the focus goes around the table
        beside.addWidget(self.table)
        column.addLayout(beside, 1)
        column.addWidget(Foot(self.problem, self.leave, self.reason, self.release, self.accept))

    @Slot()
    def render_state(self) -> None:
        state = self._model.state
        self._show_lists(state)
        tell(self.problem, state.problem)
        tell(self.done, state.done)
        selected = self._selected is not None
        self.accept.setVisible(not state.claimed)
        self.accept.setEnabled(selected)
        for widget in (self.reason, self.release):
            widget.setVisible(state.claimed)
            widget.setEnabled(selected)

    def _show_lists(self, state: UnclaimedState) -> None:
        self.free.setChecked(not state.claimed)
        self.used.setChecked(state.claimed)
        self.explained.setText(_EXPLAINED[state.claimed])
        self.empty.setText("Looking …" if state.loading else _EMPTY[state.claimed])
        self.empty.setVisible(not state.count)
        appears = bool(state.count) and self.table.isHidden()
        self.table.setVisible(bool(state.count))
        if state.count and not self.table.currentIndex().isValid():
            self.table.selectRow(0)
        if appears:
            self.table.setFocus()

    @property
    def _selected(self) -> Payment | None:
        row = self._model.rows.row_at(self.table.currentIndex().row())
        return row.payment if row is not None else None

    def _choose(self) -> None:
        payment = self._selected
        if self._model.state.claimed:
            self.reason.setFocus()
        elif payment is not None:
            self.chosen.emit(payment)

    def _release(self) -> None:
        payment = self._selected
        if payment is not None:
            self._model.release(payment, self.reason.text())
            self.reason.clear()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._model.enter()
        (self.leave if self.table.isHidden() else self.table).setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._model.leave()
