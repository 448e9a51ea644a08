"""Every word about a payment that a customer made unasked, and which of them stand on the rail."""

from datetime import UTC, datetime, timedelta

import pytest

from pos_app.domain.matching import Ambiguous, Late, Matched, Offered, Over, PartOf, Unmatched, Verdict, Warned
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.tender import Tender, TenderKind
from pos_app.services.offers import Offer
from pos_app.services.payments import RecentPayment
from pos_app.services.whereabouts import LookedUp, Whereabouts
from pos_app.ui.offers import words
from pos_app.ui.offers.chips import CHIPS, chips_of
from pos_app.ui.offers.code import topic_of
from pos_app.ui.offers.lines import certain, line_of_fits
from pos_app.ui.offers.state import Kind, Tone
from pos_app.ui.payment.received import Received, received_panel
from pos_app.ui.payment.words import STILL_ASKED, Act
from pos_app.ui.payment.words import Tone as Dress
from pos_app.ui.sale.meaning import is_code

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
KES = Money.shillings


def paid(shillings: int = 450, name: str = "WANJIKU NJERI", receipt: str = "TJE1A2B3C0", age: int = 12) -> Payment:
    at = NOW - timedelta(seconds=age)
    return Payment(receipt, KES(shillings), "123456", at, receipt, payer_name=name, payer_phone="2547*****126")


def sale(*tenders: tuple[TenderKind, int, str], awaiting: bool = False) -> Sale:
    held = tuple(Tender(kind, KES(amount), NOW, payment_id=of, receipt=of) for kind, amount, of in tenders)
    return Sale(1, 7, Cart((SaleLine("Milk", KES(450)),)), NOW, held, awaiting)


def test_an_arrival_is_said_in_english_and_swahili() -> None:
    said = words.arrival(paid())
    assert said.english == "KES 450 received from Wanjiku."
    assert said.swahili == "KES 450 zimepokelewa kutoka kwa Wanjiku."
    assert words.arrival(paid(name="")) == words.Said("KES 450 received.", "KES 450 zimepokelewa.")


def test_an_offer_says_amount_name_digits_age_and_what_enter_does() -> None:
    said = words.offer(paid(), NOW, by_enter=True)
    assert said.english == "KES 450 from Wanjiku •••126, 12 s ago. Enter accepts."
    assert said.swahili == "KES 450 kutoka kwa Wanjiku •••126, 12 s zilizopita. Enter inakubali."
    assert "Enter" not in words.offer(paid(), NOW, by_enter=False).english


def test_a_payment_is_as_old_as_the_customers_phone_says_but_never_of_tomorrow() -> None:
    late = Payment("R", KES(1), "1", NOW, paid_at=NOW - timedelta(minutes=4))
    fast = Payment("R", KES(1), "1", NOW, paid_at=NOW + timedelta(minutes=4))
    assert words.since(late) == NOW - timedelta(minutes=4)
    assert words.since(fast) == NOW


@pytest.mark.parametrize(
    ("shillings", "asked"),
    [(330, "KES 120 would remain"), (500, "KES 50 too much, to give as change"), (450, "for sale 7. Accept it?")],
)
def test_a_question_says_what_would_become_of_the_difference(shillings: int, asked: str) -> None:
    said = words.amount_question(paid(shillings), sale())
    assert asked in said.english
    assert "Ukubali?" in said.swahili


@pytest.mark.parametrize(
    ("verdict", "number", "place"),
    [
        (Unmatched(), None, "no sale"),
        (Offered(1), 7, "fits sale 7"),
        (Matched(1), 7, "fits sale 7"),
        (PartOf(1, KES(1)), 7, "part of sale 7"),
        (Over(1, KES(1)), 7, "fits sale 7"),
        (Late(1), 7, "extra for sale 7"),
        (Ambiguous((1,)), 7, "fits sale 7"),
        (Ambiguous((1, 2)), None, "fits 2 sales"),
        (Warned(3, Offered(1)), None, "maybe a charge’s"),
    ],
)
def test_where_a_payment_may_belong(verdict: Verdict, number: int | None, place: str) -> None:
    assert words.place(verdict, number) == place
    assert (words.named_sale(verdict) == 1) == (number is not None)


def test_only_one_payment_for_one_sale_is_certain() -> None:
    one, two = paid(), paid(receipt="TJE1A2B3C1")
    assert certain((one,), 1, lambda _payment: Offered(1)) is one
    assert certain((one,), 1, lambda _payment: Offered(2)) is None
    assert certain((one, two), 1, lambda _payment: Offered(1)) is None
    assert certain((one,), 1, lambda _payment: Ambiguous((1, 2))) is None
    assert certain((one,), 1, lambda _payment: Warned(3, Offered(1))) is None


