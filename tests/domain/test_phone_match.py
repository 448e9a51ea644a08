"""Whether a typed number is the payer's, as far as M-Pesa shows it (contract §2.6, §2.7)."""

from hashlib import sha256

import pytest

from pos_app.domain.msisdn import Msisdn, MsisdnError
from pos_app.domain.phone_match import PhoneMatch, phone_match, shown_digits, typed_twice

NUMBER = Msisdn("254712345678")
HASH = sha256(b"254712345678").hexdigest()


@pytest.mark.parametrize(
    "told",
    [
        "254712345678 - JOHN DOE",
        "0712345678 - John Doe",
        "2547 ***** 678",
        "•••678",
        "07•• ••• 678",
        " +254712345678 ",
        HASH,
        HASH.upper(),
        HASH[:20] + "*" * 10 + HASH[30:],
    ],
)
def test_the_same_number_in_every_spelling(told: str) -> None:
    assert phone_match(NUMBER, told) is PhoneMatch.SAME


@pytest.mark.parametrize(
    "told",
    [
        "2541 ***** 678",
        "01•• ••• 678",
        "0713 ••• 678",
        "254712345679 - JOHN DOE",
        "0799999999",
        "2547 ***** 126",
        "•••126",
        "0" * 64,
        "*" * 5 + HASH[5:-1] + "z",
    ],
)
def test_another_number_is_told_apart_or_cannot_be_read(told: str) -> None:
    assert phone_match(NUMBER, told) is not PhoneMatch.SAME


@pytest.mark.parametrize("told", ["", "JOHN DOE", "78", "*" * 64, HASH[:20] + "*" * 44])
def test_what_shows_too_little_proves_nothing(told: str) -> None:
    assert phone_match(NUMBER, told) is PhoneMatch.UNREADABLE


@pytest.mark.parametrize(
    ("told", "digits"),
    [
        ("254712345678 - JOHN DOE", "712345678"),
        ("2547 ***** 126", "126"),
        ("•••126", "126"),
        ("07•• ••• 678 - Jane 2", "678"),
        ("JOHN DOE", ""),
        ("78", ""),
        ("", ""),
        (HASH, ""),
        (HASH[:20] + "*" * 10 + HASH[30:], ""),
    ],
)
def test_of_the_payers_number_its_last_digits_are_shown(told: str, digits: str) -> None:
    assert shown_digits(told) == digits


def test_a_number_is_typed_twice_in_whatever_spelling() -> None:
    assert typed_twice("0712 345 678", "+254712345678") == NUMBER
    with pytest.raises(MsisdnError, match="differ"):
        typed_twice("0712345678", "0712345679")
    with pytest.raises(MsisdnError):
        typed_twice("0712", "0712")
