"""A page with one sentence: while the till starts, or when it cannot; with a field where a passphrase is needed."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Text

_WIDTH = 560


class MessagePage(QWidget):
    def __init__(self, title: str, sentence: str = "") -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.title, self.sentence = Text(title, "title"), Text(sentence, "sentence", wrap=True)
        inner = QWidget()
        inner.setFixedWidth(_WIDTH)
        self._column = QVBoxLayout(inner)
        self._column.setSpacing(16)
        self._column.addWidget(self.title)
        self._column.addWidget(self.sentence)
        # Stretches and no alignment: an aligned widget gets too little height for a sentence that wraps.
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(inner)
        middle.addStretch(1)
        box = QVBoxLayout(self)
        box.addStretch(2)
        box.addLayout(middle)
        box.addStretch(3)

    def showEvent(self, _event: object) -> None:
        """An impatient Enter must press none of the buttons around it."""
        self.setFocus()


class UnlockPage(MessagePage):
    """Asks for the passphrase of the M-Pesa keys; cash can be taken without."""

    entered = Signal(str)
    skipped = Signal()

    def __init__(self) -> None:
        super().__init__("M-Pesa keys")
        self.field = QLineEdit()
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setAccessibleName("Passphrase")
        self.field.returnPressed.connect(self._enter)
        self.setFocusProxy(self.field)
        row = QHBoxLayout()
        row.addWidget(Button("Open the keys", "primary", on_click=self._enter))
        row.addWidget(Button("Take cash only for now", "quiet", on_click=self.skipped.emit))
        row.addStretch(1)
        self._column.addWidget(self.field)
        self._column.addLayout(row)

    def ask(self, sentence: str) -> None:
        self.sentence.setText(sentence)
        self.field.clear()
        self.field.setFocus()

    def _enter(self) -> None:
        self.entered.emit(self.field.text())
