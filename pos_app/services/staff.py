"""The people who work at the till: the first owner, those who join and leave, forgotten PINs, the recovery key."""

import asyncio
import hmac
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from pos_app.domain.audit import Event
from pos_app.domain.pin import pin_problem
from pos_app.domain.refused import Refused
from pos_app.domain.staff import STRONG, Action, Permit, Person, Role, Session
from pos_app.services import key_ring, pins
from pos_app.services.audit_log import LOST_KEYS, AuditLog
from pos_app.services.authority import NOBODY, Authorised, Authority
from pos_app.services.changes import Changes, StaffChanged
from pos_app.services.clock import utc_now
from pos_app.services.key_ring import Keys, KeyStore
from pos_app.services.proving import NO_SUCH, Proving
from pos_app.services.recovery_key import as_typed, make_recovery_key
from pos_app.store import audit, staff
from pos_app.store.database import Database
from pos_app.store.staff import KeptPin, LastOwnerError, NameTakenError

log = logging.getLogger(__name__)

LONGEST_NAME = 40
_SET_UP_BEFORE = Refused("This till has an owner already. Sign in, or use the recovery key.")
_IN_USE = Refused("That PIN cannot be used here. Choose another.")
_NAME = Refused(f"Type a name of up to {LONGEST_NAME} letters that nobody else here has.")
_LAST_OWNER = Refused("Somebody must own the till. Make another person owner first.")
_WRONG_KEY = Refused("That is not the recovery key of this till. Nothing was changed.")
_ANOTHER = Refused("Somebody else is signed in now, and was allowed nothing. Ask again.")
_STRONGER = Refused("The PIN of an owner or manager is longer. Add the person anew in that role, with a new PIN.")


