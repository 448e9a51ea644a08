"""A QR code as large as there is room, dark on white in every theme; it knows nothing of what it says."""

from functools import lru_cache

import segno
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

Modules = tuple[bytes, ...]
QUIET = 4
"""Modules of white around it, as the standard wants."""
_SMALLEST = 160


@lru_cache(maxsize=16)
def modules_of(text: str) -> Modules:
    """1 for a dark module, row by row."""
    return tuple(bytes(row) for row in segno.make(text, error="m", micro=False).matrix)


class ScanCode(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.modules: Modules = ()
        self.picture = QPixmap()
        self._shown = ("", b"")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumSize(_SMALLEST, _SMALLEST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def is_picture(self) -> bool:
        return not self.picture.isNull()

    def sizeHint(self) -> QSize:
        return QSize(_SMALLEST, _SMALLEST)

    def show_code(self, text: str, picture: bytes) -> None:
        """The PNG, or where there is none, or none that can be drawn, the text."""
        if self._shown == (text, picture):
            return
        self._shown = (text, picture)
        self.picture = QPixmap()
        if picture:
            self.picture.loadFromData(picture, "PNG")
        self.modules = modules_of(text) if text else ()
        self.setAccessibleName(f"QR code: {text}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self.modules:
            return
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        side = float(min(self.width(), self.height()))
        ground = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor("white"))
        painter.drawRoundedRect(ground, 10, 10)
        if self.is_picture:
            # Safaricom's has its own white border.
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(ground.adjusted(8, 8, -8, -8), self.picture, QRectF(self.picture.rect()))
        else:
            self._draw_modules(painter, ground)
        painter.end()

    def _draw_modules(self, painter: QPainter, ground: QRectF) -> None:
        """Each a whole number of the screen's own pixels, so that no edge is grey."""
        ratio, count = self.devicePixelRatioF(), len(self.modules)
        module = max(int(ground.width() * ratio) // (count + 2 * QUIET), 1) / ratio
        left = round((ground.center().x() - module * count / 2) * ratio) / ratio
        top = round((ground.center().y() - module * count / 2) * ratio) / ratio
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for row, line in enumerate(self.modules):
            for column, dark in enumerate(line):
                if dark:
                    painter.fillRect(
                        QRectF(left + column * module, top + row * module, module, module), QColor("black")
                    )
