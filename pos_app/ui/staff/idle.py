"""Tells when nobody has touched the till for a while, and when the computer slept; it locks nothing itself."""

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtGui import QWindow

IDLE_SECONDS = 300.0
SLEPT_SECONDS = 30.0
"""A look that comes so much too late: the computer was asleep in between."""
_LOOK_MS = 5000
_HANDS = frozenset({QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress, QEvent.Type.Wheel, QEvent.Type.TouchBegin})


class Idle(QObject):
    left_alone = Signal()

    def __init__(
        self, clock: Callable[[], float] = time.time, seconds: float = IDLE_SECONDS, parent: QObject | None = None
    ) -> None:
        """`clock` goes on while the computer sleeps, in seconds."""
        super().__init__(parent)
        self._clock, self._seconds = clock, seconds
        self._touched = self._looked = clock()
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def watch(self, window: QWindow) -> None:
        """The native window hears each touch once; a filter on widgets would hear every paint too."""
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() in _HANDS:
            self._touched = self._clock()
        return False

    @Slot()
    def look(self) -> None:
        now = self._clock()
        slept = abs(now - self._looked) > SLEPT_SECONDS + _LOOK_MS / 1000
        self._looked = now
        if slept or now - self._touched >= self._seconds:
            self._touched = now
            self.left_alone.emit()
