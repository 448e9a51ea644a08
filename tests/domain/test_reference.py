"""The code on a receipt: printed long enough for a scanner, and read back however it is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.reference import printed_reference, read_printed

CODES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=3)


@given(CODES, st.integers(1, 999_999_999))
def test_what_is_printed_is_read_back(till: str, number: int) -> None:
    assert read_printed(printed_reference(till, number)) == (till, number)


def test_the_shortest_is_as_long_as_a_product_code() -> None:
    assert printed_reference("1", 7) == "1-000007"


@pytest.mark.parametrize("typed", ["T1-000142", "t1-142", " T1-0142 "])
def test_zeros_spaces_and_small_letters_do_not_matter(typed: str) -> None:
    assert read_printed(typed) == ("T1", 142)


@pytest.mark.parametrize(
    "text", ["", "142", "T1", "T1-", "T1-0", "T1-142-1", "TILL-142", "6161100100015", "UKN7K2M9QX", "T1-١٤٢", "Chai"]
)
def test_no_other_text_is_taken_for_a_receipt(text: str) -> None:
    assert read_printed(text) is None
