"""Every time, state and piece of evidence has its words, and no words say more than is known."""

from datetime import UTC, datetime, timedelta

import pytest

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.reason import Reason
from pos_app.domain.sale import Cart, Sale, SaleLine, SaleState
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.tender import Tender, TenderKind
from pos_app.services.sales import AttemptDetail, SaleDetail
from pos_app.store.evidence import EvidenceRow
from pos_app.ui.history.detail_state import Detail, detail_of
from pos_app.ui.history.words import (
    DISPOSITIONS,
    FACTS,
    SOURCES,
    Tone,
    attempt_mark,
    exact_time,
    full_time,
    sale_mark,
    time_of,
    timeline,
)

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
KES = Money.shillings
MILK, BREAD = SaleLine("Milk", KES(65), 2), SaleLine("Bread", KES(250))
ACCOUNT = ShopAccount(AccountKind.PAYBILL, "600966")
CHARGE_ID = "ws_CO_23112026180000708374149"


def attempt(state: AttemptState, reason: Reason | None = None, receipt: str = "", number: int = 1) -> Attempt:
    return Attempt(
        number,
        7,
        "n" * 32,
        KES(380),
        Msisdn("254708374149"),
        ACCOUNT,
        f"1-7-{number}",
        NOW,
        state=state,
        reason=reason,
        receipt=receipt,
        checkout_request_id=CHARGE_ID,
    )


def evidence(fact: Fact, source: Source = Source.CALLBACK, **more: object) -> Evidence:
    return Evidence(fact, source, NOW, **more)  # type: ignore[arg-type]


def detail(sale: Sale, *attempts: Attempt, payments: tuple[Payment, ...] = ()) -> Detail:
    told = (EvidenceRow(evidence(Fact.SUBMITTED, Source.CASHIER), Disposition.APPLIED, NOW),)
    return detail_of(SaleDetail(sale, tuple(AttemptDetail(each, told) for each in attempts), payments), NOW)


def sale(*tenders: Tender, awaiting: bool = False) -> Sale:
    return Sale(7, 142, Cart((MILK, BREAD)), NOW, tenders=tenders, awaiting=awaiting)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(minutes=5), "18:25"),
        (timedelta(hours=18, minutes=30), "00:00"),
        (timedelta(hours=18, minutes=31), "Yesterday 23:59"),
        (timedelta(days=3), "Fri 20 Nov 18:30"),
        (timedelta(days=400), "19 Oct 2025"),
    ],
)
def test_a_time_is_nairobis_and_as_short_as_it_can_be(ago: timedelta, words: str) -> None:
    assert time_of(NOW - ago, NOW) == words


def test_exact_times_carry_seconds_and_full_times_the_year() -> None:
    assert exact_time(NOW, NOW) == "18:30:00"
    assert exact_time(NOW - timedelta(days=1), NOW) == "22 Nov 18:30:00"
    assert full_time(NOW) == "Mon 23 Nov 2026, 18:30"


@pytest.mark.parametrize(
    ("state", "paid", "words", "tone"),
    [
        (SaleState.PAID, 380, "✓ Paid", Tone.PAID),
        (SaleState.CLOSED, 380, "✓ Paid", Tone.PAID),
        (SaleState.OVERPAID, 430, "! KES 50 over", Tone.CHECKING),
        (SaleState.AWAITING, 0, "? Not known yet", Tone.CHECKING),
        (SaleState.PART_PAID, 100, "… KES 280 to pay", Tone.WAITING),
        (SaleState.OPEN, 0, "… Not paid", Tone.WAITING),
        (SaleState.VOID, 0, "– Cancelled", Tone.QUIET),
    ],
)
def test_every_state_of_a_sale_has_a_sign_and_a_word(state: SaleState, paid: int, words: str, tone: Tone) -> None:
    mark = sale_mark(state, KES(380), KES(paid))
    assert (str(mark), mark.tone) == (words, tone)


@pytest.mark.parametrize("state", list(AttemptState))
def test_only_a_paid_charge_is_green_and_none_in_doubt_is_red(state: AttemptState) -> None:
    tone = attempt_mark(attempt(state)).tone
    assert (tone is Tone.PAID) == (state is AttemptState.PAID)
    assert (tone is Tone.FAILED) == (state is AttemptState.FAILED)


def test_every_source_fact_and_disposition_has_words() -> None:
    assert set(SOURCES) == set(Source)
    assert set(FACTS) == set(Fact)
    assert set(DISPOSITIONS) == set(Disposition)


def test_a_row_says_when_who_what_and_what_became_of_it() -> None:
    told = evidence(Fact.FAILED, reason=Reason.CANCEL, code="1032", text="Request Cancelled by user.")
    (row,) = timeline(((told, Disposition.APPLIED, NOW),), NOW)
    assert row.time == "18:30:00"
    assert row.source == "Safaricom’s result message"
    assert row.said == "Not paid. Customer cancelled the request."
    assert row.detail == "“Request Cancelled by user.” · code 1032"
    assert (row.outcome, row.explanation) == ("✓ Acted on", "")


def test_a_payment_says_its_amount_and_its_code_when_it_knows_them() -> None:
    told = (
        (evidence(Fact.PAID, amount=KES(380), receipt="UKN7K2M9QX"), Disposition.APPLIED, NOW),
        (evidence(Fact.PAID, Source.QUERY), Disposition.NOTED, NOW),
    )
    assert [row.said for row in timeline(told, NOW)] == ["Paid, KES 380, UKN7K2M9QX.", "Paid."]


