"""The payment panel where the cart was: it brings up the page of the state and has it drawn."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from pos_app.ui.payment.charge_page import ChangePage, ChargePage
from pos_app.ui.payment.entry_pages import CashPage, EntryPage, PhonePage, SplitPage, TillPage
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import PaymentViewModel
from pos_app.ui.widgets.announce import announce


class PaymentView(QWidget):
    def __init__(self, model: PaymentViewModel) -> None:
        super().__init__()
        self._model = model
        self._shown = Page.NONE
        self.charge, self.cash = ChargePage(model), CashPage(model)
        self.phone, self.split = PhonePage(model), SplitPage(model)
        self.till, self.change = TillPage(model), ChangePage(model)
        self._pages: dict[Page, EntryPage | ChargePage | ChangePage] = {
            Page.PHONE: self.phone,
            Page.SPLIT: self.split,
            Page.CHARGE: self.charge,
            Page.CASH: self.cash,
            Page.CHANGE: self.change,
            Page.TILL: self.till,
        }
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._stack)
        model.changed.connect(self.render_state)
        model.announced.connect(lambda sentence: announce(self, sentence))

    def render_state(self) -> None:
        state = self._model.state
        page = self._pages.get(state.page)
        if page is not None:
            page.show_state(state)
            if state.page is not self._shown:
                self._stack.setCurrentWidget(page)
                page.open()
        self._shown = state.page

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter where no button has the keyboard: nothing, so that a second Enter cannot charge again."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            return
        super().keyPressEvent(event)
