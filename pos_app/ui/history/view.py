"""The history screen: the list, one sale, its receipt; one at a time, and Esc goes one step back."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from pos_app.domain.reference import read_printed
from pos_app.ui.history.detail_view import DetailView
from pos_app.ui.history.list_view import HistoryList
from pos_app.ui.history.view_model import HistoryState, HistoryViewModel
from pos_app.ui.receipt.view import ReceiptView


class HistoryPage(QWidget):
    closed = Signal()
    refund_wanted = Signal(int)

    def __init__(self, view_model: HistoryViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._view_model = view_model
        self.list = HistoryList(view_model)
        self.detail = DetailView(view_model)
        self.receipt = ReceiptView(view_model.receipt)
        self.stack = QStackedWidget()
        for page in (self.list, self.detail, self.receipt):
            self.stack.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)
        self.list.closed.connect(self.closed)
        self.detail.refund_wanted.connect(self.refund_wanted)
        self.detail.receipt_wanted.connect(self._show_receipt)
        self.receipt.closed.connect(self._leave_receipt)
        view_model.changed.connect(lambda: self.show_state(view_model.state))
        self.show_state(view_model.state)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._view_model.enter()
        self._focus_first()

    def focusInEvent(self, _event: QFocusEvent) -> None:
        """The window gives the focus to the page; the page passes it on."""
        self._focus_first()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._view_model.leave()

    def show_sale(self, sale_id: int) -> None:
        """From elsewhere in the program straight to one sale."""
        self._view_model.open_sale(sale_id)

    @Slot(str)
    def scan(self, code: str) -> None:
        """The barcode of a receipt, or an M-Pesa code."""
        if not self.isVisible():
            return
        if read_printed(code) is None:
            self.list.search.setText(code)
        self._view_model.find(code)

    def show_state(self, state: HistoryState) -> None:
        self.list.show_state(state)
        self.detail.show_state(state)
        if state.sale_id is None:
            self._turn_to(self.list)
        elif self.stack.currentWidget() is self.list:
            self._turn_to(self.detail)

    def _focus_first(self) -> None:
        page = self.stack.currentWidget()
        if page is self.list:
            self.list.search.setFocus()
        elif page is self.detail:
            self.detail.receipt.setFocus()
        else:
            self.receipt.setFocus()

    def _turn_to(self, page: QWidget) -> None:
        if self.stack.currentWidget() is page:
            return
        self.stack.setCurrentWidget(page)
        if page is self.list:
            self.list.focus_list()

    def _show_receipt(self) -> None:
        sale_id = self._view_model.state.sale_id
        if sale_id is not None:
            self._turn_to(self.receipt)
            self.receipt.show_sale(sale_id)

    def _leave_receipt(self) -> None:
        self._turn_to(self.detail)
        self.detail.receipt.setFocus()
