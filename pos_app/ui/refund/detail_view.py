"""One refund on the screen: what it is on the left, what was said of it on the right, what can be done at the foot."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from pos_app.domain.refund import Refund
from pos_app.domain.refund_states import RefundState
from pos_app.ui.history.detail_view import rule, timeline_row, title_row
from pos_app.ui.history.words import exact_time, full_time
from pos_app.ui.refund.attesting import Attesting
from pos_app.ui.refund.view_model import RefundsState, RefundsViewModel, can_be_released
from pos_app.ui.refund.words import Told, disputed_words, explained, is_in_doubt, mark, story, to_words
from pos_app.ui.staff.prover import Prover
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import Foot, tell
from pos_app.ui.widgets.labels import Text

_LEFT_WIDTH = 440
_ASKABLE = frozenset({RefundState.PENDING, RefundState.UNKNOWN, RefundState.DISPUTED})


class RefundDetailView(QWidget):
    closed = Signal()
    receipt_wanted = Signal(int)
    anew_wanted = Signal(int)
    """The id of the sale of which nothing was given back after all."""

    def __init__(self, model: RefundsViewModel) -> None:
        super().__init__()
        self._model = model
        self._shown: object = None
        self.refund_panel, self.story = _scroll("Refund"), _scroll("What was said of it")
        self.problem = Text("", "error", wrap=True)
        self.leave = Button("Back  ·  Esc", name="Back", on_click=self.closed.emit)
        self.decline = Button("Decline", on_click=model.decline)
        self.releaser = Prover("Who releases it", model.practice)
        self.release = Button("Release  ·  Enter", "primary", name="Release", on_click=self._release)
        self.send = Button("Send again", "primary", on_click=model.send_again)
        self.ask = Button("Ask Safaricom now  ·  F11", name="Ask Safaricom now", on_click=model.ask_now)
        self.receipt = Button("Refund receipt  ·  F10", "primary", name="Refund receipt", on_click=self._receipt)
        self.anew = Button("Refund anew  ·  F3", "primary", name="Refund anew", on_click=self._anew)
        self.attesting = Attesting(lambda first, second, paid: model.attest(first, second, paid=paid), model.practice)
        self.releaser.entered.connect(self._release)
        self._lay_out()
        for keys, work in (
            ("Esc", self.closed.emit),
            ("F11", model.ask_now),
            ("F10", self._receipt),
            ("F3", self._anew),
        ):
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
        QTimer.singleShot(0, self, self._show_newest)
        announce(self.refund_panel, f"Refund {refund.number}: {mark(refund).words}")

    def _show_newest(self) -> None:
        """Once it has its height: what was said last is at the end."""
        bar = self.story.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _show_acts(self, state: RefundsState, refund: Refund) -> None:
        held = next((act for act in self._acts if act.hasFocus()), None)
        to_release = can_be_released(refund)
        self.releaser.show_people(state.releasers)
        self.attesting.show_refund(refund, state.attesters, self._model.clock())
        for widget in (self.releaser, self.release, self.decline):
            widget.setVisible(to_release)
        self.send.setVisible(refund.state is RefundState.APPROVED)
        self.ask.setVisible(refund.state in _ASKABLE and refund.route.is_by_mpesa)
        self.receipt.setVisible(refund.state is RefundState.COMPLETED)
        self.anew.setVisible(refund.state is RefundState.FAILED)
        if held is not None and not held.isVisibleTo(self):
            self.focus_first()

    def _release(self) -> None:
        self._model.release(*self.releaser.take())

    def _receipt(self) -> None:
        refund = self._model.state.refund
        if refund is not None and refund.state is RefundState.COMPLETED:
            self.receipt_wanted.emit(refund.id)

    def _anew(self) -> None:
        refund = self._model.state.refund
        if refund is not None and refund.state is RefundState.FAILED:
            self.anew_wanted.emit(refund.sale_id)

    @property
    def _acts(self) -> tuple[QWidget, ...]:
        """What is most likely wanted first."""
        attesting = (self.attesting.first.pin, self.attesting.second.pin, self.attesting.paid, self.attesting.not_paid)
        first = (self.releaser.pin, self.receipt, self.ask, self.anew, self.send)
        return (*first, self.release, self.decline, *attesting)

    def focus_first(self) -> None:
        """On what is most likely wanted; Enter there gives no money back unless a PIN was typed."""
        next((act for act in self._acts if act.isVisibleTo(self)), self.leave).setFocus()

    def _lay_out(self) -> None:
        left = QFrame()
        left.setProperty("panel", "surface")
        left.setFixedWidth(_LEFT_WIDTH)
        inside = QVBoxLayout(left)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.refund_panel)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.story, 1)
        below = QHBoxLayout()
        below.setContentsMargins(24, 0, 24, 16)
        below.addWidget(self.attesting)
        right.addLayout(below)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(left)
        row.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        foot = (self.ask, self.receipt, self.anew, self.decline, self.releaser, self.send, self.release)
        column.addWidget(Foot(self.problem, self.leave, *foot))


def _panel(state: RefundsState, refund: Refund) -> QWidget:
    panel = QWidget()
    column = QVBoxLayout(panel)
    column.setContentsMargins(24, 24, 24, 24)
    column.setSpacing(GAP)
    column.addLayout(title_row(f"Refund {refund.number}", mark(refund)))
    column.addWidget(Text(explained(refund), "warning" if is_in_doubt(refund) else "", wrap=True))
    if two := _two_people(state, refund):
        column.addWidget(Text(two, "warning", wrap=True))
    column.addSpacing(GAP)
    facts = QGridLayout()
    facts.setVerticalSpacing(GAP)
    facts.setHorizontalSpacing(2 * GAP)
    facts.setColumnStretch(1, 1)
    for position, (name, words) in enumerate(_facts(state, refund)):
        facts.addWidget(Text(name, "muted"), position, 0, Qt.AlignmentFlag.AlignTop)
        facts.addWidget(Text(words, "money" if name == "Amount" else "", wrap=True), position, 1)
    column.addLayout(facts)
    column.addStretch(1)
    return panel


def _two_people(state: RefundsState, refund: Refund) -> str:
    missing = state.detail.approvals_needed if state.detail and can_be_released(refund) else 0
    if missing > 1:
        return "! Two people must release it, and neither is who prepared it."
    if missing == 1 and not state.releasers:
        return "! Nobody else who works here may release it."
    return "! One more person must release it." if missing == 1 and refund.approvals else ""


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
        ("Safaricom says", disputed_words(_told(state)) if refund.state is RefundState.DISPUTED else ""),
    ]
    return [(name, words) for name, words in told if words]


def _told(state: RefundsState) -> tuple[Told, ...]:
    rows = state.detail.told if state.detail else ()
    return tuple((one.evidence, one.disposition, one.recorded_at) for one in rows)


def _story(state: RefundsState, model: RefundsViewModel) -> QWidget:
    page = QWidget()
    around = QVBoxLayout(page)
    around.setContentsMargins(24, 24, 24, 24)
    card = QFrame()
    card.setProperty("panel", "surface")
    column = QVBoxLayout(card)
    column.setContentsMargins(16, 16, 16, 16)
    column.setSpacing(GAP)
    column.addWidget(Text("What was said of it", "title"))
    rows = story(_told(state), model.clock())
    if not rows:
        column.addWidget(Text("Nothing yet: it waits to be released.", "muted"))
    for row in rows:
        column.addWidget(rule())
        column.addWidget(timeline_row(row))
    around.addWidget(card)
    around.addStretch(1)
    return page


def _scroll(name: str) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setAccessibleName(name)
    return area
