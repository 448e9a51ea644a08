"""The page on which a refund is prepared: whose money and how much on the left, why and by which way on the right."""

from functools import partial
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from pos_app.domain.refund import Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_route import RouteOffer
from pos_app.ui.payment.typing import PHONE_MAX, grouped
from pos_app.ui.refund.prepare_model import CHOOSE_WHY, PrepareState, PrepareViewModel
from pos_app.ui.refund.words import DIFFER, LOOKING, ROUTE_HINTS, ROUTES, payee_words, payer_words
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button, Choice
from pos_app.ui.widgets.fields import Field, NumberField
from pos_app.ui.widgets.foot import Foot, tell
from pos_app.ui.widgets.labels import Number, Text
from pos_app.ui.widgets.stepper import Stepper

_LEFT_WIDTH = 440
_WAY_WIDTH = 216
_IN_A_ROW = 3
_NOTE, _NOTE_NEEDED = "In a few words, if it helps", "Say in a few words why"


class PrepareView(QWidget):
    closed = Signal()

    def __init__(self, model: PrepareViewModel) -> None:
        super().__init__()
        self._model = model
        self._shown_sale = 0
        self.title, self.problem = Text("Refund", "title"), Text("", "error", wrap=True)
        self.moneys: dict[str, Choice] = {}
        self.counts: dict[int, Stepper] = {}
        self.amount = NumberField("Amount to give back", longest=10)
        self._is_typed = False
        self.amount.textEdited.connect(self._type)
        self.whys = {
            why: Choice(why.english, scale="chip", on_click=partial(self._choose_why, why)) for why in RefundReason
        }
        self.note = Field("In a few words", _NOTE)
        self.note.setMaxLength(200)
        self.ways = {route: _Way(route, model) for route in Route}
        self.payee = _Payee(model)
        self.phone, self.again = self.payee.phone, self.payee.again
        self.submit = Button("Prepare  ·  F10", "primary", name="Prepare", on_click=self._prepare)
        self.leave = Button("Back  ·  Esc", name="Back", on_click=self.closed.emit)
        self._money_box, self._lines_box = QVBoxLayout(), QVBoxLayout()
        self._lay_out()
        for keys, work in (("Esc", self.closed.emit), ("F10", self._prepare)):
            QShortcut(QKeySequence(keys), self, work, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        model.changed.connect(self.show_state)

    def show_sale(self, sale_id: int) -> None:
        for field in (self.note, self.phone, self.again):
            field.clear()
        self._shown_sale = 0
        self._is_typed = False
        self._model.open(sale_id)
        self.amount.setFocus()

    def show_state(self) -> None:
        state = self._model.state
        if state.options is not None and state.options.sale.id != self._shown_sale:
            self._fill(state)
        for payment_id, tile in self.moneys.items():
            tile.setChecked(payment_id == state.payment_id)
        if not self._is_typed:
            self._show_amount(state.amount.plain)
        for why, button in self.whys.items():
            button.setChecked(why is state.why)
        self.note.setPlaceholderText(_NOTE_NEEDED if state.why and state.why.needs_note else _NOTE)
        offers = {offer.route: offer for offer in state.offers}
        for route, way in self.ways.items():
            way.show_offer(offers.get(route), chosen=route is state.route)
        self.payee.show_state(state)
        if state.problem == CHOOSE_WHY and not self.problem.text():
            next(iter(self.whys.values())).setFocus()
        tell(self.problem, f"! {state.problem}" if state.problem else "")
        self.submit.setEnabled(not state.working)

    def _show_amount(self, words: str) -> None:
        """Chosen whole, so that typing another replaces it."""
        if words != self.amount.text():
            self.amount.setText(words)
            self.amount.selectAll()

    def _fill(self, state: PrepareState) -> None:
        options = state.options
        if options is None:
            return
        self._shown_sale = options.sale.id
        self.title.setText(f"Refund of sale {options.sale.number}")
        _clear(self._money_box)
        _clear(self._lines_box)
        named = [(one.payment.id, f"M-Pesa {one.payment.receipt or 'to follow'}", one.left) for one in options.payments]
        cash = [("", "Cash", options.cash_left)] if options.cash_left or not named else []
        self.moneys = {key: self._money(key, f"{words}: {left} left") for key, words, left in [*named, *cash]}
        for tile in self.moneys.values():
            self._money_box.addWidget(tile)
        self.counts = {}
        for position, line in enumerate(options.sale.cart.lines):
            most = line.quantity - options.lines_given_back.get(position, 0)
            self.counts[position] = self._count(position, most)
            self._lines_box.addLayout(_line(self.counts[position], f"{line.name}, {line.price} each", most))
        self._order_tabs()

    def _order_tabs(self) -> None:
        """As it is read; what was made last would come last."""
        steps = [button for count in self.counts.values() for button in (count.less, count.more)]
        ways = [self.ways[Route.REVERSAL].button, self.ways[Route.B2C].button, self.phone, self.again]
        rest = [self.ways[Route.CASH].button, self.ways[Route.CREDIT_NOTE].button, self.leave, self.submit]
        order = [*self.moneys.values(), *steps, self.amount, *self.whys.values(), self.note, *ways, *rest]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    def _money(self, payment_id: str, words: str) -> Choice:
        return Choice(words, on_click=lambda: self._choose(payment_id))

    def _count(self, position: int, most: int) -> Stepper:
        count = Stepper(max(most, 0))
        count.stepped.connect(lambda value: self._tick(position, value))
        return count

    def _choose(self, payment_id: str) -> None:
        for count in self.counts.values():
            count.show_count(0)
        self._is_typed = False
        self._model.choose_money(payment_id)

    def _choose_why(self, why: RefundReason) -> None:
        self._model.choose_why(why)
        if why.needs_note:
            self.note.setFocus()

    def _tick(self, position: int, quantity: int) -> None:
        self._is_typed = False
        self._model.tick(position, quantity)

    def _type(self, text: str) -> None:
        self._is_typed = True
        self._model.type_amount(text)

    def _prepare(self) -> None:
        self._model.prepare(self.note.text(), self.phone.text(), self.again.text())

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(_scrolled("Money and lines", self._left(), _LEFT_WIDTH))
        row.addWidget(_scrolled("Why and by which way", self._right()), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(Foot(self.problem, self.leave, self.submit))

    def _left(self) -> QVBoxLayout:
        left = QVBoxLayout()
        left.setSpacing(GAP)
        for widget in (self.title, Text("Of which money", "strong")):
            left.addWidget(widget)
        left.addLayout(self._money_box)
        left.addWidget(Text("How many come back", "strong"))
        left.addLayout(self._lines_box)
        left.addWidget(Text("Amount to give back", "strong"))
        left.addWidget(self.amount)
        left.addStretch(1)
        return left

    def _right(self) -> QVBoxLayout:
        right = QVBoxLayout()
        right.setSpacing(GAP)
        right.addWidget(Text("Why", "strong"))
        right.addLayout(_whys(list(self.whys.values()), self.note))
        right.addSpacing(GAP)
        right.addWidget(Text("By which way", "strong"))
        for route, way in self.ways.items():
            right.addWidget(way)
            if route is Route.B2C:
                right.addWidget(self.payee)
        right.addStretch(1)
        return right


class _Way(QWidget):
    """One way, and beside it what it means or why it cannot be taken."""

    def __init__(self, route: Route, model: PrepareViewModel) -> None:
        super().__init__()
        self.button = Choice(ROUTES[route], on_click=lambda: model.choose_route(route))
        self.button.setFixedWidth(_WAY_WIDTH)
        self.hint = Text("", "muted", wrap=True)
        self._hint = ROUTE_HINTS[route]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GAP)
        row.addWidget(self.button)
        row.addWidget(self.hint, 1)

    def show_offer(self, offer: RouteOffer | None, *, chosen: bool) -> None:
        """None while it is not known yet."""
        is_open = offer is not None and offer.is_open
        self.button.setEnabled(is_open)
        self.button.setChecked(chosen)
        self.hint.setText(LOOKING if offer is None else self._hint if is_open else f"Not offered. {offer.refusal}")


class _Payee(QWidget):
    """The number that the money goes to, typed twice, between what M-Pesa shows of the payer and whether it fits."""

    def __init__(self, model: PrepareViewModel) -> None:
        super().__init__()
        self.payer, self.fits = Text("", "muted", wrap=True), Text("", "strong", wrap=True)
        self.phone, self.again = (
            NumberField(name, words, scale="", longest=PHONE_MAX, regroup=grouped)
            for name, words in (
                ("Number that the money goes to", "Number, 07…"),
                ("The same number once more", "The same once more"),
            )
        )
        numbers = QHBoxLayout()
        numbers.setSpacing(GAP)
        for field in (self.phone, self.again):
            numbers.addWidget(field, 1)
            field.textChanged.connect(lambda _text: model.type_number(self.phone.text(), self.again.text()))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.payer)
        column.addLayout(numbers)
        column.addWidget(self.fits)

    def show_state(self, state: PrepareState) -> None:
        self.setVisible(state.route is Route.B2C)
        self.payer.setText(payer_words(state.payer))
        tell(self.fits, DIFFER if state.differ else payee_words(state.fit, state.payer))


