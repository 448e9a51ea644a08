"""The selling screen: it draws the state, hears every key, and puts the payment panel where the cart was."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from pos_app.devices.scanner import Scanner
from pos_app.ui.offers.arrival_view import ArrivalNote
from pos_app.ui.offers.arrivals import Arrivals
from pos_app.ui.offers.rail_model import RailViewModel
from pos_app.ui.offers.rail_view import PaymentsRail
from pos_app.ui.offers.view_model import OfferViewModel
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view import PaymentView
from pos_app.ui.payment.view_model import PaymentViewModel
from pos_app.ui.sale.cart_view import CartView
from pos_app.ui.sale.find import FindZone
from pos_app.ui.sale.state import SellState, Way
from pos_app.ui.sale.view_model import SaleViewModel

CART_WIDTH = (420, 480)
_WAYS = {"F1": Way.MPESA, "F2": Way.CASH, "F3": Way.TILL, "F4": Way.SPLIT}


class SalePage(QWidget):
    def __init__(
        self,
        view_model: SaleViewModel,
        payment: PaymentViewModel,
        offers: OfferViewModel,
        rail: RailViewModel,
        arrivals: Arrivals,
        *,
        clock: Callable[[], datetime],
        scanner: Scanner | None = None,
    ) -> None:
        super().__init__()
        self._model, self._payment, self._offers = view_model, payment, offers
        self._shown: SellState | None = None
        self.finder, self.cart = FindZone(view_model, offers), CartView(view_model, offers)
        self.payment, self.rail = PaymentView(payment, offers), PaymentsRail(rail, clock)
        self.arrival = ArrivalNote(arrivals, self.finder)
        self.cart.rows.left.connect(self.finder.search.setFocus)
        self._right = QStackedWidget()
        self._lay_out()
        self._make_keys()
        view_model.changed.connect(self.render_state)
        payment.changed.connect(self._swap)
        if scanner is not None:
            scanner.scanned.connect(self.scan)
        self.render_state()

    def _lay_out(self) -> None:
        self._right.addWidget(self.cart)
        self._right.addWidget(self.payment)
        self._right.setMinimumWidth(CART_WIDTH[0])
        self._right.setMaximumWidth(CART_WIDTH[1])
        self._right.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._right.setProperty("panel", "surface")
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(8)
        middle.addWidget(self.finder, 55)
        right = QVBoxLayout()
        right.setContentsMargins(0, 12, 12, 8)
        right.addWidget(self._right)
        middle.addLayout(right, 45)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(middle, 1)
        box.addWidget(self.rail)

    def _make_keys(self) -> None:
        for key, way in _WAYS.items():
            self._key(key, partial(self._pay, way))
        self._key("F9", self._model.park)
        self._key("Esc", self._escape)
        self._key("F10", self.rail.list_wanted.emit)
        self._key("Ctrl+N", self._model.begin_adding)
        self._key("Ctrl+F", self.finder.search.setFocus)
        self._key("Ctrl+Delete", self._model.ask_to_clear)
        self._key("Ctrl+Q", self._edit_quantity)
        for number in range(1, 10):
            self._key(f"Ctrl+{number}", partial(self._take_up, number - 1))

    def _key(self, keys: str, work: Callable[[], object]) -> None:
        """Works while this page is the one that is shown, wherever in the window the keyboard is."""
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setAutoRepeat(False)
        shortcut.activated.connect(work)

    @Slot(str)
    def scan(self, code: str) -> None:
        if self.isVisible():
            self._model.scan(code)

    def _pay(self, way: Way) -> None:
        if way is Way.CASH and self._payment.state.page is Page.CASH:
            self.payment.cash.press()
        else:
            self._model.pay(way)

    def _escape(self) -> None:
        state = self._model.state
        if state.adding is not None:
            self._model.cancel_adding()
        elif state.asking_to_clear:
            self._model.answer_clear(False)
        elif self._offers.close():
            return
        elif self._payment.is_open:
            self._payment.back()
        else:
            self._model.search("")
            self.finder.search.setFocus()

    def _take_up(self, at: int) -> None:
        if at < len(self._model.state.tabs):
            self._model.take_up(self._model.state.tabs[at].sale_id)

    def _edit_quantity(self) -> None:
        selected = self._model.state.selected
        if selected >= 0 and not self._payment.is_open and not self._model.state.locked:
            field = self.cart.rows.rows[selected].quantity
            field.setFocus()
            field.selectAll()

    @Slot()
    def render_state(self) -> None:
        state, shown = self._model.state, self._shown
        self._shown = state
        if shown is None or shown.of_finder != state.of_finder:
            self.finder.show_state(state)
        if shown is None or shown.of_cart != state.of_cart:
            self.cart.show_state(state)

    @Slot()
    def _swap(self) -> None:
        """The panel replaces the cart and gives it back; the grid and the scanner stay alive beside it."""
        wanted = self.payment if self._payment.is_open else self.cart
        if self._right.currentWidget() is wanted:
            return
        self._right.setCurrentWidget(wanted)
        if wanted is self.cart:
            self.finder.search.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Whatever is typed where no field has the keyboard goes to the search field; Enter there accepts an offer."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self._offers.enter()
            return
        typed = event.text()
        if self._payment.is_open or not typed.isprintable() or not typed or self._model.state.adding is not None:
            super().keyPressEvent(event)
            return
        field: QLineEdit = self.finder.search
        field.setFocus()
        field.insert(typed)
        field.textEdited.emit(field.text())

    def showEvent(self, _event: object) -> None:
        if not self._payment.is_open:
            self.finder.search.setFocus()
