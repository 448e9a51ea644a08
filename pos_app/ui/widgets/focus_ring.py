"""The ring around whatever has the keyboard: 3 px with a 2 px gap, drawn over the window; it takes no input."""

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QScrollArea, QWidget
from shiboken6 import isValid

from pos_app.ui.theme import tokens

WIDTH = 3
SPACE = 2
_REACH = WIDTH + SPACE
_ON_PANELS = {"paid": "on_pay", "checking": "on_checking", "notice": "on_checking"}
_MOVES = frozenset({QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide})


def install_focus_ring() -> None:
    """For every window of the program, once."""
    app = QApplication.instance()
    if isinstance(app, QApplication) and app.findChild(FocusRings) is None:
        FocusRings(app)


class FocusRings(QObject):
    """Keeps one ring in each window and moves it with the focus and with whatever moves the focused widget.

    What gets the focus is scrolled into sight, wherever the focus comes from.

    Only the widget itself is listened to, and what scrolls it: each paint of an ancestor would run Python too. Where an
    ancestor moves, the widget is painted anew.
    """

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._target: QWidget | None = None
        self._ring: FocusRing | None = None
        self._watched: list[QWidget] = []
        app.focusChanged.connect(self._on_focus)

    @Slot(QWidget, QWidget)
    def _on_focus(self, _old: QWidget | None, now: QWidget | None) -> None:
        if self._target is not None:
            self._leave()
        if now is None or now.isWindow() or now.property("ring") is False:
            return
        self._target, self._ring = now, _ring_of(now.window())
        self._watched = [now, *filter(_is_scrolled, _with_ancestors(now))]
        for widget in self._watched:
            widget.installEventFilter(self)
        _reveal(now)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _MOVES:
            self._place()
        elif event.type() is QEvent.Type.Paint and not self._is_placed():
            QTimer.singleShot(0, self, self._place)  # nothing may move while it is painted
        return False

    def _leave(self) -> None:
        """The target may be half destroyed: Qt takes the focus from it in its destructor."""
        for widget in filter(isValid, self._watched):
            widget.removeEventFilter(self)
        if self._ring is not None and isValid(self._ring):
            self._ring.hide()
        self._target, self._ring, self._watched = None, None, []

    def _is_placed(self) -> bool:
        target, ring = self._target, self._ring
        return target is None or ring is None or not isValid(target) or ring.surrounds(target)

    @Slot()
    def _place(self) -> None:
        if self._target is not None and self._ring is not None and isValid(self._target):
            self._ring.surround(self._target)


def _with_ancestors(widget: QWidget) -> list[QWidget]:
    chain = [widget]
    while not chain[-1].isWindow() and (above := chain[-1].parentWidget()) is not None:
        chain.append(above)
    return chain


def _reveal(target: QWidget) -> None:
    """Qt scrolls only where Tab goes from one to the next of the same area."""
    for above in _with_ancestors(target)[1:]:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(target, _REACH, _REACH)


def _is_scrolled(widget: QWidget) -> bool:
    above = widget.parentWidget()
    area = above.parentWidget() if above is not None else None
    return isinstance(area, QAbstractScrollArea) and area.viewport() is above


def _ring_of(window: QWidget) -> "FocusRing":
    found = window.findChild(FocusRing, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return found if found is not None else FocusRing(window)


class FocusRing(QWidget):
    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._tint = "focus"
        self._shape = QRect(), QRect()
        self.hide()

    def surrounds(self, target: QWidget) -> bool:
        return self._shape == _shape_around(target)

    def surround(self, target: QWidget) -> None:
        self._shape = wanted, visible = _shape_around(target)
        self.setVisible(target.isVisible() and not visible.isEmpty())
        self.setGeometry(wanted)
        self.setMask(visible.translated(-wanted.topLeft()))
        self._tint = _tint_on(target)
        self.raise_()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(getattr(tokens(), self._tint)), WIDTH))
        half = WIDTH / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(half, half, -half, -half), 11, 11)
        painter.end()


def _shape_around(target: QWidget) -> tuple[QRect, QRect]:
    """Of the ring, and what may be seen of it."""
    place = QRect(target.mapTo(target.window(), target.rect().topLeft()), target.size())
    wanted = place.adjusted(-_REACH, -_REACH, _REACH, _REACH)
    return wanted, wanted.intersected(_visible_part(target))


def _tint_on(target: QWidget) -> str:
    """On a coloured panel the ring takes the colour of its words: blue would drown in green."""
    for widget in _with_ancestors(target)[1:]:
        tint = _ON_PANELS.get(widget.property("panel") or "")
        if tint:
            return tint
    return "focus"


def _visible_part(target: QWidget) -> QRect:
    """What scroll areas above the target leave of the window, so that no ring shows outside its list."""
    window = target.window()
    part = window.rect()
    widget = target.parentWidget()
    while widget is not None and not widget.isWindow():
        above = widget.parentWidget()
        if isinstance(above, QAbstractScrollArea) and above.viewport() is widget:
            part = part.intersected(QRect(widget.mapTo(window, widget.rect().topLeft()), widget.size()))
        widget = above
    return part
