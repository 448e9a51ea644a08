"""What the receipt says, and what it must never say."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.receipt import (
    CODE_TO_FOLLOW,
    COLUMNS,
    COPY,
    NOT_A_TAX_INVOICE,
    TRAINING,
    Heading,
    Receipt,
    RowStyle,
    as_text,
    receipt_of,
    rows_of,
)
from pos_app.domain.reference import read_printed
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.tender import Tender, TenderKind

AT = datetime(2026, 11, 23, 22, 4, tzinfo=UTC)
ACCOUNT = ShopAccount(AccountKind.PAYBILL, "600966")
HEADING = Heading("Duka la Wanjiru", "1", ACCOUNT.customer_label, "Akinyi")
MILK, BREAD = SaleLine("Milk 500 ml", Money.shillings(65), 2), SaleLine("Bread", Money(6_550))
CHARGE_ID = "ws_CO_23112026220000708374149"


def mpesa(amount: int, receipt: str = "UKN7K2M9QX", payment_id: str = "UKN7K2M9QX") -> Tender:
    return Tender(TenderKind.MPESA, Money.shillings(amount), AT, payment_id=payment_id, receipt=receipt)


def sale(*tenders: Tender, **changes: Any) -> Sale:
    return Sale(7, 142, Cart((MILK, BREAD)), AT, tenders=tenders, **changes)


def attempt(receipt: str = "") -> Attempt:
    return Attempt(
        3,
        7,
        "n" * 32,
        Money.shillings(196),
        Msisdn("254708374149"),
        ACCOUNT,
        "1-142-1",
        AT,
        AttemptState.PAID,
        receipt=receipt,
    )


def payment(payment_id: str, receipt: str = "", attempt_id: int | None = 3, phone: str = "") -> Payment:
    return Payment(
        payment_id,
        Money.shillings(196),
        "600966",
        AT,
        receipt=receipt,
        sale_id=7,
        attempt_id=attempt_id,
        payer_phone=phone,
    )


def paid_by_phone(**changes: Any) -> Receipt:
    heading = HEADING if "heading" not in changes else changes.pop("heading")
    return receipt_of(sale(mpesa(196)), [attempt()], [payment("UKN7K2M9QX", "UKN7K2M9QX")], heading, **changes)


def test_the_receipt_of_an_mpesa_sale_reads_like_this() -> None:
    assert as_text(paid_by_phone()).splitlines() == [
        "                Duka la Wanjiru",
        "         Lipa na M-Pesa: PayBill 600966",
        "Sale 142                  24 Nov 2026, 01:04 EAT",
        "Till 1                          Served by Akinyi",
        "------------------------------------------------",
        "Milk 500 ml                                  130",
        "  2 × 65",
        "Bread                                      65.50",
        "------------------------------------------------",
        "Sum                                       195.50",
        "Rounding                                    0.50",
        "TOTAL                                    KES 196",
        "------------------------------------------------",
        "M-Pesa                                       196",
        "  UKN7K2M9QX   0708 ••• 149",
        "------------------------------------------------",
        "               Not a tax invoice",
        "               Asante! Thank you.",
        "                    1-000142",
    ]


def test_the_time_is_nairobis_even_when_that_is_another_day() -> None:
    assert "24 Nov 2026, 01:04 EAT" in as_text(paid_by_phone())


def test_a_payment_proved_by_query_says_that_its_code_is_to_follow() -> None:
    held = payment(f"stk:{CHARGE_ID}")
    text = as_text(receipt_of(sale(mpesa(196, "", held.id)), [attempt()], [held], HEADING))
    assert f"  {CODE_TO_FOLLOW}   0708 ••• 149" in text


@pytest.mark.parametrize("where", ["tender", "payment", "attempt"])
def test_a_code_known_anywhere_is_printed(where: str) -> None:
    code = {name: "UKN7K2M9QX" if name == where else "" for name in ("tender", "payment", "attempt")}
    held = payment("stk:x", code["payment"])
    text = as_text(receipt_of(sale(mpesa(196, code["tender"], "stk:x")), [attempt(code["attempt"])], [held], HEADING))
    assert "UKN7K2M9QX" in text


def test_neither_the_whole_phone_nor_the_charges_id_is_ever_on_it() -> None:
    held = payment(f"stk:{CHARGE_ID}")
    receipt = receipt_of(sale(mpesa(196, "", held.id)), [attempt()], [held], HEADING)
    for shown in (as_text(receipt), repr(receipt)):
        assert "708374149" not in shown
        assert "ws_CO" not in shown


def test_a_payment_without_a_charge_shows_the_masked_phone_that_came_with_it() -> None:
    held = payment("UKN7K2M9QX", "UKN7K2M9QX", attempt_id=None, phone="0712 ••• 126")
    assert "UKN7K2M9QX   0712 ••• 126" in as_text(receipt_of(sale(mpesa(196)), [attempt()], [held], HEADING))


def test_a_tender_whose_payment_is_not_at_hand_still_prints_its_code() -> None:
    assert "  UKN7K2M9QX\n" in as_text(receipt_of(sale(mpesa(196)), [], [], HEADING))


def test_cash_shows_what_was_given_and_the_change() -> None:
    cash = Tender(TenderKind.CASH, Money.shillings(196), AT, received=Money.shillings(200))
    text = as_text(receipt_of(sale(cash), [], [], HEADING))
    assert "Cash" + "200".rjust(44) in text
    assert "Change" + "4".rjust(42) in text
    assert "M-Pesa:" in text


def test_exact_cash_has_no_change_line() -> None:
    cash = Tender(TenderKind.CASH, Money.shillings(196), AT, received=Money.shillings(196))
    assert "Change" not in as_text(receipt_of(sale(cash), [], [], HEADING))


def test_a_sale_without_cents_has_no_rounding_line() -> None:
    whole = Sale(7, 142, Cart((MILK,)), AT)
    receipt = receipt_of(whole, [], [], HEADING)
    assert receipt.rounding == ZERO
    assert "Rounding" not in as_text(receipt)


def test_a_part_paid_sale_says_what_is_still_to_pay() -> None:
    assert "STILL TO PAY                              KES 96" in as_text(receipt_of(sale(mpesa(100)), [], [], HEADING))


def test_an_overpaid_sale_says_how_much_above_the_total_came() -> None:
    assert "Received above the total                     104" in as_text(receipt_of(sale(mpesa(300)), [], [], HEADING))


def test_a_cancelled_sale_says_so_and_asks_for_no_money() -> None:
    text = as_text(receipt_of(sale(voided_at=AT), [], [], HEADING))
    assert text.count("SALE CANCELLED") == 2
    assert "STILL TO PAY" not in text


def test_a_training_receipt_is_marked_top_and_bottom() -> None:
    lines = as_text(paid_by_phone(heading=Heading("Duka", "1", training=True))).splitlines()
    assert TRAINING in lines[0]
    assert TRAINING in lines[-1]


def test_a_reprint_is_marked_copy_top_and_bottom() -> None:
    lines = as_text(paid_by_phone(copy=True)).splitlines()
    assert COPY in lines[0]
    assert COPY in lines[-1]
    assert COPY not in as_text(paid_by_phone())


def test_every_receipt_says_that_it_is_not_a_tax_invoice() -> None:
    assert sum(row.left == NOT_A_TAX_INVOICE for row in rows_of(paid_by_phone())) == 1


def test_every_receipt_carries_the_code_by_which_its_sale_is_found() -> None:
    rows = rows_of(paid_by_phone(heading=Heading("Duka", "B2", training=True)))
    (code,) = (row for row in rows if row.style is RowStyle.BARS)
    assert read_printed(code.left) == ("B2", 142)
    assert rows[-1].left == TRAINING, "what it is not stands last"


def test_a_shop_without_a_name_or_a_number_still_has_a_receipt() -> None:
    rows = rows_of(paid_by_phone(heading=Heading("", "1")))
    assert rows[0].style is RowStyle.PAIR
    assert not any("Lipa na" in row.left for row in rows)


def test_long_names_wrap_and_no_line_is_wider_than_the_roll() -> None:
    long = SaleLine("Unga wa ngano wa kupikia chapati na mandazi kilo 2", Money.shillings(250_000), 3)
    shop = Heading("Duka la Mama Wanjiru na Wanawe, Kenyatta Market, Nairobi", "1")
    lines = as_text(receipt_of(Sale(1, 1, Cart((long,)), AT), [], [], shop)).splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert any(line.startswith("Unga wa ngano") and "750,000" not in line for line in lines)
    assert any(line.endswith("750,000") for line in lines)
