"""The panel of a running or finished charge: it draws the words it is given, in the tone it is given."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from pos_app.ui.payment.stage import Stage
from pos_app.ui.payment.state import PaymentState
from pos_app.ui.payment.view_model import PaymentViewModel
from pos_app.ui.payment.words import CODE_TO_FOLLOW, KEYS, LABELS, Act, Panel, Tone
from pos_app.ui.theme import GAP, set_kind
from pos_app.ui.widgets.buttons import Button, KeyButton
from pos_app.ui.widgets.glyph import Badge
from pos_app.ui.widgets.labels import FittedNumber, Text
from pos_app.ui.widgets.ring import CountRing
from pos_app.ui.widgets.room import fits

CHECKING_SECONDS = 75
BUSY_SECONDS = 120
DRESSES = {
    Tone.WAITING: "surface",
    Tone.FAILED: "surface",
    Tone.PART: "surface",
    Tone.PAID: "paid",
    Tone.CHECKING: "checking",
}
_SIZES = ((72, 64, 48), (56, 56, 40), (44, 44, 36), (36, 32, 32))
"""Pixels of the amount, the sign and the shop's number: the first that fits is taken."""
_BADGES = {
    Tone.WAITING: ("selected", "text"),
    Tone.FAILED: ("danger", "on_danger"),
    Tone.PART: ("checking", "on_checking"),
    Tone.PAID: ("on_pay", "pay"),
    Tone.CHECKING: ("on_checking", "checking"),
}


