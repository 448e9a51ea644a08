"""Amounts: what a cashier types, what Daraja sends, and what M-Pesa can be asked for."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.money import CHARGE_MAX, CHARGE_MIN, ZERO, AmountError, Money, checked_charge


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("0", 0),
        ("1", 100),
        ("350", 35_000),
        ("1,000", 100_000),
        ("1000", 100_000),
        ("250,000", 25_000_000),
        ("250001", 25_000_100),
        ("1,234,567.89", 123_456_789),
        ("1.5", 150),
        ("99.50", 9_950),
        ("0.05", 5),
        (" 20 ", 2_000),
        ("KES 20", 2_000),
        ("kes20", 2_000),
        ("KSh 1,250", 125_000),
        ("999999999.99", 99_999_999_999),
    ],
)
def test_an_amount_is_read_as_a_person_writes_it(text: str, cents: int) -> None:
    assert Money.typed(text) == Money(cents)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "KES",
        "-1",
        "+1",
        "1.",
        ".5",
        "1.555",
        "1,00",
        "1,0000",
        "1,000,000,000",
        "10,00.5",
        "1 000",
        "1e3",
        "0x10",
        "NaN",
        "inf",
        "١٠٠",
        "１００",
        "1_000",
        "1.5.0",
        "1000000000",
        "USD 5",
        "five",
        "1\n2",
    ],
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(AmountError, match="is not an amount"):
        Money.typed(text)


@pytest.mark.parametrize("text", ["1", "1,000", "250000", "250,000"])
def test_mpesa_takes_whole_shillings_from_1_to_250000(text: str) -> None:
    amount = Money.typed(text)
    assert checked_charge(amount) is amount


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0", "M-Pesa takes KES 1 to KES 250,000 at a time, not KES 0."),
        ("0.99", "M-Pesa takes KES 1 to KES 250,000 at a time, not KES 0.99."),
        ("250001", "M-Pesa takes KES 1 to KES 250,000 at a time, not KES 250,001."),
        ("250,000.01", "M-Pesa takes KES 1 to KES 250,000 at a time, not KES 250,000.01."),
        ("1.5", "M-Pesa takes whole shillings only, not KES 1.50."),
    ],
)
def test_mpesa_is_not_asked_for_anything_else(text: str, sentence: str) -> None:
    with pytest.raises(AmountError) as refused:
        checked_charge(Money.typed(text))
    assert str(refused.value) == sentence


def test_a_negative_amount_is_never_charged() -> None:
    with pytest.raises(AmountError):
        checked_charge(Money.shillings(-5))


def test_a_shop_may_lower_the_limit() -> None:
    with pytest.raises(AmountError, match="to KES 70,000 at a time"):
        checked_charge(Money.shillings(70_001), maximum=Money.shillings(70_000))
    assert CHARGE_MIN.cents == 100
    assert CHARGE_MAX.cents == 25_000_000


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        (1, 100),
        (150, 15_000),
        (150.0, 15_000),
        (1.0, 100),
        (0.1, 10),
        ("150.00", 15_000),
        (" 5.00 ", 500),
        ("10", 1_000),
        ("1.5", 150),
        ("1.50000", 150),
        (Decimal("150.00"), 15_000),
        (-5, -500),
        (0, 0),
        (10**12 - 1, 10**14 - 100),
    ],
)
def test_daraja_spells_an_amount_in_several_ways(value: object, cents: int) -> None:
    assert Money.from_wire(value) == Money(cents)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        "",
        "abc",
        "1,000",
        "1.005",
        1.005,
        "NaN",
        "sNaN",
        "Infinity",
        float("nan"),
        float("inf"),
        [1],
        {"Amount": 1},
        b"1",
        "1e3",
        "1_0",
        "١٥",
        "0x1",
        "\ud800",
        "1\x00",
        "KES 1",
        "5.",
    ],
)
def test_anything_else_from_the_wire_is_no_amount(value: object) -> None:
    assert Money.from_wire(value) is None


@pytest.mark.parametrize(
    "value",
    [
        10**12,
        -(10**12),
        pytest.param(10**5000, id="5,001 digits"),
        "1e999999999",
        "1e-999999999",
        pytest.param("9" * 60_000, id="60,000 nines"),
        1e300,
    ],
)
def test_an_absurd_amount_is_no_amount_and_raises_nothing(value: object) -> None:
    assert Money.from_wire(value) is None


@given(st.one_of(st.text(), st.integers(), st.floats(), st.decimals(), st.binary(), st.none(), st.booleans()))
def test_no_value_from_the_wire_raises(value: object) -> None:
    money = Money.from_wire(value)
    assert money is None or abs(money.cents) < 10**14


@given(st.text(alphabet="0123456789.,KESHksh -+e", max_size=14))
def test_typing_gives_an_amount_or_a_sentence(text: str) -> None:
    with suppress(AmountError):
        assert 0 <= Money.typed(text).cents < 10**11


@given(st.integers(0, 10**11 - 1))
def test_what_is_shown_can_be_typed_again(cents: int) -> None:
    assert Money.typed(str(Money(cents))) == Money(cents)


@given(st.integers(0, 10**12))
def test_what_daraja_echoes_is_what_was_asked(cents: int) -> None:
    money = Money(cents)
    assert Money.from_wire(f"{cents // 100}.{cents % 100:02d}") == money
    if money.is_whole:
        assert Money.from_wire(money.whole_shillings) == money
        assert Money.from_wire(float(money.whole_shillings)) == money


@pytest.mark.parametrize("cents", [1.0, "1", None, True, Decimal(1)])
def test_no_float_becomes_money(cents: object) -> None:
    with pytest.raises(TypeError):
        Money(cents)  # type: ignore[arg-type]  # the point of the test


def test_amounts_add_subtract_multiply_and_compare() -> None:
    assert Money(150) + Money(50) - Money(1) * 3 == Money(197)
    assert ZERO < Money(1) < Money(2)
    assert not ZERO
    assert Money(-1)


@pytest.mark.parametrize(("cents", "rounded"), [(0, 0), (49, 0), (50, 100), (149, 100), (150, 200), (12_300, 12_300)])
def test_a_total_is_rounded_to_the_nearest_shilling(cents: int, rounded: int) -> None:
    assert Money(cents).rounded() == Money(rounded)


def test_part_of_a_shilling_has_no_whole_shillings() -> None:
    assert Money(35_000).whole_shillings == 350
    with pytest.raises(AmountError, match="is not in whole shillings"):
        _ = Money(150).whole_shillings


@pytest.mark.parametrize(
    ("cents", "shown"), [(125_000, "1,250"), (9_950, "99.50"), (5, "0.05"), (0, "0"), (-125_050, "-1,250.50")]
)
def test_an_amount_is_shown_with_cents_only_where_there_are_any(cents: int, shown: str) -> None:
    assert Money(cents).plain == shown
    assert str(Money(cents)) == f"KES {shown}"
