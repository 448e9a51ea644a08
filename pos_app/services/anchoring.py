"""Keeps the end of the sealed record at the relay, so that cutting the record is found out (money-safety §5 row 11)."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from pos_app.domain.audit import Head
from pos_app.domain.refused import Refused
from pos_app.relay_link.anchors import AnchorDesk
from pos_app.services.audit_log import AuditLog
from pos_app.services.changes import Changes, Notice, RefundChanged
from pos_app.services.clock import utc_now
from pos_app.services.refund_settlement import settle_refunds
from pos_app.store.database import Database

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
_AGAIN_SECONDS = 60.0
_GATHER_SECONDS = 2.0
"""A refund changes several times within seconds; one anchor after all of them is enough."""
_CUT = (
    "The till’s record of who did what is not the one that the relay was told of: {what} Payments are safe. Do not "
    "refund anything; call the owner, who can see the record under Audit."
)


class Anchoring:
    """`run` once per connection."""

    def __init__(
        self, database: Database, record: AuditLog, changes: Changes, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._record = record
        self._changes = changes
        self._clock = clock
        self._said = ""
        self._soon = asyncio.Event()
        self.held = Head()
        """The end that the relay was last heard to hold: what the record is checked against."""
        changes.subscribe(RefundChanged, lambda _change: self.soon())

    def soon(self) -> None:
        self._soon.set()

    async def run(self, desk: AnchorDesk) -> None:
        while True:
            self._soon.clear()
            try:
                done = await self.anchor(desk)
            except Exception:  # one failed try must not end the trying
                log.exception("the record could not be anchored")
                done = False
            await self._wait(EVERY_SECONDS if done else _AGAIN_SECONDS)

    async def _wait(self, longest: float) -> None:
        """What was done of a refund is not left for the next hour: until then the record could be cut before it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._soon.wait()
                await asyncio.sleep(_GATHER_SECONDS)

    async def anchor(self, desk: AnchorDesk) -> bool:
        """Whether the relay knows where the record ends now; a record that was changed or cut is said, and not told."""
        held = await desk.last()
        if held is None:
            return False
        self.held = held
        fault = await self._record.verify(held)
        if isinstance(fault, Refused):
            return False
        if fault is not None:
            self._say(_CUT.format(what=fault.sentence))
            what = f"record {held.seq} {held.mac[:8]}"
            await settle_refunds(self._database, self._changes, self._clock(), lambda told: told.lack(what))
            return True
        head = await self._record.head()
        if head.seq in {0, held.seq}:
            return True
        if not await desk.put(head):
            return False
        self.held = head
        return True

    def _say(self, sentence: str) -> None:
        log.error("the audit record does not reach its anchor")
        if sentence != self._said:
            self._said = sentence
            self._changes.publish(Notice(sentence, urgent=True))
