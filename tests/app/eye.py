"""The till as `python -m pos_app` runs it, saying on standard output which words its window shows, as they appear.

Arguments: the data folder, and `training` for training mode, or `broken` for one that fails as nobody foresaw.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit

from pos_app import app
from pos_app.ui.shell import Shell

if TYPE_CHECKING:
    from pos_app.app import Training


def say(words: str) -> None:
    sys.stdout.write(words.replace("\n", " ") + "\n")
    sys.stdout.flush()


class WatchedShell(Shell):
    def __init__(self, background: str, *, training: bool) -> None:
        super().__init__(background, training=training)
        self._said: set[str] = set()
        self._timer = QTimer(self, interval=10)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        say(f"background {background}, {self.windowTitle()}, on {QApplication.platformName()}")

    def _look(self) -> None:
        for widget in self.findChildren(QLabel) + self.findChildren(QLineEdit):
            words = widget.text() or getattr(widget, "placeholderText", str)()
            if words and words not in self._said and widget.isVisible():
                self._said.add(words)
                say(words)

    def come_forward(self) -> None:
        super().come_forward()
        say("came forward")


def load_training() -> "Training":
    from pos_app.commands.training import training

    return training


def load_nothing() -> "Training":
    raise KeyError("training")


if __name__ == "__main__":
    setattr(app, "Shell", WatchedShell)  # noqa: B010 (it is the name that `run` shows)
    modes = {"training": load_training, "broken": load_nothing}
    sys.exit(app.run(Path(sys.argv[1]), modes[sys.argv[2]] if sys.argv[2:] else None))
