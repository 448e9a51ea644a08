"""A barcode scanner that types like a keyboard, told from a person by its speed; it knows no product and no screen."""

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

MAX_GAP = 0.035
"""Seconds between two keys of one scan; a fast typist needs at least twice as long."""
MIN_LENGTH = 6
_ENDS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab})
_MODIFIERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


class Scanner(QObject):
    """Install with `watch(app)`. `scanned` carries the code; its keys are taken back from the field they fell into,
    and the Enter that ends it is swallowed, so that no button is pressed."""

    scanned = Signal(str)

    def __init__(self, clock: Callable[[], float] = time.monotonic, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clock = clock
        self._buffer = ""
        self._fallen: _Fallen | None = None
        self._last = float("-inf")

    def watch(self, app: QApplication) -> None:
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 — Qt's own name
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and _is_first_offer(watched):
            return self._on_key(event)
        return False

    def _on_key(self, event: QKeyEvent) -> bool:
        now = self._clock()
        gap = now - self._last
        self._last = now
        if gap > MAX_GAP:
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


def _is_first_offer(watched: QObject) -> bool:
    """One key is offered to the native window, to the focused widget and then to each of its parents: count it once."""
    focused = QApplication.focusWidget()
    if focused is not None:
        return watched is focused
    return isinstance(watched, QWidget) and watched.isWindow()


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
