"""Who stands at the till, and whether that person may do what is asked: denied by default, each denial logged."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Permit, Person, Role, Session
from pos_app.services.changes import ActionDenied, Changes, PermitUsed, SessionChanged
from pos_app.services.clock import monotonic

log = logging.getLogger(__name__)

NOBODY = Refused("Nobody is signed in. Nothing was done. Sign in with your PIN first.")
LENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Authorised:
    """`approver` is who allowed it, where the actor alone may not."""

    actor: Person
    approver: Person | None = None

    @property
    def approver_name(self) -> str:
        return self.approver.name if self.approver else ""


class Authority:
    """Services ask it before they act; a screen that hides a button protects nothing."""

    def __init__(self, changes: Changes, *, elapsed: Callable[[], float] = monotonic) -> None:
        """`elapsed` are seconds of a clock that never jumps."""
        self._changes = changes
        self._elapsed = elapsed
        self._lent: dict[Action, tuple[Permit, float]] = {}
        self.session: Session | None = None

    @property
    def person(self) -> Person | None:
        return self.session.person if self.session else None

    def begin(self, person: Person, at: datetime) -> Session:
        self._lent.clear()
        self.session = Session(person, at)
        self._changes.publish(SessionChanged(self.session))
        return self.session

    def begin_cash_only(self, at: datetime) -> Session:
        """The keys stay locked, so nobody can prove who they are: cash is taken, and what needs a PIN is refused."""
        return self.begin(Person(0, "", Role.CASHIER), at)

    def follow(self, person: Person) -> None:
        """What somebody may has changed: at once, if it is who is signed in; who works here no more is signed out."""
        if self.session is None or self.session.person.id != person.id:
            return
        if person.active:
            self.begin(person, self.session.since)
        else:
            self.end()

    def end(self) -> None:
        """Whatever was allowed in place is allowed no more."""
        self._lent.clear()
        if self.session is not None:
            self.session = None
            self._changes.publish(SessionChanged(None))

    def may(self, action: Action) -> bool:
        """For a screen that shows what is there to be done; what is done is checked again."""
        return self.person is not None and self.person.may(action)

    def lend(self, action: Action, by: Person) -> Permit | Refused:
        """After the PIN of somebody who may: for the next such action of this session, within a minute."""
        if self.session is None:
            return NOBODY
        if not by.may(action):
            return self.denied(by, action)
        permit = Permit(action, by)
        self._lent[action] = permit, self._elapsed() + LENT_SECONDS
        return permit

    def check(self, action: Action) -> Authorised | Refused:
        """What was lent is used up, whatever becomes of the action; who may by himself uses up nothing."""
        if self.person is None:
            log.warning("denied: %s, nobody is signed in", action)
            return NOBODY
        if self.person.may(action):
            return Authorised(self.person)
        permit, until = self._lent.pop(action, (None, 0.0))
        if permit is not None and self._elapsed() < until:
            self._changes.publish(PermitUsed())
            return Authorised(self.person, permit.by)
        refused = self.denied(self.person, action)
        self._changes.publish(ActionDenied(action, refused.sentence))
        return refused

    def denied(self, person: Person, action: Action) -> Refused:
        """Also of somebody who proved who they are and is not the one signed in."""
        log.warning("denied: %s for person %d, %s", action, person.id, person.role)
        return Refused(f"{person.name} ({person.role}) may not do that. Nothing was done. Ask a supervisor or manager.")
