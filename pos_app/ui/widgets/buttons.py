"""Things to press. Each has a word for the screen reader, a 48 px target, and leaves the focus where it was."""

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QPushButton, QWidget

from pos_app.ui.theme import text_font
from pos_app.ui.widgets.glyph import paint_glyph


class Button(QPushButton):
    """`kind`: primary, danger, checking, paid, quiet or nothing; `scale`: pay or nothing."""

    def __init__(
        self,
        text: str,
        kind: str = "",
        *,
        scale: str = "",
        name: str = "",
        on_click: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(False)
        self.setAccessibleName(name or text.replace("\n", " "))
        if kind:
            self.setProperty("kind", kind)
        if scale:
            self.setProperty("scale", scale)
        if on_click is not None:
            self.clicked.connect(lambda _checked=False: on_click())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses the focused button too, as Space does; a held key presses once."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self.click()
            event.accept()
            return
        super().keyPressEvent(event)


class Choice(Button):
    """One of several: the chosen one is ticked in its corner, so that it is not known by its colour alone."""

    def __init__(self, text: str, *, scale: str = "", on_click: Callable[[], object] | None = None) -> None:
        super().__init__(text, scale=scale, on_click=on_click)
        self.setCheckable(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.isChecked():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_glyph(painter, "tick", "focus", QRectF(self.width() - 19, 4, 14, 14))
            painter.end()


class IconButton(Button):
    """A sign alone; `name` is what it is called aloud and in its tooltip."""

    def __init__(self, sign: str, name: str, on_click: Callable[[], object] | None = None, tint: str = "text") -> None:
        super().__init__("", "icon", name=name, on_click=on_click)
        self.setToolTip(name)
        self._sign, self._tint = sign, tint

    def show_sign(self, sign: str, tint: str = "text") -> None:
        self._sign, self._tint = sign, tint
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(0.45)
        side = 20.0
        box = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        paint_glyph(painter, self._sign, self._tint, box)
        painter.end()


class KeyButton(Button):
    """A tall button with its key in the corner: `F1` beside the word, for hands that stay on the keyboard."""

    def __init__(
        self,
        text: str,
        hint: str = "",
        kind: str = "",
        on_click: Callable[[], object] | None = None,
        scale: str = "pay",
    ) -> None:
        super().__init__(text, kind, scale=scale, on_click=on_click)
        self._words = ("", "")
        self.show_words(text, hint)

    def show_words(self, text: str, hint: str = "") -> None:
        if (text, hint) == self._words:
            return
        self._words = (text, hint)
        self.setText(text)
        self.setAccessibleName(f"{text}, {hint}" if hint else text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        hint = self._words[1]
        if not hint:
            return
        painter = QPainter(self)
        painter.setFont(text_font(14))
        painter.setPen(self.palette().color(QPalette.ColorRole.ButtonText))
        painter.drawText(self.rect().adjusted(12, 7, -12, -7), Qt.AlignmentFlag.AlignTop, hint)
        painter.end()
