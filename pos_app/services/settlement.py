"""Applies evidence inside one transaction: to the charge, to the payment it proves, and to the record of both.

Every way to learn of money ends here, so that no two of them can count it twice.
"""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from pos_app.daraja.wire import Confirmation, confirmation_evidence
from pos_app.domain.attempt import Attempt, as_account_reference
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.held_back import Doubt, HeldBack
from pos_app.domain.matching import is_from_customer
from pos_app.domain.payment import Payment, receiptless_id
from pos_app.domain.shop import ShopAccount
from pos_app.services.changes import (
    AttemptChanged,
    Changes,
    Notice,
    PaymentArrived,
    PaymentHeldBack,
    PaymentMoved,
    SaleChanged,
)
from pos_app.store import attempts, held_back, sales
from pos_app.store.database import Database
from pos_app.store.evidence import Linked
from pos_app.store.ledger import Ledger

LIKELY_WITHIN = timedelta(minutes=5)
LIKELY_SINCE = timedelta(days=7)
"""Older charges are not looked through; what the relay kept for a week is money for a person to place."""
CLOCKS_DIFFER = timedelta(days=2)
"""Money that came longer before a charge than any clock is wrong is not its money, whatever its reference says."""
T = TypeVar("T")


@dataclass
class Settlement:
    """Collects what changed; `settle` publishes it after the commit, never before."""

    connection: sqlite3.Connection
    now: datetime
    ledger: Ledger = field(init=False)
    changed: dict[int, Attempt] = field(default_factory=dict)
    arrived: dict[str, Payment] = field(default_factory=dict)
    moved: dict[str, Payment] = field(default_factory=dict)
    touched_sales: set[int] = field(default_factory=set)
    has_held_back: bool = False
    """A confirmation came that may not be believed."""
    notices: list[str] = field(default_factory=list)
    afterwards: list[Callable[[Changes], None]] = field(default_factory=list)
    """What else is told once all of this is on disk."""
    to_check: set[int] = field(default_factory=set)
    """Charges about which Safaricom should be asked at once."""
    _by_nonce: dict[str, Attempt] = field(default_factory=dict)
    _receiptless: tuple[Attempt, ...] | None = None

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.connection)

    def publish(self, changes: Changes) -> None:
        for attempt in self.changed.values():
            changes.publish(AttemptChanged(attempt))
        for payment in self.arrived.values():
            changes.publish(PaymentArrived(payment))
        for payment in self.moved.values():
            changes.publish(PaymentMoved(payment))
        of_attempts = {attempt.sale_id for attempt in self.changed.values()}
        of_payments = {payment.sale_id for payment in self.arrived.values() if payment.sale_id is not None}
        for sale_id in sorted(self.touched_sales | of_attempts | of_payments):
            changes.publish(SaleChanged(sale_id))
        if self.has_held_back:
            changes.publish(PaymentHeldBack())
        for sentence in self.notices:
            changes.publish(Notice(sentence, urgent=True))
        for tell in self.afterwards:
            tell(changes)

    def expect(self, nonces: Iterable[str], receipts: Iterable[str]) -> None:
        """Reads at once the charges and payments that messages with these will be about."""
        self._by_nonce |= attempts.by_nonces(self.connection, (nonce for nonce in nonces if nonce))
        self.ledger.expect(receipts)

    def charge_of(self, nonce: str) -> Attempt | None:
        """As it stands now, of those expected."""
        expected = self._by_nonce.get(nonce)
        return self.changed.get(expected.id, expected) if expected else None

    def intend(self, attempt: Attempt) -> Attempt:
        """A new charge, on disk as SUBMITTING before its request leaves. Raises LiveAttemptError."""
        told = Evidence(Fact.SUBMITTED, Source.CASHIER, self.now)
        submitting, disposition = attempt.apply(told)
        kept = attempts.add(self.connection, submitting)
        self._keep(told, disposition, attempt_id=kept.id)
        self.changed[kept.id] = kept
        return kept

    def record(self, attempt: Attempt, told: Evidence, event_key: str | None = None) -> Attempt:
        """Appends the evidence and everything that follows from it."""
        if self._stands_elsewhere(attempt, told):
            after, disposition = attempt, Disposition.QUARANTINED
        else:
            after, disposition = attempt.apply(told)
        if after != attempt:
            attempts.save(self.connection, after)
            self.changed[after.id] = after
        self._receiptless = None
        payment = self._payment(after, told, disposition)
        self._keep(told, disposition, attempt_id=attempt.id, payment=payment, event_key=event_key)
        self._follow_up(attempt, after, told, disposition)
        return self._with_held_receipt(after) if told.source is Source.QUERY else after

    def _keep(
        self,
        told: Evidence,
        disposition: Disposition,
        *,
        attempt_id: int | None = None,
        payment: Payment | None = None,
        event_key: str | None = None,
    ) -> None:
        payment_id = payment.id if payment else None
        self.ledger.append(Linked(told, disposition, self.now, attempt_id, payment_id, event_key))

    def _stands_elsewhere(self, attempt: Attempt, told: Evidence) -> bool:
        """Whether it names a request or a receipt that another charge or sale already stands for."""
        new_checkout = told.checkout_request_id if not attempt.checkout_request_id else ""
        new_receipt = told.receipt if told.receipt != attempt.receipt else ""
        if not (new_checkout or new_receipt):
            return False
        if attempts.others_with(self.connection, attempt.id, new_checkout, new_receipt):
            return True
        held = self.ledger.by_receipt(new_receipt)
        if held is None:
            return False
        # Whose money it is a trusted message tells, also when a cashier gave it to another sale; only not for how much.
        return held.amount != attempt.amount or (not told.trusted and held.sale_id not in {None, attempt.sale_id})

    def _payment(self, attempt: Attempt, told: Evidence, disposition: Disposition) -> Payment | None:
        if told.fact is not Fact.PAID or (not told.amount and told.source is not Source.QUERY):
            return None
        if disposition is Disposition.APPLIED:
            return self._receive_for(attempt, told)
        if disposition is Disposition.CONFLICT and told.trusted:
            return self.receive(self._unmatched(told, likely=attempt))
        return None

    def _receive_for(self, attempt: Attempt, told: Evidence) -> Payment:
        """The money of this charge, one row whichever message came first."""
        void = sales.is_void(self.connection, attempt.sale_id)
        payment = Payment(
            id=attempt.receipt or receiptless_id(attempt.checkout_request_id or attempt.nonce),
            receipt=attempt.receipt,
            amount=attempt.amount,
            short_code=told.short_code or attempt.account.party_b,
            received_at=self.now,
            paid_at=told.paid_at,
            payer_phone=attempt.msisdn.masked,
            bill_reference=attempt.account_reference,
            sale_id=None if void else attempt.sale_id,
            attempt_id=attempt.id,
        )
        if void:
            self.notices.append(f"{attempt.amount} arrived for a cancelled sale. It is kept as received, not used.")
        self._supersede_receiptless(attempt)
        known = self.ledger.by_receipt(attempt.receipt)
        if known is not None and known.sale_id is not None and known.sale_id != attempt.sale_id and not void:
            self._tell_given_away(attempt, known.sale_id)
            return known
        if not void and (known is None or known.is_free):
            self._tell_extra(attempt)
        return self.receive(payment)

    def _tell_extra(self, attempt: Attempt) -> None:
        """The customer paid otherwise, and then answered the request too: that sale is on nobody's screen any more."""
        sale = sales.by_id(self.connection, attempt.sale_id)
        if sale.closed_at is not None and self.ledger.of_attempt(attempt.id) is None:
            self.notices.append(
                f"{attempt.amount} extra received: sale {sale.number} was finished before its M-Pesa request was paid. "
                "Give it back to the customer; call your supervisor."
            )

    def _tell_given_away(self, attempt: Attempt, sale_id: int) -> None:
        """A cashier gave the money of the charge to another sale before its callback came; that one has it."""
        sales.reopen(self.connection, attempt.sale_id)
        charged, given = (sales.bill(self.connection, one).number for one in (attempt.sale_id, sale_id))
        self.notices.append(
            f"{attempt.amount} came for the charge of sale {charged}, but sale {given} was given it. "
            f"Sale {charged} is not paid by it. Call your supervisor."
        )

    def _supersede_receiptless(self, attempt: Attempt) -> None:
        held, known = self.ledger.of_attempt(attempt.id), self.ledger.by_receipt(attempt.receipt)
        if held and known and held.id != known.id and not held.receipt:
            self.ledger.supersede(held, by=known)

    def receive(self, told: Payment) -> Payment:
        """One row per payment: the one that has its receipt or belongs to its charge, or a new one."""
        held = self.ledger.by_receipt(told.receipt)
        if held is None and told.attempt_id is not None:
            held = self.ledger.of_attempt(told.attempt_id)
        if held is None:
            self.ledger.add(told)
            self.arrived[told.id] = told
            return told
        merged, disposition = held.apply(told)
        if merged.taken_by is not None and held.attempt_id is None and merged.attempt_id is not None:
            self.notices.append(
                f"{merged.amount} came for a charge of this till, but another has it. "
                f"{merged.taken_by.taken(self.now)}. The sale here is not paid by it. Call your supervisor."
            )
        if disposition is Disposition.APPLIED:
            self.ledger.save(merged)
            self.arrived[merged.id] = merged
        elif disposition is Disposition.CONFLICT:
            self.notices.append(
                f"Two messages about payment {held.receipt} disagree. The first one stands; call your supervisor."
            )
        return merged

    def reassign(self, before: Payment, after: Payment) -> None:
        """The same money, of another sale or of another till."""
        if None not in (before.sale_id, after.sale_id) and before.sale_id != after.sale_id:
            self.ledger.save(before.held_by(None))  # It leaves one sale before another has it.
        self.ledger.save(after)
        if before.id in self.arrived:
            self.arrived[after.id] = after
        else:
            self.moved[after.id] = after
        self.touched_sales |= {sale_id for sale_id in (before.sale_id, after.sale_id) if sale_id is not None}

    def _unmatched(self, told: Evidence, likely: Attempt | None) -> Payment:
        assert told.amount is not None  # noqa: S101 — an unmatched payment always came with its particulars
        return Payment(
            id=told.receipt,
            receipt=told.receipt,
            amount=told.amount,
            short_code=told.short_code,
            received_at=self.now,
            paid_at=told.paid_at,
            likely_attempt_id=likely.id if likely else None,
        )

    def receive_unclaimed(self, told: Evidence, event_key: str | None) -> None:
        """Money for a charge this till does not know: kept, so that nobody can say that it never came."""
        held = self.ledger.by_receipt(told.receipt)
        if held is not None and held.attempt_id is not None:
            self.notices.append(
                f"Payment {told.receipt} counts for a sale of this till, but another till asked for it. "
                "Each till of a shop needs a till code of its own: see Settings, and call your supervisor."
            )
        payment = self.receive(self._unmatched(told, likely=None))
        self._keep(told, Disposition.NOTED, payment=payment, event_key=event_key)

    def confirm(
        self,
        confirmation: Confirmation,
        account: ShopAccount,
        *,
        trusted: bool,
        event_key: str,
        source: Source = Source.CONFIRMATION,
    ) -> None:
        """A C2B confirmation, or Pull's row of it: of one of our charges by its reference, or of no charge known."""
        told = replace(confirmation_evidence(confirmation, self.now, trusted=trusted), source=source)
        attempt = self._referred(confirmation)
        if not trusted or not account.owns(confirmation.short_code):
            self._hold_back(confirmation, Doubt.ACCOUNT if trusted else Doubt.SENDER, event_key)
        if attempt is not None:
            self.record(attempt, told, event_key)
            if trusted:
                self._complete(confirmation)
        elif not trusted or not account.owns(confirmation.short_code):
            self._keep(told, Disposition.QUARANTINED, event_key=event_key)
        else:
            unmatched = _with_particulars(self._unmatched(told, self._likely(confirmation)), confirmation)
            self._keep(told, Disposition.NOTED, payment=self.receive(unmatched), event_key=event_key)

    def _hold_back(self, confirmation: Confirmation, doubt: Doubt, event_key: str) -> None:
        held = HeldBack(
            id=0,
            receipt=confirmation.receipt,
            amount=confirmation.amount,
            short_code=confirmation.short_code,
            doubt=doubt,
            received_at=self.now,
            paid_at=confirmation.paid_at,
            payer_name=confirmation.payer_name,
            payer_phone=confirmation.payer_phone,
            bill_reference=confirmation.bill_reference,
        )
        held_back.keep(self.connection, held, event_key)
        self.has_held_back = True

    def _referred(self, confirmation: Confirmation) -> Attempt | None:
        """The one charge whose reference, amount and receipt it fits; a customer may type any reference."""
        if not is_from_customer(confirmation.transaction_type):
            return None
        known = self.ledger.by_receipt(confirmation.receipt)
        if known is not None:
            # What was nobody's here when it came is another till's, though that may count its sales as this one does.
            return attempts.by_id(self.connection, known.attempt_id) if known.attempt_id is not None else None
        reference = as_account_reference(confirmation.bill_reference)
        fitting = [
            attempt
            for attempt in (attempts.by_reference(self.connection, reference) if reference else ())
            if attempt.amount == confirmation.amount
            and attempt.receipt in {"", confirmation.receipt}
            and attempt.account.owns(confirmation.short_code)
            and (confirmation.paid_at or self.now) >= attempt.created_at - CLOCKS_DIFFER
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _likely(self, confirmation: Confirmation) -> Attempt | None:
        """At a till number there is no reference: a charge of that amount and time may be what was paid."""
        if confirmation.bill_reference:
            return None
        if self._receiptless is None:
            self._receiptless = attempts.receiptless(self.connection, self.now - LIKELY_SINCE)
        # Nothing is paid after it was received: then it is this till's clock that is slow, and the charge is by it too.
        around = min(confirmation.paid_at or self.now, self.now)
        fitting = [
            attempt
            for attempt in self._receiptless
            if attempt.amount == confirmation.amount and abs(attempt.created_at - around) <= LIKELY_WITHIN
        ]
        # One that is known to be paid and lacks only its receipt is the better guess.
        proved = [attempt for attempt in fitting if attempt.state.is_paid]
        return next(reversed(proved or fitting), None)

    def _complete(self, confirmation: Confirmation) -> None:
        """Only the confirmation knows the payer’s name."""
        held = self.ledger.by_receipt(confirmation.receipt)
        if held is not None and (named := _with_particulars(held, confirmation)) != held:
            self.ledger.save(named)
            self.arrived[named.id] = named

    def _follow_up(self, before: Attempt, after: Attempt, told: Evidence, disposition: Disposition) -> None:
        in_doubt = told.fact in {Fact.FAILED_IN_DOUBT, Fact.UNCLEAR} or disposition is Disposition.QUARANTINED
        if in_doubt and told.source in {Source.CALLBACK, Source.CONFIRMATION, Source.PULL}:
            self.to_check.add(after.id)
        if disposition is Disposition.QUARANTINED:
            self.notices.append(
                f"A message about the charge of {before.amount} does not fit it or is of unknown origin. "
                "It counts for nothing; Safaricom is being asked."
            )
        elif disposition is Disposition.CONFLICT and told.source is not Source.QUERY:
            self.notices.append(
                f"A message contradicts the charge of {before.amount}, which stays as it is. Call your supervisor."
            )

    def _with_held_receipt(self, attempt: Attempt) -> Attempt:
        """A query agreed: a success that was held back may now lend its receipt (money-safety §2.1)."""
        if not attempt.state.is_paid or attempt.receipt:
            return attempt
        for row in self.ledger.evidence_of(attempt.id):
            held_back = row.disposition is Disposition.QUARANTINED and row.evidence.fact is Fact.PAID
            if held_back and attempt.apply(row.evidence)[1] is Disposition.APPLIED:
                return self.record(attempt, replace(row.evidence, at=self.now))
        return attempt


def _with_particulars(payment: Payment, confirmation: Confirmation) -> Payment:
    return replace(
        payment,
        payer_name=payment.payer_name or confirmation.payer_name,
        payer_phone=payment.payer_phone or confirmation.payer_phone,
        bill_reference=payment.bill_reference or confirmation.bill_reference,
        from_customer=payment.from_customer and is_from_customer(confirmation.transaction_type),
    )


async def settle(
    database: Database,
    changes: Changes,
    now: datetime,
    work: Callable[[Settlement], T],
    *,
    may_use_reserve: bool = True,
) -> T:
    """`work` in one durable transaction; what it changed is told after the commit. Raises what `work` raises."""

    def transact(connection: sqlite3.Connection) -> tuple[T, Settlement]:
        settlement = Settlement(connection, now)
        result = work(settlement)
        settlement.ledger.flush()
        return result, settlement

    result, settlement = await database.run(transact, may_use_reserve=may_use_reserve)
    settlement.publish(changes)
    return result
