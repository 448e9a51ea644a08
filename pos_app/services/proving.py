"""Whether somebody is who they say: PINs are tried here and nowhere else, and who guesses is made to wait.

A wrong try is on disk, and in the key store, before its PIN is looked at: no kill, restart or old copy gives it back.
"""

import asyncio
from collections.abc import Callable

from pos_app.domain.audit import Event
from pos_app.domain.lockout import Lockout
from pos_app.domain.refused import Refused
from pos_app.domain.staff import STRONG, Person
from pos_app.services import key_ring, pins
from pos_app.services.audit_log import LOST_KEYS, AuditLog
from pos_app.services.clock import monotonic
from pos_app.services.key_ring import KeyStore
from pos_app.store import staff
from pos_app.store.database import Database

NO_SUCH = Refused("That person does not work at this till any more.")
_WRONG = "That PIN is not right."


class Proving:
    def __init__(
        self, database: Database, keys: KeyStore, record: AuditLog, *, elapsed: Callable[[], float] = monotonic
    ) -> None:
        """`elapsed` are seconds of a clock that never jumps."""
        self._database = database
        self._store = keys
        self._record = record
        self._elapsed = elapsed
        self._lockouts: dict[int, Lockout] = {}
        self._counted_at: dict[int, float] = {}
        self._one_at_a_time = asyncio.Lock()

    async def proved(self, person_id: int, pin: str) -> Person | Refused:
        async with self._one_at_a_time:
            person = await self._database.read(lambda connection: staff.by_id(connection, person_id))
            if person is None or not person.active:
                return NO_SUCH
            before = await self._lockout(person_id)
            return await self._tried(person, pin, before) if before.may_try else _waiting(person, before)

    async def _tried(self, person: Person, pin: str, before: Lockout) -> Person | Refused:
        keys = await asyncio.to_thread(key_ring.held_keys, self._store)
        if keys is None:
            return LOST_KEYS
        counted = before.wrong()
        await self._keep(person.id, counted)
        kept = await self._database.read(lambda connection: staff.pin(connection, person.id))
        if await asyncio.to_thread(pins.is_right, pin, keys.pepper, kept):
            await self._keep(person.id, Lockout())
            return person
        await self._record.append(Event.LOCKED_OUT if counted.is_locked else Event.WRONG_PIN, person.name)
        return _wrong(person, counted)

    async def lockout(self, person_id: int) -> Lockout:
        """As it is now; for the page that counts the wait down."""
        async with self._one_at_a_time:
            return await self._lockout(person_id)

    async def guessed(self, person: Person) -> None:
        """Somebody came upon a PIN that another has: as bad as a wrong try, or all PINs could be found out this way."""
        async with self._one_at_a_time:
            counted = (await self._lockout(person.id)).wrong()
            await self._keep(person.id, counted)
            await self._record.append(Event.LOCKED_OUT if counted.is_locked else Event.WRONG_PIN, person.name)

    async def waiting(self, person: Person) -> Refused | None:
        """Why this person may not try a PIN just now."""
        lockout = await self.lockout(person.id)
        return None if lockout.may_try else _waiting(person, lockout)

    async def free(self, person_id: int) -> None:
        """Whoever waited or was locked may try again."""
        async with self._one_at_a_time:
            await self._keep(person_id, Lockout())

    async def _lockout(self, person_id: int) -> Lockout:
        """Only what passed while this till ran is counted; after a restart the rest is waited for."""
        now = self._elapsed()
        if person_id not in self._lockouts:
            on_disk = await self._database.read(lambda connection: staff.lockout(connection, person_id))
            remembered = (await asyncio.to_thread(key_ring.held_tries, self._store)).get(person_id, Lockout())
            self._lockouts[person_id] = on_disk.worse(remembered)
        held = self._lockouts[person_id].after(now - self._counted_at.get(person_id, now))
        self._lockouts[person_id], self._counted_at[person_id] = held, now
        return held

    async def _keep(self, person_id: int, kept: Lockout) -> None:
        self._lockouts[person_id], self._counted_at[person_id] = kept, self._elapsed()
        await self._database.run(lambda connection: staff.keep_lockout(connection, person_id, kept))
        await asyncio.to_thread(self._remember, person_id, kept)

    def _remember(self, person_id: int, kept: Lockout) -> None:
        key_ring.keep_tries(self._store, {**key_ring.held_tries(self._store), person_id: kept})


def _wrong(person: Person, lockout: Lockout) -> Refused:
    if lockout.may_try:
        left = lockout.tries_left
        return Refused(f"{_WRONG} {left} {'try' if left == 1 else 'tries'} left before a wait.")
    return Refused(f"{_WRONG} {_waiting(person, lockout).sentence}")


def _waiting(person: Person, lockout: Lockout) -> Refused:
    if lockout.is_locked:
        who = "an owner, or use the recovery key" if person.role in STRONG else "a manager"
        return Refused(f"Too many wrong PINs: {person.name} is locked. Ask {who}.")
    minutes = max(1, round(lockout.waits / 60))
    return Refused(f"Wait {minutes} {'minute' if minutes == 1 else 'minutes'} before the next try.")
