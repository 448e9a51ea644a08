"""OAuth, as the contract §1 and E1–E3 have it."""

import base64
import json
from typing import Any

import pytest

from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import TOKEN_PATH, Daraja
from pos_app.simulator.messages import Request


def test_E1_E2_expiry_is_a_number_and_a_string_in_turn(caller: Any) -> None:
    first, second = json.loads(caller.token().body), json.loads(caller.token().body)
    assert {type(first["expires_in"]), type(second["expires_in"])} == {int, str}
    assert len(first["access_token"]) == 28
    assert int(first["expires_in"]) == int(second["expires_in"]) == 3599


@pytest.mark.parametrize("query", ["", "grant_type=password", "grant_type=client_credentials&grant_type=x"])
def test_E3_a_wrong_grant_type_is_refused(caller: Any, query: str) -> None:
    reply = caller.token(query=query)
    assert reply.status == 400
    assert json.loads(reply.body)["errorCode"] == "400.008.02"
    assert set(json.loads(reply.body)) == {"requestId", "errorCode", "errorMessage"}


def test_no_basic_authentication_is_400_008_01(caller: Any) -> None:
    reply = caller.token(authorization="Bearer x")
    assert (reply.status, json.loads(reply.body)["errorCode"]) == (400, "400.008.01")


@pytest.mark.parametrize("credentials", ["%%%", base64.b64encode(b"training-key:wrong").decode(), ""])
def test_wrong_credentials_are_400_with_an_empty_body(caller: Any, credentials: str) -> None:
    reply = caller.token(authorization=f"Basic {credentials}")
    assert (reply.status, reply.body) == (400, b"")


def test_a_new_token_kills_the_one_before(caller: Any) -> None:
    old = caller.bearer
    caller.token()
    assert caller.push().status == 200
    caller.bearer = old
    assert caller.push().status == 404


def test_tokens_can_live_side_by_side(caller: Any) -> None:
    caller.core = Daraja(ManualClock(), one_token=False)
    caller.token()
    old = caller.bearer
    caller.token()
    caller.bearer = old
    assert caller.push().status == 200


def test_E8_an_expired_an_invalidated_and_a_missing_token_are_refused(caller: Any) -> None:
    caller.core.clock.advance(3599.9)
    assert caller.push().status == 200
    caller.core.clock.advance(0.2)
    reply = caller.push()
    assert reply.status == 404
    assert json.loads(reply.body)["errorCode"] == "404.001.03"
    assert json.loads(reply.body)["errorMessage"] == "Invalid Access Token"
    caller.token()
    caller.core.tokens.invalidate()
    assert caller.push().status == 404
    caller.token()
    caller.bearer = ""
    assert caller.query("ws_CO_1").status == 404


def test_a_wrong_path_and_a_wrong_method(caller: Any) -> None:
    wrong_path = caller.post("/mpesa/stkpush/v2/processrequest", {})
    assert (wrong_path.status, json.loads(wrong_path.body)["errorCode"]) == (404, "404.001.01")
    wrong_method = caller.core.handle(Request("POST", TOKEN_PATH))
    assert (wrong_method.status, json.loads(wrong_method.body)["errorCode"]) == (405, "405.001")


def test_a_gateway_fault_lasts_as_often_as_it_was_asked_to(caller: Any) -> None:
    caller.core.faults.set("token", "waf_503", times=2)
    assert [caller.token().status for _ in range(3)] == [503, 503, 200]
    caller.core.faults.set("query", "lost")
    assert caller.query("ws_CO_1").fate == "lost"
    caller.core.faults.set("query", "hangs")
    assert caller.query("ws_CO_1").fate == "hangs"
    assert caller.core.faults.active() == {"query": "hangs"}
    caller.core.faults.clear("query")
    assert caller.query("ws_CO_1").status == 500


@pytest.mark.parametrize(("endpoint", "fault", "times"), [("x", "lost", 1), ("push", "x", 1), ("push", "lost", 0)])
def test_an_impossible_fault_is_refused(caller: Any, endpoint: str, fault: str, times: int) -> None:
    with pytest.raises(ValueError, match=r"named|once"):
        caller.core.faults.set(endpoint, fault, times)
