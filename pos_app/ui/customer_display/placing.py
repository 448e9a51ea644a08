"""Puts the customer display where no cashier looks: on a second screen while there is one, else in a window on request.

It must not know what the display shows.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QWidget

from pos_app.settings import DisplayChoice


class Placing(QObject):
    """`make` is called once, when the display is first to be seen; `keep` remembers what the cashier chose by key."""

    def __init__(
        self,
        app: QGuiApplication,
        till: QWidget,
        make: Callable[[], QWidget],
        *,
        choice: DisplayChoice,
        keep: Callable[[DisplayChoice], None],
        screens: Callable[[], list[QScreen]] = QGuiApplication.screens,
    ) -> None:
        super().__init__(till)
        self._till, self._make, self._keep, self._screens = till, make, keep, screens
        self._choice = choice
        self.display: QWidget | None = None
        app.screenAdded.connect(self.place)
        app.screenRemoved.connect(self.place)

    @Slot()
    def place(self) -> None:
        """By itself it only comes to, or leaves, a screen of its own."""
        screen = self._other_screen() if self._choice is DisplayChoice.AUTO else None
        if screen is not None:
            self._fill(screen)
        elif self.display is not None and self.display.isFullScreen():
            self.display.hide()

    def switch(self) -> None:
        """The key: shown on this computer from now on, or not."""
        is_shown = self.display is not None and self.display.isVisible()
        self.choose(DisplayChoice.OFF if is_shown else DisplayChoice.AUTO)
        if not is_shown and not self._made().isVisible():
            self._show(self._made().showNormal)
        self._keep(self._choice)

    def choose(self, choice: DisplayChoice) -> None:
        self._choice = choice
        if choice is DisplayChoice.OFF and self.display is not None:
            self.display.hide()
        self.place()

    def close(self) -> None:
        if self.display is not None:
            self.display.close()
            self.display.deleteLater()
            self.display = None

    def _other_screen(self) -> QScreen | None:
        """One that shows nothing of the till's own: a mirrored screen has another name and the same place."""
        here = self._till.window().screen()
        apart = (screen for screen in self._screens() if not screen.geometry().intersects(here.geometry()))
        return next(apart, None)

    def _fill(self, screen: QScreen) -> None:
        display = self._made()
        if display.isFullScreen() and display.isVisible() and display.screen() is screen:
            return
        display.setScreen(screen)
        display.setGeometry(screen.geometry())
        self._show(display.showFullScreen)

    def _show(self, show: Callable[[], None]) -> None:
        """The cashier goes on typing, though some window systems give the keyboard to whatever opens."""
        till = self._till.window()
        had_keyboard = till.isActiveWindow()
        show()
        if had_keyboard:
            till.activateWindow()

    def _made(self) -> QWidget:
        if self.display is None:
            self.display = self._make()
        return self.display
