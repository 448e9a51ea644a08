"""Charges a customer's phone: the intent on disk first, then the request, then whatever became of it."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pos_app.daraja.errors import RequestError
from pos_app.daraja.redaction import code_for_log
from pos_app.domain.attempt import Attempt, AttemptState, account_reference
from pos_app.domain.evidence import Evidence, Fact, Source
from pos_app.domain.money import AmountError, Money, checked_charge
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.refused import Refused
from pos_app.domain.shop import ShopAccount
from pos_app.domain.staff import Action
from pos_app.services.changes import Changes
from pos_app.services.clock import utc_now
from pos_app.services.guard import Guard
from pos_app.services.sales import GIVEN_BACK
from pos_app.services.settlement import Settlement, settle
from pos_app.store import attempts, payments, refunds, sales
from pos_app.store.attempts import LiveAttemptError
from pos_app.store.database import Database, DiskFullError, StoreError
from pos_app.store.sales import Bill

if TYPE_CHECKING:
    from pos_app.daraja.client import DarajaClient

log = logging.getLogger(__name__)

REPLY_GRACE_SECONDS = 2.0
"""How long a window that closes waits for the answer to a request that is on its way; most take less than one."""
STILL_CHECKING = Refused(
    "Checking with Safaricom. Do not charge again yet: this sale may already be paid. Wait, or take the next customer."
)
NOT_SET_UP = Refused("M-Pesa is not set up on this till. Nothing was sent. Open Settings, or take cash.")
_DISK_FULL = Refused("The disk is full. Nothing was sent and no money moved. Free some space, then charge again.")
_OTHER_ACCOUNT = Refused(
    "The till’s M-Pesa number was changed since. Nothing was sent. Give this request up, then charge again."
)
_NOT_OURS_TO_ASK = Refused(
    "This request went to another M-Pesa number than the till has now, so Safaricom cannot be asked about it. "
    "It may be paid: do not charge again. Set that number again in Settings, then check again."
)


@dataclass(frozen=True, slots=True)
class Charging:
    """What a charge needs from outside; replaced as a whole when the settings change."""

    daraja: "DarajaClient"
    account: ShopAccount
    till_code: str
    shop_name: str
    callback_base: str
    make_nonce: Callable[[], str]

    def callback_url(self, nonce: str) -> str:
        return f"{self.callback_base}/stk/{nonce}"


@dataclass(frozen=True, slots=True)
class RecentPayment:
    at: datetime
    amount: Money
    who: str
    phone: str
    receipt: str
    sale_number: int | None
    late: bool
    payment_id: str = ""
    taken: str = ""
    """`Taken by Till 2 (Otieno) at 14:02`, or empty."""


class Payments:
    def __init__(
        self,
        database: Database,
        changes: Changes,
        *,
        guard: Guard,
        heard: Callable[[Evidence], None] = lambda _told: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`heard` is told every answer of Daraja, for the health lights."""
        self._database = database
        self._changes = changes
        self._guard = guard
        self._heard = heard
        self._clock = clock
        self.charging: Charging | None = None
        self.ready = asyncio.Event()
        """Cleared while the till is still connecting: a charge then waits instead of being refused."""
        self.ready.set()

    async def charge(self, sale_id: int, amount: Money, msisdn: Msisdn) -> Attempt | Refused:
        """One prompt on the customer's phone. Refused means that nothing was sent."""
        if refused := self._guard.refusal(Action.SELL):
            return refused
        await self.ready.wait()
        charging = self.charging
        if charging is None:
            return NOT_SET_UP
        if not await self._database.has_room():
            return _DISK_FULL
        intended = await self._write_intent(sale_id, amount, msisdn, charging)
        return intended if isinstance(intended, Refused) else await self._submit(intended, charging)

    async def _write_intent(self, sale_id: int, amount: Money, msisdn: Msisdn, charging: Charging) -> Attempt | Refused:
        now = self._clock()

        def intend(settlement: Settlement) -> Attempt:
            bill = _chargeable(settlement.connection, sale_id, amount)
            attempt = Attempt(
                id=0,
                sale_id=sale_id,
                nonce=charging.make_nonce(),
                amount=amount,
                msisdn=msisdn,
                account=charging.account,
                account_reference=account_reference(charging.till_code.upper(), bill.number, bill.charges + 1),
                created_at=now,
            )
            return settlement.intend(attempt)

        try:
            return await settle(self._database, self._changes, now, intend, may_use_reserve=False)
        except LiveAttemptError:
            return STILL_CHECKING
        except AmountError as error:
            return Refused(str(error))
        except DiskFullError:
            return _DISK_FULL
        except StoreError as error:
            return Refused(str(error))

    async def _submit(self, attempt: Attempt, charging: Charging) -> Attempt:
        """Cancelled, it gives the reply a moment: without its id nobody could ask Safaricom about the charge."""
        submitting = asyncio.create_task(self._submit_now(attempt, charging), name="charge on its way")
        try:
            return await asyncio.shield(submitting)
        except asyncio.CancelledError:
            await asyncio.wait({submitting}, timeout=REPLY_GRACE_SECONDS)
            submitting.cancel()
            await asyncio.wait({submitting})
            raise

    async def _submit_now(self, attempt: Attempt, charging: Charging) -> Attempt:
        told = await self._push(attempt, charging)
        log.info("charge %s: %s %s", attempt.id, told.fact, code_for_log(told.code))
        self._heard(told)
        return await self._record(attempt.id, told)

    async def _push(self, attempt: Attempt, charging: Charging) -> Evidence:
        try:
            return await charging.daraja.stk_push(
                amount=attempt.amount,
                msisdn=attempt.msisdn,
                account_reference=attempt.account_reference,
                description=charging.shop_name,
                callback_url=charging.callback_url(attempt.nonce),
            )
        except (RequestError, AmountError) as error:
            # Raised before anything is sent; an unknown outcome would lock the sale for nothing.
            log.exception("charge %s cannot be asked for", attempt.id)
            return Evidence(Fact.NOT_SENT, Source.REPLY, self._clock(), reason=Reason.NOT_SENT, text=str(error))

    async def send_again(self, attempt_id: int) -> Attempt | Refused:
        """The same intent, for a request that certainly never left; anything else is refused."""
        if refused := self._guard.refusal(Action.SELL):
            return refused
        await self.ready.wait()
        charging = self.charging
        if charging is None:
            return NOT_SET_UP
        if not await self._database.has_room():
            return _DISK_FULL
        held = await self._database.read(lambda connection: attempts.by_id(connection, attempt_id))
        if held.account != charging.account:
            return _OTHER_ACCOUNT
        attempt = await self._step_from_created(attempt_id, Fact.SUBMITTED)
        return attempt if isinstance(attempt, Refused) else await self._submit(attempt, charging)

    async def withdraw(self, attempt_id: int) -> Attempt | Refused:
        """Gives up a request that never left."""
        return self._guard.refusal(Action.SELL) or await self._step_from_created(attempt_id, Fact.WITHDRAWN)

    async def _step_from_created(self, attempt_id: int, fact: Fact) -> Attempt | Refused:
        told = Evidence(fact, Source.CASHIER, self._clock())

        def step(settlement: Settlement) -> Attempt | Refused:
            attempt = attempts.by_id(settlement.connection, attempt_id)
            if attempt.state is not AttemptState.CREATED:
                return STILL_CHECKING
            if fact is Fact.SUBMITTED:
                # Meanwhile it may have been paid in cash.
                _chargeable(settlement.connection, attempt.sale_id, attempt.amount)
            return settlement.record(attempt, told)

        try:
            use_reserve = fact is not Fact.SUBMITTED
            return await settle(self._database, self._changes, told.at, step, may_use_reserve=use_reserve)
        except (StoreError, AmountError) as error:
            return Refused(str(error))

    async def check_now(self, attempt_id: int, *, though_over: bool = False) -> Attempt | Refused:
        """Asks Safaricom once about a charge that is live, or `though_over`; without an id to ask by, nothing."""
        attempt = await self._database.read(lambda connection: attempts.by_id(connection, attempt_id))
        worth_asking = attempt.state.is_live or (though_over and not attempt.state.is_paid)
        if self.charging is None or not worth_asking or not attempt.checkout_request_id:
            return attempt
        if attempt.account.short_code != self.charging.account.short_code:
            return _NOT_OURS_TO_ASK
        told = await self.charging.daraja.stk_query(attempt.checkout_request_id)
        self._heard(told)
        return await self._record(attempt_id, told)

    async def note_silence(self, attempt_id: int) -> Attempt:
        return await self._record(attempt_id, Evidence(Fact.SILENCE, Source.CLOCK, self._clock()))

    async def _record(self, attempt_id: int, told: Evidence) -> Attempt:
        return await settle(
            self._database,
            self._changes,
            self._clock(),
            lambda settlement: settlement.record(attempts.by_id(settlement.connection, attempt_id), told),
        )

    async def of_sale(self, sale_id: int) -> Attempt | None:
        found = await self._database.read(lambda connection: attempts.of_sale(connection, sale_id))
        return found[-1] if found else None

    async def open_attempts(self) -> tuple[Attempt, ...]:
        return await self._database.read(attempts.live)

    async def total_received(self) -> Money:
        """Everything that came by M-Pesa, claimed or not."""
        return await self._database.read(payments.total_received)

    async def recent(self, limit: int = 5) -> tuple[RecentPayment, ...]:
        now = self._clock()
        return await self._database.read(lambda connection: _recent(connection, limit, now))


def _chargeable(connection: sqlite3.Connection, sale_id: int, amount: Money) -> Bill:
    """Raises AmountError with a sentence."""
    bill = sales.bill(connection, sale_id)
    checked_charge(amount)
    if bill.is_void:
        raise AmountError("This sale was cancelled. Nothing was sent.")
    if amount > bill.remaining:
        raise AmountError(f"Only {bill.remaining} of this sale remains to be paid. Nothing was sent.")
    if refunds.sale_given_back(connection, sale_id):
        raise AmountError(GIVEN_BACK)
    return bill


def _recent(connection: sqlite3.Connection, limit: int, now: datetime) -> tuple[RecentPayment, ...]:
    return tuple(
        RecentPayment(
            at=received.payment.received_at,
            amount=received.payment.amount,
            who=received.payment.first_name,
            phone=received.payment.payer_phone,
            receipt=received.payment.receipt,
            sale_number=received.sale_number,
            late=received.is_late,
            payment_id=received.payment.id,
            taken=received.payment.taken_by.taken(now) if received.payment.taken_by else "",
        )
        for received in payments.newest(connection, limit)
    )
