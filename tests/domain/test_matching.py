"""Matching: only what is certain is decided; a guess is offered; what could be two is for a person to pick."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pos_app.domain.attempt import account_reference
from pos_app.domain.candidates import Matchable
from pos_app.domain.claim import Claim
from pos_app.domain.matching import (
    Ambiguous,
    Late,
    Matched,
    Matcher,
    Offered,
    Over,
    PartOf,
    Unmatched,
    Verdict,
    Warned,
    is_from_customer,
)
from pos_app.domain.money import ZERO, Money
from pos_app.domain.payment import Payment
from pos_app.domain.reference import read_reference, sale_reference

AT = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)
FIVE_HUNDRED = Money.shillings(500)
SALE = Matchable(7, 142, FIVE_HUNDRED, AT, ("T1-142-1",), frozenset({31}))
OTHER = Matchable(8, 143, Money.shillings(900), AT + timedelta(minutes=1))
PAID = Payment("UJE7K2M9QX", FIVE_HUNDRED, "600966", AT, receipt="UJE7K2M9QX")
ANOTHER = replace(PAID, id="UJE7K2M9QY", receipt="UJE7K2M9QY")


def named(reference: str, shillings: int = 500) -> Payment:
    return replace(PAID, bill_reference=reference, amount=Money.shillings(shillings))


def among(*known: Matchable | Payment, till: str = "T1") -> Matcher:
    matcher = Matcher(till)
    for one in known:
        if isinstance(one, Payment):
            matcher.put_payment(one)
        else:
            matcher.put_sale(one)
    return matcher


class TestAReferenceAndTheAmount:
    @pytest.mark.parametrize(
        "typed", ["T1-142", " t1-142 ", "T1 142", "t1.142", "T1–142", "T1/142", "T1 - 142", "T1-142-1", "t1 142 1"]
    )
    def test_the_reference_with_the_till_code_and_exactly_what_remains_match_by_themselves(self, typed: str) -> None:
        assert among(SALE, OTHER).verdict(named(typed)) == Matched(7)

    @pytest.mark.parametrize("typed", ["T1142", "t1142", "142", " 142 ", "T11421"])
    def test_without_the_dash_or_the_till_code_it_is_a_guess_and_only_offered(self, typed: str) -> None:
        twin = replace(OTHER, remaining=FIVE_HUNDRED)
        assert among(SALE, twin).verdict(named(typed)) == Offered(7)

    def test_less_is_a_part_and_more_is_over(self) -> None:
        assert among(SALE).verdict(named("T1-142", 380)) == PartOf(7, Money.shillings(120))
        assert among(SALE).verdict(named("142", 550)) == Over(7, Money.shillings(50))

    def test_another_sale_of_that_amount_does_not_draw_it_away(self) -> None:
        assert among(SALE, OTHER).verdict(named("T1-142", 900)) == Over(7, Money.shillings(400))

    def test_money_for_a_settled_or_closed_sale_is_late(self) -> None:
        assert among(replace(SALE, remaining=ZERO)).verdict(named("T1-142")) == Late(7)

    @pytest.mark.parametrize("typed", ["T2-142", "T11-42", "T2-142-1", "T2142", "1-142", "T1-142-1-1"])
    def test_another_tills_reference_is_never_ours_by_the_amount(self, typed: str) -> None:
        expected = Offered(7) if typed == "T1-142-1-1" else Unmatched()  # Four parts are nobody's reference.
        assert among(SALE).verdict(named(typed)) == expected

    @pytest.mark.parametrize("typed", ["T1-999", "T1-142-7"])
    def test_our_reference_of_no_known_sale_gives_no_other_sale_a_right(self, typed: str) -> None:
        assert among(SALE).verdict(named(typed)) == Unmatched()

    def test_our_reference_with_junk_for_a_number_counts_as_none(self) -> None:
        assert among(SALE).verdict(named("T1 Mary")) == Offered(7)

    def test_two_sales_by_one_reference_are_for_a_person(self) -> None:
        """`1142` at till 1 may be sale 142 or sale 1142."""
        long = Matchable(9, 1142, Money.shillings(900), AT)
        assert among(SALE, long, till="1").verdict(named("1142", 300)) == Ambiguous((9, 7))
        assert among(SALE, long, till="1").verdict(named("1142", 900)) == Offered(9)
        assert among(SALE, replace(long, remaining=FIVE_HUNDRED), till="1").verdict(named("1142")) == Ambiguous((9, 7))

    def test_two_charges_by_one_reference_are_for_a_person(self) -> None:
        """With dots a customer may mean the short form of one charge or the long form of another."""
        short = account_reference("T1", 9_999_999_999, 2)
        assert short.startswith("T1.")
        long = replace(OTHER, charge_references=(short.replace(".", "-"),))
        both = among(replace(SALE, charge_references=(short,)), long)
        assert both.verdict(named(short)) == Ambiguous((7, 8))

    def test_a_guess_that_the_amount_contradicts_is_one_candidate_beside_those_of_the_amount(self) -> None:
        assert among(SALE, OTHER).verdict(named("143")) == Ambiguous((7, 8))


class TestTheAmountAlone:
    @pytest.mark.parametrize("typed", ["", "account", "HSE 12B", "0712345678", "WANJIKU"])
    def test_one_open_sale_of_exactly_that_amount_is_offered(self, typed: str) -> None:
        assert among(SALE, OTHER).verdict(named(typed)) == Offered(7)

    def test_two_sales_of_the_amount_are_for_a_person_and_the_newest_comes_first(self) -> None:
        twin = replace(OTHER, remaining=FIVE_HUNDRED)
        assert among(SALE, twin).verdict(PAID) == Ambiguous((8, 7))

    def test_two_payments_of_the_amount_for_one_sale_are_for_a_person(self) -> None:
        matcher = among(SALE, PAID, ANOTHER)
        assert [matcher.verdict(PAID), matcher.verdict(ANOTHER)] == [Ambiguous((7,)), Ambiguous((7,))]
        assert matcher.fitting(7) == (PAID.id, ANOTHER.id)

    def test_a_payment_does_not_compete_with_itself(self) -> None:
        assert among(SALE, PAID).verdict(PAID) == Offered(7)

    def test_no_sale_of_the_amount_is_no_match(self) -> None:
        assert among(SALE).verdict(named("", 499)) == Unmatched()

    def test_a_settled_sale_is_offered_nothing(self) -> None:
        matcher = among(replace(SALE, remaining=ZERO), replace(PAID, amount=ZERO))
        assert matcher.verdict(PAID) == Unmatched()
        assert matcher.fitting(7) == ()


class TestTwoPaymentsForOneSale:
    def test_two_that_name_it_are_for_a_person(self) -> None:
        one, two = named("T1-142"), replace(ANOTHER, bill_reference="t1 142")
        matcher = among(SALE, one, two)
        assert [matcher.verdict(one), matcher.verdict(two)] == [Ambiguous((7,)), Ambiguous((7,))]

    def test_one_that_names_it_goes_before_one_of_the_amount(self) -> None:
        one = named("T1-142")
        matcher = among(SALE, one, ANOTHER)
        assert [matcher.verdict(one), matcher.verdict(ANOTHER)] == [Matched(7), Ambiguous((7,))]
        assert matcher.fitting(7) == (one.id, ANOTHER.id)

    def test_two_that_spell_it_are_for_a_person(self) -> None:
        one, two = named("142"), replace(ANOTHER, bill_reference="T1142")
        assert among(SALE, one, two).verdict(one) == Ambiguous((7,))

    def test_another_tills_payment_of_the_amount_competes_for_nothing(self) -> None:
        assert among(SALE, replace(ANOTHER, bill_reference="T2-88")).verdict(PAID) == Offered(7)


class TestWhatMayMatchAtAll:
    @pytest.mark.parametrize("told", ["", "Pay Bill", "Customer Merchant Payment", "Buy Goods", "c2b-pay-bill-debit"])
    def test_trap_17_a_customers_payment_may(self, told: str) -> None:
        assert is_from_customer(told)

    def test_trap_44_fuliza_is_a_customers_payment(self) -> None:
        assert is_from_customer(" OD Payment Transfer ")

    @pytest.mark.parametrize(
        "told", ["Organization To Organization Transfer", "Business Payment", "Reversal", "c2b-pay-bill-reversal"]
    )
    def test_trap_17_the_shops_own_transfers_may_not(self, told: str) -> None:
        assert not is_from_customer(told)
        matcher = among(SALE, replace(named("T1-142"), from_customer=False))
        assert matcher.verdict(replace(named("T1-142"), from_customer=False)) == Unmatched()
        assert matcher.fitting(7) == ()

    @pytest.mark.parametrize(
        "gone",
        [replace(PAID, sale_id=3), replace(PAID, taken_by=Claim(PAID.id, 1, "till-2", "Till 2", "88", "", AT))],
    )
    def test_what_a_sale_has_matches_no_other(self, gone: Payment) -> None:
        matcher = among(SALE, PAID)
        assert matcher.verdict(gone) == Unmatched()
        matcher.put_payment(gone)
        assert matcher.fitting(7) == ()

    def test_trap_16_the_phone_decides_nothing(self) -> None:
        twin = replace(OTHER, remaining=FIVE_HUNDRED)
        assert among(SALE, twin).verdict(replace(PAID, payer_phone="0712 ••• 678")) == Ambiguous((8, 7))


class TestTheMoneyOfACharge:
    def test_it_is_not_offered_to_another_sale_without_a_warning(self) -> None:
        likely = replace(PAID, likely_attempt_id=99)
        assert among(SALE).verdict(likely) == Warned(99, Offered(7))
        assert among(SALE).verdict(replace(likely, bill_reference="T1-142")) == Warned(99, Matched(7))
        assert among().verdict(likely) == Warned(99, Unmatched())

    def test_for_the_sale_of_that_very_charge_it_needs_no_warning(self) -> None:
        assert among(SALE).verdict(replace(PAID, likely_attempt_id=31)) == Offered(7)


class TestComingAndGoing:
    def test_a_sale_is_known_as_it_was_put_last(self) -> None:
        matcher = among(SALE)
        matcher.put_sale(replace(SALE, remaining=Money.shillings(120)))
        assert matcher.verdict(PAID) == Unmatched()
        assert matcher.verdict(named("T1-142", 120)) == Matched(7)

    def test_what_is_dropped_is_forgotten_and_dropping_it_again_is_nothing(self) -> None:
        matcher = among(SALE, PAID, ANOTHER)
        for _ in range(2):
            matcher.drop_payment(ANOTHER.id)
        assert matcher.verdict(PAID) == Offered(7)
        for _ in range(2):
            matcher.drop_sale(7)
        assert matcher.verdict(PAID) == Unmatched()
        assert matcher.fitting(7) == ()


TYPED = ["", "142", "143", "T1-142", "T1-143", "T1142", "T2-142", "T1-142-1", "12B", "T1-9"]
SALES = st.builds(
    Matchable,
    sale_id=st.integers(1, 4),
    number=st.integers(141, 144),
    remaining=st.sampled_from([ZERO, FIVE_HUNDRED, Money.shillings(900)]),
    opened_at=st.integers(0, 3).map(lambda minutes: AT + timedelta(minutes=minutes)),
)
PAYMENTS = st.builds(
    replace,
    st.just(PAID),
    id=st.sampled_from(["A", "B", "C", "D"]),
    amount=st.sampled_from([FIVE_HUNDRED, Money.shillings(900)]),
    bill_reference=st.sampled_from(TYPED),
)


@settings(deadline=None, derandomize=True, database=None)
@given(history=st.lists(st.one_of(SALES, PAYMENTS, st.integers(1, 4), st.sampled_from("ABCD")), max_size=16))
def test_what_came_and_went_leaves_no_trace(history: list[Matchable | Payment | int | str]) -> None:
    """The indexes after any history are those of what is left; and one sale is never certain for two payments."""
    matcher = Matcher("T1")
    sales: dict[int, Matchable] = {}
    payments: dict[str, Payment] = {}
    for step in history:
        match step:
            case Matchable():
                matcher.put_sale(step)
                sales[step.sale_id] = step
            case Payment():
                matcher.put_payment(step)
                payments[step.id] = step
            case int():
                matcher.drop_sale(step)
                sales.pop(step, None)
            case str():
                matcher.drop_payment(step)
                payments.pop(step, None)
    fresh = among(*sales.values(), *payments.values())
    verdicts = [matcher.verdict(payment) for payment in payments.values()]
    assert verdicts == [fresh.verdict(payment) for payment in payments.values()]
    certain = [verdict for verdict in verdicts if isinstance(verdict, Matched)]
    offered = [verdict for verdict in verdicts if isinstance(verdict, Offered)]
    assert len(set(certain)) == len(certain)
    assert len(set(offered)) == len(offered)
    for payment, verdict in zip(payments.values(), verdicts, strict=True):
        check_certainty(payment, verdict, sales)


def check_certainty(payment: Payment, verdict: Verdict, sales: dict[int, Matchable]) -> None:
    if isinstance(verdict, Matched | Offered):
        assert sales[verdict.sale_id].remaining == payment.amount
    if isinstance(verdict, Matched):
        assert payment.bill_reference.startswith("T1-")
    if payment.bill_reference == "T2-142":
        assert verdict == Unmatched()


def crowd(sales: int, payments: int, amounts: int, reference: str) -> tuple[Matcher, list[Payment]]:
    matcher = Matcher("T1")
    for number in range(sales):
        amount = Money.shillings(100 + number % amounts)
        matcher.put_sale(Matchable(number, number, amount, AT + timedelta(seconds=number)))
    arrived = [
        replace(PAID, id=f"P{n}", amount=Money.shillings(100 + n % amounts), bill_reference=reference.format(n=n % 500))
        for n in range(payments)
    ]
    for payment in arrived:
        matcher.put_payment(payment)
    return matcher, arrived


@pytest.mark.parametrize("amounts", [1, 500])
@pytest.mark.parametrize("reference", ["", "T1-{n}", "{n}", "T1-7"])
def test_p9_a_verdict_costs_the_same_however_many_payments_wait(amounts: int, reference: str) -> None:
    """Ten times the payments take about ten times as long: the bound is half of what a square would take."""

    def seconds(payments: int) -> float:
        matcher, arrived = crowd(500, payments, amounts, reference)
        took = []
        for _ in range(3):
            begun = time.perf_counter()
            for payment in arrived:
                matcher.verdict(payment)
            took.append(time.perf_counter() - begun)
        return min(took)

    assert seconds(5_000) < 50 * seconds(500)


def test_what_the_customer_is_asked_to_type_is_read_as_this_sale() -> None:
    assert read_reference(sale_reference("T1", 142), "t1").sale_number == 142
