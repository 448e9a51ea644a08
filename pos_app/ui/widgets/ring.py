"""A ring with a number in it: counts up while a customer is asked, and down where the till must wait."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from pos_app.ui.theme import numeric_font, tokens

_FULL = 360 * 16
_TOP = 90 * 16
_STROKE = 7


class CountRing(QWidget):
    def __init__(self, size: int = 96, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(size, size)
        self._text, self._share, self._tint, self._track = "", 0.0, "text", "line"

    def show_count(self, text: str, share: float, tint: str, track: str = "line") -> None:
        """`share` of the ring is drawn, 0 to 1, in the token `tint`."""
        wanted = (text, min(max(share, 0.0), 1.0), tint, track)
        if wanted != (self._text, self._share, self._tint, self._track):
            self._text, self._share, self._tint, self._track = wanted
            self.setAccessibleName(f"{text} seconds")
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        half = _STROKE / 2
        box = QRectF(self.rect()).adjusted(half, half, -half, -half)
        painter.setPen(QPen(QColor(getattr(theme, self._track)), _STROKE))
        painter.drawEllipse(box)
        pen = QPen(QColor(getattr(theme, self._tint)), _STROKE)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawArc(box, _TOP, -int(_FULL * self._share))
        painter.setFont(numeric_font(max(14, round(self.width() * 0.27)), QFont.Weight.DemiBold))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._text)
        painter.end()
