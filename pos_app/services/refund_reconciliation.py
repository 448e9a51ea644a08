"""Finds out what became of refunds that have no end: asks Safaricom rung by rung, and never sends one again.

Transaction Status by the id that Safaricom knows it by, at 60 s, 5 min, 30 min, then hourly (money-safety §1.2).
“Not found” is no proof of failure, so it changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from pos_app.domain.reason import Reason
from pos_app.domain.refund import Refund
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource
from pos_app.domain.refund_states import RefundState
from pos_app.services.changes import Changes, RefundChanged, RefundsSwitched
from pos_app.services.clock import monotonic, utc_now
from pos_app.services.refund_settlement import RefundSettlement, settle_refunds
from pos_app.services.refunds import Refunds
from pos_app.store import refunds
from pos_app.store.database import Database

log = logging.getLogger(__name__)

RUNGS = (60.0, 300.0, 1800.0)
EVERY = 3600.0
SILENCE_SECONDS = 300.0
"""Results come within seconds, at times minutes (contract §2): then the screen no longer says that it is on its way."""


def next_rung(age: float) -> float:
    """The age, in seconds since it left, at which to ask next."""
    later = next((rung for rung in RUNGS if rung > age), None)
    return later if later is not None else (age // EVERY + 1) * EVERY


class RefundReconciliation:
    def __init__(
        self,
        database: Database,
        sent: Refunds,
        changes: Changes,
        *,
        clock: Callable[[], datetime] = utc_now,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._refunds = sent
        self._changes = changes
        self._clock = clock
        self._elapsed = elapsed
        self._due: dict[int, float] = {}
        """When to ask about each open refund, by a clock that never jumps."""
        self._left: dict[int, float] = {}
        self._wake = asyncio.Event()
        changes.subscribe(RefundChanged, lambda change: self._see(change.refund))
        changes.subscribe(RefundsSwitched, lambda _change: self.check_all_soon())

    async def recover(self) -> None:
        """What the last run left open; asked about at once."""
        for refund in await self._refunds.recover():
            self._see(refund)
            if refund.id in self._due:
                self._due[refund.id] = self._elapsed()

    def check_soon(self, refund_id: int) -> None:
        if refund_id in self._due:
            self._due[refund_id] = self._elapsed()
            self._wake.set()

    def check_all_soon(self) -> None:
        """There is a way to Safaricom that was not there before."""
        self._due = dict.fromkeys(self._due, self._elapsed())
        self._wake.set()

    async def run(self) -> None:
        """Climbs the ladder until cancelled."""
        while True:
            self._wake.clear()
            now = self._elapsed()
            for refund_id in [one for one, due in self._due.items() if due <= now]:
                await self._ask(refund_id)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience()):
                    await self._wake.wait()

    def _see(self, refund: Refund) -> None:
        if not (refund.state.may_be_paid or refund.state is RefundState.DISPUTED) or not refund.route.is_by_mpesa:
            self._due.pop(refund.id, None)
            self._left.pop(refund.id, None)
        elif refund.id not in self._due:
            # Of one that left before an old backup was put back this file does not know when.
            began = refund.submitted_at or refund.requested_at
            age = max(0.0, (self._clock() - began).total_seconds())
            self._left[refund.id] = self._elapsed() - age
            self._due[refund.id] = self._left[refund.id] + next_rung(age)
        self._wake.set()

    def _patience(self) -> float | None:
        return max(0.0, min(self._due.values()) - self._elapsed()) if self._due else None

    async def _ask(self, refund_id: int) -> None:
        left = self._left.get(refund_id)
        if left is None:
            return  # It ended while another was asked about.
        age = self._elapsed() - left
        self._due[refund_id] = left + next_rung(age)
        try:
            if age >= SILENCE_SECONDS:
                told = RefundEvidence(RefundFact.SILENCE, RefundSource.CLOCK, self._clock(), reason=Reason.UNKNOWN)
                await self._record(refund_id, told)
            await self._question(refund_id)
        except Exception:  # one failed question must not end the asking
            log.exception("refund %d could not be asked about", refund_id)

    async def _question(self, refund_id: int) -> None:
        """The question's own address is on disk before it leaves. While the operator is refused none does."""
        paying = self._refunds.paying
        refund, stop = await self._database.read(
            lambda connection: (refunds.by_id(connection, refund_id), refunds.stop(connection))
        )
        is_refused = stop is not None and stop.is_of_the_operator
        if paying is None or is_refused or refund is None or not refund.originator_id:
            return
        nonce, at = paying.make_nonce(), self._clock()
        await self._database.run(lambda connection: refunds.ask(connection, nonce, at, refund_id))
        told = await paying.api.transaction_status(paying.addresses(nonce), originator_id=refund.originator_id)
        if told is not None:
            await self._record(refund_id, told)

    async def _record(self, refund_id: int, told: RefundEvidence) -> None:
        def record(settlement: RefundSettlement) -> None:
            refund = refunds.by_id(settlement.connection, refund_id)
            if refund is not None and (told.fact is not RefundFact.SILENCE or refund.state.may_be_paid):
                settlement.record(refund, told)

        await settle_refunds(self._database, self._changes, self._clock(), record)
