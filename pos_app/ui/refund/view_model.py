"""The list of refunds and the page of one: who released it, what was said of it, and what can be done; no widget."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.refund import Refund
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Person
from pos_app.services.changes import Changes, RefundChanged, StaffChanged
from pos_app.ui.tasks import OneAtATime, Soon, Tasks

if TYPE_CHECKING:
    from pos_app.services.office import Office
    from pos_app.services.refunds import RefundDetail
    from pos_app.services.staff import Staff

_READ_MS = 150


@dataclass(frozen=True, slots=True)
class RefundsState:
    """`detail` is the one whose page is open; `releasers` are the people who may still release it."""

    rows: tuple[Refund, ...] = ()
    detail: "RefundDetail | None" = None
    names: Mapping[int, str] | None = None
    releasers: tuple[Person, ...] = ()
    attesters: tuple[Person, ...] = ()
    problem: str = ""
    working: bool = False

    @property
    def refund(self) -> Refund | None:
        return self.detail.refund if self.detail else None

    def name(self, person_id: int) -> str:
        return (self.names or {}).get(person_id, "somebody who left")


class RefundsViewModel(QObject):
    changed = Signal()

    def __init__(
        self,
        office: "Office",
        staff: "Staff",
        changes: Changes,
        tasks: Tasks,
        *,
        clock: Callable[[], datetime],
        practice: Mapping[str, str] | None = None,
    ) -> None:
        """`practice` are PINs that training shows, by name."""
        super().__init__()
        self._office, self._staff, self._tasks = office, staff, tasks
        self.clock, self.practice = clock, practice
        self._once = OneAtATime(tasks)
        self._reading = Soon(tasks, self._read, "refunds", _READ_MS, self)
        self._open_id: int | None = None
        self._is_shown = False
        self.state = RefundsState()
        changes.subscribe(RefundChanged, lambda _change: self._read_soon())
        changes.subscribe(StaffChanged, lambda _change: self._read_soon())

    def enter(self) -> None:
        self._is_shown = True
        self._reading.now()
        self._tasks.start(self._office.accounts.look_before_refund(), "float before a refund")

    def leave(self) -> None:
        self._is_shown = False

    def open(self, refund_id: int) -> None:
        self._open_id = refund_id
        self._set(problem="", detail=None)
        self._reading.now()

    def close(self) -> None:
        self._open_id = None
        self._set(detail=None, problem="")

    def release(self, person_id: int, pin: str) -> None:
        self._do(lambda refund_id: self._office.refunds.approve(refund_id, person_id, pin), "release refund")

    def decline(self) -> None:
        self._do(self._office.refunds.decline, "decline refund")

    def send_again(self) -> None:
        self._do(self._office.refunds.send, "send refund")

    def ask_now(self) -> None:
        if self._open_id is not None:
            self._office.ladder.check_soon(self._open_id)

    def attest(self, first: tuple[int, str], second: tuple[int, str], *, paid: bool) -> None:
        self._do(lambda refund_id: self._office.refunds.attest(refund_id, first, second, paid=paid), "attest refund")

    def _do(self, work: Callable[[int], Coroutine[Any, Any, Refund | Refused]], name: str) -> None:
        if self._open_id is not None:
            self._once.start(self._done(work, self._open_id), name)

    async def _done(self, work: Callable[[int], Coroutine[Any, Any, Refund | Refused]], refund_id: int) -> None:
        self._set(working=True, problem="")
        try:
            answer = await work(refund_id)
        finally:
            self._set(working=False)
        self._set(problem=answer.sentence if isinstance(answer, Refused) else "")
        await self._read()

    def _read_soon(self) -> None:
        if self._is_shown:
            self._reading.call()

    async def _read(self) -> None:
        people = await self._staff.people()
        active = [one for one in people if one.active]
        detail = None if self._open_id is None else await self._office.refunds.detail(self._open_id)
        self._set(
            rows=await self._office.refunds.newest(),
            detail=detail,
            names={one.id: one.name for one in people},
            releasers=tuple(one for one in active if _may_release(one, detail)),
            attesters=tuple(one for one in active if one.may(Action.ATTEST_REFUND)),
        )

    def _set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.changed.emit()


def can_be_released(refund: Refund) -> bool:
    return refund.state is RefundState.REQUESTED


def _may_release(person: Person, detail: "RefundDetail | None") -> bool:
    """To be chosen from; whether they may is decided when it is released."""
    if detail is None or not person.may(Action.APPROVE_REFUND):
        return False
    released = {one.by for one in detail.refund.approvals}
    of_two = len(released) + detail.approvals_needed > 1
    return person.id not in released and not (of_two and person.id == detail.refund.requested_by)


def attested_from(refund: Refund) -> datetime | None:
    """When two people may say what became of it; None for one of which that is not to be said."""
    from pos_app.services.refunds import ATTEST_AFTER

    if refund.state is RefundState.DISPUTED:
        return refund.requested_at
    since = refund.submitted_at or refund.requested_at
    return since + ATTEST_AFTER if refund.state is RefundState.UNKNOWN else None