def _whys(buttons: list[Choice], note: Field) -> QGridLayout:
    """In rows of three; the note takes the room that the last one leaves, for it belongs to it."""
    grid = QGridLayout()
    grid.setSpacing(GAP)
    for position, button in enumerate(buttons):
        grid.addWidget(button, position // _IN_A_ROW, position % _IN_A_ROW)
    row, column = divmod(len(buttons), _IN_A_ROW)
    grid.addWidget(note, row, column, 1, _IN_A_ROW - column)
    for position in range(_IN_A_ROW):
        grid.setColumnStretch(position, 1)
    return grid


def _line(count: Stepper, words: str, most: int) -> QHBoxLayout:
    row = QHBoxLayout()
    count.setAccessibleName(f"How many of {words} come back")
    row.addWidget(count)
    row.addWidget(Text(words, "", wrap=True), 1)
    row.addWidget(Number(f"of {most}"))
    return row


def _clear(layout: QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        inner, widget = item.layout(), item.widget()
        if widget is not None:
            widget.deleteLater()
        elif isinstance(inner, QHBoxLayout):
            while (cell := inner.takeAt(0)) is not None:
                if (held := cell.widget()) is not None:
                    held.deleteLater()


def _scrolled(name: str, inner: QVBoxLayout, width: int = 0) -> QScrollArea:
    page = QWidget()
    inner.setContentsMargins(24, 16, 24, 16)
    page.setLayout(inner)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setAccessibleName(name)
    area.setWidget(page)
    if width:
        area.setFixedWidth(width)
    return area
