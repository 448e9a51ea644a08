"""The receipt screen: the slip on the left, what can be done with it on the right; it decides nothing."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from pos_app.ui.receipt.paper import ReceiptPaper
from pos_app.ui.receipt.view_model import ReceiptState, ReceiptViewModel
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Text

_SIDE_WIDTH = 400


class ReceiptView(QWidget):
    closed = Signal()

    def __init__(self, view_model: ReceiptViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._view_model = view_model
        self._led_to: Button | None = None
        self.paper = ReceiptPaper()
        self.title = Text("Receipt", "title")
        self.kind = Text("", "warning", wrap=True)
        self.save = Button("Save as PDF  ·  F10", "primary", scale="pay", on_click=view_model.save)
        self.saved = Text("", "strong", wrap=True)
        self.folder = Text("", "small", wrap=True)
        self.folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.open = Button("Open the PDF", on_click=view_model.open_saved)
        self.problem = Text("", "error", wrap=True)
        self.done = Button("Back  ·  Esc", name="Back", on_click=self.closed.emit)
        self._lay_out()
        for keys, work in (("F10", view_model.save), ("Esc", self.closed.emit)):
            QShortcut(QKeySequence(keys), self, work, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        view_model.changed.connect(lambda: self.show_state(view_model.state))
        self.show_state(view_model.state)

    def show_sale(self, sale_id: int) -> None:
        self._led_to = None
        self._view_model.show_sale(sale_id)

    def show_refund(self, refund_id: int) -> None:
        self._led_to = None
        self._view_model.show_refund(refund_id)

    def show_state(self, state: ReceiptState) -> None:
        receipt = state.receipt
        self.paper.show_receipt(receipt)
        self.title.setText(f"Receipt of {receipt.title.lower()}" if receipt else "Receipt")
        self.kind.show_text(_kind(state))
        self.save.setEnabled(receipt is not None and not state.saving)
        self.save.setText(_save_words(state))
        self.save.setAccessibleName(_save_words(state))
        self.saved.show_text(f"✓ Saved as {state.saved.name}" if state.saved else "")
        self.folder.show_text(f"in {state.saved.parent}" if state.saved else "")
        self.open.setVisible(state.saved is not None)
        if state.problem and state.problem != self.problem.text():
            announce(self.problem, state.problem)
        self.problem.show_text(state.problem)
        self._lead_on(state)

    def focusInEvent(self, _event: QFocusEvent) -> None:
        """The window gives the focus to the page; the page passes it on."""
        (self._led_to or self.done).setFocus()

    def _lead_on(self, state: ReceiptState) -> None:
        """Enter saves; after saving it leaves, so that nobody makes a copy by accident."""
        wanted = self.done if state.saved else self.save if self.save.isEnabled() else None
        if wanted is not None and wanted is not self._led_to:
            wanted.setFocus()
            if state.saved:
                announce(self.saved, f"{self.saved.text()} {self.folder.text()}")
        self._led_to = wanted

    def _lay_out(self) -> None:
        desk = QWidget()
        around = QVBoxLayout(desk)
        around.setContentsMargins(24, 24, 24, 24)
        around.addWidget(self.paper, 0, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        around.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(desk)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setAccessibleName("Receipt")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(scroll, 1)
        row.addWidget(self._side())

    def _side(self) -> QWidget:
        side = QFrame()
        side.setProperty("panel", "surface")
        side.setFixedWidth(_SIDE_WIDTH)
        side.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(side)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(2 * GAP)
        for widget in (self.title, self.kind, self.save, self.saved, self.folder, self.open, self.problem):
            column.addWidget(widget)
        column.addStretch(1)
        column.addWidget(self.done)
        return side


def _save_words(state: ReceiptState) -> str:
    if state.saving:
        return "Saving …"
    again = state.saved is not None or (state.receipt is not None and state.receipt.copy)
    return "Save a copy  ·  F10" if again else "Save as PDF  ·  F10"


def _kind(state: ReceiptState) -> str:
    if state.receipt and state.receipt.training:
        return "TRAINING: this is not a receipt. No money moved."
    if state.receipt and state.receipt.copy:
        return "This receipt was given before, so it is marked COPY."
    return ""
