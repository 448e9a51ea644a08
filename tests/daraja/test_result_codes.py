"""The code tables against the contract's §5, row by row."""

import pytest

from pos_app.daraja.result_codes import STK_RESULTS, UNLISTED, Moved, Refusal, push_response, stk_result, sync_error
from pos_app.domain.reason import Reason

# §5.1: code, message, final, moved for this request, query first (about this very charge).
CONTRACT = """
0 PAID yes yes -
4999 WAIT no maybe -
1 LOWBAL yes no -
2 LIMIT yes no -
3 LIMIT yes no -
4 DAILY yes no -
8 SETUP yes no -
17 UNKNOWN yes no -
26 DOWN yes no -
1001 BUSYLINE yes no -
1019 EXPIRED yes no query
1025 SETUP yes no -
9999 DOWN yes no query
1031 CANCEL yes no -
1032 CANCEL yes no -
1036 NOANSWER yes no query
1037 NOANSWER yes no query
1101 SETUP yes no -
1102 SETUP yes no -
2001 WRONGPIN yes no -
2008 EXPIRED yes no query
2026 EXPIRED yes no query
2028 SETUP yes no -
2029 SETUP yes no -
8006 PINLOCK yes no -
E3008 NOPAY yes no -
SFC_IC0003 SETUP yes no -
"""


@pytest.mark.parametrize("row", CONTRACT.split("\n")[1:-1])
def test_every_row_of_the_contract_is_in_the_table(row: str) -> None:
    code, reason, final, moved, query = row.split()
    meaning = stk_result(code)
    assert meaning.reason is Reason(reason)
    assert (meaning.final, meaning.moved, meaning.query_first) == (final == "yes", Moved(moved), query == "query")


def test_the_table_holds_nothing_else() -> None:
    assert set(STK_RESULTS) == {row.split()[0] for row in CONTRACT.split("\n")[1:-1]}


@pytest.mark.parametrize("code", ["", "00", "0.0", " 0", "e3008", "sfc_ic0003", "１", "100000000", "1037.0"])
def test_a_code_that_is_not_spelled_so_is_unlisted(code: str) -> None:
    assert stk_result(code) is UNLISTED
    assert not UNLISTED.is_definite_failure


@pytest.mark.parametrize("code", ["0", "4999", "nonsense"])
def test_a_response_code_never_proves_a_payment(code: str) -> None:
    assert push_response(code) is UNLISTED


@pytest.mark.parametrize("words", ["Urls are already registered", "Duplicate notification info, SP ID is 1"])
def test_the_words_of_a_registration_say_nothing_about_a_charge(words: str) -> None:
    error = sync_error(500, "500.003.1001", words)
    assert (error.reason, error.refusal) == (Reason.UNKNOWN, Refusal.UNCLEAR)
