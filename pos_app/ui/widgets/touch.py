"""Lists that a finger pushes; what Qt needs for it takes it 25 ms to load, so it comes once the till can sell."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QScroller, QWidget

_AFTER_MS = 500


def scroll_by_touch(viewport: QWidget, *, by_mouse: bool = False) -> None:
    """`by_mouse` also where the button of a mouse pulls."""

    def grab() -> None:
        kinds = QScroller.ScrollerGestureType
        QScroller.grabGesture(viewport, kinds.LeftMouseButtonGesture if by_mouse else kinds.TouchGesture)

    QTimer.singleShot(_AFTER_MS, viewport, grab)
