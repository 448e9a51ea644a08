"""Words on the screen. Everything here is plain text: names and remote words are never read as markup."""

from html import escape

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent, Qt
from PySide6.QtWidgets import QLabel, QWidget

from pos_app.ui.theme import numeric_font


def tooltip(text: str) -> str:
    """A tooltip shows as markup what looks like it, so such words are escaped."""
    return f"<span>{escape(text)}</span>" if Qt.mightBeRichText(text) else text


class Text(QLabel):
    """`role` picks size and weight in the stylesheet: muted, small, row, title, sentence, name, error, warning …"""

    def __init__(self, text: str = "", role: str = "", *, wrap: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def show_text(self, text: str) -> None:
        """Shows it, or takes no room at all when there is nothing to say."""
        self.setText(text)
        self.setVisible(bool(text))


class Number(Text):
    """A figure: tabular, right-aligned unless told otherwise."""

    def __init__(self, text: str = "", role: str = "", pixels: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(text, role, parent=parent)
        self.setFont(numeric_font(pixels, QFont.Weight.Normal))
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class Elided(Text):
    """One line that ends in … where it is too long; the whole text stays readable by tooltip and screen reader."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        self._whole = ""
        super().__init__(text, role, parent=parent)
        self.setMinimumWidth(40)

    def setText(self, text: str) -> None:
        if text == self._whole:
            return
        self._whole = text
        self.setAccessibleName(text)
        self._elide()
        self.updateGeometry()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._elide()

    def sizeHint(self) -> QSize:
        """As wide as the whole text would like to be."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._whole) + 2, metrics.height())

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, max(self.width(), 40))
        QLabel.setText(self, shown)
        self.setToolTip(tooltip(self._whole) if shown != self._whole else "")


class FittedNumber(Number):
    """A large figure that shrinks, down to half, rather than be cut."""

    def __init__(self, largest: int, weight: QFont.Weight = QFont.Weight.DemiBold, centred: bool = False) -> None:
        super().__init__()
        self._largest, self._weight = largest, weight
        self._fitted: tuple[str, int, int] | None = None
        self.setMinimumHeight(round(largest * 1.22))
        self.setMinimumWidth(80)
        if centred:
            self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._fit()

    def setText(self, text: str) -> None:
        super().setText(text)
        if hasattr(self, "_largest"):
            self._fit()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """A sheet that is taken off takes the fonts along that were set while it was on."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange:
            self._fitted = None
            self._fit()

    def show_largest(self, pixels: int) -> None:
        if pixels != self._largest:
            self._largest = pixels
            self.setMinimumHeight(round(pixels * 1.22))
            self._fit()

    def sizeHint(self) -> QSize:
        return QSize(80, round(self._largest * 1.22))

    def _fit(self) -> None:
        wanted = (self.text(), self.width(), self._largest)
        if wanted == self._fitted:
            return
        self._fitted, pixels = wanted, self._largest
        while pixels > self._largest // 2:
            font = numeric_font(pixels, self._weight)
            if QFontMetrics(font).horizontalAdvance(self.text()) <= self.width():
                break
            pixels -= 2
        self.setFont(numeric_font(pixels, self._weight))
