"""One drawn sign, tinted by the theme that is in force when it is painted; it says nothing to a screen reader."""

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QWidget

from pos_app.paths import resource_path
from pos_app.ui.theme import tokens


@lru_cache(maxsize=128)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    svg = resource_path("icons", f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    return QSvgRenderer(QByteArray(svg.encode()))


def paint_glyph(painter: QPainter, name: str, tint: str, box: QRectF) -> None:
    """`tint` names a token (`text`, `muted`, `on_pay` …)."""
    _renderer(name, getattr(tokens(), tint)).render(painter, box)


class Glyph(QWidget):
    def __init__(self, name: str, tint: str = "text", size: int = 24, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._tint = name, tint
        self.setFixedSize(QSize(size, size))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @property
    def sign(self) -> str:
        return self._name

    def show_sign(self, name: str, tint: str) -> None:
        if (name, tint) != (self._name, self._tint):
            self._name, self._tint = name, tint
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_glyph(painter, self._name, self._tint, QRectF(self.rect()))
        painter.end()


class Badge(QWidget):
    """A sign in a filled disc, so that the tone is told by shape as well as by colour."""

    def __init__(self, size: int = 56, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(size, size)
        self._sign, self._ground, self._tint = "dots", "selected", "text"

    @property
    def sign(self) -> str:
        return self._sign

    def show_sign(self, sign: str, ground: str, tint: str) -> None:
        if (sign, ground, tint) != (self._sign, self._ground, self._tint):
            self._sign, self._ground, self._tint = sign, ground, tint
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(getattr(tokens(), self._ground)))
        painter.drawEllipse(self.rect())
        inset = self.width() * 0.23
        paint_glyph(painter, self._sign, self._tint, QRectF(self.rect()).adjusted(inset, inset, -inset, -inset))
        painter.end()
