"""Closes a shop's day: the accounts are asked for, the record is sealed and anchored, and a slip says where it ends.

The takings of a day are counted elsewhere.
"""

from collections.abc import Callable
from datetime import datetime

from pos_app.domain.audit import Event
from pos_app.domain.clock import nairobi_day, nairobi_midnight
from pos_app.domain.day_slip import DayRefunds, DaySlip
from pos_app.domain.receipt import Heading
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.services.accounts import Accounts
from pos_app.services.anchoring import Anchoring
from pos_app.services.audit_log import AuditLog
from pos_app.services.authority import Authorised
from pos_app.services.clock import utc_now
from pos_app.services.guard import Guard
from pos_app.store import audit, refunds
from pos_app.store.database import Database

PATIENCE_SECONDS = 15.0
"""For the accounts: results come within seconds (contract §2), and whoever closes the day stands there."""


class DayClose:
    def __init__(
        self,
        database: Database,
        record: AuditLog,
        guard: Guard,
        *,
        accounts: Accounts,
        anchoring: Anchoring,
        heading: Callable[[], Heading],
        clock: Callable[[], datetime] = utc_now,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._database = database
        self._record = record
        self._guard = guard
        self._accounts = accounts
        self._anchoring = anchoring
        self._heading = heading
        self._clock = clock
        self._patience = patience

    async def close(self) -> DaySlip | Refused:
        """May be done again: each time is an entry, and a slip, of its own."""
        by = self._guard.check(Action.CLOSE_DAY)
        if isinstance(by, Refused):
            return by
        asked = self._accounts.can_be_asked
        balances = await self._accounts.fresh(self._patience) if asked else None
        at = self._clock()
        told = await self._database.read(lambda connection: refunds.of_day(connection, nairobi_midnight(at), at))
        refused = await self._seal(by, at, told)
        if refused is not None:
            return refused
        head = await self._database.read(audit.head)
        self._anchoring.soon()
        return DaySlip(self._heading(), at, by.actor.name, told, head, balances, by_mpesa=asked)

    async def _seal(self, by: Authorised, at: datetime, told: DayRefunds) -> Refused | None:
        subject = f"day {nairobi_day(at):%Y-%m-%d}"
        return await self._record.append(
            Event.DAY_CLOSED, by.actor.name, by.approver_name, subject=subject, detail=str(told)
        )
