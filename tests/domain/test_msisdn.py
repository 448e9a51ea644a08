"""Phone numbers: every spelling and block of the contract (§6, Phones), and what is shown of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.msisdn import Msisdn, MsisdnError

SAFARICOM = [
    *range(110, 120),
    *range(140, 150),
    *range(180, 190),
    *range(700, 730),
    *range(740, 744),
    745,
    746,
    748,
    749,
]
SAFARICOM += [*range(757, 760), 768, 769, *range(790, 800)]
AIRTEL = [*range(100, 110), *range(135, 140), *range(730, 740), *range(750, 757), 762, *range(780, 790)]
TELKOM_HOMELAND_JAMII = [120, 761, *range(770, 780), 744, 747]
NOBODYS = [b for b in (*range(100, 200), *range(700, 800)) if b not in {*SAFARICOM, *AIRTEL, *TELKOM_HOMELAND_JAMII}]


@pytest.mark.parametrize(
    "text",
    [
        "0712345678",
        "712345678",
        "254712345678",
        "+254712345678",
        "+254 712 345 678",
        "0712 345 678",
        "0712-345-678",
        "(0712) 345.678",
        " 0712345678\n",
        "+254-712-345-678",
        "0712\u00a0345\u00a0678",
        "254 712345678",
    ],
)
def test_every_spelling_is_one_number(text: str) -> None:
    assert Msisdn.parse(text) == Msisdn("254712345678")


@pytest.mark.parametrize("text", ["0110345678", "110345678", "254110345678", "+254110345678", "0110 345 678"])
def test_numbers_that_begin_with_01_are_mobile_too(text: str) -> None:
    assert Msisdn.parse(text) == Msisdn("254110345678")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "071234567",
        "07123456789",
        "0812345678",
        "0212345678",
        "0612345678",
        "812345678",
        "+2540712345678",
        "00254712345678",
        "0254712345678",
        "+0712345678",
        "+712345678",
        "255712345678",
        "2547123456789",
        "25471234567",
        "07123x5678",
        "０７１２３４５６７８",
        "٠٧١٢٣٤٥٦٧٨",
        "0712345678;",
        "1234",
        "0712/345678",
    ],
)
def test_another_shape_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(MsisdnError, match="Type it like 0712 345 678 or 0110 345 678"):
        Msisdn.parse(text)


def test_the_refusal_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(MsisdnError) as refused:
        Msisdn.parse("07123456789")
    assert "07123456789" not in str(refused.value)


@pytest.mark.parametrize("block", SAFARICOM)
def test_a_safaricom_block_gets_no_warning(block: int) -> None:
    assert Msisdn.parse(f"0{block}345678").warning == ""


@pytest.mark.parametrize("block", AIRTEL + TELKOM_HOMELAND_JAMII)
def test_another_networks_block_is_warned_about_and_accepted(block: int) -> None:
    assert Msisdn.parse(f"0{block}345678").warning.startswith("This looks like another network’s number.")


@pytest.mark.parametrize("block", NOBODYS)
def test_a_block_that_the_contract_gives_to_nobody_gets_no_warning(block: int) -> None:
    assert Msisdn.parse(f"0{block}345678").warning == ""


def test_each_form_shows_what_it_may() -> None:
    phone = Msisdn("254712345678")
    assert (phone.local, phone.grouped) == ("0712345678", "0712 345 678")
    assert (phone.masked, phone.for_log) == ("0712 ••• 678", "2547*****678")
    assert phone.spoken == "zero seven one two, three four five, six seven eight"


def test_a_number_in_a_log_or_a_traceback_is_masked() -> None:
    phone = Msisdn("254712345678")
    assert str(phone) == "2547*****678"
    assert repr(phone) == repr([phone])[1:-1] == "Msisdn(2547*****678)"


@given(st.text(alphabet="+()0123456789 -.", max_size=18))
def test_whatever_is_typed_becomes_twelve_digits_or_a_sentence(text: str) -> None:
    try:
        digits = Msisdn.parse(text).digits
    except MsisdnError:
        return
    assert len(digits) == 12
    assert digits.startswith(("2547", "2541"))
    assert "".join(c for c in text if c.isdigit()).endswith(digits[3:])
