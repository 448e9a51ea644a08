"""The bars of Code 128: what a scanner was seen to read, and what holds of every code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.barcode import bars

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
SIGN, STOP = 11, (2, 3, 3, 1, 1, 1, 2)


@pytest.mark.parametrize(
    ("text", "widths"),
    [
        ("T1-000142", "2112142133111232211221321131412122222221221121333111412331112"),
        ("1-142", "2112141232211221321232212212312232113321112331112"),
    ],
)
def test_a_receipts_code_is_written_as_another_program_read_it(text: str, widths: str) -> None:
    assert "".join(map(str, bars(text))) == widths


@given(PRINTABLE)
def test_every_sign_is_as_wide_as_the_others_and_its_bars_are_of_an_even_width(text: str) -> None:
    """The code’s own check of each sign; the stop is wider by one bar."""
    widths = bars(text)
    assert widths[-len(STOP) :] == STOP
    signs = [widths[at : at + 6] for at in range(0, len(widths) - len(STOP), 6)]
    for sign in signs:
        assert sum(sign) == SIGN
        assert sum(sign[::2]) % 2 == 0


@given(PRINTABLE, PRINTABLE)
def test_two_texts_have_different_bars(one: str, other: str) -> None:
    assert (bars(one) == bars(other)) == (one == other)


def test_digits_at_the_end_take_half_the_room() -> None:
    assert sum(bars("1-000001")) - sum(bars("1-0001")) == SIGN
    assert sum(bars("1-AAAAAA")) - sum(bars("1-AAAA")) == 2 * SIGN


@pytest.mark.parametrize("text", ["", "Njerĩ", "a\n", "٣٤٥٦"])
def test_what_the_code_cannot_write_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        bars(text)
