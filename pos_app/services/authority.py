"""Who stands at the till, and whether that person may do what is asked: denied by default, each denial logged."""

import logging
from dataclasses import dataclass
from datetime import datetime

from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Permit, Person, Session
from pos_app.services.changes import Changes, SessionChanged

log = logging.getLogger(__name__)

NOBODY = Refused("Nobody is signed in. Nothing was done. Sign in with your PIN first.")


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

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._permits: list[Permit] = []
        self.session: Session | None = None

    @property
    def person(self) -> Person | None:
        return self.session.person if self.session else None

    def begin(self, person: Person, at: datetime) -> Session:
        self._permits.clear()
        self.session = Session(person, at)
        self._changes.publish(SessionChanged(self.session))
        return self.session

    def end(self) -> None:
        """Whatever was allowed in place is allowed no more."""
        self._permits.clear()
        if self.session is not None:
            self.session = None
            self._changes.publish(SessionChanged(None))

    def may(self, action: Action) -> bool:
        """For a screen that shows what is there to be done; what is done is checked again."""
        return self.person is not None and self.person.may(action)

    def lend(self, action: Action, by: Person) -> Permit | Refused:
        """After the PIN of somebody who may: good once, for this session."""
        if self.session is None:
            return NOBODY
        if not by.may(action):
            return self._denied(by, action)
        permit = Permit(action, by)
        self._permits.append(permit)
        return permit

    def check(self, action: Action, permit: Permit | None = None) -> Authorised | Refused:
        """A permit is used up, whatever becomes of the action."""
        if self.person is None:
            log.warning("denied: %s, nobody is signed in", action)
            return NOBODY
        if permit is not None and self._take(permit) and permit.action is action and permit.by.may(action):
            return Authorised(self.person, permit.by)
        return Authorised(self.person) if self.person.may(action) else self._denied(self.person, action)

    def _take(self, permit: Permit) -> bool:
        held = next((at for at, one in enumerate(self._permits) if one is permit), None)
        if held is None:
            return False
        del self._permits[held]
        return True

    def _denied(self, person: Person, action: Action) -> Refused:
        log.warning("denied: %s for person %d, %s", action, person.id, person.role)
        return Refused(f"{person.name} ({person.role}) may not do that. Nothing was done. Ask a supervisor or manager.")
