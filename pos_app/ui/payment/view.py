"""The payment panel where the cart was: it brings up the page of the state and has it drawn."""

from functools import cached_property
from typing import TypeVar

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from pos_app.ui.offers.offer_view import OfferBar
from pos_app.ui.offers.view_model import OfferViewModel
from pos_app.ui.payment.charge_page import DRESSES, ChangePage, ChargePage
from pos_app.ui.payment.entry_pages import CashPage, EntryPage, PhonePage, SplitPage, TillPage
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import PaymentViewModel
from pos_app.ui.payment.words import Tone
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.pages import Pages

P = TypeVar("P", bound=QWidget)
_ARROWS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}


class PaymentView(QWidget):
    def __init__(self, model: PaymentViewModel, offers: OfferViewModel) -> None:
        super().__init__()
        self._model, self._offers = model, offers
        self._shown = Page.NONE
        self._pages = Pages()
        self._charges: dict[str, ChargePage] = {}
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        self.offer = OfferBar(offers)
        self._inset = QVBoxLayout()
        self._inset.addWidget(self.offer)
        box.addLayout(self._inset)
        self._make_room_for_offer()
        offers.changed.connect(self._make_room_for_offer)
        box.addWidget(self._pages)
        model.changed.connect(self.render_state)
        model.announced.connect(lambda sentence: announce(self, sentence))

    @Slot()
    def _make_room_for_offer(self) -> None:
        """No room at all where there is none, so that a coloured page fills its panel."""
        margin = GAP if self._offers.line is not None else 0
        self._inset.setContentsMargins(margin, margin, margin, 0)

    # Each page is made when it is first needed: made all at once they would hold up the first sale of the day.

    @cached_property
    def phone(self) -> PhonePage:
        return self._placed(PhonePage(self._model))

    @cached_property
    def split(self) -> SplitPage:
        return self._placed(SplitPage(self._model))

    @property
    def charge(self) -> ChargePage:
        """That in the dress of the state."""
        panel = self._model.state.panel
        return self.charge_in(DRESSES[panel.tone if panel else Tone.WAITING])

    def charge_in(self, dress: str) -> ChargePage:
        if dress not in self._charges:
            self._charges[dress] = self._placed(ChargePage(self._model, dress))
        return self._charges[dress]

    @property
    def received(self) -> ChargePage:
        return self.charge

    @cached_property
    def cash(self) -> CashPage:
        return self._placed(CashPage(self._model))

    @cached_property
    def change(self) -> ChangePage:
        return self._placed(ChangePage(self._model))

    @cached_property
    def till(self) -> TillPage:
        return self._placed(TillPage(self._model))

    def _placed(self, page: P) -> P:
        self._pages.add(page)
        return page

    def _page(self, page: Page) -> EntryPage | ChargePage | ChangePage | None:
        """Each page has the name of its attribute; for the cart there is none."""
        return None if page is Page.NONE else getattr(self, page.value)

    def render_state(self) -> None:
        state = self._model.state
        page = self._page(state.page)
        if page is not None:
            page.show_state(state)
            if state.page is not self._shown or page is not self._pages.current:
                self._pages.turn_to(page, page.open)
        self._shown = state.page
        if state.page in {Page.CHARGE, Page.TILL} and len(self._charges) <= 1:
            QTimer.singleShot(0, self, self._get_ready)

    def _get_ready(self) -> None:
        """While the customer looks at the phone."""
        for dress in set(DRESSES.values()) - set(self._charges):
            self.charge_in(dress).get_ready()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Where no button has the keyboard Enter accepts an offer, and can charge nobody again; arrows pick one."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self._offers.enter()
            event.accept()
            return
        if key not in _ARROWS or not self._offers.move(_ARROWS[key]):
            super().keyPressEvent(event)
