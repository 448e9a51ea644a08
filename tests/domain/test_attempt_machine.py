"""Evidence in any order, twice, late and contradictory: whatever comes, no money is lost, invented or counted twice.

TILL_TEST_FULL=1 runs 2,000 examples of 50 steps instead of a few derandomised ones.
"""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pos_app.domain.attempt import Attempt, AttemptState, contradiction
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment, PaymentState, receiptless_id
from pos_app.domain.reason import Reason
from pos_app.domain.sale import Cart, Sale, SaleError, SaleLine, SaleState
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.tender import Tender, TenderKind, cash_tender

FULL = os.environ.get("TILL_TEST_FULL") == "1"
SIZE = settings(
    max_examples=2000 if FULL else 200,
    stateful_step_count=50 if FULL else 30,
    derandomize=not FULL,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)

START = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)
AMOUNT = Money.shillings(350)
CHECKOUT, OTHER_CHECKOUT = "ws_CO_14102026153012345712345678", "ws_CO_14102026153012345712345679"
RECEIPT, OTHER_RECEIPT = "UJE7K2M9QX", "UJE7K2M9QY"
CONTRADICTIONS: list[dict[str, Any]] = [
    *({"amount": money} for money in (Money.shillings(349), Money.shillings(351), Money(35_001), ZERO, Money(-35_000))),
    *({"short_code": number} for number in ("600967", "5", "٦٠٠٩٦٦")),
    {"checkout_request_id": OTHER_CHECKOUT},
]
LACKING: list[dict[str, Any]] = [{"receipt": ""}, {"amount": None}]
CART = Cart((SaleLine("Rice", AMOUNT),))
FINAL_MOVES = {
    AttemptState.PAID: {AttemptState.PAID},
    AttemptState.PAID_LATE: {AttemptState.PAID_LATE},
    AttemptState.FAILED: {AttemptState.FAILED, AttemptState.PAID_LATE},
    AttemptState.EXPIRED: {AttemptState.EXPIRED, AttemptState.PAID_LATE},
}
DEFINITE_FAILURES = {
    *((state, Fact.FAILED) for state in AttemptState),
    (AttemptState.SUBMITTING, Fact.REJECTED),
    (AttemptState.CREATED, Fact.WITHDRAWN),
    (AttemptState.CREATED, Fact.INTERRUPTED),
}
FIXED_REASONS = {
    AttemptState.SUBMITTING: None,
    AttemptState.PENDING: Reason.WAIT,
    AttemptState.UNKNOWN: Reason.UNKNOWN,
    AttemptState.EXPIRED: Reason.UNKNOWN,
    AttemptState.PAID: Reason.PAID,
    AttemptState.PAID_LATE: Reason.PAID,
}
BEGINNINGS = [
    (),
    (Fact.SUBMITTED,),
    (Fact.SUBMITTED, Fact.NOT_SENT),
    (Fact.SUBMITTED, Fact.ACCEPTED),
    (Fact.SUBMITTED, Fact.ACCEPTED),
    (Fact.SUBMITTED, Fact.ACCEPTED, Fact.SILENCE),
    (Fact.SUBMITTED, Fact.REPLY_LOST),
]
UNPAID_FACTS = st.sampled_from([fact for fact in Fact if fact is not Fact.PAID])
REMOTE_FACTS = st.sampled_from(
    [Fact.FAILED, Fact.FAILED_IN_DOUBT, Fact.UNCLEAR, Fact.STILL_OPEN, Fact.NO_ANSWER],
)
REASONS = st.sampled_from([None, *Reason])
SHORT_CODES = st.sampled_from(["", "600966", "512345"])


def new_attempt() -> Attempt:
    return Attempt(
        id=1,
        sale_id=7,
        nonce="0123456789abcdef0123456789abcdef",
        amount=AMOUNT,
        msisdn=Msisdn("254712345678"),
        account=ShopAccount(AccountKind.BUY_GOODS, "600966", "512345"),
        account_reference="A-7-1",
        created_at=START,
    )


def replayed(history: list[Evidence], onto: Attempt) -> Attempt:
    return reduce(lambda attempt, told: attempt.apply(told)[0], history, onto)


def same_but_for_a_lent_receipt(now: Attempt, before: Attempt) -> bool:
    return now == before or (not before.receipt and now == replace(before, receipt=now.receipt))


