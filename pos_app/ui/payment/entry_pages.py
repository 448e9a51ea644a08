"""The pages where somebody types: the customer's phone, a part of the amount, cash, and the shop's number to read."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from pos_app.domain.money import Money
from pos_app.ui.payment.state import PaymentState
from pos_app.ui.payment.typing import PHONE_MAX, change_words, grouped
from pos_app.ui.payment.view_model import PaymentViewModel
from pos_app.ui.theme import GAP, set_kind
from pos_app.ui.widgets.buttons import Button, KeyButton
from pos_app.ui.widgets.fields import NumberField
from pos_app.ui.widgets.keypad import Keypad
from pos_app.ui.widgets.labels import FittedNumber, Text
from pos_app.ui.widgets.room import fits

MARGIN = 16


class EntryPage(QWidget):
    """A title with a way back, the amount, a field, a keypad, and one button that Enter presses too."""

    largest = 56
    """Pixels of the amount."""

    def __init__(self, model: PaymentViewModel, heading: str, field: QLineEdit | None, button: str = "") -> None:
        super().__init__()
        self.model, self.field = model, field
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(MARGIN, 8, MARGIN, MARGIN)
        self.box.setSpacing(GAP)
        self.title = Text(heading, "title")
        self._heading = heading
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(Button("Back  Esc", "quiet", name="Back to the sale, Escape", on_click=model.back))
        self.box.addLayout(top)
        self.amount, self.caption = FittedNumber(self.largest), Text("", "muted", wrap=True)
        self.error = Text("", "error", wrap=True)
        self.warning = Text("", "warning", wrap=True)
        self.submit = KeyButton(button, "Enter", "primary", self.press)
        self._keypad: QWidget | None = None

    def press(self) -> None:
        """What Enter in the field does."""

    def open(self) -> None:
        """The page has just come up: nothing of the customer before is left in it."""
        if self.field is not None:
            self.field.clear()
            self.field.setFocus()

    def show_state(self, state: PaymentState) -> None:
        self.title.setText(f"{self._heading} · {state.title}")
        self.amount.setText(str(state.due))
        self.error.show_text(state.error)
        self.warning.show_text(state.warning)
        self.submit.setEnabled(not state.working)
        if self.field is not None:
            set_kind(self.field, "true" if state.error else "false", "invalid")
        self._fit()

    def messages(self) -> None:
        self.box.addWidget(self.error)
        self.box.addWidget(self.warning)

    def add_keypad(self, keypad: QWidget) -> None:
        self._keypad = keypad
        self.box.addWidget(keypad, 1)
        self.box.addStretch(0)
        self.box.addWidget(self.submit)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Where room is short the figure shrinks, then caption and keypad go: the keyboard does all it does."""
        if self._keypad is None:
            return
        self._keypad.show()
        self.caption.show()
        for pixels in (self.largest, 40, 32):
            self.amount.show_largest(min(pixels, self.largest))
            if fits(self):
                return
        self.caption.hide()
        if not fits(self):
            self._keypad.hide()
            self.caption.show()


class PhonePage(EntryPage):
    def __init__(self, model: PaymentViewModel) -> None:
        self.phone = NumberField("Customer’s phone number", "07…", longest=PHONE_MAX, regroup=grouped)
        super().__init__(model, "M-Pesa", self.phone, "Send to phone")
        self.box.addWidget(self.amount)
        self.caption.setText("Customer’s phone number")
        self.box.addWidget(self.caption)
        self.box.addWidget(self.phone)
        self.messages()
        self.add_keypad(Keypad(self.phone, "+"))
        self.phone.textEdited.connect(lambda _text: model.type_phone(self.phone.text()))
        self.phone.entered.connect(lambda _text: self.press())

    def press(self) -> None:
        self.model.submit_phone(self.phone.text())


class SplitPage(EntryPage):
    def __init__(self, model: PaymentViewModel) -> None:
        self.part = NumberField("Amount to pay by M-Pesa", "0", longest=9)
        super().__init__(model, "Split", self.part, "Ask for this part")
        self._rest = Text("", "row")
        self.box.addWidget(self.amount)
        self.caption.setText("How much of it by M-Pesa? The rest is paid afterwards.")
        self.box.addWidget(self.caption)
        self.box.addWidget(self.part)
        self.box.addWidget(self._rest)
        self.messages()
        self.add_keypad(Keypad(self.part))
        self.part.textEdited.connect(lambda _text: self._show_rest())
        self.part.entered.connect(lambda _text: self.press())

    def press(self) -> None:
        self.model.submit_split(self.part.text())

    def open(self) -> None:
        super().open()
        self._show_rest()

    def _show_rest(self) -> None:
        word, rest = change_words(self.part.text(), self.model.state.due)
        short = self.part.text().strip() and word == "Still to pay"
        self._rest.setText(f"{rest} remain to be paid" if short else " ")


