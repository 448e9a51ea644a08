"""Two tills and one relay: whatever is told, claimed and given back, and in whatever order, a receipt pays one sale.

The relay is a plain model of the real one: a log, and compare-and-set. The tills are the domain and nothing else.
TILL_TEST_FULL=1 runs 2,000 examples of 50 steps instead of a few derandomised ones.
"""

import os
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pos_app.domain.attempt import Attempt, AttemptState, account_reference
from pos_app.domain.candidates import Matchable
from pos_app.domain.claim import Claim, Claimant, Claims, Release, Standing
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.matching import Matched, Matcher
from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment, receiptless_id
from pos_app.domain.reference import sale_reference
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.tender import Tender, TenderKind

FULL = os.environ.get("TILL_TEST_FULL") == "1"
SIZE = settings(
    max_examples=2000 if FULL else 150,
    stateful_step_count=50 if FULL else 40,
    derandomize=not FULL,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)

START = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)
ACCOUNT = ShopAccount(AccountKind.PAYBILL, "600966")
PRICE = Money.shillings(500)
CART = Cart((SaleLine("Rice", PRICE),))
SALES = {"T1": (1, 2), "T2": (3,)}
"""The first sale of each till has a charge."""


def code_of_sale(number: int) -> str:
    return next(code for code, numbers in SALES.items() if number in numbers)


@dataclass(frozen=True)
class Told:
    """A confirmation, a Pull row, or, with a nonce, the callback of a charge."""

    receipt: str
    amount: Money
    reference: str
    nonce: str = ""
    trusted: bool = True


@dataclass
class Relay:
    log: list[Told | Claim | Release] = field(default_factory=list)
    trusted: set[str] = field(default_factory=set)
    holders: dict[str, Claim] = field(default_factory=dict)
    charges: dict[str, Claim] = field(default_factory=dict)
    generations: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def hear(self, told: Told) -> None:
        self.log.append(told)
        if told.trusted:
            self.trusted.add(told.receipt)
        if told.trusted and told.nonce:
            charge = self.charges.setdefault(told.receipt, claim_of_charge(told))
            self.holders.setdefault(told.receipt, charge)

    def claim(self, wish: Claim) -> Claim | None:
        """The holder, whoever it is; None when no trusted payment is known."""
        if wish.receipt not in self.trusted:
            return None
        if wish.receipt not in self.holders:
            self.generations[wish.receipt] += 1
            won = replace(wish, generation=self.generations[wish.receipt])
            self.holders[wish.receipt] = won
            self.log.append(won)
        return self.holders[wish.receipt]

    def release(self, told: Release) -> None:
        held = self.holders[told.receipt]
        assert (held.till_id, held.generation) == (told.till_id, told.generation)
        del self.holders[told.receipt]
        if told.receipt in self.charges:
            self.holders[told.receipt] = self.charges[told.receipt]
        self.log.append(told)


def claim_of_charge(told: Told) -> Claim:
    return Claim(told.receipt, 0, "", "", "", "", START, nonce=told.nonce)