class Staff:
    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        changes: Changes,
        *,
        authority: Authority,
        proving: Proving,
        record: AuditLog,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._store = keys
        self._authority = authority
        self._proving = proving
        self._record = record
        self._changes = changes
        self._clock = clock

    async def people(self) -> tuple[Person, ...]:
        """Those who work here first; afterwards those who left."""
        return await self._database.read(staff.people)

    async def set_up(self, name: str, pin: str) -> str | Refused:
        """The first owner, who is signed in then. The recovery key is given this once, to be printed."""
        problem = _name_problem(name) or _pin_refusal(pin, Role.OWNER)
        if problem or await self.people():
            return problem or _SET_UP_BEFORE
        keys = await asyncio.to_thread(key_ring.make_keys, self._store)
        kept = await asyncio.to_thread(pins.keep, pin, keys.pepper)
        recovery, now = make_recovery_key(), self._clock()

        def create(connection: sqlite3.Connection) -> Person:
            owner = staff.add(connection, _tidy(name), Role.OWNER, kept, now)
            staff.keep_recovery(connection, _sha256(recovery), now)
            audit.append(connection, keys.seal, now, Event.SET_UP, actor=owner.name)
            return owner

        self._authority.begin(await self._database.run(create), now)
        self._changes.publish(StaffChanged())
        return recovery

    # --- signing in ---------------------------------------------------------------------------------------

    async def sign_in(self, person_id: int, pin: str) -> Session | Refused:
        person = await self._proving.proved(person_id, pin)
        if isinstance(person, Refused):
            return person
        await self._record.append(Event.SIGNED_IN, person.name)
        return self._authority.begin(person, self._clock())

    async def sign_out(self) -> None:
        """Also when the till locks itself."""
        person = self._authority.person
        self._authority.end()
        if person is not None:
            await self._record.append(Event.SIGNED_OUT, person.name)

    async def allow(self, action: Action, person_id: int, pin: str) -> Permit | Refused:
        """Somebody who may lets who is signed in do one thing, who stays signed in."""
        session = self._authority.session
        person = await self._proving.proved(person_id, pin)
        if isinstance(person, Refused) or session is None:
            return person if isinstance(person, Refused) else NOBODY
        if not person.may(action):
            return self._authority.denied(person, action)
        await self._record.append(Event.ALLOWED, session.person.name, person.name, detail=str(action.value))
        # It was allowed to who stood there, not to whoever has come since.
        return self._authority.lend(action, person) if self._authority.session is session else _ANOTHER

    # --- who works here -----------------------------------------------------------------------------------

    async def add(self, name: str, role: Role, pin: str) -> Person | Refused:
        problem = _name_problem(name) or _pin_refusal(pin, role)
        allowed = problem or self._authority.check(_managing(role))
        if isinstance(allowed, Refused):
            return allowed
        now = self._clock()
        return await self._with_pin(
            Event.PERSON_ADDED,
            allowed,
            pin,
            lambda connection, kept: staff.add(connection, _tidy(name), role, kept, now),
        )

    async def change(self, person: Person) -> Person | Refused:
        """Another name or a weaker role, or no longer here."""
        before = await self._found(person.id)
        if isinstance(before, Refused):
            return before
        if person.role in STRONG and before.role not in STRONG:
            return _STRONGER
        allowed = _name_problem(person.name) or self._authority.check(_managing(before.role))
        if isinstance(allowed, Refused):
            return allowed
        after = replace(person, name=_tidy(person.name))

        def change(connection: sqlite3.Connection) -> Person:
            staff.change(connection, after)
            return after

        detail = f"{before.name}, {before.role} → {after.role}{_left(after)}"
        done = await self._do(Event.PERSON_CHANGED, allowed, change, detail)
        if isinstance(done, Person):
            self._authority.follow(done)
        return done

    async def reset_pin(self, person_id: int, pin: str) -> Person | Refused:
        """For somebody who has forgotten it, and who may then try at once."""
        person = await self._found(person_id)
        if isinstance(person, Refused):
            return person
        allowed = _pin_refusal(pin, person.role) or self._authority.check(_managing(person.role))
        if isinstance(allowed, Refused):
            return allowed
        changed = await self._new_pin(person, allowed, pin)
        if isinstance(changed, Person):
            await self._proving.free(person_id)
        return changed

    async def change_own_pin(self, old: str, new: str) -> Person | Refused:
        me = self._authority.person
        if me is None:
            return NOBODY
        proved = await self._proving.proved(me.id, old)
        if isinstance(proved, Refused):
            return proved
        return _pin_refusal(new, me.role) or await self._new_pin(me, Authorised(me), new)

    async def unlock(self, person_id: int) -> Person | Refused:
        person = await self._found(person_id)
        if isinstance(person, Refused):
            return person
        action = Action.MANAGE_OWNERS if person.role in STRONG else Action.UNLOCK_STAFF
        allowed = self._authority.check(action)
        if isinstance(allowed, Refused):
            return allowed
        unlocked = await self._do(Event.UNLOCKED, allowed, lambda _connection: person, "")
        if isinstance(unlocked, Person):
            await self._proving.free(person_id)
        return unlocked

    async def recover(self, typed: str, person_id: int, pin: str) -> str | Refused:
        """With the key printed at set-up an owner gets a new PIN, and a new recovery key, which is given once."""
        person = await self._found(person_id)
        kept = await self._database.read(staff.recovery_sha256)
        is_key = bool(kept) and hmac.compare_digest(_sha256(as_typed(typed)), kept)
        if isinstance(person, Refused) or person.role is not Role.OWNER or not person.active or not is_key:
            log.warning("a recovery was refused")
            return _WRONG_KEY
        return _pin_refusal(pin, Role.OWNER) or await self._start_anew(person, pin)

    async def _start_anew(self, person: Person, pin: str) -> str:
        """A key store that lost its keys gets new ones: everybody else then needs a new PIN too."""
        keys = await asyncio.to_thread(self._held_or_new)
        new_pin = await asyncio.to_thread(pins.keep, pin, keys.pepper)
        recovery, now = make_recovery_key(), self._clock()

        def renew(connection: sqlite3.Connection) -> None:
            staff.keep_pin(connection, person.id, new_pin)
            staff.keep_recovery(connection, _sha256(recovery), now)
            audit.append(connection, keys.seal, now, Event.RECOVERED, actor=person.name)

        await self._database.run(renew)
        await self._proving.free(person.id)
        self._authority.begin(person, now)
        return recovery

    def _held_or_new(self) -> Keys:
        return key_ring.held_keys(self._store) or key_ring.make_keys(self._store)

    # --- how ----------------------------------------------------------------------------------------------

    async def _found(self, person_id: int) -> Person | Refused:
        found = await self._database.read(lambda connection: staff.by_id(connection, person_id))
        return NO_SUCH if found is None else found

    async def _new_pin(self, person: Person, by: Authorised, pin: str) -> Person | Refused:
        def keep(connection: sqlite3.Connection, kept: KeptPin) -> Person:
            staff.keep_pin(connection, person.id, kept)
            return person

        return await self._with_pin(Event.PIN_CHANGED, by, pin, keep)

    async def _with_pin(
        self, event: Event, by: Authorised, pin: str, work: Callable[[sqlite3.Connection, KeptPin], Person]
    ) -> Person | Refused:
        """A PIN that somebody has already is refused, or one could be taken for the other."""
        keys = await asyncio.to_thread(key_ring.held_keys, self._store)
        if keys is None:
            return LOST_KEYS
        if refused := await self._proving.waiting(by.actor):
            return refused
        taken = await self._database.read(staff.active_pins)
        if await asyncio.to_thread(_is_used, pin, keys, tuple(taken.values())):
            await self._proving.guessed(by.actor)
            return _IN_USE
        kept = await asyncio.to_thread(pins.keep, pin, keys.pepper)
        return await self._do(event, by, lambda connection: work(connection, kept), "")

    async def _do(
        self, event: Event, by: Authorised, work: Callable[[sqlite3.Connection], Person], detail: str
    ) -> Person | Refused:
        try:
            done = await self._record.do(event, by, work, subject=_shown, detail=lambda _person: detail)
        except NameTakenError:
            return _NAME
        except LastOwnerError:
            return _LAST_OWNER
        if isinstance(done, Person):
            self._changes.publish(StaffChanged())
        return done


def _managing(role: Role) -> Action:
    return Action.MANAGE_OWNERS if role in STRONG else Action.MANAGE_STAFF


def _is_used(pin: str, keys: Keys, kept: tuple[KeptPin, ...]) -> bool:
    return any(pins.is_right(pin, keys.pepper, one) for one in kept)


def _shown(person: Person) -> str:
    return f"{person.name}, {person.role}"


def _left(person: Person) -> str:
    return "" if person.active else ", no longer here"


def _tidy(name: str) -> str:
    return " ".join(name.split())


def _name_problem(name: str) -> Refused | None:
    tidy = _tidy(name)
    return None if 0 < len(tidy) <= LONGEST_NAME and tidy.isprintable() else _NAME


def _pin_refusal(pin: str, role: Role) -> Refused | None:
    problem = pin_problem(pin, role)
    return Refused(problem) if problem else None


def _sha256(text: str) -> bytes:
    return sha256(text.encode()).digest()
