"""What the shop's accounts at M-Pesa hold, asked of Safaricom when somebody wants to know or is about to refund."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from pos_app.daraja.redaction import code_for_log
from pos_app.domain.account import AccountBalances
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.services.changes import AccountsChanged, Changes
from pos_app.services.clock import utc_now
from pos_app.services.guard import Guard
from pos_app.services.refund_settlement import settle_refunds
from pos_app.services.refunds import Paying, Refunds
from pos_app.store import accounts, refunds
from pos_app.store.database import Database

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=10)
_NOT_SET_UP = Refused("The API operator is not set up on this till, and only it may ask for balances.")
_OFF = Refused("The API operator is switched off until the owner has mended it, so that it is not locked.")


class Accounts:
    def __init__(
        self,
        database: Database,
        changes: Changes,
        sent: Refunds,
        guard: Guard,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._changes = changes
        self._refunds = sent
        self._guard = guard
        self._clock = clock
        self._asked_at: datetime | None = None

    async def newest(self) -> AccountBalances | None:
        return await self._database.read(accounts.newest)

    async def ask(self) -> Refused | None:
        """None once Safaricom has the question; `AccountsChanged` tells the answer, within seconds."""
        if refused := self._guard.refusal(Action.ASK_BALANCE):
            return refused
        return await self._ask()

    async def fresh(self, patience: float) -> AccountBalances | None:
        """For a page that has asked already who may; None where Safaricom does not answer within `patience` seconds."""
        answered = asyncio.Event()
        end = self._changes.subscribe(AccountsChanged, lambda _change: answered.set())
        try:
            async with asyncio.timeout(patience):
                if await self._ask() is not None:
                    return None
                await answered.wait()
            return await self.newest()
        except TimeoutError:
            return None
        finally:
            end()

    @property
    def can_be_asked(self) -> bool:
        return self._refunds.paying is not None

    async def look_before_refund(self) -> None:
        """So that the way by M-Pesa is offered only where there is money for it; nobody waits for it.

        Not again while an answer is awaited: each question that is refused brings the operator nearer to its lock.
        """
        told, now = await self.newest(), self._clock()
        since = max((at for at in (self._asked_at, told.at if told else None) if at is not None), default=None)
        if self._refunds.paying is not None and (since is None or now - since > FRESH):
            await self._ask()

    async def _ask(self) -> Refused | None:
        paying = self._refunds.paying
        if paying is None:
            return _NOT_SET_UP
        stop = await self._database.read(refunds.stop)
        if stop is not None and stop.is_of_the_operator:
            return _OFF
        return await self._send(paying)

    async def _send(self, paying: Paying) -> Refused | None:
        """The question's own address is on disk before it leaves."""
        nonce, at = paying.make_nonce(), self._clock()
        self._asked_at = at
        await self._database.run(lambda connection: refunds.ask(connection, nonce, at))
        told = await paying.api.account_balance(paying.addresses(nonce))
        if told.fact is RefundFact.ACCEPTED:
            return None
        log.warning("the balances could not be asked for: %s %s", told.fact, code_for_log(told.code))
        refused = RefundEvidence(told.fact, RefundSource.REPLY, at, reason=told.reason, code=told.code)
        await settle_refunds(self._database, self._changes, at, lambda settlement: settlement.hear_operator(refused))
        return Refused(f"Safaricom did not take the question. {told.reason.english}")
