"""The window: status bar, notices, the pages it is given, and the frame that says training; it knows no service."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut, QWindow
from PySide6.QtWidgets import QApplication, QStackedWidget, QVBoxLayout, QWidget

from pos_app.services.changes import (
    BalanceGapsChanged,
    Changes,
    HealthChanged,
    Notice,
    OperatorTaskChanged,
    QuarantineChanged,
    StatementTasksChanged,
)
from pos_app.ui.shop_header import ShopHeader
from pos_app.ui.status_bar import StatusBar
from pos_app.ui.theme import apply_theme, tokens
from pos_app.ui.widgets.bars import Matters, Notices
from pos_app.ui.widgets.focus_ring import install_focus_ring

if TYPE_CHECKING:
    from pos_app.ui.help_page import HelpPage

FRAME = 6
SMALLEST = (1100, 640)
NETWORK = 3
"""The page of the network, to which the light of M-Pesa leads."""
OFFICE = 4
"""Refunds, accounts, staff and the record."""
_Matter = StatementTasksChanged | QuarantineChanged | BalanceGapsChanged
_MATTERS: tuple[type[_Matter], ...] = (StatementTasksChanged, QuarantineChanged, BalanceGapsChanged)
"""What a person has to settle, the loudest first."""


class MainWindow(QWidget):
    closing = Signal()
    theme_changed = Signal(str)
    """`light` or `dark`, chosen by the person at the till; the app remembers it."""
    display_wanted = Signal()
    """The customer display, or no longer."""
    lock_wanted = Signal()
    """Whoever is at the till goes, or somebody else comes."""

    def __init__(
        self,
        *,
        sale_page: QWidget,
        history_page: QWidget,
        settings_page: QWidget,
        shop: ShopHeader,
        training: bool,
        changes: Changes,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._training = training
        self.setWindowTitle("M-Pesa till – TRAINING" if training else "M-Pesa till")
        self.setMinimumSize(*SMALLEST)
        self.resize(1366, 768)
        self.status = StatusBar(shop, training, clock)
        self.notices = Notices(("See all  Shift+F7", self.show_network))
        self._before_help = 0
        self.locked_by: QWidget | None = None
        self._before_lock = 0
        self._promised: dict[int, Callable[[], QWidget]] = {}
        self.stack = QStackedWidget()
        for page in (sale_page, history_page, settings_page, QWidget(), QWidget()):
            self.stack.addWidget(page)
        self._lay_out()
        self._make_keys()
        install_focus_ring()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._keep_keyboard)
        self.show_page(0)
        self.status.show_theme()
        self.office_matter = Matters("Office  Shift+F6", self.show_office)
        self.add_bar(self.office_matter)
        self._unsubscribe = (
            changes.subscribe(OperatorTaskChanged, lambda task: self.office_matter.show_matter(0, task.sentence)),
            changes.subscribe(HealthChanged, self._on_health),
            changes.subscribe(Notice, lambda notice: self.notices.add(notice.sentence, notice.urgent)),
            *(self._show_matter(changes, rank) for rank in range(len(_MATTERS))),
        )

    def _lay_out(self) -> None:
        margin = FRAME if self._training else 0
        frame = QVBoxLayout(self)
        frame.setContentsMargins(margin, margin, margin, margin)
        inside = QWidget()
        if self._training:
            for widget, ground in ((self, "training"), (inside, "page")):
                widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
                widget.setProperty("frame", ground)
        frame.addWidget(inside)
        box = QVBoxLayout(inside)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.status)
        box.addWidget(self.notices)
        box.addWidget(self.stack, 1)
        self._box = box
        self.status.cashier.clicked.connect(self.lock_wanted)
        self.status.theme.clicked.connect(self.switch_theme)
        self.status.network.clicked.connect(self.show_network)
        self.status.display.clicked.connect(self.display_wanted)

    def _make_keys(self) -> None:
        for at, (word, key) in enumerate((("Sell", "F5"), ("History", "F6"), ("Settings", "F7"))):
            self.status.add_page(at, word, key, partial(self.show_page, at))
            self._key(key, partial(self.show_page, at))
        self.status.add_page(OFFICE, "Office", "⇧F6", self.show_office)
        self._key("Shift+F6", self.show_office)
        self._key("Shift+F7", self.show_network)
        self._key("F8", self.switch_theme)
        self._key("Ctrl+D", self.display_wanted.emit)
        self._key("Ctrl+L", self.lock_wanted.emit)
        self._key("F12", self.show_keys)
        self._key("Shift+F1", self.show_help)

    def _key(self, keys: str, work: Callable[[], object]) -> None:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setAutoRepeat(False)
        shortcut.activated.connect(work)

    def add_bar(self, bar: QWidget) -> None:
        """Above the page, below what is said."""
        self._box.insertWidget(self._box.count() - 1, bar)

    def lock(self, page: QWidget) -> None:
        """Nothing but this page until `unlock`; what was shown comes back then."""
        if self.locked_by is None:
            self._before_lock = self.stack.currentIndex()
        self.locked_by = page
        self.status.show_locked(locked=True)
        self.stack.setCurrentIndex(self.add(page))

    def unlock(self) -> None:
        if self.locked_by is not None:
            self.locked_by = None
            self.status.show_locked(locked=False)
            self.show_page(self._before_lock)

    def add(self, page: QWidget) -> int:
        """A page that no key leads to; where it is from now on, and where it is already."""
        at = self.stack.indexOf(page)
        return at if at >= 0 else self.stack.addWidget(page)

    def place(self, at: int, page: QWidget) -> None:
        """Puts the page where another stood; the one that stood there is gone."""
        before, current = self.stack.widget(at), self.stack.currentIndex()
        self.stack.insertWidget(at, page)
        if before is not None:
            self.stack.removeWidget(before)
            before.deleteLater()
        self.stack.setCurrentIndex(current)

    def promise(self, at: int, make: Callable[[], QWidget]) -> None:
        """The page is made when it is first shown, or now where somebody waits for it already."""
        self._promised[at] = make
        if self.stack.currentIndex() == at:
            self._keep_promise(at)

    def _keep_promise(self, at: int) -> None:
        make = self._promised.pop(at, None)
        if make is not None:
            self.place(at, make())

    def show_page(self, at: int) -> None:
        """Each page puts the keyboard where it belongs when it is shown."""
        if self.locked_by is not None:
            self._before_lock = at
            return
        self._keep_promise(at)
        self.stack.setCurrentIndex(at)
        self.status.mark_page(at)

    @Slot(QWidget, QWidget)
    def _keep_keyboard(self, old: QWidget | None, now: QWidget | None) -> None:
        """A sale that goes on out of sight takes the keys for itself, and the rest of a PIN would be read in it."""
        page = self.stack.currentWidget()
        if now is None or page is None or now is page or page.isAncestorOf(now) or not self.stack.isAncestorOf(now):
            return
        (old if old is not None and old.isVisible() else page).setFocus()

    def show_history(self) -> None:
        self.show_page(1)

    def show_settings(self) -> None:
        self.show_page(2)

    def show_network(self) -> None:
        self.show_page(NETWORK)

    def show_office(self) -> None:
        self.show_page(OFFICE)

    def show_shop(self, shop: ShopHeader) -> None:
        self.status.show_shop(shop)

    def show_keys(self) -> None:
        self._open_help()
        self.help.show_keys()

    def show_help(self) -> None:
        self._open_help()
        self.help.show_steps()

    @cached_property
    def help(self) -> "HelpPage":
        """Made when it is first asked for."""
        from pos_app.ui.help_page import HelpPage

        page = HelpPage(self._close_help)
        self.stack.addWidget(page)
        escape = QShortcut(QKeySequence("Esc"), page)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self._close_help)
        return page

    def _open_help(self) -> None:
        if self.locked_by is not None:
            return
        if self.stack.currentWidget() is not self.help:
            self._before_help = self.stack.currentIndex()
        self.stack.setCurrentWidget(self.help)

    def _close_help(self) -> None:
        self.show_page(self._before_help)

    @Slot()
    def switch_theme(self) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            name = "light" if tokens().name == "dark" else "dark"
            apply_theme(app, name)
            self.status.show_theme()
            self.theme_changed.emit(name)

    def _on_health(self, health: HealthChanged) -> None:
        self.status.show_health(health)
        self.notices.standing.show_sentence(health.sentence)

    def _show_matter(self, changes: Changes, rank: int) -> Callable[[], None]:
        matters = self.notices.matters
        return changes.subscribe(_MATTERS[rank], lambda change: matters.show_matter(rank, change.sentence))

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closing.emit()
        super().closeEvent(event)

    def release(self) -> None:
        """Hears no more changes; for the end of the program and of a test."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()


def native_window(widget: QWidget) -> QWindow:
    """That of the system, made now where the widget was not shown yet."""
    window = widget.window()
    window.winId()
    return window.windowHandle()
