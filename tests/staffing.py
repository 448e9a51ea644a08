"""An owner at the till, for tests that are about something else than who may do what."""

from datetime import UTC, datetime

from pos_app.domain.audit import Event
from pos_app.domain.staff import Person, Role
from pos_app.services.audit_log import AuditLog
from pos_app.services.authority import Authority
from pos_app.services.changes import Changes
from pos_app.services.guard import Guard
from pos_app.services.key_ring import make_keys
from pos_app.services.till import Till
from pos_app.store import audit
from pos_app.store.database import Database

OWNER = Person(1, "Wanjiru", Role.OWNER)
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


class KeyBox(dict[str, str]):
    """A key store in memory, with the till's own keys in it."""

    def __init__(self) -> None:
        super().__init__()
        make_keys(self)

    def get(self, name: str) -> str:  # type: ignore[override]  # the till's key stores give "" for what is absent
        return super().get(name, "")

    def set(self, name: str, value: str) -> None:
        self[name] = value


def owners_guard(database: Database, changes: Changes) -> Guard:
    authority = Authority(changes)
    authority.begin(OWNER, _SINCE)
    return Guard(authority, AuditLog(database, KeyBox()))


async def recorded(database: Database) -> list[tuple[Event, str, str, str]]:
    """What the sealed record says, oldest first: what was done, by whom, to what, how."""
    entries = await database.read(lambda connection: tuple(audit.entries(connection)))
    return [(one.event, one.actor, one.subject, one.detail) for one in entries]


def signed_in(till: Till, person: Person = OWNER) -> Till:
    till.authority.begin(person, _SINCE)
    return till
