"""Payments: one receipt is one payment, however many messages tell of it, in whatever order."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.claim import Claim
from pos_app.domain.evidence import Disposition
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment, PaymentState, is_usual_receipt, parse_receipt, receiptless_id

AT = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)
RECEIPT = "UJE7K2M9QX"
AMOUNT = Money.shillings(350)
SEEN = Payment(id=RECEIPT, amount=AMOUNT, short_code="", received_at=AT, receipt=RECEIPT)
CONFIRMED = replace(SEEN, short_code="600966", paid_at=AT, payer_name="JOHN", payer_phone="2547 ***** 126")
CHARGED = replace(SEEN, paid_at=AT, sale_id=7, attempt_id=1)
BARE = Payment(receiptless_id("ws_CO_1"), AMOUNT, "600966", AT, sale_id=7, attempt_id=1)


def test_a_payment_is_matched_once_it_has_a_sale() -> None:
    assert SEEN.state is PaymentState.UNMATCHED
    assert CHARGED.state is PaymentState.MATCHED


def test_a_receiptless_payment_is_known_by_its_charge() -> None:
    assert BARE.id == "stk:ws_CO_1"


@pytest.mark.parametrize("payment", [SEEN, CONFIRMED, CHARGED, BARE])
def test_the_same_message_again_changes_nothing(payment: Payment) -> None:
    assert payment.apply(payment) == (payment, Disposition.NOTED)


@pytest.mark.parametrize("messages", list(permutations([SEEN, CONFIRMED, CHARGED])))
def test_callback_and_confirmation_in_any_order_make_one_payment(messages: tuple[Payment, ...]) -> None:
    payment = messages[0]
    for told in (*messages[1:], *messages):
        payment, disposition = payment.apply(told)
        assert disposition is not Disposition.CONFLICT
    assert payment == replace(CONFIRMED, sale_id=7, attempt_id=1)


def test_a_receipt_is_supplied_once() -> None:
    payment, disposition = BARE.apply(CONFIRMED)
    assert (payment.id, payment.receipt, payment.payer_name) == (BARE.id, RECEIPT, "JOHN")
    assert disposition is Disposition.APPLIED


@pytest.mark.parametrize(
    "told",
    [
        replace(CHARGED, amount=Money.shillings(351)),
        replace(CHARGED, receipt="UJE7K2M9QY"),
        replace(CHARGED, sale_id=8),
        replace(CHARGED, attempt_id=2),
        replace(CHARGED, attempt_id=2, sale_id=None),
    ],
)
def test_what_contradicts_a_payment_is_a_conflict_and_changes_nothing(told: Payment) -> None:
    assert CHARGED.apply(told) == (CHARGED, Disposition.CONFLICT)


def test_a_message_never_takes_a_payment_from_its_sale() -> None:
    payment, disposition = CHARGED.apply(SEEN)
    assert (payment, disposition) == (CHARGED, Disposition.NOTED)


class TestLikelyCharge:
    def test_it_is_kept_until_the_charge_is_certain(self) -> None:
        likely = replace(CONFIRMED, likely_attempt_id=1)
        assert likely.apply(SEEN) == (likely, Disposition.NOTED)
        payment, _ = likely.apply(CHARGED)
        assert (payment.attempt_id, payment.likely_attempt_id) == (1, None)

    def test_a_later_message_may_find_it(self) -> None:
        payment, disposition = CONFIRMED.apply(replace(SEEN, likely_attempt_id=1))
        assert (payment.likely_attempt_id, disposition) == (1, Disposition.APPLIED)

    def test_a_certain_charge_needs_no_likely_one(self) -> None:
        assert CHARGED.apply(replace(SEEN, likely_attempt_id=3)) == (CHARGED, Disposition.NOTED)


@pytest.mark.parametrize("text", ["UJE7K2M9QX", " uje7k2m9qx\n", "Uje7K2m9Qx"])
def test_a_receipt_is_kept_in_upper_case(text: str) -> None:
    assert parse_receipt(text) == RECEIPT


@pytest.mark.parametrize("text", ["ABCD1234", "ABCDE12345", "ABCDEF123456"])
def test_a_receipt_has_8_to_12_characters(text: str) -> None:
    assert parse_receipt(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ABC1234",
        "ABCDEFG123456",
        "UJE7K2M9Q!",
        "UJE7 K2M9QX",
        "UJE0000000",
        "uje0000000",
        "Ｕ" * 10,
        None,
        1234567890,
        1.5,
        True,
        ["UJE7K2M9QX"],
        b"UJE7K2M9QX",
    ],
)
def test_what_cannot_be_a_receipt_is_none(text: object) -> None:
    assert parse_receipt(text) == ""


@given(st.text())
def test_parsing_a_receipt_again_changes_nothing(text: str) -> None:
    assert parse_receipt(parse_receipt(text)) == parse_receipt(text)


@pytest.mark.parametrize(
    ("receipt", "usual"),
    [
        (RECEIPT, True),
        ("SA11234567", True),
        ("UM17K2M9QX", False),
        ("UJ07K2M9QX", False),
        ("UJW7K2M9QX", False),
        ("1JE7K2M9QX", False),
        ("ABCD1234", False),
    ],
)
def test_an_unusual_receipt_is_only_worth_a_warning(receipt: str, usual: bool) -> None:
    assert is_usual_receipt(receipt) is usual
    assert parse_receipt(receipt) == receipt


class TestWhoHasIt:
    taken = Claim(RECEIPT, 1, "till-2", "Till 2", "88", "Wanjiku", AT)

    def test_what_nobody_has_is_free_until_a_sale_of_any_till_has_it(self) -> None:
        assert SEEN.is_free
        assert not SEEN.matched_to(7).is_free
        assert not SEEN.held_by(self.taken).is_free

    def test_it_belongs_to_one_sale_only(self) -> None:
        matched = SEEN.matched_to(7)
        assert matched.state is PaymentState.MATCHED
        assert matched.matched_to(7) == matched
        with pytest.raises(ValueError, match="another sale"):
            matched.matched_to(8)
        with pytest.raises(ValueError, match="another sale"):
            SEEN.held_by(self.taken).matched_to(7)

    def test_c4_a_lost_claim_takes_it_from_our_sale_and_a_release_makes_it_free(self) -> None:
        lost = SEEN.matched_to(7).held_by(self.taken)
        assert (lost.state, lost.taken_by) == (PaymentState.UNMATCHED, self.taken)
        assert lost.held_by(None) == SEEN

    def test_what_another_till_holds_stays_theirs_though_our_own_charge_asked_for_it(self) -> None:
        payment, disposition = SEEN.held_by(self.taken).apply(CHARGED)
        assert disposition is Disposition.APPLIED
        assert (payment.sale_id, payment.attempt_id, payment.taken_by) == (None, 1, self.taken)

    @pytest.mark.parametrize("messages", list(permutations([SEEN, replace(SEEN, from_customer=False)])))
    def test_one_message_that_says_it_is_no_customers_is_enough(self, messages: tuple[Payment, ...]) -> None:
        assert not messages[0].apply(messages[1])[0].from_customer
