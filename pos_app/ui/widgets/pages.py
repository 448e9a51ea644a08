"""One page at a time, each in all the room there is; what changes in a page is laid out there and nowhere else."""

from collections.abc import Callable

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget


class Pages(QWidget):
    """Qt's own stack asks for the room of its largest page, so each word that changes has the whole window laid out."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.current: QWidget | None = None

    def add(self, page: QWidget) -> None:
        page.setParent(self)

    def turn_to(self, page: QWidget, focus: Callable[[], object]) -> None:
        """`focus` takes the keyboard while the page before is still there, so that it goes nowhere in between."""
        before, self.current = self.current, page
        page.setGeometry(self.rect())
        page.show()
        focus()
        if before is not None and before is not page:
            before.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.current is not None:
            self.current.setGeometry(self.rect())
