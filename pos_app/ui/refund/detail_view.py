"""One refund on the screen: what it is on the left, what was said of it on the right, what can be done at the foot."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from pos_app.domain.refund import Refund
from pos_app.domain.refund_states import RefundState
from pos_app.domain.staff import Person
from pos_app.ui.history.detail_view import title_row
from pos_app.ui.history.words import exact_time, full_time
from pos_app.ui.refund.view_model import RefundsState, RefundsViewModel, can_be_attested, can_be_released
from pos_app.ui.refund.words import explained, fact_words, mark, to_words
from pos_app.ui.staff.entrance import secret
from pos_app.ui.staff.words import named
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import Foot, tell
from pos_app.ui.widgets.labels import Number, Text

_LEFT_WIDTH = 520
_TIME_WIDTH = 110
_ASKABLE = frozenset({RefundState.PENDING, RefundState.UNKNOWN, RefundState.DISPUTED})


class Releaser(QWidget):
    """Somebody of a list, and their PIN."""

    entered = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.people = QComboBox()
        self.people.setAccessibleName(name)
        self.people.setMinimumHeight(48)
        self.people.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.pin = secret(f"{name}, PIN", lambda _text: self.entered.emit())
        self.pin.setPlaceholderText("PIN")
        self.pin.setFixedWidth(140)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.people)
        row.addWidget(self.pin)

    def show_people(self, people: tuple[Person, ...]) -> None:
        wanted = [(named(one), one.id) for one in people]
        if wanted != [(self.people.itemText(at), self.people.itemData(at)) for at in range(self.people.count())]:
            self.people.clear()
            for words, person_id in wanted:
                self.people.addItem(words, person_id)

    def take(self) -> tuple[int, str]:
        """The PIN is gone from the screen then."""
        chosen = self.people.currentData()
        told = (int(chosen) if chosen is not None else 0, self.pin.text())
        self.pin.clear()
        return told


class RefundDetailView(QWidget):
    closed = Signal()
    receipt_wanted = Signal(int)

    def __init__(self, model: RefundsViewModel) -> None:
        super().__init__()
        self._model = model
        self._shown: object = None
        self.refund_panel, self.story = _scroll("Refund"), _scroll("What was said of it")
        self.refund_panel.setFixedWidth(_LEFT_WIDTH)
        self.problem = Text("", "error", wrap=True)
        self.leave = Button("Back  ·  Esc", name="Back", on_click=self.closed.emit)
        self.decline = Button("Decline", on_click=model.decline)
        self.releaser = Releaser("Who releases it")
        self.release = Button("Release", "primary", on_click=self._release)
        self.send = Button("Send again", "primary", on_click=model.send_again)
        self.ask = Button("Ask Safaricom now  ·  F11", name="Ask Safaricom now", on_click=model.ask_now)
        self.receipt = Button("Refund receipt  ·  F10", name="Refund receipt", on_click=self._receipt)
        self.first, self.second = Releaser("First person"), Releaser("Second person")
        self.paid = Button("The statement shows it: paid", on_click=lambda: self._attest(paid=True))
        self.not_paid = Button("It does not: not paid", "danger", on_click=lambda: self._attest(paid=False))
        self.releaser.entered.connect(self._release)
        self._lay_out()
        for keys, work in (("Esc", self.closed.emit), ("F11", model.ask_now), ("F10", self._receipt)):
            QShortcut(QKeySequence(keys), self, work, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def show_state(self, state: RefundsState) -> None:
        detail = state.detail
        tell(self.problem, f"! {state.problem}" if state.problem else "")
        if detail is None:
            return
        if (detail, state.names) != self._shown:
            self._shown = (detail, state.names)
            self._fill(state, detail.refund)
        self._show_acts(state, detail.refund)

    def _fill(self, state: RefundsState, refund: Refund) -> None:
        self.refund_panel.setWidget(_panel(state, refund))
        self.story.setWidget(_story(state, self._model))
        announce(self.refund_panel, f"Refund {refund.number}: {mark(refund).words}")

    def _show_acts(self, state: RefundsState, refund: Refund) -> None:
        held = self.window().focusWidget()
        had_keyboard = held is not None and self.isAncestorOf(held)
        to_release, to_attest = can_be_released(refund), can_be_attested(refund)
        self.releaser.show_people(state.releasers)
        for one in (self.first, self.second):
            one.show_people(state.attesters)
        for widget in (self.releaser, self.release, self.decline):
            widget.setVisible(to_release)
        self.attesting.setVisible(to_attest)
        self.send.setVisible(refund.state is RefundState.APPROVED)
        self.ask.setVisible(refund.state in _ASKABLE and refund.route.is_by_mpesa)
        self.receipt.setVisible(refund.state is RefundState.COMPLETED)
        now = self.window().focusWidget()
        if had_keyboard and (now is None or not self.isAncestorOf(now)):
            self.leave.setFocus()  # what had the keyboard is there no more

    def _release(self) -> None:
        self._model.release(*self.releaser.take())

    def _receipt(self) -> None:
        refund = self._model.state.refund
        if refund is not None and refund.state is RefundState.COMPLETED:
            self.receipt_wanted.emit(refund.id)

    def _attest(self, *, paid: bool) -> None:
        self._model.attest(self.first.take(), self.second.take(), paid=paid)

    def focus_first(self) -> None:
        (self.leave if self.releaser.isHidden() else self.releaser.pin).setFocus()

    def _lay_out(self) -> None:
        self.attesting = QFrame()
        self.attesting.setProperty("panel", "surface")
        told = QVBoxLayout(self.attesting)
        told.setContentsMargins(24, 16, 24, 16)
        told.setSpacing(GAP)
        about = "After 24 hours two people who have looked at the M-Pesa statement say what it shows."
        told.addWidget(Text(about, "muted", wrap=True))
        for widgets in ((self.first,), (self.second,), (self.paid, self.not_paid)):
            row = QHBoxLayout()
            for widget in widgets:
                row.addWidget(widget)
            row.addStretch(1)
            told.addLayout(row)
        right = QVBoxLayout()
        right.addWidget(self.story, 1)
        right.addWidget(self.attesting)
        inside = QHBoxLayout()
        inside.setSpacing(0)
        inside.addWidget(self.refund_panel)
        inside.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(inside, 1)
        foot = (self.ask, self.receipt, self.decline, self.releaser, self.send, self.release)
        column.addWidget(Foot(self.problem, self.leave, *foot))


def _panel(state: RefundsState, refund: Refund) -> QWidget:
    panel = QWidget()
    column = QVBoxLayout(panel)
    column.setContentsMargins(24, 24, 24, 24)
    column.setSpacing(GAP)
    column.addLayout(title_row(f"Refund {refund.number}", mark(refund)))
    column.addWidget(Text(explained(refund), "warning" if refund.state.may_be_paid else "", wrap=True))
    if can_be_released(refund) and state.detail is not None and state.detail.approvals_needed > 1:
        column.addWidget(Text("Two people must release it, and neither is who prepared it.", "warning", wrap=True))
    facts = QGridLayout()
    facts.setVerticalSpacing(GAP)
    facts.setColumnStretch(1, 1)
    for position, (name, words) in enumerate(_facts(state, refund)):
        facts.addWidget(Text(name, "muted"), position, 0, Qt.AlignmentFlag.AlignTop)
        facts.addWidget(Text(words, "strong" if name == "Amount" else "", wrap=True), position, 1)
    column.addLayout(facts)
    column.addStretch(1)
    return panel


def _facts(state: RefundsState, refund: Refund) -> list[tuple[str, str]]:
    released = ", ".join(f"{state.name(one.by)} {exact_time(one.at, refund.requested_at)}" for one in refund.approvals)
    sale = state.detail.sale_number if state.detail else 0
    told = [
        ("Amount", str(refund.amount)),
        ("Of", f"Sale {sale}" + (f", M-Pesa {refund.original_receipt}" if refund.original_receipt else ", cash")),
        ("By", to_words(refund)),
        ("Why", refund.why.english + (f": {refund.note}" if refund.note else "")),
        ("Prepared by", f"{state.name(refund.requested_by)}, {full_time(refund.requested_at)}"),
        ("Released by", released or "nobody yet"),
        ("Refund’s code", refund.receipt),
    ]
    return [(name, words) for name, words in told if words]


def _story(state: RefundsState, model: RefundsViewModel) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(24, 24, 24, 24)
    column.setSpacing(GAP)
    told = state.detail.told if state.detail else ()
    if not told:
        column.addWidget(Text("Nothing was sent yet.", "muted"))
    for row in reversed(told):
        line = QHBoxLayout()
        time = Number(exact_time(row.evidence.at, model.clock()))
        time.setFixedWidth(_TIME_WIDTH)
        code = f" ({row.evidence.code})" if row.evidence.code not in {"", "0"} else ""
        words = fact_words(row.evidence.fact) + code
        text = row.evidence.text
        line.addWidget(time, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(Text(f"{words}\n{text}" if text else words, "", wrap=True), 1)
        column.addLayout(line)
    column.addStretch(1)
    return page


def _scroll(name: str) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setAccessibleName(name)
    return area
