"""Less, more and too late: each is named, with its amount and the one thing to do."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pos_app.domain.difference import Difference, Remedy
from pos_app.domain.money import ZERO, AmountError, Money
from pos_app.domain.receipt import Heading, Row, RowStyle, receipt_of, rows_of
from pos_app.domain.sale import Cart, Sale, SaleLine, SaleState
from pos_app.domain.tender import Tender, TenderKind, change_given

AT = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)
SALE = Sale(id=7, number=142, cart=Cart((SaleLine("Rice", Money.shillings(500)),)), opened_at=AT)


def paid(*shillings: int) -> Sale:
    return replace(SALE, tenders=tuple(Tender(TenderKind.MPESA, Money.shillings(one), AT) for one in shillings))


def test_part_payments_add_up_and_say_what_remains() -> None:
    told = Difference.of(paid(200, 180))
    assert told is not None
    assert (told.amount, told.remedy) == (Money.shillings(120), Remedy.TAKE_THE_REST)
    assert told.english == "KES 120 remaining: cash or M-Pesa."
    assert told.swahili == "Bado KES 120: pesa taslimu au M-Pesa."


def test_too_much_says_by_how_much() -> None:
    told = Difference.of(paid(380, 170))
    assert told is not None
    assert (told.amount, told.remedy) == (Money.shillings(50), Remedy.GIVE_CHANGE)
    assert told.english == "KES 50 over: give change."
    assert told.swahili == "KES 50 zaidi: rudisha chenji."


def test_change_given_for_it_leaves_the_sale_paid_and_stands_on_the_receipt() -> None:
    over = paid(550)
    even = replace(over, tenders=(*over.tenders, change_given(over.overpaid, AT)))
    assert (even.state, even.paid, even.overpaid) == (SaleState.PAID, Money.shillings(500), ZERO)
    assert Difference.of(even) is None
    rows = rows_of(receipt_of(even, (), (), Heading("Duka", "1")))
    assert Row(RowStyle.PAIR, "Change", "50") in rows
    assert not [row for row in rows if row.left == "Cash"]


def test_there_is_no_change_for_nothing() -> None:
    with pytest.raises(AmountError, match="no change"):
        change_given(ZERO, AT)


@pytest.mark.parametrize("sale", [SALE, paid(500), replace(paid(300), awaiting=True), replace(SALE, voided_at=AT)])
def test_there_is_nothing_to_say_when_it_is_even_or_still_open(sale: Sale) -> None:
    assert Difference.of(sale) is None


def test_late_money_is_named_and_kept_aside() -> None:
    told = Difference.late(replace(paid(500), closed_at=AT), Money.shillings(500))
    assert (told.amount, told.remedy) == (Money.shillings(500), Remedy.KEEP_ASIDE)
    assert told.english == "KES 500 extra received: sale 142 was finished already."
    assert told.swahili == "KES 500 za ziada zimepokelewa: mauzo 142 yalikuwa yamekwisha."
