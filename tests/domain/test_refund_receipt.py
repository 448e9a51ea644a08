"""The slip of a refund: it names the sale, both M-Pesa codes and who released it, and no whole phone number."""

from dataclasses import replace
from datetime import UTC, datetime

from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.receipt import COLUMNS, COPY, TRAINING, Heading, as_text
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_receipt import refund_receipt_of
from pos_app.domain.refund_states import RefundState
from pos_app.domain.sale import Cart, Sale, SaleLine

AT = datetime(2026, 11, 24, 8, 5, tzinfo=UTC)
SALE = Sale(id=7, number=142, opened_at=AT, cart=Cart((SaleLine("Unga", Money.shillings(400)),)))
REFUND = Refund(
    id=1,
    number=3,
    sale_id=7,
    payment_id="UKO7K2M9QX",
    original_receipt="UKO7K2M9QX",
    route=Route.B2C,
    amount=Money.shillings(400),
    payee=Msisdn("254712345678"),
    other_number=False,
    why=RefundReason.RETURNED,
    note="",
    requested_by=4,
    requested_at=AT,
    state=RefundState.COMPLETED,
    receipt="UKO9R8F7ND",
    finished_at=AT,
)


def test_it_names_the_original_and_itself_and_who_released_it() -> None:
    slip = refund_receipt_of(REFUND, SALE, Heading("Duka", "1A"), "Otieno")
    text = as_text(slip)
    for words in ("REFUND", "Refund 3", "Of sale 142", "24 Nov 2026, 11:05 EAT", "UKO7K2M9QX", "UKO9R8F7ND", "KES 400"):
        assert words in text
    assert "Released by Otieno" in text
    assert "0712 ••• 678" in text
    assert "254712345678" not in text
    assert (slip.title, slip.training, slip.copy) == ("Refund 3", False, False)


def test_the_customer_reads_it_in_both_languages() -> None:
    text = as_text(refund_receipt_of(REFUND, SALE, Heading("Duka", "1A"), "Otieno"))
    why = f"{REFUND.why.english} · {REFUND.why.swahili}"
    for words in ("REFUND · MAREJESHO", "GIVEN BACK", "Pesa zilizorudishwa", why, "Asante! Thank you."):
        assert words in text


def test_it_carries_the_code_of_the_sale_not_its_own() -> None:
    assert "1A-000142" in as_text(refund_receipt_of(REFUND, SALE, Heading("Duka", "1A"), "Otieno"))


def test_a_long_name_of_who_released_it_wraps_beside_the_till() -> None:
    lines = as_text(refund_receipt_of(REFUND, SALE, Heading("", "1A"), "Wanjiru wa Kamau " * 3)).splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert sum("Till 1A" in line for line in lines) == 1


def test_cash_has_no_codes_and_a_shop_without_a_name_no_title() -> None:
    cash = replace(REFUND, route=Route.CASH, original_receipt="", receipt="", payee=None, finished_at=None)
    text = as_text(refund_receipt_of(cash, SALE, Heading("", "1A"), "Kamau"))
    assert "Cash" in text
    assert "M-Pesa" not in text


def test_training_is_marked() -> None:
    assert as_text(refund_receipt_of(REFUND, SALE, Heading("D", "1", training=True), "Otieno")).count(TRAINING) == 2


def test_a_copy_is_marked() -> None:
    assert as_text(refund_receipt_of(REFUND, SALE, Heading("D", "1"), "Otieno", copy=True)).count(COPY) == 2
