"""Seals how each refund ended: once, whatever stopped the till between the end and its entry."""

import asyncio
import logging

from pos_app.domain.audit import Event
from pos_app.domain.refund import Refund
from pos_app.domain.refund_states import RefundState
from pos_app.services.audit_log import AuditLog
from pos_app.services.changes import Changes, RefundChanged
from pos_app.services.refunds import refund_subject, refund_words
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
        self._waiting: asyncio.Queue[Refund] = asyncio.Queue()
        changes.subscribe(RefundChanged, lambda change: self._waiting.put_nowait(change.refund))

    async def run(self) -> None:
        for refund in reversed(
            await self._database.read(lambda connection: refunds.newest(connection, limit=_LOOK_BACK))
        ):
            await self._tell(refund)
        while True:
            await self._tell(await self._waiting.get())

    async def _tell(self, refund: Refund) -> None:
        event = _TOLD.get(refund.state)
        if event is None:
            return
        subject, detail = refund_subject(refund), refund_words(refund)
        try:
            if not await self._database.read(lambda connection: audit.has(connection, event, subject, detail)):
                await self._record.append(
                    event, "M-Pesa" if refund.route.is_by_mpesa else "", subject=subject, detail=detail
                )
        except Exception:  # the refund itself is on disk; the next start tells of it again
            log.exception("refund %d could not be sealed in the record", refund.id)
