"""Gives a payment to a sale and takes it back: the wish on disk first, then the relay, then whatever it says.

What the relay has not answered is asked again until it has; until then the payment counts and is not confirmed.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from pos_app.domain.audit import Event
from pos_app.domain.claim import Claim, Claims, Release
from pos_app.domain.difference import Difference
from pos_app.domain.payment import Payment, parse_receipt
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Sale, SaleState
from pos_app.domain.staff import Action
from pos_app.services.changes import Changes, LogReset, PaymentArrived
from pos_app.services.clock import monotonic, utc_now
from pos_app.services.guard import Guard
from pos_app.services.holdings import Holdings
from pos_app.services.offers import Offers
from pos_app.services.sales import GIVEN_BACK
from pos_app.services.settlement import Settlement, settle
from pos_app.services.whereabouts import NO_CODE, LookedUp, look_up
from pos_app.store import attempts, claims, payments, refunds, sales
from pos_app.store.database import Database, StoreError

if TYPE_CHECKING:
    from pos_app.relay_link.claims import ClaimDesk, Unanswered

log = logging.getLogger(__name__)
T = TypeVar("T")

ASK_AGAIN_SECONDS = 60.0
UNCLAIMED_SHOWN = timedelta(days=90)
CLAIMED_ANEW = timedelta(days=2)
"""As far back as Safaricom can tell a restored relay of the payments that it lost."""
_MOST_ANEW = 5_000
_NO_RELAY = Refused("This till is not paired with a relay, so no payment can be claimed. Open Settings.")
_CANCELLED = Refused("This sale was cancelled. The payment is kept as received.")
_UNCONFIRMED = Refused("The relay has not confirmed this payment yet. Give it back once it has.")
_NOT_OURS = Refused("This payment is not one that this till has claimed, so it cannot give it back.")
_OF_A_CHARGE = Refused("This is the money of a charge; it belongs to the sale that was charged.")
_NO_RECEIPT = Refused("M-Pesa has not told the receipt of this payment yet. It cannot be claimed without.")
_NOT_FROM_CUSTOMER = Refused("This money is not a customer’s payment for a sale.")
_NOT_CONFIRMED = "The payment counts for sale {sale} and is not confirmed yet: another till may have it."
_CLOSED = Refused("The sale of this payment is closed. Its money can only be refunded.")


@dataclass(frozen=True, slots=True)
class Accepted:
    """`confirmed`: the relay says so too. If not, another till may have it, and then the sale is unpaid again."""

    payment: Payment
    sale_id: int
    confirmed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class ClaimedPayment:
    payment: Payment
    sale_number: int


_REFUNDED = Refused(
    "Money of this payment was given back, or is on its way back. It stays with its sale, so that it counts once."
)


class Matching:
    """`run` until cancelled; `take_up` whenever the settings change."""

    def __init__(
        self,
        database: Database,
        changes: Changes,
        *,
        guard: Guard,
        clock: Callable[[], datetime] = utc_now,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._changes = changes
        self._guard = guard
        self._clock = clock
        self._elapsed = elapsed
        self._desk: ClaimDesk | None = None
        self._certain: dict[str, int] = {}
        self._asking: set[str] = set()
        """Receipts about which a question is on its way."""
        self._ask_at = 0.0
        self._is_restored = False
        """The relay's log is another one, and may lack what it granted this till."""
        self._wake = asyncio.Event()
        self.offers = Offers(database, changes, self._accept_soon)
        changes.subscribe(PaymentArrived, lambda change: self._see(change.payment))
        changes.subscribe(LogReset, lambda _reset: self._see_reset())

    async def take_up(self, desk: "ClaimDesk | None") -> None:
        """None for a till without a relay: then nothing is claimed."""
        self._desk = desk
        if desk is not None:
            await self.offers.load(desk.pairing.till_code, self._clock())
            self.ask_soon()

    def ask_soon(self) -> None:
        """The relay is within reach again, or there is something new to ask."""
        self._ask_at = 0.0
        self._wake.set()

    def _accept_soon(self, payment_id: str, sale_id: int) -> None:
        self._certain[payment_id] = sale_id
        self._wake.set()

    def _see(self, payment: Payment) -> None:
        if payment.attempt_id is not None and payment.receipt:
            # A charge that another message than its callback settled has a claim on disk by now.
            self.ask_soon()

    def _see_reset(self) -> None:
        self._is_restored = True
        self.ask_soon()

    # What a person does

    async def accept(self, payment_id: str, sale_id: int, cashier: str = "") -> Accepted | Refused:
        """The payment settles what it can of the sale, if no other till has it."""
        return self._guard.refusal(Action.SELL) or await self._accept(payment_id, sale_id, cashier)

    async def _accept(self, payment_id: str, sale_id: int, cashier: str = "") -> Accepted | Refused:
        desk = self._desk
        if desk is None:
            return _NO_RELAY

        def intend(settlement: Settlement) -> Claim | Refused:
            return _intend(settlement, desk.pairing.till_id, payment_id, sale_id, cashier)

        try:
            wish = await settle(self._database, self._changes, self._clock(), intend, may_use_reserve=False)
            return wish if isinstance(wish, Refused) else await self._pursue(desk, wish)
        except StoreError as error:
            return Refused(str(error))

    async def release(self, payment_id: str, reason: str) -> Payment | Refused:
        """Gives a payment back, so that any sale of any till may have it; the relay hears of it as soon as it can."""
        by = self._guard.check(Action.RELEASE_PAYMENT)
        if isinstance(by, Refused):
            return by
        desk = self._desk
        if desk is None:
            return _NO_RELAY
        till_id = desk.pairing.till_id
        try:
            freed = await self._write(lambda settlement: _give_back(settlement, till_id, payment_id, reason))
        except StoreError as error:
            return Refused(str(error))
        if not isinstance(freed, Refused):
            await self._guard.told(Event.PAYMENT_RELEASED, by, freed.receipt, f"{freed.amount}: {reason}")
        self.ask_soon()
        return freed

    async def look_up(self, code: str) -> LookedUp:
        """Where the money of an M-Pesa code is, for a customer who shows it."""
        receipt = parse_receipt(code)
        if not receipt:
            return NO_CODE
        now = self._clock()
        return await self._database.read(lambda connection: look_up(connection, receipt, now))

    async def unclaimed(self, limit: int = 200) -> tuple[Payment, ...]:
        """For the manager: whatever no sale of any till has, the newest first."""
        since = self._clock() - UNCLAIMED_SHOWN
        return await self._database.read(lambda connection: payments.unclaimed(connection, since, limit))

    async def claimed(self, limit: int = 50) -> tuple[ClaimedPayment, ...]:
        """For the manager: customers’ own payments that sales of this till have, the newest first."""
        found = await self._database.read(lambda connection: payments.claimed(connection, limit))
        return tuple(ClaimedPayment(one.payment, one.sale_number) for one in found if one.sale_number is not None)

    async def unconfirmed(self) -> tuple[Claim, ...]:
        """What this till has asked for and the relay has not answered, the oldest first."""
        return await self._database.read(claims.wishes)

    # What goes on by itself

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.offers.run(), name="offers")
            tasks.create_task(self._keep_asking(), name="claims")

    async def _keep_asking(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._accept_certain()
                if self._desk is not None and self._elapsed() >= self._ask_at:
                    self._ask_at = self._elapsed() + ASK_AGAIN_SECONDS
                    await self._ask_again(self._desk)
            except Exception:  # one failed question must not end the asking
                log.exception("payments could not be claimed")
            # Not wait_for: in Python 3.11 it may swallow the cancellation that ends the till.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience()):
                    await self._wake.wait()

    def _patience(self) -> float | None:
        return max(0.0, self._ask_at - self._elapsed()) if self._desk is not None else None

    async def _accept_certain(self) -> None:
        while self._certain:
            payment_id, sale_id = self._certain.popitem()
            answer = await self._accept(payment_id, sale_id)
            if isinstance(answer, Refused):
                log.info("a payment that named a sale was not claimed for it")

    async def _ask_again(self, desk: "ClaimDesk") -> None:
        """What was given back first: it may be asked for again."""
        for given_back in await self._database.read(claims.unheard_releases):
            if await desk.release(given_back):
                await self._write(lambda settlement, told=given_back: _learn(settlement, desk, told))  # type: ignore[misc]
        if self._is_restored:
            self._is_restored = not await self._claim_anew(desk)
        for wish in await self._database.read(claims.wishes):
            if wish.receipt not in self._asking and not await self._is_worth_asking_on(desk, wish):
                return

    async def _claim_anew(self, desk: "ClaimDesk") -> bool:
        """What this till's sales have, before another till is given it; False where it has to be said again."""
        till_id, since, are_all_known = desk.pairing.till_id, self._clock() - CLAIMED_ANEW, True
        for held in await self._database.read(lambda connection: _held_here(connection, till_id, since)):
            answer = await self._ask(desk, held)
            if isinstance(answer, Claim):
                await self._write(lambda settlement, told=answer: Holdings(settlement, till_id).learn(told))  # type: ignore[misc]
            elif not answer.reached:
                return False
            else:
                are_all_known = False
        return are_all_known

    async def _is_worth_asking_on(self, desk: "ClaimDesk", wish: Claim) -> bool:
        answer = await self._ask(desk, wish)
        await self._write(lambda settlement: _conclude(settlement, desk.pairing.till_id, wish, answer))
        return isinstance(answer, Claim) or answer.reached

    async def _pursue(self, desk: "ClaimDesk", wish: Claim) -> Accepted | Refused:
        answer = await self._ask(desk, wish)
        concluded = await self._write(lambda settlement: _conclude(settlement, desk.pairing.till_id, wish, answer))
        if isinstance(answer, Claim) and not (isinstance(concluded, Accepted) and concluded.confirmed):
            self.ask_soon()  # The relay may have yet to hear of something that was given back.
        return concluded

    async def _ask(self, desk: "ClaimDesk", wish: Claim) -> "Claim | Unanswered":
        self._asking.add(wish.receipt)
        try:
            return await desk.claim(wish)
        finally:
            self._asking.discard(wish.receipt)

    async def _write(self, work: Callable[[Settlement], T]) -> T:
        return await settle(self._database, self._changes, self._clock(), work)


def _held_here(connection: sqlite3.Connection, till_id: str, since: datetime) -> list[Claim]:
    claimed = (one.payment for one in payments.claimed(connection, _MOST_ANEW))
    known = claims.of_receipts(connection, [payment.receipt for payment in claimed if payment.received_at >= since])
    held = (one.latest for one in known.values() if one.asked is None and one.holder is one.latest)
    return [claim for claim in held if claim is not None and claim.till_id == till_id]


def _intend(settlement: Settlement, till_id: str, payment_id: str, sale_id: int, cashier: str) -> Claim | Refused:
    payment = payments.by_id(settlement.connection, payment_id)
    if payment is None:
        raise LookupError(f"no payment {payment_id}")
    sale = sales.by_id(settlement.connection, sale_id)
    known = settlement.ledger.claims(payment.receipt)
    refusal = _used(settlement, payment, known) or _unfit(settlement, payment, sale)
    if refusal is not None:
        return refusal
    nonce = _nonce_for(settlement, payment, sale_id)
    wish = Claim(payment.receipt, 0, till_id, "", str(sale.number), cashier, settlement.now, nonce)
    Holdings(settlement, till_id).ask(wish)
    return wish


def _used(settlement: Settlement, payment: Payment, known: Claims) -> Refused | None:
    if payment.taken_by is not None:
        return Refused(f"{payment.taken_by.taken(settlement.now)}.")
    if payment.sale_id is not None:
        number = sales.bill(settlement.connection, payment.sale_id).number
        return Refused(f"This payment is used by sale {number} at this till.")
    return Refused(f"This payment is being claimed for sale {known.asked.sale}.") if known.asked else None


def _unfit(settlement: Settlement, payment: Payment, sale: Sale) -> Refused | None:
    if not payment.receipt:
        return _NO_RECEIPT
    if not payment.from_customer:
        return _NOT_FROM_CUSTOMER
    if payment.attempt_id is not None:
        charged = attempts.by_id(settlement.connection, payment.attempt_id).sale_id
        if charged != sale.id:
            return _OF_A_CHARGE
    if sale.state is SaleState.VOID:
        return _CANCELLED
    if sale.remaining and refunds.sale_given_back(settlement.connection, sale.id):
        return Refused(GIVEN_BACK)
    return None if sale.remaining else Refused(Difference.late(sale, payment.amount).english)


def _nonce_for(settlement: Settlement, payment: Payment, sale_id: int) -> str:
    """Shows the relay that the charge whose money it may be is one of this very sale."""
    attempt_id = payment.attempt_id if payment.attempt_id is not None else payment.likely_attempt_id
    attempt = attempts.by_id(settlement.connection, attempt_id) if attempt_id is not None else None
    return attempt.nonce if attempt is not None and attempt.sale_id == sale_id else ""


def _conclude(settlement: Settlement, till_id: str, wish: Claim, answer: "Claim | Unanswered") -> Accepted | Refused:
    """Writes what the answer says, or that there is none, and says what has become of the wish."""
    holdings = Holdings(settlement, till_id)
    if isinstance(answer, Claim):
        holdings.learn(answer)
    else:
        holdings.follow(wish.receipt)
    known, payment = settlement.ledger.claims(wish.receipt), settlement.ledger.by_receipt(wish.receipt)
    if payment is None:
        raise LookupError("a payment that was claimed is gone")
    if payment.taken_by is not None:
        return Refused(f"{payment.taken_by.taken(settlement.now)}.")
    sale_id = sales.id_of_number(settlement.connection, int(wish.sale))
    if sale_id is None or payment.sale_id != sale_id:
        return _CANCELLED
    if known.asked is None:
        return Accepted(payment, sale_id, confirmed=True, sentence=f"{payment.amount} counts for sale {wish.sale}.")
    why = "" if isinstance(answer, Claim) else f"{answer.sentence} "
    return Accepted(payment, sale_id, confirmed=False, sentence=why + _NOT_CONFIRMED.format(sale=wish.sale))


def _give_back(settlement: Settlement, till_id: str, payment_id: str, reason: str) -> Payment | Refused:
    payment = payments.by_id(settlement.connection, payment_id)
    if payment is None:
        raise LookupError(f"no payment {payment_id}")
    holdings, known = Holdings(settlement, till_id), settlement.ledger.claims(payment.receipt)
    if known.asked is not None:
        return _UNCONFIRMED
    if payment.attempt_id is not None:
        return _OF_A_CHARGE
    if refunds.given_back(settlement.connection, payment.id):
        return _REFUNDED
    holder = known.holder
    if holder is None or not holdings.claimant(known).owns(holder):
        return _NOT_OURS
    if payment.sale_id is not None and sales.by_id(settlement.connection, payment.sale_id).closed_at is not None:
        return _CLOSED
    holdings.give_back(Release(payment.receipt, holder.generation, till_id, reason, settlement.now))
    return settlement.ledger.by_receipt(payment.receipt) or payment


def _learn(settlement: Settlement, desk: "ClaimDesk", told: Release) -> None:
    Holdings(settlement, desk.pairing.till_id).learn(told)
