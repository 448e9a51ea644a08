"""Products: a name on one line and a price above zero."""

import pytest

from pos_app.domain.catalogue import NAME_MAX, Product, ProductError, checked_name, checked_price
from pos_app.domain.money import ZERO, AmountError, Money


def test_a_product_may_go_without_a_barcode() -> None:
    assert Product(1, "Milk 500 ml", Money.shillings(65)).barcode == ""


@pytest.mark.parametrize(
    ("text", "name"), [("Milk", "Milk"), ("  Milk \t 500\n ml ", "Milk 500 ml"), ("x" * 60, "x" * 60)]
)
def test_a_name_is_kept_on_one_line(text: str, name: str) -> None:
    assert checked_name(text) == name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "Type a name"), (" \n ", "Type a name"), ("x" * (NAME_MAX + 1), "The name is too long: at most 60")],
)
def test_a_name_that_cannot_be_shown_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ProductError, match=sentence):
        checked_name(text)


def test_a_price_is_above_zero() -> None:
    assert checked_price(Money(1)) == Money(1)
    for price in (ZERO, Money(-1)):
        with pytest.raises(AmountError, match="more than zero"):
            checked_price(price)
