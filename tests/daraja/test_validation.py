"""What is no validation, and what says no more than one."""

from collections.abc import Callable
from typing import Any

import pytest

from pos_app.daraja.validation import c2b_validation


@pytest.mark.parametrize("body", [None, [], {}, "x", {"TransID": "UJE2A9C4KF"}])
def test_what_says_neither_how_much_nor_to_whom_is_no_validation(body: Any) -> None:
    assert c2b_validation(body) is None


def test_a_balance_that_should_not_be_there_is_not_heeded(example: Callable[[str], Any]) -> None:
    assert c2b_validation({**example("E37"), "OrgAccountBalance": "1.00"}) == c2b_validation(example("E37"))