class Till:
    """What the services of a till will do, in the order of their transactions."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.charged_sale = SALES[code][0]
        self.nonce = f"nonce-of-{code}"
        self.me = Claimant(f"id-of-{code}", {self.nonce: str(self.charged_sale)})
        self.attempt = Attempt(
            id=1,
            sale_id=self.charged_sale,
            nonce=self.nonce,
            amount=PRICE,
            msisdn=Msisdn("254712345678"),
            account=ACCOUNT,
            account_reference=account_reference(code, self.charged_sale, 1),
            created_at=START,
            state=AttemptState.PENDING,
            checkout_request_id=f"ws_CO_{code}",
        )
        self.payments: dict[str, Payment] = {}
        self.claims: dict[str, Claims] = {}
        self.read_up_to = 0

    # What it is told

    def read(self, relay: Relay, count: int) -> None:
        for event in relay.log[self.read_up_to : self.read_up_to + count]:
            self.read_up_to += 1
            if isinstance(event, Told):
                self.hear(event)
            else:
                self.learn(event)

    def hear(self, told: Told) -> None:
        if not told.trusted:
            return
        ours = told.nonce == self.nonce if told.nonce else told.reference == self.attempt.account_reference
        if ours:
            self.hear_of_charge(Source.CALLBACK if told.nonce else Source.CONFIRMATION, told.receipt)
        else:
            self.receive(Payment(told.receipt, told.amount, "600966", START, told.receipt))
        held = self.payments[told.receipt]
        self.payments[told.receipt] = replace(held, bill_reference=held.bill_reference or told.reference)
        if told.nonce:
            self.learn(claim_of_charge(told))
        elif ours and self.standing(told.receipt) is Standing.FREE:
            # The relay knows a charge by its callback alone, which may be lost: its money is claimed like any other.
            self.ask(told.receipt, self.charged_sale)

    def hear_of_charge(self, source: Source, receipt: str = "") -> None:
        amount = PRICE if receipt else None
        evidence = Evidence(Fact.PAID, source, START, receipt=receipt, amount=amount)
        before, (self.attempt, disposition) = self.attempt, self.attempt.apply(evidence)
        assert self.attempt.state is AttemptState.PAID
        assert before.receipt in {"", self.attempt.receipt}
        assert disposition is not Disposition.CONFLICT
        name = receiptless_id(self.attempt.checkout_request_id)
        known = self.attempt.receipt or name
        if known != name:
            self.payments.pop(name, None)
        payment = Payment(known, PRICE, "600966", START, self.attempt.receipt, attempt_id=1)
        self.receive(payment if self.attempt.receipt else payment.matched_to(self.charged_sale))

    def receive(self, payment: Payment) -> None:
        held = self.payments.get(payment.id, payment)
        self.payments[payment.id], disposition = held.apply(payment)
        assert disposition is not Disposition.CONFLICT
        self.follow(payment.receipt)

    def learn(self, fact: Claim | Release) -> None:
        before = self.claims.get(fact.receipt, Claims(fact.receipt))
        after, disposition = before.apply(fact)
        assert disposition is not Disposition.CONFLICT
        assert after.released >= before.released
        assert after.latest is None or before.latest is None or after.latest.generation >= before.latest.generation
        self.claims[fact.receipt] = after
        self.follow(fact.receipt)

    def follow(self, receipt: str) -> None:
        """The payment belongs to whom the claims say; a wish that is won or lost is done with."""
        claims, payment = self.claims.get(receipt), self.payments.get(receipt)
        if claims is None or payment is None:
            return
        payment = payment.held_by(claims.other(self.me))
        if sale := claims.sale(self.me):
            payment = payment.matched_to(int(sale))
        self.payments[receipt] = payment
        if claims.standing(self.me) in {Standing.WON, Standing.LOST}:
            self.claims[receipt] = claims.answered()

    # What it does

    def standing(self, receipt: str) -> Standing:
        return self.claims.get(receipt, Claims(receipt)).standing(self.me)

    def ask(self, receipt: str, sale: int) -> None:
        wish = Claim(receipt, 0, self.me.till_id, self.code, str(sale), "Akinyi", START)
        self.claims[receipt] = self.claims.get(receipt, Claims(receipt)).ask(wish)
        self.follow(receipt)

    def wishes(self) -> list[Claim]:
        return [claims.asked for claims in self.claims.values() if claims.asked]

    def free(self) -> list[Payment]:
        return [payment for payment in self.payments.values() if payment.is_free and payment.receipt]

    def sale(self, number: int) -> Sale:
        tenders = tuple(
            Tender(TenderKind.MPESA, payment.amount, START, payment_id=payment.id)
            for payment in self.payments.values()
            if payment.sale_id == number
        )
        return Sale(number, number, CART, START, tenders)

    def matcher(self) -> Matcher:
        matcher = Matcher(self.code)
        for number in SALES[self.code]:
            charges = (self.attempt.account_reference,) if number == self.charged_sale else ()
            opened_at = START + timedelta(seconds=number)
            matcher.put_sale(Matchable(number, number, self.sale(number).remaining, opened_at, charges))
        for payment in self.payments.values():
            matcher.put_payment(payment)
        return matcher


class PaymentsAndClaims(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.relay = Relay()
        self.tills = {code: Till(code) for code in SALES}
        self.answers: list[tuple[Till, Claim]] = []
        self.paid: set[str] = set()
        self.coming: dict[str, Told] = {}

    @initialize(has_references=st.booleans())
    def customers_are_about_to_pay(self, has_references: bool) -> None:
        """By PayBill with references, or at a till number, where M-Pesa takes none."""
        one, two = self.tills.values()
        coming = [
            Told("RECEIPT001", PRICE, one.attempt.account_reference, one.nonce),
            Told("RECEIPT002", PRICE, two.attempt.account_reference, two.nonce),
            Told("RECEIPT003", PRICE, sale_reference("T1", 2)),
            Told("RECEIPT004", PRICE, ""),
            Told("RECEIPT005", Money.shillings(300), sale_reference("T2", 3)),
        ]
        for told in coming:
            self.coming[told.receipt] = told if has_references else replace(told, reference="")

    def till(self, code: str) -> Till:
        return self.tills[code]

    # What Safaricom does

    @precondition(lambda self: len(self.paid) < len(self.coming))
    @rule(data=st.data())
    def a_customer_pays(self, data: st.DataObject) -> None:
        self.paid.add(data.draw(st.sampled_from(sorted(set(self.coming) - self.paid))))

    @precondition(lambda self: self.paid)
    @rule(data=st.data(), is_callback=st.booleans())
    def the_relay_is_told(self, data: st.DataObject, is_callback: bool) -> None:
        """Once or again, the callback before the confirmation or after it, or only one of them."""
        told = self.coming[data.draw(st.sampled_from(sorted(self.paid)))]
        self.relay.hear(told if is_callback else replace(told, nonce=""))

    @rule(data=st.data(), nonce=st.sampled_from(["", "nonce-of-T1", "nonce-of-T2"]))
    def somebody_forges_a_message(self, data: st.DataObject, nonce: str) -> None:
        told = self.coming[data.draw(st.sampled_from(sorted(self.coming)))]
        self.relay.hear(replace(told, nonce=nonce, trusted=False))

    @rule(code=st.sampled_from([*SALES]))
    def a_query_says_that_the_charge_is_paid(self, code: str) -> None:
        till = self.till(code)
        if any(self.coming[receipt].nonce == till.nonce for receipt in self.paid):
            till.hear_of_charge(Source.QUERY)

    @precondition(lambda self: self.paid)
    @rule(data=st.data(), code=st.sampled_from([*SALES]), arrives=st.booleans())
    def a_till_pulls(self, data: st.DataObject, code: str, arrives: bool) -> None:
        """It knows the row at once; the relay, when it is within reach, if the log lacks it."""
        row = replace(self.coming[data.draw(st.sampled_from(sorted(self.paid)))], nonce="")
        self.till(code).hear(row)
        if arrives and row.receipt not in self.relay.trusted:
            self.relay.hear(row)

    # What the tills do

    @rule(code=st.sampled_from([*SALES]), count=st.integers(1, 4))
    def a_till_reads_the_log(self, code: str, count: int) -> None:
        self.till(code).read(self.relay, count)

    @rule(code=st.sampled_from([*SALES]))
    def a_till_matches_what_is_certain(self, code: str) -> None:
        till = self.till(code)
        for payment in till.free():
            verdict = till.matcher().verdict(payment)
            if isinstance(verdict, Matched):
                assert payment.amount == till.sale(verdict.sale_id).remaining
                assert payment.bill_reference.startswith(f"{code}-")
                till.ask(payment.receipt, verdict.sale_id)

    @rule(data=st.data(), code=st.sampled_from([*SALES]))
    def a_cashier_picks(self, data: st.DataObject, code: str) -> None:
        """Any free payment for any sale: part, whole or too much."""
        till = self.till(code)
        if till.free():
            payment = data.draw(st.sampled_from(till.free()))
            till.ask(payment.receipt, data.draw(st.sampled_from(SALES[code])))

    @rule(data=st.data(), code=st.sampled_from([*SALES]), answer=st.sampled_from(["comes", "is late", "is lost"]))
    def the_relay_hears_a_claim(self, data: st.DataObject, code: str, answer: str) -> None:
        till = self.till(code)
        if not till.wishes():
            return
        holder = self.relay.claim(data.draw(st.sampled_from(till.wishes())))
        if holder and answer == "comes":
            till.learn(holder)
        elif holder and answer == "is late":
            self.answers.append((till, holder))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def a_late_answer_comes(self, data: st.DataObject) -> None:
        till, holder = self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1)))
        till.learn(holder)

    @rule(data=st.data(), code=st.sampled_from([*SALES]))
    def a_manager_gives_a_receipt_back(self, data: st.DataObject, code: str) -> None:
        """The till lets go on its own disk before it tells the relay."""
        till = self.till(code)
        held = [claims.holder for claims in till.claims.values() if claims.holder and not claims.asked]
        own = [claim for claim in held if till.me.owns(claim) and not claim.nonce]
        if own:
            claim = data.draw(st.sampled_from(own))
            release = Release(claim.receipt, claim.generation, till.me.till_id, "wrong sale", START)
            till.learn(release)
            self.relay.release(release)

    # What always holds

    @invariant()
    def i3_a_receipt_is_surely_held_by_one_sale_of_one_till(self) -> None:
        for receipt in self.coming:
            sure = [till for till in self.tills.values() if till.standing(receipt) is Standing.WON]
            assert len(sure) <= 1, receipt

    @invariant()
    def i8_no_sale_has_money_that_nobody_paid(self) -> None:
        for till in self.tills.values():
            for payment in till.payments.values():
                told = self.coming.get(payment.receipt)
                assert told is None or (payment.receipt in self.paid and payment.amount == told.amount)
                if told is None:
                    assert payment.id == receiptless_id(till.attempt.checkout_request_id)
                    assert any(self.coming[receipt].nonce == till.nonce for receipt in self.paid)

    @invariant()
    def what_another_till_holds_no_sale_of_this_till_has(self) -> None:
        for till in self.tills.values():
            for payment in till.payments.values():
                assert payment.sale_id is None or payment.taken_by is None
                assert payment.sale_id is None or code_of_sale(payment.sale_id) == till.code

    @invariant()
    def i9_a_charge_that_is_paid_stays_paid(self) -> None:
        for till in self.tills.values():
            proved = any(payment.attempt_id for payment in till.payments.values())
            assert (till.attempt.state is AttemptState.PAID) is proved

    @invariant()
    def i10_the_log_alone_says_who_holds_what(self) -> None:
        """A till that lost its disk and one that had every answer know the same of what both have read."""
        for till in self.tills.values():
            if till.read_up_to == len(self.relay.log):
                again = Till(till.code)
                again.read(self.relay, till.read_up_to)
                for receipt in self.coming:
                    rebuilt = again.claims.get(receipt, Claims(receipt))
                    assert rebuilt.holder == till.claims.get(receipt, Claims(receipt)).holder

    def teardown(self) -> None:
        """Every message comes at last; then nothing is lost, and nothing is counted twice (I7)."""
        for receipt in sorted(self.paid):
            self.relay.hear(self.coming[receipt])
            self.relay.hear(replace(self.coming[receipt], nonce=""))
        for till in [*self.tills.values()] * 3:
            till.read(self.relay, len(self.relay.log))
            for wish in till.wishes():
                holder = self.relay.claim(wish)
                assert holder
                till.learn(holder)
        for till in self.tills.values():
            assert set(till.payments) == self.paid
            assert not till.wishes()
        self.check_that_all_money_is_counted_once()

    def check_that_all_money_is_counted_once(self) -> None:
        for receipt in self.paid:
            counted = [till for till in self.tills.values() if till.payments[receipt].sale_id is not None]
            holder = self.relay.holders.get(receipt)
            assert len(counted) == (holder is not None)
            for till in self.tills.values():
                assert (till in counted) is (holder is not None and till.me.owns(holder))
        matched = [till.sale(number).paid for till in self.tills.values() for number in SALES[till.code]]
        free = [payment.amount for payment in self.tills["T1"].payments.values() if payment.is_free]
        assert sum([*matched, *free], ZERO) == sum((self.coming[receipt].amount for receipt in self.paid), ZERO)


TestPaymentsAndClaims = PaymentsAndClaims.TestCase
TestPaymentsAndClaims.settings = SIZE
