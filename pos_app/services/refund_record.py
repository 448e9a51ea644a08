"""Seals how each refund ended, and that refunds went off: once, whatever stopped the till before the entry."""

import asyncio
import logging

from pos_app.domain.audit import Event
from pos_app.domain.refund import Refund
from pos_app.domain.refund_states import RefundState
from pos_app.services.audit_log import AuditLog
from pos_app.services.changes import Changes, RefundChanged, RefundsSwitched
from pos_app.store import audit, refunds
from pos_app.store.database import Database

log = logging.getLogger(__name__)

_TOLD = {
    RefundState.SUBMITTING: Event.REFUND_SENT,
    RefundState.COMPLETED: Event.REFUND_ENDED,
    RefundState.FAILED: Event.REFUND_ENDED,
    RefundState.DISPUTED: Event.REFUND_ENDED,
}
_LOOK_BACK = 500
"""Refunds; older ones were told long ago."""


class RefundRecord:
    """`run` until cancelled."""

    def __init__(self, database: Database, changes: Changes, record: AuditLog) -> None:
        self._database = database
        self._record = record
        self._waiting: asyncio.Queue[Refund | RefundsSwitched] = asyncio.Queue()
        changes.subscribe(RefundChanged, lambda change: self._waiting.put_nowait(change.refund))
        changes.subscribe(RefundsSwitched, self._waiting.put_nowait)

    async def run(self) -> None:
        for refund in reversed(
            await self._database.read(lambda connection: refunds.newest(connection, limit=_LOOK_BACK))
        ):
            await self._hear(refund)
        await self._hear(RefundsSwitched())
        while True:
            await self._hear(await self._waiting.get())

    async def _hear(self, changed: Refund | RefundsSwitched) -> None:
        try:
            await (self._tell_off() if isinstance(changed, RefundsSwitched) else self._tell(changed))
        except Exception:  # what happened is on disk; the next start tells of it again
            log.exception("what became of refunds could not be sealed in the record")

    async def _tell_off(self) -> None:
        stop = await self._database.read(refunds.stop)
        if stop is not None:
            by = "M-Pesa" if stop.is_of_the_operator else ""
            await self._seal(Event.REFUNDS_OFF, by, f"code {stop.code}", f"since {stop.since.isoformat()}")

    async def _tell(self, refund: Refund) -> None:
        event, actor = _TOLD.get(refund.state), "M-Pesa" if refund.route.is_by_mpesa else ""
        if event is not None:
            await self._seal(event, actor, refund_subject(refund), refund_words(refund))

    async def _seal(self, event: Event, actor: str, subject: str, detail: str) -> None:
        if not await self._database.read(lambda connection: audit.has(connection, event, subject, detail)):
            await self._record.append(event, actor, subject=subject, detail=detail)


def refund_subject(refund: Refund) -> str:
    return f"refund {refund.number}"


def refund_words(refund: Refund) -> str:
    """Both codes, the amount and the state; no whole phone number."""
    to = f" to {refund.payee.masked}" if refund.payee else ""
    codes = " → ".join(filter(None, (refund.original_receipt, refund.receipt)))
    return f"{refund.amount} by {refund.route}{to}, {codes or 'cash'}, {refund.state}, {refund.why}"
