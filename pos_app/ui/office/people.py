"""Who works here: added, changed, given a new PIN, unlocked, or no longer here."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout

from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Person, Role
from pos_app.services.changes import Changes, StaffChanged
from pos_app.ui.office.part import Part
from pos_app.ui.staff.entrance import secret
from pos_app.ui.staff.words import ROLE_HINTS, ROLES, named
from pos_app.ui.tasks import OneAtATime, Tasks
from pos_app.ui.theme import GAP, ROW
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.fields import Field
from pos_app.ui.widgets.foot import tell
from pos_app.ui.widgets.labels import Text

if TYPE_CHECKING:
    from pos_app.services.staff import Staff

_DIFFERENT = Refused("The two PINs are not the same. Type them again.")
_NEW = "New person"
Work = Callable[[], Coroutine[Any, Any, Person | Refused]]


class PeopleModel(QObject):
    changed = Signal()

    def __init__(self, staff: "Staff", changes: Changes, tasks: Tasks) -> None:
        super().__init__()
        self._staff, self._tasks = staff, tasks
        self._once = OneAtATime(tasks)
        self.people: tuple[Person, ...] = ()
        self.problem = self.note = ""
        changes.subscribe(StaffChanged, lambda _change: self.look())

    def look(self) -> None:
        self._tasks.start(self._look(), "people")

    def keep(self, person: Person | None, name: str, role: Role, pin: str, again: str) -> None:
        self._do(partial(self._keep, person, name, role, pin, again), "Kept.", "keep person")

    def leave(self, person: Person) -> None:
        self._do(partial(self._staff.change, replace(person, active=not person.active)), "Kept.", "person leaves")

    def unlock(self, person: Person) -> None:
        self._do(partial(self._staff.unlock, person.id), f"{person.name} may try again.", "unlock")

    async def _keep(self, person: Person | None, name: str, role: Role, pin: str, again: str) -> Person | Refused:
        if pin != again:
            return _DIFFERENT
        if person is None:
            return await self._staff.add(name, role, pin)
        wanted = replace(person, name=name, role=role)
        changed = await self._staff.change(wanted) if wanted != person else person
        if isinstance(changed, Refused) or not pin:
            return changed
        return await self._staff.reset_pin(person.id, pin)

    def _do(self, work: Work, done: str, name: str) -> None:
        self._once.start(self._done(work, done), name)

    async def _done(self, work: Work, done: str) -> None:
        answer = await work()
        self.problem, self.note = (answer.sentence, "") if isinstance(answer, Refused) else ("", done)
        await self._look()

    async def _look(self) -> None:
        self.people = await self._staff.people()
        self.changed.emit()


class PeoplePart(Part):
    title = "Staff"
    sees = Action.MANAGE_STAFF

    def __init__(self, model: PeopleModel) -> None:
        super().__init__()
        self._model = model
        self.list = QListWidget()
        self.list.setAccessibleName("Who works here")
        self.list.setFixedWidth(300)
        self.list.setProperty("panel", "side")
        self.list.setStyleSheet(f"QListWidget::item {{ min-height: {ROW}px; padding: 0 16px; }}")
        self.list.currentRowChanged.connect(lambda _row: self._show_person())
        self.title_text = Text(_NEW, "title")
        self.name = Field("Name")
        self.name.setMaxLength(40)
        self.role = QComboBox()
        self.role.setAccessibleName("Role")
        self.role.setMinimumHeight(48)
        for role, words in ROLES.items():
            self.role.addItem(words, role)
        self.hint = Text("", "small", wrap=True)
        self.role.currentIndexChanged.connect(lambda _at: self.hint.setText(ROLE_HINTS[self._role()]))
        self.pin, self.again = (secret(words, lambda _text: self._keep()) for words in ("PIN", "PIN once more"))
        self.problem, self.note = Text("", "error", wrap=True), Text("", "strong", wrap=True)
        self.keep = Button("Keep", "primary", on_click=self._keep)
        self.unlock = Button("Unlock", on_click=self._with_person(model.unlock))
        self.leaving = Button("No longer here", "danger", on_click=self._with_person(model.leave))
        self._lay_out()
        model.changed.connect(self.show_state)
        self.role.setCurrentIndex(self.role.findData(Role.CASHIER))

    def enter(self) -> None:
        self._model.problem = self._model.note = ""
        self._model.look()

    def leave(self) -> None:
        for field in (self.pin, self.again):
            field.clear()

    def show_state(self) -> None:
        model = self._model
        wanted = [_NEW, *(_row(one) for one in model.people)]
        if wanted != [self.list.item(at).text() for at in range(self.list.count())]:
            at = max(0, self.list.currentRow())
            self.list.clear()
            for words in wanted:
                self.list.addItem(QListWidgetItem(words))
            self.list.setCurrentRow(min(at, len(wanted) - 1))
        tell(self.problem, f"! {model.problem}" if model.problem else "")
        tell(self.note, f"✓ {model.note}" if model.note else "")
        if model.note:
            self.leave()

    @property
    def _person(self) -> Person | None:
        at = self.list.currentRow() - 1
        return self._model.people[at] if 0 <= at < len(self._model.people) else None

    def _role(self) -> Role:
        return Role(self.role.currentData())

    def _show_person(self) -> None:
        person = self._person
        self.title_text.setText(person.name if person else _NEW)
        self.name.setText(person.name if person else "")
        self.role.setCurrentIndex(self.role.findData(person.role if person else Role.CASHIER))
        self.pin.setPlaceholderText("Only for a new PIN" if person else "6 digits; managers and owners 8")
        self.leave()
        for button in (self.unlock, self.leaving):
            button.setVisible(person is not None)
        self.leaving.setText("Here again" if person is not None and not person.active else "No longer here")

    def _keep(self) -> None:
        self._model.keep(self._person, self.name.text(), self._role(), self.pin.text(), self.again.text())

    def _with_person(self, work: Callable[[Person], object]) -> Callable[[], None]:
        def act() -> None:
            if self._person is not None:
                work(self._person)

        return act

    def _lay_out(self) -> None:
        form = QGridLayout()
        form.setVerticalSpacing(GAP)
        form.setColumnStretch(1, 1)
        fields = (
            ("Name", self.name),
            ("Role", self.role),
            ("", self.hint),
            ("PIN", self.pin),
            ("Once more", self.again),
        )
        for position, (words, field) in enumerate(fields):
            form.addWidget(Text(words, "strong"), position, 0)
            form.addWidget(field, position, 1)
        buttons = QHBoxLayout()
        for button in (self.leaving, self.unlock):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.keep)
        right = QVBoxLayout()
        right.setContentsMargins(32, 24, 32, 24)
        right.setSpacing(2 * GAP)
        right.addWidget(self.title_text)
        right.addLayout(form)
        right.addWidget(self.problem)
        right.addWidget(self.note)
        right.addLayout(buttons)
        right.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.list, 0, Qt.AlignmentFlag(0))
        row.addLayout(right, 1)


def _row(person: Person) -> str:
    return named(person) if person.active else f"{named(person)} (left)"
