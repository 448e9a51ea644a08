"""A barcode scanner that types like a keyboard, told from a person by its speed; it knows no product and no screen."""

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QWindow
from PySide6.QtWidgets import QApplication, QLineEdit

MAX_GAP = 0.035
"""Seconds between two keys of one scan; a fast typist needs at least twice as long."""
BURST = 4
"""So many keys at that speed, and it is a scanner that types; a person’s hands roll over two or three keys at most."""
MAX_PAUSE = 0.12
"""Behind a slow USB hub a scanner pauses; once it is known to be one, that does not end its code."""
MIN_LENGTH = 6
_ENDS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab})
_MODIFIERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


class Scanner(QObject):
    """Install with `watch(window)`. `scanned` carries the code; its keys are taken back from the field they fell into,
    and the Enter that ends it is swallowed, so that no button is pressed."""

    scanned = Signal(str)

    def __init__(self, clock: Callable[[], float] = time.monotonic, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clock = clock
        self._buffer = ""
        self._fallen: _Fallen | None = None
        self._last = float("-inf")

    def watch(self, window: QWindow) -> None:
        """The native window hears a key once and before any widget; a filter on widgets would hear every paint too."""
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 — Qt's own name
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._on_key(event)
        return False

    def _on_key(self, event: QKeyEvent) -> bool:
        now = self._clock()
        gap = now - self._last
        self._last = now
        if gap > (MAX_PAUSE if len(self._buffer) >= BURST else MAX_GAP):
            self._buffer = ""
        if event.key() in _ENDS:
            return self._on_end()
        typed = event.text()
        if len(typed) == 1 and typed.isprintable() and not event.modifiers() & _MODIFIERS and not event.isAutoRepeat():
            if not self._buffer:
                self._fallen = _Fallen()
            self._buffer += typed
        elif typed:
            self._buffer = ""
        return False

    def _on_end(self) -> bool:
        code, fallen = self._buffer, self._fallen
        self._buffer, self._fallen = "", None
        if len(code) < MIN_LENGTH:
            return False
        if fallen is not None:
            fallen.put_back(code)
        self.scanned.emit(code)
        return True


class _Fallen:
    """What the focused field held before the first key of a scan, to be put back when it proves to be one."""

    def __init__(self) -> None:
        focused = QApplication.focusWidget()
        self._field = focused if isinstance(focused, QLineEdit) and not focused.isReadOnly() else None
        self._text, self._caret = (self._field.text(), self._field.cursorPosition()) if self._field else ("", 0)

    def put_back(self, code: str) -> None:
        focused = QApplication.focusWidget()
        if focused is self._field:
            self._restore()
        elif isinstance(focused, QLineEdit):
            # The window gave the keyboard to a field after the first key, so its end holds what fell into it.
            _strip(focused, code)

    def _restore(self) -> None:
        field = self._field
        if field is not None and field.text() != self._text:
            field.setText(self._text)
            field.setCursorPosition(self._caret)
            field.textEdited.emit(field.text())


def _strip(field: QLineEdit, code: str) -> None:
    text = field.text()
    if text.endswith(code):
        field.setText(text.removesuffix(code))
        field.textEdited.emit(field.text())