@pytest.mark.parametrize(
    ("disposition", "trusted", "words"),
    [
        (Disposition.QUARANTINED, False, "sender could not be confirmed"),
        (Disposition.QUARANTINED, True, "does not fit this request"),
        (Disposition.CONFLICT, True, "contradicts what was settled"),
    ],
)
def test_what_was_held_back_says_why(disposition: Disposition, trusted: bool, words: str) -> None:
    (row,) = timeline(((evidence(Fact.PAID, trusted=trusted), disposition, NOW),), NOW)
    assert words in row.explanation
    assert row.outcome.startswith("!")


def test_a_message_that_came_a_hundred_times_is_one_row_and_a_count() -> None:
    paid = evidence(Fact.PAID, receipt="UKN7K2M9QX", amount=KES(380))
    told = ((paid, Disposition.APPLIED, NOW), *((paid, Disposition.NOTED, NOW),) * 100)
    rows = timeline(told, NOW)
    assert [row.outcome for row in rows] == ["✓ Acted on", "Noted, 99 times more"]
    assert timeline(told[:3], NOW)[1].outcome == "Noted, once more"


def test_what_was_acted_on_is_never_folded_away() -> None:
    told = ((evidence(Fact.SUBMITTED), Disposition.APPLIED, NOW),) * 2
    assert len(timeline(told, NOW)) == 2


def test_a_cash_sale_shows_what_was_given_and_the_change() -> None:
    cash = Tender(TenderKind.CASH, KES(380), NOW, received=KES(500))
    shown = detail(sale(cash))
    assert shown.tenders[0].remark == "18:30:00 · given 500, change 120"
    assert (shown.title, shown.total, shown.code, shown.live_charge) == ("Sale 142", "KES 380", "", None)
    assert [(line.name, line.remark, line.amount) for line in shown.lines] == [
        ("Milk", "2 × 65", "130"),
        ("Bread", "", "250"),
    ]


def test_exact_cash_has_no_change() -> None:
    cash = Tender(TenderKind.CASH, KES(380), NOW, received=KES(380))
    assert detail(sale(cash)).tenders[0].remark == "18:30:00 · given 380"


def test_an_mpesa_tender_shows_its_code_name_and_masked_phone() -> None:
    paid = Tender(TenderKind.MPESA, KES(380), NOW, payment_id="UKN7K2M9QX", receipt="UKN7K2M9QX")
    payment = Payment("UKN7K2M9QX", KES(380), "600966", NOW, payer_name="JOHN", sale_id=7, attempt_id=1)
    shown = detail(sale(paid), attempt(AttemptState.PAID, Reason.PAID, "UKN7K2M9QX"), payments=(payment,))
    assert shown.tenders[0].remark == "18:30:00 · JOHN · 0708 ••• 149"
    assert shown.code == "UKN7K2M9QX"
    assert shown.charges[0].sentence == "M-Pesa code UKN7K2M9QX"


def test_a_payment_from_the_customers_own_menu_shows_the_phone_that_came_with_it() -> None:
    paid = Tender(TenderKind.MPESA, KES(380), NOW, payment_id="UKN7K2M9QX")
    payment = Payment("UKN7K2M9QX", KES(380), "600966", NOW, receipt="UKN7K2M9QX", payer_phone="0712 ••• 126")
    shown = detail(sale(paid), payments=(payment,))
    assert shown.tenders[0].remark == "18:30:00 · 0712 ••• 126"
    assert shown.code == "UKN7K2M9QX"


def test_a_payment_proved_by_query_says_that_its_code_is_to_follow() -> None:
    paid = Tender(TenderKind.MPESA, KES(380), NOW, payment_id=f"stk:{CHARGE_ID}")
    shown = detail(sale(paid), attempt(AttemptState.PAID, Reason.PAID))
    assert "code to follow" in shown.tenders[0].remark
    assert shown.charges[0].sentence == "M-Pesa code to follow."
    assert shown.code == ""


def test_the_phone_is_whole_while_the_charge_lives_and_masked_after() -> None:
    live = detail(sale(awaiting=True), attempt(AttemptState.UNKNOWN, Reason.UNKNOWN))
    assert live.charges[0].title == "M-Pesa request 1: KES 380 from 0708 374 149"
    assert live.live_charge == 1
    assert "Do not charge again" in live.notice
    over = detail(sale(), attempt(AttemptState.FAILED, Reason.CANCEL))
    assert over.charges[0].title == "M-Pesa request 1: KES 380 from 0708 ••• 149"
    assert over.charges[0].sentence == "Customer cancelled the request."


def test_the_newest_charge_stands_first_and_keeps_its_number() -> None:
    shown = detail(sale(), attempt(AttemptState.FAILED, Reason.CANCEL), attempt(AttemptState.SUBMITTING, number=2))
    assert [charge.title[:16] for charge in shown.charges] == ["M-Pesa request 2", "M-Pesa request 1"]
    assert shown.charges[0].sentence == Reason.WAIT.english


def test_an_overpaid_sale_says_by_how_much() -> None:
    paid = Tender(TenderKind.MPESA, KES(430), NOW, payment_id="UKN7K2M9QX", receipt="UKN7K2M9QX")
    assert detail(sale(paid)).notice.startswith("KES 50 more than the total")


def test_the_charges_own_id_is_nowhere_on_the_page() -> None:
    paid = Tender(TenderKind.MPESA, KES(380), NOW, payment_id=f"stk:{CHARGE_ID}")
    payment = Payment(f"stk:{CHARGE_ID}", KES(380), "600966", NOW, sale_id=7, attempt_id=1)
    assert "ws_CO" not in repr(detail(sale(paid), attempt(AttemptState.PAID), payments=(payment,)))
