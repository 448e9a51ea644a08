"""The till’s QApplication, and the collector on its thread; it comes before all else, so it imports nothing slow."""

import gc
import sys

from PySide6.QtCore import QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication

_feature = sys.modules.get("shibokensupport.feature")
if hasattr(_feature, "_mod_uses_pyside"):
    # PySide reads the source of every module that is imported after it, in search of `from __feature__ import`, and
    # Python keeps what was read: a tenth of the till's start and 10 MiB. Nothing here uses it.
    setattr(_feature, "_mod_uses_pyside", lambda _module: False)  # noqa: B010 (a name that PySide does not tell)


class GuiThreadGC(QObject):
    """Python's collector runs in whatever thread trips it and would destroy QObjects there: so it runs here only."""

    def __init__(self, milliseconds: int = 5000, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._start_is_over = False
        self._thresholds = gc.get_threshold()
        self._timer = QTimer(self, interval=milliseconds)
        self._timer.timeout.connect(self.check)
        self._timer.start()

    @Slot()
    def check(self) -> None:
        """Collects the oldest generation that is due, as the interpreter would have."""
        if not self._start_is_over:
            # What the start made stays to the end; to look through it once more would hold up a paint for 60 ms.
            self._start_is_over = True
            gc.freeze()
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > self._thresholds[generation]:
                gc.collect(generation)
                return


class App(QApplication):
    """Closing, logout and Cmd-Q are requests, so that a charge under way is written down before the loop ends."""

    quit_requested = Signal()

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self.setApplicationName("mpesa-till")
        self.setDesktopFileName("mpesa-till")

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Quit:
            self.quit_requested.emit()
            event.ignore()
            return True
        return super().event(event)
