"""The first thing on the screen: an empty window at once, into which the till is put when it has been loaded."""

from PySide6.QtGui import QCloseEvent, QColor, QPalette
from PySide6.QtWidgets import QVBoxLayout, QWidget

SIZE = (1366, 768)
SMALLEST = (1100, 640)


class Shell(QWidget):
    """`training` only names the window; the frame and the word come with the till itself."""

    def __init__(self, background: str, *, training: bool) -> None:
        super().__init__()
        self.setWindowTitle("M-Pesa till – TRAINING" if training else "M-Pesa till")
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, QColor(background))
        self.setPalette(palette)
        self.setMinimumSize(*SMALLEST)
        self.resize(*SIZE)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._within: QWidget | None = None

    def hold(self, till: QWidget) -> None:
        self._within = till
        self._box.addWidget(till)

    def come_forward(self) -> None:
        self.setWindowState(self.windowState() & ~self.windowState().WindowMinimized)
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hidden at once; what is being written is finished behind it."""
        super().closeEvent(event)
