"""The page on which a refund is prepared: whose money and how much on the left, why and by which way on the right."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from pos_app.domain.refund import Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_route import RouteOffer
from pos_app.ui.payment.typing import PHONE_MAX, grouped
from pos_app.ui.refund.prepare_model import PrepareState, PrepareViewModel
from pos_app.ui.refund.words import ROUTE_HINTS, ROUTES
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.fields import Field, NumberField
from pos_app.ui.widgets.foot import Foot, tell
from pos_app.ui.widgets.labels import Number, Text
from pos_app.ui.widgets.stepper import Stepper

_LEFT_WIDTH = 520


class PrepareView(QWidget):
    closed = Signal()

    def __init__(self, model: PrepareViewModel) -> None:
        super().__init__()
        self._model = model
        self._shown_sale = 0
        self.title, self.problem = Text("Refund", "title"), Text("", "error", wrap=True)
        self.moneys: dict[str, Button] = {}
        self.counts: dict[int, Stepper] = {}
        self.amount = NumberField("Amount to give back", longest=10)
        self._is_typed = False
        self.amount.textEdited.connect(self._type)
        self.whys = {why: _toggle(why.english, partial(model.choose_why, why)) for why in RefundReason}
        self.note = Field("In a few words", "In a few words, if it helps")
        self.note.setMaxLength(200)
        self.phone, self.again = (
            NumberField(name, "07…", scale="", longest=PHONE_MAX, regroup=grouped)
            for name in ("Number that the money goes to", "The same number once more")
        )
        self.ways = {route: _Way(route, model) for route in Route}
        self.numbers = _column(Text("Number, typed twice", "strong"), self.phone, self.again)
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
            self.amount.setText(state.amount.plain)
        for why, button in self.whys.items():
            button.setChecked(why is state.why)
        for offer in state.offers:
            self.ways[offer.route].show_offer(offer, chosen=offer.route is state.route)
        self.numbers.setVisible(state.route is Route.B2C)
        tell(self.problem, f"! {state.problem}" if state.problem else "")
        self.submit.setEnabled(not state.working)

    def _fill(self, state: PrepareState) -> None:
        options = state.options
        if options is None:
            return
        self._shown_sale = options.sale.id
        self.title.setText(f"Refund of sale {options.sale.number}")
        _clear(self._money_box)
        _clear(self._lines_box)
        named = [(one.payment.id, f"M-Pesa {one.payment.receipt or 'to follow'}", one.left) for one in options.payments]
        moneys = [*named, ("", "Cash", options.cash_left)]
        self.moneys = {key: self._money(key, f"{words}: {left} left") for key, words, left in moneys}
        for tile in self.moneys.values():
            self._money_box.addWidget(tile)
        self.counts = {}
        for position, line in enumerate(options.sale.cart.lines):
            most = line.quantity - options.lines_given_back.get(position, 0)
            self.counts[position] = self._count(position, most)
            self._lines_box.addLayout(_line(self.counts[position], f"{line.name}, {line.price} each", most))

    def _money(self, payment_id: str, words: str) -> Button:
        return _toggle(words, lambda: self._choose(payment_id))

    def _count(self, position: int, most: int) -> Stepper:
        count = Stepper(max(most, 0))
        count.stepped.connect(lambda value: self._tick(position, value))
        return count

    def _choose(self, payment_id: str) -> None:
        for count in self.counts.values():
            count.show_count(0)
        self._is_typed = False
        self._model.choose_money(payment_id)

    def _tick(self, position: int, quantity: int) -> None:
        self._is_typed = False
        self._model.tick(position, quantity)

    def _type(self, text: str) -> None:
        self._is_typed = True
        self._model.type_amount(text)

    def _prepare(self) -> None:
        self._model.prepare(self.note.text(), self.phone.text(), self.again.text())

    def _lay_out(self) -> None:
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
        right = QVBoxLayout()
        right.setSpacing(GAP)
        right.addWidget(Text("Why", "strong"))
        for pair in _pairs(list(self.whys.values())):
            right.addLayout(pair)
        right.addWidget(self.note)
        right.addSpacing(GAP)
        right.addWidget(Text("By which way", "strong"))
        for way in self.ways.values():
            right.addWidget(way)
        right.addWidget(self.numbers)
        right.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(_scrolled("Money and lines", left, _LEFT_WIDTH))
        row.addWidget(_scrolled("Why and by which way", right), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(Foot(self.problem, self.leave, self.submit))


class _Way(QWidget):
    """One way, and beneath it what it means or why it cannot be taken."""

    def __init__(self, route: Route, model: PrepareViewModel) -> None:
        super().__init__()
        self.button = _toggle(ROUTES[route], lambda: model.choose_route(route))
        self.hint = Text(ROUTE_HINTS[route], "small", wrap=True)
        self._hint = ROUTE_HINTS[route]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.button)
        column.addWidget(self.hint)

    def show_offer(self, offer: RouteOffer, *, chosen: bool) -> None:
        self.button.setEnabled(offer.is_open)
        self.button.setChecked(chosen)
        self.hint.setText(offer.refusal or self._hint)


def _toggle(words: str, choose: Callable[[], object]) -> Button:
    button = Button(words, on_click=choose)
    button.setCheckable(True)
    return button


def _pairs(buttons: list[Button]) -> list[QHBoxLayout]:
    rows = []
    for at in range(0, len(buttons), 2):
        row = QHBoxLayout()
        row.setSpacing(GAP)
        for button in buttons[at : at + 2]:
            row.addWidget(button, 1)
        rows.append(row)
    return rows


def _line(count: Stepper, words: str, most: int) -> QHBoxLayout:
    row = QHBoxLayout()
    count.setAccessibleName(f"How many of {words} come back")
    row.addWidget(count)
    row.addWidget(Text(words, "", wrap=True), 1)
    row.addWidget(Number(f"of {most}"))
    return row


def _column(*widgets: QWidget) -> QWidget:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        column.addWidget(widget)
    return box


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
    inner.setContentsMargins(24, 24, 24, 24)
    page.setLayout(inner)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setAccessibleName(name)
    area.setWidget(page)
    if width:
        area.setFixedWidth(width)
    return area
