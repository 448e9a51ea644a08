"""Who opens the window: it is locked until somebody has signed in, and locked again when nobody is there."""

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from pos_app.domain.staff import Person
from pos_app.services.changes import Changes, Notice, SessionChanged
from pos_app.services.till import Till
from pos_app.ui.main_window import MainWindow, native_window
from pos_app.ui.staff.allow import AllowBar, AllowModel
from pos_app.ui.staff.entrance import DoorPage, FirstOwnerPage, ForgottenPage, RecoveryKeyPage, SignInPage
from pos_app.ui.staff.idle import Idle
from pos_app.ui.staff.view_model import EntranceViewModel
from pos_app.ui.tasks import Tasks

_PAPER = "recovery-key.pdf"
Kind = type[SignInPage] | type[FirstOwnerPage] | type[RecoveryKeyPage] | type[ForgottenPage]


class Door(QObject):
    """`open` once the till is; from then on it follows the session."""

    def __init__(
        self,
        till: Till,
        window: MainWindow,
        changes: Changes,
        tasks: Tasks,
        *,
        folder: Path,
        seen: Callable[[Person | None], object],
        practice: Mapping[str, str] | None = None,
    ) -> None:
        """`seen` shows who is at the till."""
        super().__init__(window)
        self._till, self._window, self._changes, self._tasks = till, window, changes, tasks
        self._paper, self._seen = folder / _PAPER, seen
        self._last: int | None = None
        self.model = EntranceViewModel(till.staff, changes, tasks, practice=practice)
        self.model.setParent(self)
        self.allow = AllowModel(till.staff, changes, tasks, practice=practice)
        self.allow.setParent(self)
        self._pages: dict[Kind, DoorPage] = {}
        self._has_people = False
        window.add_bar(AllowBar(self.allow))
        window.stack.currentChanged.connect(lambda _at: self.allow.dismiss())
        window.lock_wanted.connect(self.lock)
        self.idle = Idle(parent=self)
        self.idle.watch(native_window(window))
        self.idle.left_alone.connect(self.lock)
        self.model.changed.connect(self._show_key)
        self.model.done.connect(self._forget_paper)
        changes.subscribe(SessionChanged, self._on_session)

    async def open(self) -> None:
        self._forget_paper()
        self._has_people = bool(await self.model.load())
        if (person := self._till.authority.person) is not None:
            self._last = person.id
        else:
            self._close(SignInPage if self._has_people else FirstOwnerPage)

    def lock(self) -> None:
        """Also while a charge is on its way: what comes of it is written down all the same."""
        if self._till.authority.session is not None:
            self._tasks.start(self._till.staff.sign_out(), "lock")

    def _on_session(self, change: SessionChanged) -> None:
        person = change.session.person if change.session else None
        self._seen(person)
        if person is None:
            self._close(SignInPage)
        else:
            self._last = person.id
            if not self.model.state.keying:
                self._window.unlock()

    def _show_key(self) -> None:
        if self.model.state.recovery and not isinstance(self._window.locked_by, RecoveryKeyPage):
            self._window.lock(self._page(RecoveryKeyPage))

    def _close(self, kind: Kind) -> None:
        self.model.enter(self._last)
        self._window.lock(self._page(kind))

    def _page(self, kind: Kind) -> QWidget:
        if kind not in self._pages:
            page = kind(self.model)
            if isinstance(page, SignInPage):
                page.forgotten.connect(lambda: self._close(ForgottenPage))
            elif isinstance(page, ForgottenPage):
                page.left.connect(lambda: self._close(SignInPage))
            elif isinstance(page, RecoveryKeyPage):
                page.print_wanted.connect(self._print)
            page.show_state()
            self._pages[kind] = page
        return self._pages[kind]

    def _print(self, key: str) -> None:
        from pos_app.devices.key_paper import write_key_paper

        try:
            write_key_paper(key, self._paper)
        except OSError as error:
            self._changes.publish(
                Notice(f"The key could not be printed ({error}). Write it down by hand.", urgent=True)
            )
            return
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._paper))):
            self._changes.publish(Notice(f"Nothing here opens a PDF. Print {self._paper} yourself, then go on."))

    def _forget_paper(self) -> None:
        """The key must not stay on the computer that it opens."""
        self._paper.unlink(missing_ok=True)
        if self._till.authority.session is not None:
            self._window.unlock()
