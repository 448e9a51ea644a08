"""The refunds as a part of the office: the list, one refund, or one that is being prepared; Esc goes one step back."""

from PySide6.QtWidgets import QStackedWidget, QVBoxLayout

from pos_app.domain.refund import Refund
from pos_app.domain.staff import Action
from pos_app.ui.office.part import Part
from pos_app.ui.receipt.view import ReceiptView
from pos_app.ui.receipt.view_model import ReceiptViewModel
from pos_app.ui.refund.detail_view import RefundDetailView
from pos_app.ui.refund.list_view import RefundList
from pos_app.ui.refund.prepare_model import PrepareViewModel
from pos_app.ui.refund.prepare_view import PrepareView
from pos_app.ui.refund.view_model import RefundsViewModel


class RefundsPart(Part):
    title = "Refunds"
    sees = Action.SEE_HISTORY

    def __init__(self, model: RefundsViewModel, preparing: PrepareViewModel, receipt: ReceiptViewModel) -> None:
        super().__init__()
        self._model = model
        self.list, self.detail, self.prepare = RefundList(model), RefundDetailView(model), PrepareView(preparing)
        self.stack = QStackedWidget()
        self.receipt = ReceiptView(receipt)
        for page in (self.list, self.detail, self.prepare, self.receipt):
            self.stack.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)
        self.detail.closed.connect(self.step_back)
        self.prepare.closed.connect(self.step_back)
        self.detail.receipt_wanted.connect(self._show_receipt)
        self.detail.anew_wanted.connect(self.prepare_sale)
        self.receipt.closed.connect(self.step_back)
        preparing.prepared.connect(self._open)
        model.changed.connect(self.show_state)

    @property
    def refund(self) -> Refund | None:
        """The one whose page is open."""
        return self._model.state.refund

    def prepare_sale(self, sale_id: int) -> None:
        self._model.close()
        self.stack.setCurrentWidget(self.prepare)
        self.prepare.show_sale(sale_id)

    def enter(self) -> None:
        self._model.enter()

    def leave(self) -> None:
        self._model.leave()

    def step_back(self) -> bool:
        if self.stack.currentWidget() is self.list:
            return False
        if self.stack.currentWidget() is self.receipt:
            self.stack.setCurrentWidget(self.detail)
            self.detail.focus_first()
            return True
        self._model.close()
        self.stack.setCurrentWidget(self.list)
        self.list.table.setFocus()
        return True

    def show_state(self) -> None:
        state = self._model.state
        self.list.show_state(state)
        self.detail.show_state(state)
        if state.detail is not None and self.stack.currentWidget() not in (self.detail, self.receipt):
            self.stack.setCurrentWidget(self.detail)
            self.detail.focus_first()

    def _show_receipt(self, refund_id: int) -> None:
        self.stack.setCurrentWidget(self.receipt)
        self.receipt.show_refund(refund_id)

    def _open(self, refund_id: int) -> None:
        self.stack.setCurrentWidget(self.list)
        self._model.open(refund_id)
