"""The cart: tabs of parked sales, rows, the total, and one key for each way to pay."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIntValidator, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from pos_app.domain.sale import SaleLine
from pos_app.ui.offers.offer_view import OfferBar
from pos_app.ui.offers.view_model import OfferViewModel
from pos_app.ui.sale.state import Mark, SellState, Tab, Way
from pos_app.ui.sale.view_model import SaleViewModel
from pos_app.ui.theme import GAP, ROW, numeric_font, set_kind
from pos_app.ui.widgets.buttons import Button, IconButton, KeyButton
from pos_app.ui.widgets.fields import NumberField
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Elided, FittedNumber, Number, Text
from pos_app.ui.widgets.room import fits
from pos_app.ui.widgets.touch import scroll_by_touch

_MARKS = {Mark.OPEN: "", Mark.WAITING: "…  ", Mark.PAID: "✓  "}
_TAB_KINDS = {Mark.OPEN: "", Mark.WAITING: "checking", Mark.PAID: "paid"}


class CartRow(QWidget):
    """One line; the selected one carries its controls."""

    left = Signal()
    """The quantity is typed; the keyboard goes back to the search field."""

    def __init__(self, model: SaleViewModel, position: int) -> None:
        super().__init__()
        self._model, self._position = model, position
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(ROW)
        self.name, self.each = Elided("", "row"), Text("", "small")
        self.count, self.total = Number("", "muted"), Number("", "row", 18)
        self.total.setMinimumWidth(76)
        self.less = IconButton("minus", "One less", lambda: self._step(-1))
        self.more = IconButton("plus", "One more", lambda: self._step(1))
        self.quantity = NumberField("Quantity", scale="quantity", longest=4)
        self.quantity.setFont(numeric_font(18))
        self.quantity.setValidator(QIntValidator(0, 9999, self))
        self.quantity.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.quantity.setFixedWidth(58)
        self.quantity.entered.connect(self._typed)
        self.remove = IconButton("close", "Remove this line", lambda: model.remove(position), "muted")
        self._lay_out()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(self.name)
        words.addWidget(self.each)
        words.addStretch(1)
        self._box = box = QHBoxLayout(self)
        box.setSpacing(0)
        box.addLayout(words, 1)
        for widget in (self.count, self.less, self.quantity, self.more, self.total, self.remove):
            box.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_line(self, line: SaleLine, selected: bool, locked: bool) -> None:
        controls = selected and not locked
        self.name.setText(line.name)
        self.each.show_text(f"{line.price.plain} each" if line.quantity > 1 or controls else "")
        self.count.show_text("" if controls or line.quantity == 1 else f"{line.quantity} ×")
        self.total.setText(line.total.plain)
        self.quantity.setText(str(line.quantity))
        for control in (self.less, self.quantity, self.more, self.remove):
            control.setVisible(controls)
        self._box.setContentsMargins(16, 0, 4 if controls else 16, 0)
        set_kind(self, "selected" if selected else "plain", "row")
        self.setAccessibleName(f"{line.quantity} {line.name}, {line.total}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._model.select(self._position)
        event.accept()

    def _step(self, step: int) -> None:
        self._model.select(self._position)
        self._model.change_quantity(step)

    def _typed(self, text: str) -> None:
        self._model.set_quantity(self._position, text)
        self.left.emit()


class Rows(QScrollArea):
    left = Signal()

    def __init__(self, model: SaleViewModel) -> None:
        super().__init__()
        self._model = model
        self.rows: list[CartRow] = []
        self._selected = -1
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = QWidget()
        self._box = QVBoxLayout(inside)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)
        self._box.addStretch(1)
        self.setWidget(inside)
        scroll_by_touch(self.viewport())

    def show_lines(self, lines: tuple[SaleLine, ...], selected: int, locked: bool) -> None:
        while len(self.rows) < len(lines):
            row = CartRow(self._model, len(self.rows))
            row.left.connect(self.left)
            self.rows.append(row)
            self._box.insertWidget(len(self.rows) - 1, row)
        for position, row in enumerate(self.rows):
            row.setVisible(position < len(lines))
            if position < len(lines):
                row.show_line(lines[position], position == selected, locked)
        self._selected = selected if selected < len(lines) else -1
        self._box.activate()
        self._show_selected()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_selected()

    def _show_selected(self) -> None:
        if self._selected >= 0:
            self.ensureWidgetVisible(self.rows[self._selected], 0, 0)


class TabStrip(QWidget):
    """The sale at hand, and those that wait: a sign and a word each, green once paid."""

    def __init__(self, model: SaleViewModel) -> None:
        super().__init__()
        self._model = model
        self._shown: dict[int, tuple[Tab, Button]] = {}
        self.title = Text("", "title")
        self.park = Button("Park  F9", "quiet", name="Park this sale, F9", on_click=model.park)
        self.clear = Button("Clear", "quiet", name="Clear this sale", on_click=model.ask_to_clear)
        self._tabs = QHBoxLayout()
        self._tabs.setSpacing(GAP)
        inside = QWidget()
        inside.setLayout(self._tabs)
        self._tabs.setContentsMargins(0, 0, 0, 0)
        self._tabs.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidget(inside)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFixedHeight(52)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll_by_touch(self._scroll.viewport(), by_mouse=True)
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.title, 1)
        top.addWidget(self.clear)
        top.addWidget(self.park)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 4, 8, 0)
        box.setSpacing(0)
        box.addWidget(self._scroll)
        box.addLayout(top)
        self.title.setMinimumHeight(48)

    def show_state(self, state: SellState) -> None:
        self.title.setText(state.title)
        for button in (self.park, self.clear):
            button.setVisible(bool(state.cart.lines))
        self._scroll.setVisible(bool(state.tabs))
        self._show_tabs(state.tabs)

    @property
    def buttons(self) -> list[Button]:
        return [self._shown[sale_id][1] for sale_id in sorted(self._shown)]

    def _show_tabs(self, tabs: tuple[Tab, ...]) -> None:
        """A tab that stays is left alone: they come and go with every sale of a busy hour."""
        for sale_id in set(self._shown) - {tab.sale_id for tab in tabs}:
            gone = self._shown.pop(sale_id)[1]
            self._tabs.removeWidget(gone)
            gone.deleteLater()
        for position, tab in enumerate(tabs):
            shown, button = self._shown.get(tab.sale_id, (None, None))
            if button is None:
                button = self._button(tab.sale_id)
                self._tabs.insertWidget(position, button)
            if shown != tab:
                self._shown[tab.sale_id] = tab, button
                button.setText(f"{_MARKS[tab.mark]}{tab.number} · {tab.total.plain}")
                button.setAccessibleName(f"Sale {tab.number}, {tab.total}, {tab.mark}")
                set_kind(button, _TAB_KINDS[tab.mark])

    def _button(self, sale_id: int) -> Button:
        return Button("", scale="chip", on_click=lambda: self._model.take_up(sale_id))


class Totals(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.label, self.amount = Text("Total", "row"), FittedNumber(56)
        self.detail = Text("", "muted")
        top = QHBoxLayout()
        top.addWidget(self.label)
        top.addWidget(self.amount, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 4, 16, 4)
        box.setSpacing(0)
        box.addLayout(top)
        box.addWidget(self.detail)

    def show_room(self, *, ample: bool) -> None:
        self.amount.show_largest(56 if ample else 36)
        self.detail.setVisible(ample and bool(self.detail.text()))

    def show_state(self, state: SellState) -> None:
        self.label.setText("Remaining" if state.paid else "Total")
        self.amount.setText(str(state.due))
        count = sum(line.quantity for line in state.cart.lines)
        parts = [f"{count} item" if count == 1 else f"{count} items"] if count else []
        if state.cart.rounding:
            parts.append(f"rounded {state.cart.rounding.plain}")
        if state.paid:
            parts.append(f"{state.paid} of {state.cart.total} paid")
        self.detail.show_text(" · ".join(parts))


class PayStrip(QWidget):
    def __init__(self, model: SaleViewModel) -> None:
        super().__init__()
        self.mpesa = KeyButton("M-Pesa", "F1", "primary", lambda: model.pay(Way.MPESA))
        self.cash = KeyButton("Cash", "F2", "", lambda: model.pay(Way.CASH))
        self.till = KeyButton("Pay to till", "F3", "", lambda: model.pay(Way.TILL))
        self.split = KeyButton("Split", "F4", "", lambda: model.pay(Way.SPLIT))
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 4, 16, 12)
        grid.setSpacing(GAP)
        grid.addWidget(self.mpesa, 0, 0, 1, 3)
        grid.addWidget(self.cash, 0, 3, 1, 2)
        grid.addWidget(self.till, 1, 0, 1, 3)
        grid.addWidget(self.split, 1, 3, 1, 2)
        for column in range(5):
            grid.setColumnStretch(column, 1)

    def show_state(self, state: SellState) -> None:
        """Grey while there is nothing to pay; the keys then say so."""
        for key in (self.mpesa, self.cash, self.till, self.split):
            key.setEnabled(bool(state.due))


class CartView(QWidget):
    def __init__(self, model: SaleViewModel, offers: OfferViewModel) -> None:
        super().__init__()
        self.offer = OfferBar(offers)
        self.strip, self.rows, self.totals, self.pay = TabStrip(model), Rows(model), Totals(), PayStrip(model)
        self.notice = Text("", "warning", wrap=True)
        self.confirm = _Confirm(model)
        self._middle = QStackedWidget()
        self._middle.setMinimumHeight(ROW)
        self._middle.addWidget(self.rows)
        self._middle.addWidget(_empty_cart())
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.strip)
        box.addWidget(self._middle, 1)
        inset = QVBoxLayout()
        inset.setContentsMargins(16, 4, 16, 4)
        inset.addWidget(self.notice)
        inset.addWidget(self.confirm)
        inset.addWidget(self.offer)
        box.addLayout(inset)
        box.addWidget(self.totals)
        box.addWidget(self.pay)

    def show_state(self, state: SellState) -> None:
        self.strip.show_state(state)
        self._middle.setCurrentIndex(0 if state.cart.lines else 1)
        self.rows.show_lines(state.cart.lines, state.selected, state.locked)
        self.notice.show_text(state.notice)
        self.confirm.setVisible(state.asking_to_clear)
        self.totals.show_state(state)
        self.pay.show_state(state)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Where room is short the total shrinks, so that a row of the cart and the keys to pay stay whole."""
        self.totals.show_room(ample=True)
        if not fits(self):
            self.totals.show_room(ample=False)


class _Confirm(QWidget):
    """A question in the page, where a dialog would stop the till."""

    def __init__(self, model: SaleViewModel) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(Text("Clear this sale?", "strong"), 1)
        self.keep = Button("Keep it", on_click=lambda: model.answer_clear(False))
        self.yes = Button("Clear", "danger", name="Yes, clear this sale", on_click=lambda: model.answer_clear(True))
        row.addWidget(self.keep)
        row.addSpacing(24)
        row.addWidget(self.yes)
        self.hide()


def _empty_cart() -> QWidget:
    page = QWidget()
    box = QVBoxLayout(page)
    box.setSpacing(12)
    box.addStretch(2)
    box.addWidget(Glyph("basket", "border", 56), 0, Qt.AlignmentFlag.AlignHCenter)
    words = Text("Scan or type an amount", "title")
    hint = Text("350 Enter, then F1", "muted")
    for text in (words, hint):
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box.addWidget(text)
    box.addStretch(3)
    return page
