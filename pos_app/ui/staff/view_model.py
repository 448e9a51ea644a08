"""Signing in and setting up: who may be chosen, what was refused, and the recovery key while it is shown; no widget."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.refused import Refused
from pos_app.domain.staff import Person, Role
from pos_app.services.changes import Changes, StaffChanged
from pos_app.services.staff import Staff
from pos_app.ui.tasks import OneAtATime, Tasks

_DIFFERENT = "The two PINs are not the same. Type them again."
_NOT_COPIED = "These are not the last five characters of the key. Read them from the paper."


@dataclass(frozen=True, slots=True)
class EntranceState:
    """`recovery` is the key that must be on paper before the till opens; `practice` are PINs that training shows."""

    people: tuple[Person, ...] = ()
    chosen: int | None = None
    problem: str = ""
    working: bool = False
    keying: bool = False
    """A recovery key is being made, or not on paper yet: the till stays locked, whoever is signed in."""
    recovery: str = ""
    practice: Mapping[str, str] | None = None

    @property
    def person(self) -> Person | None:
        return next((one for one in self.people if one.id == self.chosen), None)

    @property
    def owners(self) -> tuple[Person, ...]:
        return tuple(one for one in self.people if one.role is Role.OWNER)

    @property
    def practice_pin(self) -> str:
        return (self.practice or {}).get(self.person.name, "") if self.person else ""


class EntranceViewModel(QObject):
    changed = Signal()
    done = Signal()
    """The recovery key is on paper."""

    def __init__(
        self, staff: Staff, changes: Changes, tasks: Tasks, *, practice: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self._staff, self._tasks = staff, tasks
        self._once = OneAtATime(tasks)
        self.state = EntranceState(practice=practice)
        changes.subscribe(StaffChanged, lambda _change: self.look())

    def look(self) -> None:
        self._tasks.start(self.load(), "who works here")

    async def load(self) -> tuple[Person, ...]:
        people = tuple(one for one in await self._staff.people() if one.active)
        chosen = self.state.chosen if any(one.id == self.state.chosen for one in people) else None
        self._set(people=people, chosen=chosen or (people[0].id if len(people) == 1 else None))
        return people

    def enter(self, last: int | None) -> None:
        """The page is shown: `last` is who was here before."""
        self._set(chosen=last or self.state.chosen, problem="")

    def choose(self, person_id: int) -> None:
        self._set(chosen=person_id, problem="")

    def sign_in(self, pin: str) -> None:
        if self.state.chosen is None:
            self._set(problem="Choose who you are first.")
        elif pin:
            self._begin(self._sign_in, "sign in", self.state.chosen, pin)

    def set_up(self, name: str, pin: str, again: str) -> None:
        if pin != again:
            self._set(problem=_DIFFERENT)
        else:
            self._begin(self._set_up, "set up", name, pin)

    def recover(self, typed: str, person_id: int | None, pin: str, again: str) -> None:
        if pin != again:
            self._set(problem=_DIFFERENT)
        elif person_id is not None:
            self._begin(self._recover, "recover", typed, person_id, pin)

    def confirm(self, last_letters: str) -> None:
        """Whoever can read the last five letters has the key before them."""
        if self.state.recovery and last_letters.strip().upper() == self.state.recovery[-5:]:
            self._set(recovery="", keying=False, problem="")
            self.done.emit()
        else:
            self._set(problem=_NOT_COPIED)

    def _begin(self, work: Callable[..., Coroutine[Any, Any, None]], name: str, *told: Any) -> None:
        self._once.start(self._working(work, *told), name)

    async def _working(self, work: Callable[..., Coroutine[Any, Any, None]], *told: Any) -> None:
        self._set(working=True, problem="")
        try:
            await work(*told)
        finally:
            self._set(working=False)

    async def _set_up(self, name: str, pin: str) -> None:
        await self._keyed(self._staff.set_up(name, pin))

    async def _recover(self, typed: str, person_id: int, pin: str) -> None:
        await self._keyed(self._staff.recover(typed, person_id, pin))

    async def _sign_in(self, person_id: int, pin: str) -> None:
        answer = await self._staff.sign_in(person_id, pin)
        if isinstance(answer, Refused):
            self._set(problem=answer.sentence)

    async def _keyed(self, work: Coroutine[Any, Any, str | Refused]) -> None:
        self._set(keying=True)
        answer = await work
        if isinstance(answer, Refused):
            self._set(keying=False, problem=answer.sentence)
        else:
            self._set(recovery=answer)

    def _set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.changed.emit()
