"""One payment as a line of the manager's list, and the table that holds them; it knows no service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from pos_app.domain.payment import Payment
from pos_app.ui.history.words import time_of
from pos_app.ui.offers.words import NO_NAME, since, tail

COLUMNS = ("Amount", "Name", "Phone", "M-Pesa code", "Typed as account", "Paid", "What for")
AMOUNT, NAME, PHONE, CODE, REFERENCE, PAID, WHAT_FOR = range(len(COLUMNS))
Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


@dataclass(frozen=True, slots=True)
class Row:
    payment: Payment
    what_for: str


def words_of(row: Row, now: datetime) -> tuple[str, ...]:
    """In the order of the columns; names and references are as the customer wrote them."""
    payment = row.payment
    return (
        payment.amount.plain,
        payment.payer_name.title() or NO_NAME,
        tail(payment.payer_phone),
        payment.receipt or "to follow",
        payment.bill_reference,
        time_of(since(payment), now),
        row.what_for,
    )


class PaymentRows(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[Row, ...] = ()
        self._words: list[tuple[str, ...]] = []

    def show_rows(self, rows: Sequence[Row], now: datetime) -> None:
        self.beginResetModel()
        self._rows = tuple(rows)
        self._words = [words_of(row, now) for row in rows]
        self.endResetModel()

    def row_at(self, position: int) -> Row | None:
        return self._rows[position] if 0 <= position < len(self._rows) else None

    def position_of(self, payment_id: str) -> int:
        """0 where it is gone."""
        return next((at for at, row in enumerate(self._rows) if row.payment.id == payment_id), 0)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._words[index.row()][index.column()]
        return _alignment(index.column()) if role == Qt.ItemDataRole.TextAlignmentRole else None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column == AMOUNT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
