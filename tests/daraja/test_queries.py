"""What an STK query proves: a final answer is definite, anything else says nothing."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.exchange import NO_ANSWER, NO_CONNECTION
from pos_app.domain.evidence import Fact
from pos_app.domain.reason import Reason

pytestmark = pytest.mark.anyio

ASKED = "ws_CO_14102026153012345712345678"


def _result(code: object, **more: Any) -> Any:
    return httpx.Response(200, json={"ResponseCode": "0", "CheckoutRequestID": ASKED, "ResultCode": code, **more})


async def test_a_query_is_signed_and_names_the_charge(
    daraja: Any, make_client: Callable[..., DarajaClient], example: Callable[[str], Any]
) -> None:
    daraja.query(httpx.Response(200, json=example("E26")))
    await make_client().stk_query(ASKED)
    assert json.loads(daraja.queries[0].content) == {
        "BusinessShortCode": 600966,
        "Password": "NjAwOTY2YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIw"
        "MjYxMDE0MTUzMDEy",
        "Timestamp": "20261014153012",
        "CheckoutRequestID": ASKED,
    }


@pytest.mark.parametrize(
    ("code", "fact", "reason"),
    [
        ("0", Fact.PAID, Reason.PAID),
        (0, Fact.PAID, Reason.PAID),
        ("1037", Fact.FAILED, Reason.NOANSWER),
        ("1019", Fact.FAILED, Reason.EXPIRED),
        ("9999", Fact.FAILED, Reason.DOWN),
        ("2008", Fact.FAILED, Reason.EXPIRED),
        (1, Fact.FAILED, Reason.LOWBAL),
        ("E3008", Fact.FAILED, Reason.NOPAY),
        ("17", Fact.FAILED, Reason.UNKNOWN),
        ("4999", Fact.STILL_OPEN, Reason.WAIT),
        (4999, Fact.STILL_OPEN, Reason.WAIT),
        ("424242", Fact.UNCLEAR, Reason.UNKNOWN),
        ("00", Fact.UNCLEAR, Reason.UNKNOWN),
        (0.0, Fact.UNCLEAR, Reason.UNKNOWN),
    ],
)
async def test_a_result_is_looked_up(
    daraja: Any, make_client: Callable[..., DarajaClient], code: object, fact: Fact, reason: Reason
) -> None:
    daraja.query(_result(code))
    evidence = await make_client().stk_query(ASKED)
    assert (evidence.fact, evidence.reason, evidence.code) == (fact, reason, str(code))
    assert evidence.checkout_request_id == ASKED


async def test_an_answer_about_another_charge_keeps_that_charges_id(
    daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    daraja.query(_result("0", CheckoutRequestID="ws_CO_another"))
    assert (await make_client().stk_query(ASKED)).checkout_request_id == "ws_CO_another"


async def test_an_answer_without_an_id_is_about_the_charge_asked_for(
    daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    daraja.query(_result("1032", CheckoutRequestID=None))
    assert (await make_client().stk_query(ASKED)).checkout_request_id == ASKED


@pytest.mark.parametrize(
    ("answer", "reason", "code"),
    [
        (httpx.ReadTimeout("x"), Reason.UNKNOWN, NO_ANSWER),
        (httpx.ConnectError("x"), Reason.UNKNOWN, NO_CONNECTION),
        (httpx.Response(200, text="<html>"), Reason.UNKNOWN, "HTTP 200"),
        (httpx.Response(500, json={"ResponseCode": "0", "ResultCode": "0"}), Reason.UNKNOWN, "0"),
        (httpx.Response(200, json={"ResultCode": "0"}), Reason.UNKNOWN, "HTTP 200"),
        (httpx.Response(200, json={"ResponseCode": "1", "ResultCode": "0"}), Reason.UNKNOWN, "1"),
        (httpx.Response(200, json={"ResponseCode": "0"}), Reason.UNKNOWN, "0"),
        (httpx.Response(200, json={"ResponseCode": "0", "ResultCode": None}), Reason.UNKNOWN, "0"),
        (httpx.Response(200, json={"ResponseCode": "0", "ResultCode": "0", "errorCode": "1"}), Reason.UNKNOWN, "1"),
        (httpx.Response(500, json={"errorCode": "500.001.1001", "errorMessage": ""}), Reason.UNKNOWN, "500.001.1001"),
        (
            httpx.Response(500, json={"errorCode": "500.001.1001", "errorMessage": "Wrong credentials"}),
            Reason.SETUP,
            "500.001.1001",
        ),
        (
            httpx.Response(400, json={"errorCode": "400.002.02", "errorMessage": "Invalid CheckoutRequestID"}),
            Reason.UNKNOWN,
            "400.002.02",
        ),
        (httpx.Response(403, text="Incapsula incident ID: 1"), Reason.DOWN, "WAF"),
    ],
)
async def test_what_is_not_a_result_says_nothing_about_the_charge(
    daraja: Any, make_client: Callable[..., DarajaClient], answer: Any, reason: Reason, code: object
) -> None:
    daraja.query(answer)
    evidence = await make_client().stk_query(ASKED)
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.NO_ANSWER, reason, code)
    assert evidence.checkout_request_id == ASKED


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.ConnectError("x"), Reason.UNKNOWN),
        (httpx.Response(400), Reason.SETUP),
        (httpx.Response(500), Reason.DOWN),
    ],
)
async def test_without_a_token_a_query_says_nothing(
    daraja: Any, make_client: Callable[..., DarajaClient], answer: Any, reason: Reason
) -> None:
    daraja.token(answer)
    evidence = await make_client().stk_query(ASKED)
    assert (evidence.fact, evidence.reason) == (Fact.NO_ANSWER, reason)
    assert daraja.queries == []


async def test_a_query_renews_a_refused_token_once(
    daraja: Any, make_client: Callable[..., DarajaClient], example: Callable[[str], Any]
) -> None:
    daraja.query(httpx.Response(404, json=example("E8")), httpx.Response(200, json=example("E26")))
    assert (await make_client().stk_query(ASKED)).fact is Fact.PAID
    assert len(daraja.tokens) == 2