def test_a_warned_payment_is_a_question_and_not_enters() -> None:
    line = line_of_fits((paid(),), 1, "", NOW, lambda _payment: Warned(3, Offered(1)), enter_is_free=True)
    assert (line.tone, line.accepts, line.by_enter) == (Tone.ASK, True, False)


def test_what_fits_comes_first_on_the_rail_then_the_newest_and_each_once() -> None:
    fits, other = paid(age=60), paid(80, receipt="TJE1A2B3C1", age=5)
    recent = [
        RecentPayment(NOW, KES(80), "Wanjiku", "", "TJE1A2B3C1", None, False, other.id),
        RecentPayment(NOW - timedelta(seconds=30), KES(10), "Otieno", "", "TJE1A2B3C2", 4, True, "r2"),
        RecentPayment(NOW - timedelta(hours=1), KES(20), "", "", "TJE1A2B3C3", None, False, "r3", "Taken by Till 2"),
    ]
    unclaimed = [Offer(other, Unmatched()), Offer(fits, Offered(1))]
    chips = chips_of((fits,), unclaimed, recent, lambda _sale: 7, lambda _payment: Offered(1))
    assert [(chip.receipt[-1], chip.kind, chip.place) for chip in chips] == [
        ("0", Kind.FITS, "fits"),
        ("1", Kind.UNCLAIMED, "no sale"),
        ("2", Kind.CLAIMED, "sale 4 · late"),
        ("3", Kind.TAKEN, "Taken by Till 2"),
    ]
    assert [chip.payment for chip in chips] == [fits, other, None, None]
    many = [Offer(paid(receipt=f"TJE1A2B3D{at}"), Unmatched()) for at in range(9)]
    assert len(chips_of((), many, recent, lambda _sale: None, lambda _payment: Unmatched())) == CHIPS


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("TJE1A2B3C4", True),
        (" tje1a2b3c4 ", True),
        ("TJE1A2B3C", False),
        ("6161100123", False),
        ("UKOLDDQFOR", True),
        ("CHOCOLATES", False),
        ("STRAWBERRY", False),
        ("TJE0000000", False),
        ("TJE1A2 3C4", False),
    ],
)
def test_a_code_is_ten_letters_and_digits(text: str, code: bool) -> None:
    assert is_code(text) is code


def test_a_code_that_is_free_may_be_accepted_and_one_that_is_used_may_not() -> None:
    free = topic_of(LookedUp(Whereabouts.FREE, "KES 450 received, free.", paid()))
    assert free.payment is not None
    assert free.said.english == "KES 450 from Wanjiku •••126: received, free."
    used = topic_of(LookedUp(Whereabouts.USED, "Used by sale 142 at Till 1, 14:02.", paid()))
    assert used.payment is None
    assert used.said.english == "TJE1A2B3C0: Used by sale 142 at Till 1, 14:02."


def test_a_sale_that_is_paid_while_its_request_is_still_open_says_so_and_waits_for_the_cashier() -> None:
    panel = received_panel(sale((MPESA, 450, "TJE1A2B3C0"), awaiting=True), Received(paid(), confirmed=True))
    assert (panel.word, panel.advice, panel.goes_on) == ("PAID", STILL_ASKED, False)


MPESA, CASH = TenderKind.MPESA, TenderKind.CASH


@pytest.mark.parametrize(
    ("tenders", "awaiting", "word", "sentence", "primary"),
    [
        ([(MPESA, 450, "TJE1A2B3C0")], False, "PAID", "", Act.NEXT),
        ([(MPESA, 330, "TJE1A2B3C0")], False, "PAID IN PART", "KES 120 remaining: cash or M-Pesa.", Act.CASH),
        ([(MPESA, 330, "TJE1A2B3C0")], True, "PAID IN PART", "KES 120 remaining.", Act.CASH),
        ([(MPESA, 500, "TJE1A2B3C0")], False, "PAID", "KES 50 over: give change.", Act.GIVE_CHANGE),
        ([(CASH, 450, "")], False, "Not paid", "This payment does not count for this sale any more.", Act.BACK),
    ],
)
def test_the_panel_of_a_received_payment(
    tenders: list[tuple[TenderKind, int, str]], awaiting: bool, word: str, sentence: str, primary: Act
) -> None:
    of = sale(*tenders, awaiting=awaiting)
    panel = received_panel(of, Received(paid(), confirmed=True))
    assert (panel.word, panel.sentence, panel.primary) == (word, sentence, primary)
    unsure = received_panel(of, Received(paid(), confirmed=False))
    assert unsure.tone is Dress.CHECKING
    assert unsure.primary is primary
    assert "PAID" not in unsure.word
