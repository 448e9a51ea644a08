"""What may be answered to a validation, against the contract's §5.3, and what is no validation."""

from collections.abc import Callable
from typing import Any

import pytest

from pos_app.daraja.result_codes import Verdict
from pos_app.daraja.validation import c2b_validation, verdict_body
from pos_app.domain.reason import Reason

# §5.3: code, message.
CONTRACT = """
0 -
C2B00011 BADPHONE
C2B00012 BADACC
C2B00013 LIMIT
C2B00014 SETUP
C2B00015 SETUP
C2B00016 SETUP
"""
ROWS = [row.split() for row in CONTRACT.split("\n")[1:-1]]


@pytest.mark.parametrize(("code", "reason"), ROWS)
def test_every_code_of_the_contract_has_its_reason_and_sentences(code: str, reason: str) -> None:
    told = Verdict(code).reason
    assert told == (None if reason == "-" else Reason(reason))
    assert told is None or (told.english and told.swahili)


def test_there_is_no_other_verdict() -> None:
    assert [verdict.value for verdict in Verdict] == [code for code, _ in ROWS]


@pytest.mark.parametrize("verdict", Verdict)
def test_only_an_acceptance_carries_our_own_id(verdict: Verdict) -> None:
    body = verdict_body(verdict, "A-142")
    assert body["ResultCode"] == verdict.value
    assert ("ThirdPartyTransID" in body) is (verdict is Verdict.ACCEPT)


@pytest.mark.parametrize("body", [None, [], {}, "x", {"TransID": "UJE2A9C4KF"}])
def test_what_says_neither_how_much_nor_to_whom_is_no_validation(body: Any) -> None:
    assert c2b_validation(body) is None


def test_a_balance_that_should_not_be_there_is_not_heeded(example: Callable[[str], Any]) -> None:
    assert c2b_validation({**example("E37"), "OrgAccountBalance": "1.00"}) == c2b_validation(example("E37"))
