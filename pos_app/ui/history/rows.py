"""The list of sales as a table of pages: a million sales cost their page marks, and only what is looked at is held."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from pos_app.ui.history.words import sale_mark, time_of

if TYPE_CHECKING:
    from pos_app.services.sales import HistoryRow

PAGE = 50
PAGES_HELD = 20
COLUMNS = ("Sale", "Time", "Sold", "Paid by", "M-Pesa code", "Phone", "State", "Total")
SALE, TIME, SOLD, PAID_BY, CODE, PHONE, STATE, TOTAL = range(len(COLUMNS))
_RIGHT = frozenset({SALE, TOTAL})
TONE_ROLE = Qt.ItemDataRole.UserRole + 1

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
_WORDS: dict[int, Callable[["HistoryRow"], str]] = {
    SALE: lambda row: str(row.number),
    SOLD: lambda row: row.lines,
    PAID_BY: lambda row: row.tenders or "–",
    CODE: lambda row: row.receipt,
    PHONE: lambda row: row.phone,
    STATE: lambda row: str(sale_mark(row.state, row.total, row.paid)),
    TOTAL: lambda row: row.total.plain,
}


class HistoryRows(QAbstractTableModel):
    more_wanted = Signal()
    page_wanted = Signal(int)
    """The first row of a page that was let go and is looked at again."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._starts: list[int] = []
        self._newest_ids: list[int] = []
        self._count = 0
        self._oldest_id: int | None = None
        self._is_whole = False
        self._held: OrderedDict[int, tuple[HistoryRow, ...]] = OrderedDict()
        self._asked: set[int] = set()

    def show_first(self, rows: "tuple[HistoryRow, ...]") -> None:
        self.beginResetModel()
        self._starts, self._newest_ids, self._count = [], [], 0
        self._held.clear()
        self._asked.clear()
        self._oldest_id, self._is_whole = None, False
        self._take(rows)
        self.endResetModel()

    def append(self, rows: "tuple[HistoryRow, ...]") -> None:
        """The next page; a short one is the last."""
        if rows:
            self.beginInsertRows(QModelIndex(), self._count, self._count + len(rows) - 1)
            self._take(rows)
            self.endInsertRows()
        else:
            self._is_whole = True

    def prepend(self, rows: "tuple[HistoryRow, ...]") -> None:
        """Sales newer than the first row, as a page of their own."""
        self.beginInsertRows(QModelIndex(), 0, len(rows) - 1)
        shift = len(rows)
        self._starts = [0, *(start + shift for start in self._starts)]
        self._held = OrderedDict((start + shift, held) for start, held in self._held.items())
        self._asked = {start + shift for start in self._asked}
        self._newest_ids.insert(0, rows[0].sale_id)
        self._count += shift
        self._oldest_id = rows[-1].sale_id if self._oldest_id is None else self._oldest_id
        self._hold(0, rows)
        self.endInsertRows()

    def replace_page(self, start: int, rows: "tuple[HistoryRow, ...]") -> bool:
        """False when these are not the rows of that page any more: then the whole list must be fetched anew."""
        self._asked.discard(start)
        if start not in self._starts:
            return False
        before_id, limit = self.page_at(start)
        if len(rows) != limit or rows[0].sale_id != before_id - 1:
            return False
        self._hold(start, rows)
        self.dataChanged.emit(self.index(start, 0), self.index(start + limit - 1, len(COLUMNS) - 1))
        return True

    def page_at(self, start: int) -> tuple[int, int]:
        """What to ask for to get the page that begins at this row: `before_id` and `limit`."""
        position = self._starts.index(start)
        end = self._starts[position + 1] if position + 1 < len(self._starts) else self._count
        return self._newest_ids[position] + 1, end - start

    def page_of_sale(self, sale_id: int) -> int | None:
        """The first row of the page that this sale is or would be on; None outside of what was fetched."""
        if self._oldest_id is None or not self._oldest_id <= sale_id <= self._newest_ids[0]:
            return None
        position = bisect_right(self._newest_ids, -sale_id, key=lambda newest: -newest)
        return self._starts[position - 1]

    @property
    def newest_id(self) -> int | None:
        return self._newest_ids[0] if self._newest_ids else None

    @property
    def oldest_id(self) -> int | None:
        return self._oldest_id

    @property
    def rows_held(self) -> int:
        return sum(map(len, self._held.values()))

    def row_at(self, row: int) -> "HistoryRow | None":
        start = self._starts[bisect_right(self._starts, row) - 1]
        held = self._held.get(start)
        if held is None:
            if start not in self._asked:
                self._asked.add(start)
                self.page_wanted.emit(start)
            return None
        self._held.move_to_end(start)
        return held[row - start]

    def _take(self, rows: "tuple[HistoryRow, ...]") -> None:
        self._is_whole = len(rows) < PAGE
        if not rows:
            return
        self._starts.append(self._count)
        self._newest_ids.append(rows[0].sale_id)
        self._oldest_id = rows[-1].sale_id
        self._hold(self._count, rows)
        self._count += len(rows)

    def _hold(self, start: int, rows: "tuple[HistoryRow, ...]") -> None:
        self._held[start] = rows
        self._held.move_to_end(start)
        while len(self._held) > PAGES_HELD:
            self._held.popitem(last=False)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._count > 0 and not self._is_whole

    def fetchMore(self, parent: Index) -> None:
        self.more_wanted.emit()

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role not in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, TONE_ROLE}:
            return None
        row = self.row_at(index.row())
        if row is None:
            return "…" if role == Qt.ItemDataRole.DisplayRole and index.column() == SOLD else None
        if role == TONE_ROLE:
            return sale_mark(row.state, row.total, row.paid).tone
        return self._text(row, index.column())

    def _text(self, row: "HistoryRow", column: int) -> str:
        if column == TIME:
            return time_of(row.at, self._clock())
        return _WORDS[column](row)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