class EvidenceInAnyOrder(RuleBasedStateMachine):
    """The till as far as the domain reaches: one charge, what it makes of payments, and its sale."""

    def __init__(self) -> None:
        super().__init__()
        self.attempt = new_attempt()
        self.history: list[Evidence] = []
        self.payment: Payment | None = None
        self.loose: dict[str, Payment] = {}
        self.cash: tuple[Tender, ...] = ()
        self.proved = False
        self.proved_receipts: set[str] = set()
        self.in_flight = False
        self.patience = 0

    @initialize(patience=st.integers(0, 15), begun=st.sampled_from(BEGINNINGS))
    def the_charge_has_begun(self, patience: int, begun: tuple[Fact, ...]) -> None:
        """And the customer takes a while; or most examples would end before they met the open states."""
        self.patience = patience
        for fact in begun:
            self.ours(fact, Source.REPLY)

    # What is told

    def evidence(self, fact: Fact, source: Source, reason: Reason | None = None) -> Evidence:
        at = START + timedelta(seconds=len(self.history))
        return Evidence(fact, source, at, reason=reason, checkout_request_id=CHECKOUT)

    def success(self, source: Source) -> Evidence:
        told = replace(self.evidence(Fact.PAID, source, Reason.PAID), code="0")
        if source is Source.QUERY:
            return told
        told = replace(told, receipt=RECEIPT, amount=AMOUNT)
        return replace(told, checkout_request_id="") if source is Source.CONFIRMATION else told

    def tell(self, told: Evidence) -> Disposition:
        before = self.attempt
        agrees = told.trusted and not contradiction(before, told)
        self.attempt, disposition = before.apply(told)
        self.history.append(told)
        if told.fact is Fact.PAID and agrees:
            self.proved = True
            self.proved_receipts |= {told.receipt} - {""}
        self.check_move(before, told, disposition)
        self.record_payment(told, disposition)
        return disposition

    def check_move(self, before: Attempt, told: Evidence, disposition: Disposition) -> None:
        now = self.attempt
        assert now.state in FINAL_MOVES.get(before.state, set(AttemptState)), "a final state never regresses"
        assert disposition is Disposition.APPLIED or now.state is before.state
        assert disposition is not Disposition.QUARANTINED or now == before
        assert before.receipt in {"", now.receipt}, "a receipt is never replaced"
        assert now.state is before.state or told.trusted
        if now.state is not before.state and now.state is AttemptState.FAILED:
            assert (before.state, told.fact) in DEFINITE_FAILURES
        if now.state is not before.state and now.state is AttemptState.EXPIRED:
            assert (before.state, told.fact) == (AttemptState.UNKNOWN, Fact.GIVEN_UP)
        if now.state is not before.state and now.state is AttemptState.SUBMITTING:
            assert (before.state, told.fact) == (AttemptState.CREATED, Fact.SUBMITTED)
        if now.state is not before.state and now.state is AttemptState.CREATED:
            assert (before.state, told.fact) == (AttemptState.SUBMITTING, Fact.NOT_SENT)
        if now.receipt != before.receipt:
            assert told.trusted or told.checkout_request_id == CHECKOUT, "only a success that names the charge lends"
        if told.fact is Fact.FAILED and disposition in {Disposition.APPLIED, Disposition.NOTED}:
            assert not now.state.is_live, "a definite failure ends the charge"
        again, second = now.apply(told)
        assert again == now, "twice is once"
        assert second is not Disposition.APPLIED

    def record_payment(self, told: Evidence, disposition: Disposition) -> None:
        """As the recording service does: one payment per charge, and any other receipt is money of its own."""
        if told.fact is not Fact.PAID or disposition is Disposition.QUARANTINED:
            return
        if disposition is Disposition.CONFLICT:
            loose = Payment(told.receipt, AMOUNT, told.short_code, told.at, told.receipt)
            kept = self.loose.setdefault(told.receipt, loose)
            self.loose[told.receipt], _ = kept.apply(loose)
            return
        money = Payment(
            id=told.receipt or receiptless_id(CHECKOUT),
            amount=self.attempt.amount,
            short_code=told.short_code,
            received_at=told.at,
            receipt=told.receipt,
            sale_id=self.attempt.sale_id,
            attempt_id=self.attempt.id,
        )
        self.payment, became = (self.payment or money).apply(money)
        assert became is not Disposition.CONFLICT

    @property
    def sale(self) -> Sale:
        at = self.history[-1].at if self.history else START
        paid = (Tender(TenderKind.MPESA, self.payment.amount, at, payment_id=self.payment.id),) if self.payment else ()
        return Sale(7, 12, CART, START, tenders=(*self.cash, *paid), awaiting=self.attempt.state.is_live)

    # Our own till tells

    def ours(self, fact: Fact, source: Source) -> None:
        told = self.evidence(fact, source)
        self.tell(told if fact is Fact.ACCEPTED else replace(told, checkout_request_id=""))
        self.in_flight = fact is Fact.SUBMITTED or (self.in_flight and source is not Source.REPLY)

    @precondition(lambda self: self.attempt.state is AttemptState.CREATED)
    @rule()
    def the_request_leaves(self) -> None:
        self.ours(Fact.SUBMITTED, Source.REPLY)

    @precondition(lambda self: self.in_flight)
    @rule(fact=st.sampled_from([Fact.ACCEPTED, Fact.REJECTED, Fact.NOT_SENT, Fact.REPLY_LOST]))
    def the_reply_comes(self, fact: Fact) -> None:
        self.ours(fact, Source.REPLY)

    @rule()
    def the_till_restarts(self) -> None:
        self.ours(Fact.INTERRUPTED, Source.RESTART)
        self.in_flight = False

    @precondition(lambda self: self.attempt.state is AttemptState.CREATED)
    @rule()
    def the_cashier_withdraws_it(self) -> None:
        self.ours(Fact.WITHDRAWN, Source.CASHIER)

    @precondition(lambda self: self.attempt.state in {AttemptState.SUBMITTING, AttemptState.PENDING})
    @rule()
    def nobody_answers(self) -> None:
        self.ours(Fact.SILENCE, Source.CLOCK)

    @precondition(lambda self: self.attempt.state is AttemptState.UNKNOWN)
    @rule()
    def nothing_is_found(self) -> None:
        self.ours(Fact.GIVEN_UP, Source.CLOCK)

    # Others tell

    @precondition(lambda self: len(self.history) >= self.patience)
    @rule(source=st.sampled_from([Source.CALLBACK, Source.CONFIRMATION, Source.QUERY]), short_code=SHORT_CODES)
    def a_confirmed_success_comes(self, source: Source, short_code: str) -> None:
        self.tell(replace(self.success(source), short_code=short_code))
        assert self.attempt.state.is_paid

    @rule(fact=REMOTE_FACTS, source=st.sampled_from([Source.CALLBACK, Source.QUERY]), reason=REASONS)
    def another_answer_comes(self, fact: Fact, source: Source, reason: Reason | None) -> None:
        self.tell(self.evidence(fact, source, reason))

    @rule(
        fact=st.one_of(st.just(Fact.PAID), UNPAID_FACTS),
        source=st.sampled_from([Source.CALLBACK, Source.CONFIRMATION]),
        receipt=st.sampled_from([RECEIPT, OTHER_RECEIPT]),
        reason=REASONS,
    )
    def an_unconfirmed_message_comes(self, fact: Fact, source: Source, receipt: str, reason: Reason | None) -> None:
        paid = fact is Fact.PAID
        told = replace(self.success(source), receipt=receipt) if paid else self.evidence(fact, source, reason)
        disposition = self.tell(replace(told, trusted=False))
        assert paid or disposition is Disposition.QUARANTINED

    @precondition(lambda self: len(self.history) >= self.patience)
    @rule(source=st.sampled_from([Source.CALLBACK, Source.CONFIRMATION]))
    def a_success_comes_with_another_receipt(self, source: Source) -> None:
        self.tell(replace(self.success(source), receipt=OTHER_RECEIPT))
        assert self.attempt.state.is_paid

    @rule(
        wrong=st.sampled_from(CONTRADICTIONS),
        source=st.sampled_from([Source.CALLBACK, Source.CONFIRMATION, Source.QUERY]),
        trusted=st.booleans(),
    )
    def a_success_of_something_else_comes(self, wrong: dict[str, Any], source: Source, trusted: bool) -> None:
        # Before the charge has its id, only the secret nonce says whose it is: then another id cannot be told apart.
        unknowable = "checkout_request_id" in wrong and not self.attempt.checkout_request_id
        told = replace(self.success(source), trusted=trusted and not unknowable, **wrong)
        assert self.tell(told) is Disposition.QUARANTINED

    @rule(lacking=st.sampled_from(LACKING), source=st.sampled_from([Source.CALLBACK, Source.CONFIRMATION]))
    def a_success_without_particulars_comes(self, lacking: dict[str, Any], source: Source) -> None:
        assert self.tell(replace(self.success(source), **lacking)) is Disposition.QUARANTINED

    @precondition(lambda self: self.attempt.checkout_request_id)
    @rule(fact=UNPAID_FACTS)
    def an_answer_about_another_charge_comes(self, fact: Fact) -> None:
        told = replace(self.evidence(fact, Source.QUERY), checkout_request_id=OTHER_CHECKOUT)
        assert self.tell(told) is Disposition.QUARANTINED

    @precondition(lambda self: self.history)
    @rule(data=st.data())
    def an_old_message_comes_again(self, data: st.DataObject) -> None:
        self.tell(data.draw(st.sampled_from(self.history)))

    @precondition(lambda self: self.sale.remaining)
    @rule(received=st.sampled_from([100, 350, 500]))
    def the_customer_pays_cash_too(self, received: int) -> None:
        sale = self.sale
        self.cash = (*self.cash, cash_tender(Money.shillings(received), sale.remaining, START))
        assert not self.sale.overpaid

    # What always holds

    @invariant()
    def paid_means_proved_and_proved_means_paid(self) -> None:
        assert self.attempt.state.is_paid is self.proved

    @invariant()
    def the_charge_stays_the_same_charge(self) -> None:
        attempt = self.attempt
        unmoved = new_attempt()
        assert (attempt.amount, attempt.nonce, attempt.sale_id) == (unmoved.amount, unmoved.nonce, unmoved.sale_id)
        assert attempt.checkout_request_id in {"", CHECKOUT}
        assert (attempt.finished_at is None) is attempt.state.is_live

    @invariant()
    def the_reason_never_invites_another_charge_while_this_one_is_open(self) -> None:
        attempt = self.attempt
        if attempt.state in FIXED_REASONS:
            assert attempt.reason is FIXED_REASONS[attempt.state]
        assert attempt.reason or attempt.state in {AttemptState.CREATED, AttemptState.SUBMITTING}

    @invariant()
    def the_log_alone_rebuilds_the_charge(self) -> None:
        assert replayed(self.history, new_attempt()) == self.attempt

    @invariant()
    def every_proved_receipt_is_one_payment_and_one_only(self) -> None:
        settled = {self.payment.receipt} if self.payment else set()
        assert not settled & set(self.loose)
        assert self.proved_receipts <= settled | set(self.loose)
        assert all(payment.state is PaymentState.UNMATCHED for payment in self.loose.values())

    @invariant()
    def a_charge_pays_its_sale_once(self) -> None:
        assert (self.payment is not None) is self.attempt.state.is_paid
        if self.payment:
            assert self.payment.state is PaymentState.MATCHED
            assert (self.payment.amount, self.payment.receipt) == (AMOUNT, self.attempt.receipt)
        assert self.sale.paid_by_mpesa == (AMOUNT if self.proved else ZERO)

    @invariant()
    def the_sale_says_what_its_money_says(self) -> None:
        sale, live = self.sale, self.attempt.state.is_live
        in_cash = sum((tender.amount for tender in self.cash), ZERO)
        if self.proved:
            expected = SaleState.OVERPAID if in_cash else SaleState.PAID
        elif in_cash == AMOUNT:
            expected = SaleState.PAID
        elif live:
            expected = SaleState.AWAITING
        else:
            expected = SaleState.PART_PAID if in_cash else SaleState.OPEN
        assert sale.state is expected
        if live or sale.tenders:
            with pytest.raises(SaleError):
                sale.checked_void()


