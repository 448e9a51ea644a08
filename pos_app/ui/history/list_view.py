"""The list of sales with its search: arrows move, Enter opens, typing searches; it decides nothing."""

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from pos_app.domain.reference import read_printed
from pos_app.ui.history.rows import CODE, PAID_BY, PHONE, SALE, SOLD, STATE, TIME, TONE_ROLE, TOTAL
from pos_app.ui.history.view_model import HistoryState, HistoryViewModel
from pos_app.ui.history.words import Tone
from pos_app.ui.theme import GAP, numeric_font, text_font, tokens
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Text
from pos_app.ui.widgets.rows_table import RowsTable

_WIDTHS = {SALE: 84, TIME: 158, PAID_BY: 156, CODE: 146, PHONE: 142, STATE: 168, TOTAL: 118}
_ARROWS = frozenset({Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown})
_CHIP = {
    Tone.PAID: ("", "success"),
    Tone.WAITING: ("", "text"),
    Tone.CHECKING: ("checking", "on_checking"),
    Tone.FAILED: ("", "danger"),
    Tone.QUIET: ("", "muted"),
}


def paint_chip(painter: QPainter, box: QRectF, tone: Tone, words: str) -> None:
    """The words in the tone's colour; amber has a ground of its own."""
    ground, ink = _CHIP[tone]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(text_font(16, QFont.Weight.DemiBold))
    if ground:
        width = min(box.width(), painter.fontMetrics().horizontalAdvance(words) + 20)
        chip = QRectF(box.left(), box.center().y() - 16, width, 32)
        painter.setBrush(QColor(getattr(tokens(), ground)))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(chip, 6, 6)
        box = chip.adjusted(10, 0, -4, 0)
    painter.setPen(QColor(getattr(tokens(), ink)))
    painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
    painter.restore()


class StateDelegate(QStyledItemDelegate):
    """Of a model that tells a tone beside its words."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        option.text = ""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        words, tone = index.data(), index.data(TONE_ROLE)
        if tone is not None:
            paint_chip(painter, QRectF(option.rect).adjusted(15, 0, -4, 0), Tone(tone), words)


class _NumberDelegate(QStyledItemDelegate):
    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        option.font = numeric_font(18 if index.column() == TOTAL else 16)


class SalesTable(RowsTable):
    opened = Signal(int)
    typed = Signal(str)
    """A letter or digit meant for the search."""

    def __init__(self) -> None:
        super().__init__("Sales, newest first")
        self.setItemDelegateForColumn(STATE, StateDelegate(self))
        for column in (SALE, TIME, CODE, PHONE, TOTAL):
            self.setItemDelegateForColumn(column, _NumberDelegate(self))
        self.clicked.connect(self._open)

    def set_columns(self) -> None:
        self.dress_header(_WIDTHS, SOLD)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self._open(self.currentIndex())
            event.accept()
            return
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)
        if plain and event.text().isprintable() and event.text().strip():
            self.typed.emit(event.text())
            event.accept()
            return
        super().keyPressEvent(event)

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.opened.emit(index.row())


class HistoryList(QWidget):
    closed = Signal()

    def __init__(self, view_model: HistoryViewModel) -> None:
        super().__init__()
        self._view_model = view_model
        self.search = QLineEdit()
        self.table = SalesTable()
        self.table.setModel(view_model.rows)
        self.table.set_columns()
        self.empty = Text("", "title", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.clear = Button("Clear the search", on_click=self._clear)
        self.problem = Text("", "warning", wrap=True)
        self.done = Button("Back  ·  Esc", name="Back", on_click=self._escape)
        self._stack = QStackedWidget()
        self._prepare_search()
        self._lay_out()
        self.table.opened.connect(self._open)
        self.table.typed.connect(self._type_on)
        context = Qt.ShortcutContext.WidgetWithChildrenShortcut
        QShortcut(QKeySequence("Esc"), self, self._escape, context=context)
        QShortcut(QKeySequence("F11"), self, view_model.read_again, context=context)
        QShortcut(QKeySequence("Ctrl+F"), self, self._focus_search, context=context)

    def show_state(self, state: HistoryState) -> None:
        self.problem.show_text(f"! {state.problem}" if state.problem else "")
        self.empty.setText(_empty_words(state))
        self.clear.setVisible(bool(state.search))
        self._stack.setCurrentIndex(0 if state.count else 1)

    def focus_list(self) -> None:
        """Back from a sale: on the same row, or on the first."""
        if self._view_model.rows.rowCount() == 0:
            self._focus_search()
            return
        self.table.setFocus()
        if not self.table.currentIndex().isValid():
            self.table.selectRow(0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows in the search field move in the list."""
        pressed = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in _ARROWS
        if watched is self.search and pressed:
            self.focus_list()
            return True
        return False

    def _prepare_search(self) -> None:
        self.search.setProperty("scale", "large")
        self.search.setPlaceholderText(
            "Scan a receipt, or type an amount, M-Pesa code, sale number, last digits of the phone, a name"
        )
        self.search.setAccessibleName("Search the history")
        self.search.setClearButtonEnabled(False)
        self.search.setMaxLength(60)
        self.search.installEventFilter(self)
        self.search.textEdited.connect(self._view_model.search)
        self.search.returnPressed.connect(self._enter)

    def _enter(self) -> None:
        typed, state = " ".join(self.search.text().split()), self._view_model.state
        is_listed = typed == state.search and not state.loading
        if is_listed and state.count > (1 if typed else 0):
            self.focus_list()
        else:
            self._view_model.find(typed)

    def _open(self, row: int) -> None:
        found = self._view_model.rows.row_at(row)
        if found is not None:
            self._view_model.open_sale(found.sale_id)

    def _type_on(self, text: str) -> None:
        self._focus_search()
        self.search.setText(self.search.text() + text)
        self._view_model.search(self.search.text())

    def _focus_search(self) -> None:
        self.search.setFocus()
        self.search.end(False)

    def _clear(self) -> None:
        self.search.clear()
        self._view_model.search("", at_once=True)
        self._focus_search()

    def _escape(self) -> None:
        if self.search.text():
            self._clear()
        else:
            self.closed.emit()

    def _lay_out(self) -> None:
        head = QFrame()
        head.setProperty("panel", "bar")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 10, 16, 10)
        row.setSpacing(2 * GAP)
        row.addWidget(self.done)
        row.addWidget(Text("History", "title"))
        row.addWidget(self.search, 1)
        nothing = QWidget()
        middle = QVBoxLayout(nothing)
        middle.addStretch(2)
        middle.addWidget(self.empty)
        middle.addSpacing(GAP)
        middle.addWidget(self.clear, 0, Qt.AlignmentFlag.AlignHCenter)
        middle.addStretch(3)
        self._stack.addWidget(self.table)
        self._stack.addWidget(nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self.problem)
        column.addWidget(self._stack, 1)


def _empty_words(state: HistoryState) -> str:
    if state.loading:
        return "Looking …"
    if read_printed(state.search):
        return f"Enter opens the sale of receipt {state.search.upper()}."
    if state.search:
        return f"Nothing matches “{state.search}”."
    return "No sales yet. The first one will stand here."
