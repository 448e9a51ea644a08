"""The list of refunds, newest first: arrows move, Enter opens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from pos_app.domain.refund import Refund
from pos_app.ui.history.list_view import StateDelegate
from pos_app.ui.history.rows import TONE_ROLE
from pos_app.ui.history.words import time_of
from pos_app.ui.refund.view_model import RefundsState, RefundsViewModel
from pos_app.ui.refund.words import SHORT_ROUTES, mark
from pos_app.ui.widgets.labels import Text
from pos_app.ui.widgets.rows_table import RowsTable

COLUMNS = ("Refund", "When", "Way", "M-Pesa code", "Why", "State", "Amount")
_WHY, _STATE, _AMOUNT = 4, 5, 6
_WIDTHS = {0: 90, 1: 158, 2: 130, 3: 150, _STATE: 210, _AMOUNT: 130}
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_EMPTY = "Nothing was given back yet.\nA refund begins at its sale: F6, scan the receipt, F3."
Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class RefundRows(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Refund, ...] = ()
        self._words: list[tuple[str, ...]] = []

    def show_rows(self, rows: Sequence[Refund], now: datetime) -> None:
        self.beginResetModel()
        self.rows = tuple(rows)
        self._words = [_words(row, now) for row in rows]
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and section == _AMOUNT:
            return _RIGHT
        return COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._words[index.row()][index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == _AMOUNT:
            return _RIGHT
        return mark(self.rows[index.row()]).tone if role == TONE_ROLE else None


def _words(refund: Refund, now: datetime) -> tuple[str, ...]:
    code = refund.original_receipt or "cash"
    when = time_of(refund.requested_at, now)
    return (
        str(refund.number),
        when,
        SHORT_ROUTES[refund.route],
        code,
        refund.why.english,
        str(mark(refund)),
        refund.amount.plain,
    )


class RefundsTable(RowsTable):
    chosen = Signal()

    def __init__(self) -> None:
        super().__init__("Refunds, newest first")
        self.setItemDelegateForColumn(_STATE, StateDelegate(self))
        self.doubleClicked.connect(lambda _index: self.chosen.emit())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self.chosen.emit()
            event.accept()
            return
        super().keyPressEvent(event)


class RefundList(QWidget):
    def __init__(self, model: RefundsViewModel) -> None:
        super().__init__()
        self._model = model
        self.rows, self.table = RefundRows(), RefundsTable()
        self.table.setModel(self.rows)
        self.table.dress_header(_WIDTHS, _WHY)
        self.table.chosen.connect(self._open)
        self.empty = Text(_EMPTY, "row", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.empty, 1)
        column.addWidget(self.table, 1)

    def show_state(self, state: RefundsState) -> None:
        if state.rows != self.rows.rows:
            at = max(0, self.table.currentIndex().row())
            self.rows.show_rows(state.rows, self._model.clock())
            if state.rows:
                self.table.selectRow(min(at, len(state.rows) - 1))
        self.empty.setVisible(not state.rows)
        self.table.setVisible(bool(state.rows))

    def _open(self) -> None:
        at = self.table.currentIndex().row()
        if 0 <= at < len(self.rows.rows):
            self._model.open(self.rows.rows[at].id)
