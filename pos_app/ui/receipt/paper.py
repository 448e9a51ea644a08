"""A receipt drawn as paper, white in every theme, and read out as text; it knows no service."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from pos_app.devices.receipt_paper import WIDTH, height_of, paint_receipt
from pos_app.domain.receipt import Slip, as_text
from pos_app.ui.theme import tokens

_SCALE = 1.25
"""So that the smallest print is 15 px."""


class ReceiptPaper(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._receipt: Slip | None = None
        self.setAccessibleName("Receipt")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_receipt(self, receipt: Slip | None) -> None:
        self._receipt = receipt
        self.setAccessibleDescription(as_text(receipt) if receipt else "")
        self.setVisible(receipt is not None)
        self.setFixedSize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        height = height_of(self._receipt) if self._receipt else 0
        return QSize(int(WIDTH * _SCALE), int(height * _SCALE))

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._receipt is None:
            return
        painter = QPainter(self)
        painter.save()
        painter.scale(_SCALE, _SCALE)
        paint_receipt(painter, self._receipt)
        painter.restore()
        painter.setPen(QPen(QColor(tokens().line), 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()
