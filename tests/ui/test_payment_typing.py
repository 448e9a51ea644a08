"""Keys become a grouped phone number, quick sums and change, as the cashier reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.ui.payment.typing import change_words, grouped, prefix_warning, quick_amounts, typed_amount


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", ""),
        ("0", "0"),
        ("0712", "0712"),
        ("07123", "0712 3"),
        ("0712345678", "0712 345 678"),
        ("0712-345-678", "0712 345 678"),
        ("712345678", "712 345 678"),
        ("254712345678", "254 712 345 678"),
        ("+254712345678", "+254 712 345 678"),
        ("+", "+"),
        ("abc", ""),
    ],
)
def test_a_number_is_grouped_while_it_is_typed(typed: str, shown: str) -> None:
    assert grouped(typed) == shown


@given(st.text(alphabet="0123456789+- ", max_size=18))
def test_grouping_keeps_every_digit_and_settles_at_once(typed: str) -> None:
    shown = grouped(typed)
    assert "".join(filter(str.isdigit, shown)) == "".join(filter(str.isdigit, typed))
    assert grouped(shown) == shown


@given(st.from_regex(r"0[17][0-9]{8}", fullmatch=True))
def test_what_is_grouped_is_still_the_same_number(typed: str) -> None:
    assert Msisdn.parse(grouped(typed)) == Msisdn.parse(typed)


def test_another_network_is_warned_about_once_the_number_is_whole() -> None:
    assert prefix_warning("0733 12") == ""
    assert "another network" in prefix_warning("0733 123 456")
    assert prefix_warning("0712 345 678") == ""


@pytest.mark.parametrize(
    ("due", "sums"),
    [(335, (335, 400, 500, 1000)), (20, (20, 100, 500, 1000)), (785, (785, 800, 1000)), (1000, (1000,))],
)
def test_quick_sums_are_the_exact_one_and_what_people_hand_over(due: int, sums: tuple[int, ...]) -> None:
    assert quick_amounts(Money.shillings(due)) == tuple(Money.shillings(one) for one in sums)


def test_the_line_under_the_cash_field() -> None:
    due = Money.shillings(335)
    assert change_words("", due) == ("Change", ZERO)
    assert change_words("500", due) == ("Change", Money.shillings(165))
    assert change_words("200", due) == ("Still to pay", Money.shillings(135))
    assert change_words("x", due) == ("", ZERO)
    assert typed_amount("1,000") == Money.shillings(1000)