class ChargePage(QWidget):
    """In one of the `DRESSES`, for good: to dress a page anew takes longer than all else until PAID is painted."""

    def __init__(self, model: PaymentViewModel, dress: str) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", dress)
        self.setObjectName(dress)
        self.setAccessibleName("Payment")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("ring", False)
        self._model = model
        self._make_labels("word" if dress == DRESSES[Tone.PAID] else "name")
        self.primary = KeyButton("", "", "primary", lambda: self._press(self._main_act()))
        self.secondary = KeyButton("", "", "", lambda: self._press(self._panel.secondary))
        self.more = [self._more_button(at) for at in range(2)]
        self._panel = Panel(Tone.WAITING, "dots", "", "")
        self._lay_out()

    def _make_labels(self, word_role: str) -> None:
        self.title = Text("", "muted")
        self.badge, self.ring = Badge(64), CountRing(104)
        self.word, self.sentence = Text("", word_role), Text("", "sentence", wrap=True)
        self.amount = FittedNumber(72, centred=True)
        self.phone, self.payer = Text("", "name"), Text("", "name", wrap=True)
        self.money, self.advice = Text("", "money", wrap=True), Text("", "row", wrap=True)
        self.number = FittedNumber(48, centred=True)
        self.error, self.code = Text("", "warning", wrap=True), Text("", "code")
        for words in (self.word, self.sentence, self.phone, self.payer, self.money, self.advice, self.error, self.code):
            words.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def _more_button(self, at: int) -> Button:
        return Button("", "quiet", on_click=lambda: self._press(self._panel.more[at]))  # shown beside a primary only

    def _lay_out(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.setSpacing(6)
        box.addWidget(self.title)
        box.addStretch(2)
        for sign in (self.badge, self.ring):
            box.addWidget(sign, 0, Qt.AlignmentFlag.AlignHCenter)
        for words in (self.word, self.amount, self.phone, self.payer, self.sentence, self.money, self.advice):
            box.addWidget(words)
        box.addWidget(self.number)
        box.addWidget(self.error)
        box.addStretch(3)
        box.addWidget(self.code)
        box.addSpacing(4)
        keys = QHBoxLayout()
        keys.setSpacing(GAP)
        keys.addWidget(self.secondary, 2)
        keys.addWidget(self.primary, 3)
        box.addLayout(keys)
        more = QHBoxLayout()
        for button in self.more:
            more.addWidget(button)
        box.addLayout(more)

    def get_ready(self) -> None:
        """Dressed before it is shown, while there is time."""
        for widget in (self, *self.findChildren(QWidget)):
            widget.ensurePolished()

    def open(self) -> None:
        self._focus()

    def _focus(self) -> None:
        """Enter presses the primary; without one it does nothing."""
        (self.primary if self._panel.primary and self.primary.isEnabled() else self).setFocus()

    def _main_act(self) -> Act | None:
        """The large button; where Enter must do nothing, the first of the others stands there, in plain dress."""
        return self._panel.primary or next(iter(self._panel.more), None)

    def _press(self, act: Act | None) -> None:
        if act is not None:
            self._model.act(act)

    def show_state(self, state: PaymentState) -> None:
        panel = state.panel
        if panel is None:
            return
        fresh = (panel.tone, panel.word) != (self._panel.tone, self._panel.word)
        self._panel = panel
        self._show_sign(state, panel)
        self._show_words(state, panel)
        self._show_buttons(state, panel)
        self._fit()
        if fresh:
            self._focus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.show_state(self._model.state)

    def _fit(self) -> None:
        """Where words and keys need more room than there is, the figure and the sign shrink, then the small print goes;
        what happened, what of the money and what to do always stay."""
        for amount, sign, number in _SIZES:
            self.amount.show_largest(amount)
            self.number.show_largest(number)
            self.badge.setFixedSize(sign, sign)
            self.ring.setFixedSize(round(sign * 1.6), round(sign * 1.6))
            if fits(self):
                return
        for spare in (self.title, self.code, self.phone, self.badge, self.ring):
            spare.hide()
            if fits(self):
                return

    def _show_sign(self, state: PaymentState, panel: Panel) -> None:
        counts = panel.tone is Tone.WAITING or state.countdown > 0
        self.ring.setVisible(counts)
        self.badge.setVisible(not counts)
        self.badge.show_sign(panel.sign, *_BADGES[panel.tone])
        if state.countdown:
            self.ring.show_count(str(state.countdown), state.countdown / BUSY_SECONDS, "danger")
        else:
            self.ring.show_count(str(state.seconds), state.seconds / CHECKING_SECONDS, "focus")

    def _show_words(self, state: PaymentState, panel: Panel) -> None:
        self.title.show_text(state.title)
        self.word.setText(panel.word)
        self.amount.setText(str(state.due))
        self.phone.show_text("" if state.phone in panel.sentence else state.phone)
        self.payer.show_text(_who(state))
        self.sentence.show_text(panel.sentence)
        self.money.show_text(panel.money)
        self.advice.show_text(panel.advice)
        self.number.setVisible(panel.shows_number and bool(state.number_label))
        self.number.setText(state.number_label)
        self.error.show_text("" if state.error == panel.sentence else state.error)
        self.code.show_text(panel.code)

    def _show_buttons(self, state: PaymentState, panel: Panel) -> None:
        self._show_key(self.primary, self._main_act(), "Enter" if panel.primary else "")
        self._show_key(self.secondary, panel.secondary, "")
        set_kind(self.primary, "primary" if panel.primary else "")
        waits = panel.primary is Act.SEND_AGAIN and state.countdown > 0
        self.primary.setEnabled(not waits and (not state.working or self._main_act() is Act.PARK))
        self.secondary.setEnabled(not state.working)
        more = panel.more if panel.primary else panel.more[1:]
        for at, button in enumerate(self.more):
            act = more[at] if at < len(more) else None
            button.setVisible(act is not None)
            button.setEnabled(not state.working)
            if act is not None:
                button.setText(_with_key(act))
                button.setAccessibleName(_with_key(act))

    def _show_key(self, button: KeyButton, act: Act | None, otherwise: str) -> None:
        button.setVisible(act is not None)
        if act is not None:
            button.show_words(LABELS[act], KEYS.get(act, "") or otherwise)


def _who(state: PaymentState) -> str:
    """Name and code of whoever paid; the code may still be on its way."""
    if state.stage not in {Stage.PAID, Stage.PAID_LATE}:
        return ""
    return "\n".join(filter(None, (state.payer, state.receipt or CODE_TO_FOLLOW)))


def _with_key(act: Act) -> str:
    key = KEYS.get(act, "")
    return f"{LABELS[act]}  {key}" if key else LABELS[act]


class ChangePage(QWidget):
    """Paid in cash: the change, as large as the sum it is."""

    def __init__(self, model: PaymentViewModel) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", "paid")
        self._model = model
        self.badge, self.word = Badge(64), Text("PAID", "word")
        self.badge.show_sign("tick", *_BADGES[Tone.PAID])
        self.change_word, self.change = Text("", "name"), FittedNumber(72, centred=True)
        self.due = Text("", "row")
        self.next = KeyButton("Next sale", "Enter", "primary", model.finish)
        self.receipt = KeyButton("Receipt", "", "", self._show_receipt)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 16)
        box.addStretch(2)
        box.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignHCenter)
        for words in (self.word, self.due, self.change_word, self.change):
            words.setAlignment(Qt.AlignmentFlag.AlignCenter)
            box.addWidget(words)
        box.addStretch(3)
        keys = QHBoxLayout()
        keys.setSpacing(GAP)
        keys.addWidget(self.receipt, 2)
        keys.addWidget(self.next, 3)
        box.addLayout(keys)

    def open(self) -> None:
        self.next.setFocus()

    def show_state(self, state: PaymentState) -> None:
        self.due.setText(f"{state.title} · {state.due} {state.receipt or 'in cash'}")
        self.change_word.setText(state.change_word if state.change else "No change")
        self.change.setText(str(state.change) if state.change else "")

    def _show_receipt(self) -> None:
        sale = self._model.sale
        if sale is not None:
            self._model.receipt_wanted.emit(sale.id)
