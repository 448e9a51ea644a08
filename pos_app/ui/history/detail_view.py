"""One sale on the screen: what was sold and paid on the left, the story of each charge on the right."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from pos_app.ui.history.detail_state import Charge, Detail, TenderWords
from pos_app.ui.history.view_model import HistoryState, HistoryViewModel
from pos_app.ui.history.words import Mark, TimelineRow, Tone
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import Foot, tell
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Number, Text

_SALE_WIDTH = 440
_TIME_WIDTH = 128
_OUTCOME_WIDTH = 168
_GLYPHS = {
    Tone.PAID: ("tick", "success"),
    Tone.WAITING: ("dots", "muted"),
    Tone.FAILED: ("exclamation", "danger"),
    Tone.QUIET: ("minus", "muted"),
}


class DetailView(QWidget):
    receipt_wanted = Signal()
    refund_wanted = Signal(int)
    """The id of the sale of which money is to be given back."""

    def __init__(self, view_model: HistoryViewModel) -> None:
        super().__init__()
        self._view_model = view_model
        self._shown: Detail | None = None
        self.sale = _scroll("Sale")
        self.story = _scroll("M-Pesa requests of this sale")
        self.copied = Text("", "strong")
        self.problem = Text("", "error", wrap=True)
        self.check = Button("Check now  ·  F11", name="Check now", on_click=view_model.check_now)
        self.change = Button("", on_click=view_model.give_change)
        self.receipt = Button("Receipt  ·  F10", "primary", name="Receipt", on_click=self.receipt_wanted.emit)
        self.refund = Button("Refund  ·  F3", name="Refund", on_click=self._refund)
        self.done = Button("Back  ·  Esc", name="Back", on_click=view_model.close_sale)
        self._lay_out()
        for keys, work in (
            ("Esc", view_model.close_sale),
            ("F11", view_model.check_now),
            ("F2", view_model.give_change),
            ("F10", self.receipt_wanted.emit),
            ("F3", self._refund),
            ("Ctrl+C", view_model.copy_code),
        ):
            QShortcut(QKeySequence(keys), self, work, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def show_state(self, state: HistoryState) -> None:
        detail = state.detail
        if detail != self._shown:
            is_another = detail is not None and (self._shown is None or self._shown.sale_id != detail.sale_id)
            self._shown = detail
            self._fill(detail)
            self.receipt.setEnabled(detail is not None)
            if is_another:
                self.receipt.setFocus()
            elif detail is not None:
                announce(self.sale, f"{detail.title}: {detail.mark.words}")
        tell(self.copied, f"✓ {state.copied} copied" if state.copied else "")
        tell(self.problem, f"! {state.problem}" if state.problem else "")
        self.check.setVisible(detail is not None and detail.live_charge is not None)
        self.check.setEnabled(not state.checking)
        self.check.setText("Asking Safaricom …" if state.checking else "Check now  ·  F11")
        self._show_change(state)
        self.refund.setVisible(detail is not None and detail.can_be_refunded)

    def _refund(self) -> None:
        if self._shown is not None and self._shown.can_be_refunded:
            self.refund_wanted.emit(self._shown.sale_id)

    def _show_change(self, state: HistoryState) -> None:
        due = state.detail.change_due if state.detail else ""
        self.change.setVisible(bool(due))
        self.change.setEnabled(not state.giving)
        self.change.setText(f"Give {due} change  ·  F2")
        self.change.setAccessibleName(f"Give {due} change")

    def _fill(self, detail: Detail | None) -> None:
        place = self.story.verticalScrollBar().value()
        self.sale.setWidget(self._sale_panel(detail) if detail else QWidget())
        self.story.setWidget(_story(detail.charges) if detail else QWidget())
        self.story.verticalScrollBar().setValue(place)

    def _sale_panel(self, detail: Detail) -> QWidget:
        panel = QWidget()
        column = QVBoxLayout(panel)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(GAP)
        column.addLayout(title_row(detail.title, detail.mark))
        column.addWidget(Text(detail.time, "muted"))
        if detail.notice:
            column.addWidget(Text(detail.notice, "warning", wrap=True))
        column.addSpacing(GAP)
        for line in detail.lines:
            column.addLayout(_amount_row(line.name, line.remark, line.amount))
        column.addWidget(rule())
        column.addLayout(_amount_row("Total", "", detail.total, "title"))
        column.addWidget(rule())
        for tender in detail.tenders:
            column.addLayout(_amount_row(tender.name, tender.remark, tender.amount))
            if tender.code:
                column.addWidget(self._code(tender))
        for refund in detail.refunds:
            column.addLayout(_amount_row(refund.name, refund.remark, refund.amount))
        if not detail.tenders:
            column.addWidget(Text("Nothing paid yet.", "muted"))
        column.addStretch(1)
        return panel

    def _code(self, tender: TenderWords) -> Button:
        code = tender.code
        name = f"Copy the M-Pesa code {code}"
        return Button(f"{code}  ·  copy", name=name, on_click=lambda: self._view_model.copy_code(code))

    def _lay_out(self) -> None:
        left = QFrame()
        left.setProperty("panel", "surface")
        left.setFixedWidth(_SALE_WIDTH)
        inside = QVBoxLayout(left)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.sale)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(left)
        row.addWidget(self.story, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(Foot(self.problem, self.done, self.copied, self.check, self.change, self.refund, self.receipt))


def _scroll(name: str) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setAccessibleName(name)
    return area


def title_row(title: str, mark: Mark) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(Text(title, "title"))
    row.addStretch(1)
    if mark.tone is Tone.CHECKING:
        row.addWidget(Text(str(mark), "warning"))
        return row
    row.addWidget(Glyph(*_GLYPHS[mark.tone], size=20))
    row.addWidget(Text(mark.words, "strong"))
    return row


def _amount_row(name: str, remark: str, amount: str, role: str = "") -> QHBoxLayout:
    words = QVBoxLayout()
    words.setSpacing(2)
    words.addWidget(Text(name, role, wrap=True))
    if remark:
        words.addWidget(Text(remark, "small", wrap=True))
    row = QHBoxLayout()
    row.addLayout(words, 1)
    row.addWidget(Number(amount, role), 0, Qt.AlignmentFlag.AlignTop)
    return row


def rule() -> QFrame:
    line = QFrame()
    line.setProperty("rule", True)
    return line


def _story(charges: tuple[Charge, ...]) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(24, 24, 24, 24)
    column.setSpacing(2 * GAP)
    if not charges:
        column.addWidget(Text("No M-Pesa request was made for this sale.", "muted"))
    for charge in charges:
        column.addWidget(_charge(charge))
    column.addStretch(1)
    return page


def _charge(charge: Charge) -> QWidget:
    card = QFrame()
    card.setProperty("panel", "surface")
    column = QVBoxLayout(card)
    column.setContentsMargins(16, 16, 16, 16)
    column.setSpacing(GAP)
    column.addLayout(title_row(charge.title, charge.mark))
    column.addWidget(Text(charge.sentence, "muted", wrap=True))
    for row in charge.rows:
        column.addWidget(rule())
        column.addWidget(timeline_row(row))
    return card


def timeline_row(row: TimelineRow) -> QWidget:
    """What was said, by whom and when, and what became of it."""
    line = QFrame()
    if row.explanation:
        line.setProperty("panel", "checking")
    grid = QGridLayout(line)
    edge = 12 if row.explanation else 0
    grid.setContentsMargins(edge, edge, edge, edge)
    grid.setHorizontalSpacing(2 * GAP)
    grid.setVerticalSpacing(2)
    grid.setColumnMinimumWidth(0, _TIME_WIDTH)
    grid.setColumnMinimumWidth(2, _OUTCOME_WIDTH)
    grid.setColumnStretch(1, 1)
    top = Qt.AlignmentFlag.AlignTop
    time = Number(row.time)
    time.setAlignment(Qt.AlignmentFlag.AlignLeft)
    grid.addWidget(time, 0, 0, top)
    grid.addWidget(Text(row.source, "small", wrap=True), 0, 1, top)
    grid.addWidget(Text(row.outcome, "strong" if row.explanation else "muted", wrap=True), 0, 2, top)
    below = ((row.said, ""), (row.detail, "small"), (row.explanation, "strong"))
    for position, (words, role) in enumerate((pair for pair in below if pair[0]), start=1):
        grid.addWidget(Text(words, role, wrap=True), position, 1, 1, 2)
    return line