class AnyEvidence(EvidenceInAnyOrder):
    """Our own till's evidence comes out of order too: clock jumps, crashes, and replies nobody waits for."""

    @rule(
        fact=UNPAID_FACTS,
        source=st.sampled_from([Source.REPLY, Source.CLOCK, Source.RESTART, Source.CASHIER]),
        reason=REASONS,
        named=st.booleans(),
    )
    def anything_comes(self, fact: Fact, source: Source, reason: Reason | None, named: bool) -> None:
        told = self.evidence(fact, source, reason)
        self.tell(told if named else replace(told, checkout_request_id=""))


class OwnEvidenceInOrder(EvidenceInAnyOrder):
    """Our own till tells things only when they can happen; so all its evidence can be applied again."""

    @invariant()
    def applying_everything_again_changes_nothing(self) -> None:
        """But a receipt quarantined before the charge was proved may be lent then, once."""
        once = replayed(self.history, self.attempt)
        assert same_but_for_a_lent_receipt(once, self.attempt)
        assert replayed(self.history, once) == once


TestAnyEvidence = AnyEvidence.TestCase
TestAnyEvidence.settings = SIZE
TestOwnEvidenceInOrder = OwnEvidenceInOrder.TestCase
TestOwnEvidenceInOrder.settings = SIZE
