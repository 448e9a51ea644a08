"""Takes what the relay delivers: applies each callback and moves the cursor, in one transaction, or neither."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from datetime import datetime

from pos_app.daraja import wire
from pos_app.daraja.pull import PullRow, pull_row
from pos_app.daraja.wire import Confirmation
from pos_app.domain.claim import Claim
from pos_app.domain.evidence import Evidence, Fact, Source
from pos_app.domain.shop import ShopAccount
from pos_app.relay_link.claims import claim_told, release_told
from pos_app.relay_link.delivery import (
    KIND_ANCHOR,
    KIND_C2B_CONFIRMATION,
    KIND_C2B_PULLED,
    KIND_CLAIM,
    KIND_RELEASE,
    KIND_RESULT,
    KIND_STK,
    KIND_TIMEOUT,
    KIND_UNPARSED,
    Cursor,
    Delivery,
    LinkStatus,
)
from pos_app.services.changes import Changes, LogReset, Notice
from pos_app.services.clock import utc_now
from pos_app.services.holdings import Holdings
from pos_app.services.refund_answers import apply_answer, is_for_refunds
from pos_app.services.refund_settlement import RefundSettlement
from pos_app.services.settlement import Settlement, settle
from pos_app.store import attempts, balances, evidence, relay_events
from pos_app.store.database import Database
from pos_app.store.relay_events import Position

log = logging.getLogger(__name__)

_POISON = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    AssertionError,
)
"""What would fail the same way for ever. A busy disk or lock is not: those deliveries are asked for again."""
_RESETS = {
    "epoch": "The relay started a new record of payments.",
    "fork": "The relay’s record of payments was replaced by an older copy.",
    "ahead": "The relay’s record of payments was replaced by an older copy.",
    "trimmed": "The relay no longer has the oldest messages that this till has not read.",
}
_READ_AGAIN = " This till reads it again from the start; nothing is counted twice. Tell your supervisor."
_GAP = (
    " This till reads on from the oldest that there is. Payments from before may be missing here: "
    "compare with the M-PESA statement and tell your supervisor."
)
_ASKED_FOR = "replay"
_ASKED = "The relay’s operator has this till read its payments again. Nothing is counted twice."
_UNREADABLE = "A payment message could not be read. It is kept at the relay; call your supervisor."


class Callbacks:
    """The listener of the relay link."""

    def __init__(
        self,
        database: Database,
        changes: Changes,
        account: ShopAccount,
        stream: str,
        *,
        till_id: str,
        till_code: str,
        check: Callable[[int], None],
        on_status: Callable[[LinkStatus], None],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`check` asks Safaricom about a charge soon; it returns at once. `till_code` begins the ids of its refunds."""
        self._database = database
        self._changes = changes
        self._account = account
        self._stream = stream
        self._till_id = till_id
        self._till_code = till_code
        self._check = check
        self._on_status = on_status
        self._clock = clock

    async def cursor(self) -> Cursor:
        held = await self._database.read(lambda connection: relay_events.position(connection, self._stream))
        return Cursor(held.epoch, held.seq, held.chain) if held.epoch else Cursor()

    async def deliver(self, deliveries: list[Delivery]) -> None:
        """Raises StoreError, and then nothing was applied and the cursor stands: the link delivers again."""
        # A link that is cut off meanwhile must not leave the screens without what was committed.
        await asyncio.shield(self._deliver(deliveries))

    async def _deliver(self, deliveries: list[Delivery]) -> None:
        try:
            to_check = await self._settle(lambda settlement: self._apply(settlement, deliveries))
        except _POISON:
            if len(deliveries) == 1:
                log.exception("a delivery of kind %s could not be applied; it is parked", deliveries[0].kind)
                to_check = await self._settle(lambda settlement: self._park(settlement, deliveries[0]))
            else:
                for delivery in deliveries:
                    await self._deliver([delivery])
                return
        for attempt_id in to_check:
            self._check(attempt_id)

    async def _settle(self, work: Callable[[Settlement], set[int]]) -> set[int]:
        return await settle(self._database, self._changes, self._clock(), work)

    def _apply(self, settlement: Settlement, deliveries: list[Delivery]) -> set[int]:
        known = evidence.known(settlement.connection, [delivery.event_key for delivery in deliveries])
        settlement.expect((told.nonce for told in deliveries), (told.receipt for told in deliveries))
        for delivery in deliveries:
            if delivery.event_key not in known:
                self._apply_one(settlement, delivery)
                known.add(delivery.event_key)
        self._move(settlement.connection, deliveries[-1])
        return settlement.to_check

    def _apply_one(self, settlement: Settlement, delivery: Delivery) -> None:
        # What the relay could not read still came to an address: of a charge, of a refund, or for confirmations.
        unparsed = delivery.kind == KIND_UNPARSED
        if unparsed and is_for_refunds(settlement.connection, delivery.nonce):
            self._apply_answer(settlement, delivery)
        elif delivery.kind == KIND_STK or (unparsed and delivery.nonce):
            self._apply_stk(settlement, delivery)
        elif delivery.kind == KIND_C2B_CONFIRMATION or unparsed:
            self._apply_confirmation(settlement, delivery)
        elif delivery.kind == KIND_C2B_PULLED:
            self._apply_pulled(settlement, delivery)
        elif delivery.kind in {KIND_CLAIM, KIND_RELEASE}:
            self._apply_claim(settlement, delivery)
        elif delivery.kind in {KIND_RESULT, KIND_TIMEOUT}:
            self._apply_answer(settlement, delivery)
        elif delivery.kind != KIND_ANCHOR:
            _keep_name(settlement, delivery, "unknown kind")

    def _apply_stk(self, settlement: Settlement, delivery: Delivery) -> None:
        told = wire.stk_callback(
            delivery.body, delivery.received_at, trusted=delivery.trusted, short_code=delivery.short_code
        )
        attempt = settlement.charge_of(delivery.nonce)
        if told is None:
            _keep_name(settlement, delivery, "unreadable")
            if attempt is not None and not attempt.state.is_paid:
                settlement.to_check.add(attempt.id)
        elif attempt is not None:
            after = settlement.record(attempt, told, delivery.event_key)
            if told.trusted and told.receipt and told.receipt == after.receipt:
                self._holdings(settlement).learn(_claim_of_charge(told, delivery))
        elif self._is_money_of_the_shop(told):
            settlement.receive_unclaimed(told, delivery.event_key)
            if delivery.nonce:
                self._holdings(settlement).learn(_claim_of_charge(told, delivery))
        else:
            _keep_name(settlement, delivery, "of no charge of this till")

    def _holdings(self, settlement: Settlement) -> Holdings:
        return Holdings(settlement, self._till_id)

    def _is_money_of_the_shop(self, told: Evidence) -> bool:
        ours = not told.short_code or self._account.owns(told.short_code)
        return ours and told.fact is Fact.PAID and told.trusted and bool(told.receipt and told.amount)

    def _apply_confirmation(self, settlement: Settlement, delivery: Delivery) -> None:
        confirmation = wire.c2b_confirmation(delivery.body)
        if confirmation is None:
            _keep_name(settlement, delivery, "unreadable")
            settlement.notices.append(_UNREADABLE)
        else:
            self._confirm(settlement, delivery, confirmation, Source.CONFIRMATION)
            if delivery.trusted and confirmation.paid_at is not None and confirmation.balance is not None:
                balances.keep(settlement.connection, confirmation.receipt, confirmation.paid_at, confirmation.balance)

    def _apply_pulled(self, settlement: Settlement, delivery: Delivery) -> None:
        row = pull_row(delivery.body)
        if row is None:
            _keep_name(settlement, delivery, "unreadable")
            settlement.notices.append(_UNREADABLE)
        else:
            short_code = delivery.short_code or self._account.short_code
            self._confirm(settlement, delivery, _confirmation_of(row, short_code), Source.PULL)

    def _confirm(self, settlement: Settlement, delivery: Delivery, confirmation: Confirmation, source: Source) -> None:
        key, trusted = delivery.event_key, delivery.trusted
        settlement.confirm(confirmation, self._account, trusted=trusted, event_key=key, source=source)
        if trusted:
            self._holdings(settlement).arrived(confirmation.receipt)

    def _apply_claim(self, settlement: Settlement, delivery: Delivery) -> None:
        told = claim_told(delivery.body) if delivery.kind == KIND_CLAIM else release_told(delivery.body)
        if told is None or not delivery.trusted:
            _keep_name(settlement, delivery, "unreadable")
        else:
            self._holdings(settlement).learn(told)

    def _apply_answer(self, settlement: Settlement, delivery: Delivery) -> None:
        answered = RefundSettlement(settlement.connection, settlement.now)
        why_not = apply_answer(answered, delivery, self._till_code)
        if why_not:
            _keep_name(settlement, delivery, why_not)
        settlement.afterwards.append(answered.publish)

    def _park(self, settlement: Settlement, delivery: Delivery) -> set[int]:
        _keep_name(settlement, delivery, "could not be applied")
        settlement.notices.append(_UNREADABLE)
        # What it would have said can still be asked.
        settlement.to_check |= {one.id for one in attempts.live(settlement.connection) if one.nonce == delivery.nonce}
        self._move(settlement.connection, delivery)
        return settlement.to_check

    def _move(self, connection: sqlite3.Connection, delivery: Delivery) -> None:
        cursor = delivery.cursor
        relay_events.move(connection, self._stream, Position(cursor.epoch, cursor.seq, cursor.chain))

    async def reset(self, cursor: Cursor, reason: str) -> None:
        """The relay's log is not the one this till read; every charge still open is asked about again.

        Where an operator only has it read the same log again, all that was told of before is known already.
        """
        position = Position(cursor.epoch, cursor.seq, cursor.chain)
        await self._database.run(lambda connection: relay_events.move(connection, self._stream, position))
        log.warning("the relay reset this till: %s", reason)
        if reason == _ASKED_FOR:
            self._changes.publish(Notice(_ASKED))
            return
        advice = _GAP if cursor.seq else _READ_AGAIN
        self._changes.publish(LogReset(reason))
        self._changes.publish(Notice(_RESETS.get(reason, _RESETS["epoch"]) + advice, urgent=True))
        for attempt in await self._database.read(attempts.live):
            self._check(attempt.id)

    def status(self, status: LinkStatus) -> None:
        self._on_status(status)


def _claim_of_charge(told: Evidence, delivery: Delivery) -> Claim:
    """A trusted success claims its receipt for its charge; the relay writes no event for it."""
    return Claim(told.receipt, 0, "", "", "", "", delivery.received_at, nonce=delivery.nonce)


def _confirmation_of(row: PullRow, short_code: str) -> Confirmation:
    """The confirmation that the row stands for, as far as Pull tells it."""
    return Confirmation(
        transaction_type=row.transaction_type,
        receipt=row.receipt,
        amount=row.amount,
        short_code=short_code,
        bill_reference=row.bill_reference,
        paid_at=row.paid_at,
        payer_name=row.sender_name,
        payer_phone=row.payer_phone,
        balance=None,
        third_party_id="",
    )


def _keep_name(settlement: Settlement, delivery: Delivery, why: str) -> None:
    relay_events.park(settlement.connection, delivery.event_key, delivery.kind, why, settlement.now)
