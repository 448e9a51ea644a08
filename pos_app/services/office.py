"""What the back of the shop needs and a sale does not: refunds, accounts, the operator, the end of the record."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime

from pos_app.domain.api_password import password_task
from pos_app.domain.clock import nairobi_day
from pos_app.domain.receipt import Heading
from pos_app.services.accounts import Accounts
from pos_app.services.anchoring import Anchoring
from pos_app.services.audit_log import AuditLog
from pos_app.services.authority import Authority
from pos_app.services.changes import Changes, OperatorTaskChanged, RefundChanged, RefundsSwitched
from pos_app.services.clock import utc_now
from pos_app.services.day_close import DayClose
from pos_app.services.guard import Guard
from pos_app.services.operator_setup import OperatorSetup
from pos_app.services.proving import Proving
from pos_app.services.record_export import RecordExport
from pos_app.services.refund_reconciliation import RefundReconciliation
from pos_app.services.refund_record import RefundRecord
from pos_app.services.refunds import Paying, Refunds
from pos_app.store import refunds
from pos_app.store.database import Database

log = logging.getLogger(__name__)

_LOOK_SECONDS = 3600.0
_FOR_ONE = (
    "A refund waits for two people: Safaricom alone does not settle any more what became of it. Do not pay it again. "
    "Compare it with the M-Pesa statement, then say under Refunds what it shows."
)
_FOR_SOME = (
    "{count} refunds wait for two people: Safaricom alone does not settle any more what became of them. Do not pay "
    "them again. Compare them with the M-Pesa statement, then say under Refunds what it shows."
)


class Office:
    """`open`, then `take_up` as often as the settings change, then `close`."""

    def __init__(
        self,
        database: Database,
        changes: Changes,
        *,
        authority: Authority,
        proving: Proving,
        record: AuditLog,
        heading: Callable[[], Heading],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._changes = changes
        self._clock = clock
        self.record = record
        self.refunds = Refunds(database, changes, authority=authority, proving=proving, record=record, clock=clock)
        self.ladder = RefundReconciliation(database, self.refunds, changes, clock=clock)
        guard = Guard(authority, record)
        self.accounts = Accounts(database, changes, self.refunds, guard, clock=clock)
        self.operator_setup = OperatorSetup(guard)
        self.record_export = RecordExport(database, record, guard)
        self.anchoring = Anchoring(database, record, changes, clock=clock)
        self.day_close = DayClose(
            database, record, guard, accounts=self.accounts, anchoring=self.anchoring, heading=heading, clock=clock
        )
        self._refund_record = RefundRecord(database, changes, record)
        self._password_since: date | None = None
        self._look = asyncio.Event()
        self._running: Sequence[asyncio.Task[None]] = ()
        for kind in (RefundsSwitched, RefundChanged):
            changes.subscribe(kind, lambda _change: self._look.set())

    async def open(self) -> None:
        """What was on its way is unknown before the first refund is prepared."""
        await self.ladder.recover()
        self._running = [
            asyncio.create_task(self.ladder.run(), name="refund reconciliation"),
            asyncio.create_task(self._refund_record.run(), name="refund record"),
            asyncio.create_task(self._watch(), name="operator"),
        ]

    def take_up(self, paying: Paying | None, password_since: date | None = None) -> None:
        """None for a till that refunds in cash only."""
        self.refunds.paying = paying
        self._password_since = password_since if paying is not None else None
        self._look.set()
        if paying is not None:
            self.ladder.check_all_soon()

    async def task(self) -> str:
        """What somebody must do before the back of the shop is in order again; empty where nothing."""
        stop = await self._database.read(refunds.stop)
        if stop is not None:
            return stop.task
        waiting = len(await self.refunds.for_people())
        if waiting:
            return _FOR_ONE if waiting == 1 else _FOR_SOME.format(count=waiting)
        since = self._password_since
        return password_task(since, nairobi_day(self._clock())) if since is not None else ""

    async def _watch(self) -> None:
        while True:
            self._look.clear()
            self._changes.publish(OperatorTaskChanged(await self.task()))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._look.wait()

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is not None:
                log.error("%s ended badly", task.get_name(), exc_info=task.exception())
