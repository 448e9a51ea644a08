"""PINs: long enough for the role, and none of those that are tried first (money-safety §5, row 3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.pin import LONGEST, pin_problem
from pos_app.domain.staff import STRONG, Role

GUESSED = ["000000", "111111", "121212", "123456", "654321", "890123", "123123", "112233", "140290", "99999999"]


@pytest.mark.parametrize("pin", ["482915", "907362", "30572948"])
def test_a_cashier_has_six_digits_or_more(pin: str) -> None:
    assert pin_problem(pin, Role.CASHIER) == ""


@pytest.mark.parametrize("pin", ["", "4829", "48291", "48291x", "٤٨٢٩١٥", " 482915", "x" * 65])
def test_what_is_no_pin_of_a_cashier_is_refused_with_a_sentence(pin: str) -> None:
    assert pin_problem(pin, Role.CASHIER).endswith(".")


@pytest.mark.parametrize("pin", ["90736215", "maziwa na mkate", "kesho asubuhi saa mbili"])
def test_a_manager_has_eight_digits_or_a_phrase(pin: str) -> None:
    assert pin_problem(pin, Role.MANAGER) == ""


@pytest.mark.parametrize("pin", ["907362", "maziwa", "aaaaaaaaaaaaaaa", "            ", "14021990", "19900214"])
def test_what_is_too_weak_for_a_manager_is_refused(pin: str) -> None:
    for role in STRONG:
        assert pin_problem(pin, role)


@pytest.mark.parametrize("pin", GUESSED)
@pytest.mark.parametrize("role", Role)
def test_what_is_tried_first_is_refused_for_everybody(pin: str, role: Role) -> None:
    assert pin_problem(pin, role)


@given(st.text(max_size=LONGEST + 2), st.sampled_from(Role))
def test_any_text_is_judged(text: str, role: Role) -> None:
    good = pin_problem(text, role) == ""
    assert not good or len(text) >= (8 if role in STRONG else 6)
