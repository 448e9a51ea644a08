"""Writes what was done into the sealed record, in the transaction that does it; reads and checks the record."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pos_app.domain.audit import AuditEntry, Event, Fault, Head, first_fault
from pos_app.domain.refused import Refused
from pos_app.services import key_ring
from pos_app.services.authority import Authorised
from pos_app.services.clock import utc_now
from pos_app.services.key_ring import KeyStore
from pos_app.store import audit
from pos_app.store.database import Database

T = TypeVar("T")
LOST_KEYS = Refused(
    "This computer’s key store no longer has the till’s own keys, so no PIN can be checked and nothing can be signed "
    "for. Nothing is lost. The owner can start anew with the recovery key that was printed at set-up."
)


class AuditLog:
    """What is told of people and payments is shown to auditors: names, never a PIN or a whole phone number."""

    def __init__(self, database: Database, keys: KeyStore, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._store = keys
        self._clock = clock

    async def append(
        self, event: Event, actor: str, approver: str = "", *, subject: str = "", detail: str = ""
    ) -> Refused | None:
        """For what changes nothing else."""
        told = {"actor": actor, "approver": approver, "subject": subject, "detail": detail}
        kept = await self._sealed(lambda _connection: None, lambda _nothing: (event, told))
        return kept if isinstance(kept, Refused) else None

    async def do(
        self,
        event: Event,
        by: Authorised,
        work: Callable[[sqlite3.Connection], T],
        *,
        subject: Callable[[T], str] = lambda _done: "",
        detail: Callable[[T], str] = lambda _done: "",
    ) -> T | Refused:
        """`work` and its entry in one transaction. Raises what `work` raises, and then neither is there."""

        def told(done: T) -> tuple[Event, dict[str, str]]:
            names = {"actor": by.actor.name, "approver": by.approver_name}
            return event, {**names, "subject": subject(done), "detail": detail(done)}

        return await self._sealed(work, told)

    async def do_if(
        self,
        event: Event,
        by: Authorised,
        work: Callable[[sqlite3.Connection], T | Refused],
        *,
        subject: Callable[[T], str],
        detail: Callable[[T], str],
    ) -> T | Refused:
        """The same, for work that may come to nothing: then no entry is made."""

        def told(done: T | Refused) -> tuple[Event, dict[str, str]] | None:
            if isinstance(done, Refused):
                return None
            names = {"actor": by.actor.name, "approver": by.approver_name}
            return event, {**names, "subject": subject(done), "detail": detail(done)}

        return await self._sealed(work, told)

    async def _sealed(
        self, work: Callable[[sqlite3.Connection], T], told: Callable[[T], tuple[Event, dict[str, str]] | None]
    ) -> T | Refused:
        keys = await asyncio.to_thread(key_ring.held_keys, self._store)
        if keys is None:
            return LOST_KEYS

        def transact(connection: sqlite3.Connection) -> T:
            done = work(connection)
            if (entry := told(done)) is not None:
                event, fields = entry
                audit.append(connection, keys.seal, self._clock(), event, **fields)
            return done

        return await self._database.run(transact)

    async def newest(
        self, *, event: Event | None = None, text: str = "", before: int = 0, limit: int = 100
    ) -> tuple[AuditEntry, ...]:
        return await self._database.read(
            lambda connection: audit.newest(connection, event=event, text=text, before=before, limit=limit)
        )

    async def head(self) -> Head:
        return await self._database.read(audit.head)

    async def verify(self, anchor: Head) -> Fault | Refused | None:
        """None for a record that is whole up to the anchor that was kept elsewhere."""
        keys = await asyncio.to_thread(key_ring.held_keys, self._store)
        if keys is None:
            return LOST_KEYS
        return await self._database.read(lambda connection: fault_in(connection, keys.seal, anchor))


def fault_in(connection: sqlite3.Connection, seal: bytes, anchor: Head) -> Fault | None:
    """Of the whole record, held against what was kept of its end elsewhere."""
    try:
        return first_fault(seal, audit.entries(connection), anchor)
    except ValueError:
        return Fault(0, "An entry cannot be read: its time or its kind was changed.")