class CashPage(EntryPage):
    largest = 36

    def __init__(self, model: PaymentViewModel) -> None:
        self.received = NumberField("Cash received", longest=9)
        super().__init__(model, "Cash", self.received, "Take cash")
        due = QHBoxLayout()
        self.caption.setText("To pay")
        due.addWidget(self.caption)
        due.addWidget(self.amount, 1)
        self.box.addLayout(due)
        self.box.addWidget(self.received)
        self.messages()
        self.change_word = Text("", "row")
        self.change = FittedNumber(56)
        change = QHBoxLayout()
        change.addWidget(self.change_word)
        change.addWidget(self.change, 1)
        self.box.addLayout(change)
        self.quick_buttons: list[Button] = []
        self._quick = QVBoxLayout()
        self._quick.setSpacing(GAP)
        self.add_keypad(self._keys_and_sums())
        self.received.textEdited.connect(lambda _text: model.type_cash(self.received.text()))
        self.received.entered.connect(lambda _text: self.press())

    def _keys_and_sums(self) -> QWidget:
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        row.addWidget(Keypad(self.received), 3)
        row.addLayout(self._quick, 1)
        return both

    def press(self) -> None:
        self.model.submit_cash(self.received.text())

    def show_state(self, state: PaymentState) -> None:
        super().show_state(state)
        self.received.setPlaceholderText(f"{state.due.plain} (exact)")
        self.change_word.setText(state.change_word)
        self.change.setText(str(state.change) if state.change_word else "")
        self._show_quick(state.quick)

    def _show_quick(self, amounts: tuple[Money, ...]) -> None:
        if [button.text() for button in self.quick_buttons] == [amount.plain for amount in amounts]:
            return
        for button in self.quick_buttons:
            self._quick.removeWidget(button)
            button.deleteLater()
        self.quick_buttons = [self._quick_button(amount) for amount in amounts]
        for button in self.quick_buttons:
            self._quick.addWidget(button)

    def _quick_button(self, amount: Money) -> Button:
        button = Button(amount.plain, scale="key", name=f"Received {amount}", on_click=lambda: self._fill(amount))
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        return button

    def _fill(self, amount: Money) -> None:
        self.received.setText(amount.plain)
        self.model.type_cash(self.received.text())
        self.received.setFocus()


class TillPage(EntryPage):
    """The shop's own number, large enough to read across the counter."""

    def __init__(self, model: PaymentViewModel) -> None:
        super().__init__(model, "Pay to till", None, "Park sale")
        self.setProperty("ring", False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.number_kind = Text("", "name")
        self.number = FittedNumber(96, centred=True)
        self.steps = Text("", "row", wrap=True)
        self.box.addStretch(1)
        for words in (self.number_kind, self.steps):
            words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.amount = FittedNumber(56, centred=True)
        self.box.addWidget(self.number_kind)
        self.box.addWidget(self.number)
        self.box.addSpacing(8)
        self.box.addWidget(self.amount)
        self.box.addSpacing(16)
        self.box.addWidget(self.steps)
        self.box.addStretch(2)
        later = Text("Payments to this number show at the bottom of the screen.", "muted", wrap=True)
        later.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.box.addWidget(later)
        self.caption = later
        self.submit = KeyButton("Park sale", "F9", "", self.press)
        self.box.addWidget(self.submit)

    def press(self) -> None:
        self.model.park()

    def open(self) -> None:
        self.setFocus()

    def show_state(self, state: PaymentState) -> None:
        super().show_state(state)
        kind, _, number = state.number_label.partition(" ")
        self.number_kind.setText(kind)
        self.number.setText(number)
        menu = "Buy Goods and Services" if kind == "Till" else "Pay Bill"
        self.steps.setText(f"M-Pesa menu → Lipa na M-Pesa → {menu} → {number} → {state.due}")
        self._fit()

    def _fit(self) -> None:
        """Where an offer takes room the figures shrink; the number stays larger than the amount."""
        self.caption.show()
        for number, amount in ((96, 56), (72, 44), (56, 36)):
            self.number.show_largest(number)
            self.amount.show_largest(amount)
            if fits(self):
                return
        self.caption.hide()
