"""The floor of a start: a bare window of the till's size. Says when it was painted, then stays as long as its input."""

import sys
import time

from PySide6.QtCore import QSocketNotifier
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget


class Window(QWidget):
    said = False

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.said:
            self.said = True
            sys.stdout.write(f'{{"painted": {time.monotonic_ns()}}}\n')
            sys.stdout.flush()


if __name__ == "__main__":
    app = QApplication(sys.argv[:1])
    window = Window()
    window.resize(1366, 768)
    window.show()
    end = QSocketNotifier(0, QSocketNotifier.Type.Read)
    end.activated.connect(app.quit)
    sys.exit(app.exec())
