"""What each synchronous answer to a push proves (money-safety §1.2): anything that is not listed is unknown."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.errors import AddressError, RequestError
from pos_app.daraja.exchange import NO_ANSWER, NO_CONNECTION
from pos_app.domain.evidence import Evidence, Fact
from pos_app.domain.money import AmountError, Money
from pos_app.domain.reason import Reason
from pos_app.domain.shop import Credentials, ShopAccount

pytestmark = pytest.mark.anyio

WAF_HTML = '<html><iframe src="/_Incapsula_Resource?CWUDNSAI=23"></iframe></html>'
WAF_TEXT = "Request unsuccessful. Incapsula incident ID: 1234-5678"
Pushed = Callable[..., Awaitable[Evidence]]


@pytest.fixture
def pushed(daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]) -> Pushed:
    """What one push comes to that is answered so; with `changes` to what is asked for."""

    async def push(*answers: object, **changes: object) -> Evidence:
        daraja.push(*answers)
        return await make_client().stk_push(**{**charge, **changes})

    return push


def _error(status: int, code: object, message: str) -> Any:
    return httpx.Response(status, json={"requestId": "1-2-3", "errorCode": code, "errorMessage": message})


@pytest.mark.parametrize(
    ("status", "code", "message", "reason"),
    [
        (400, "400.002.02", "Bad Request - Invalid Amount", Reason.LIMIT),
        (400, "400.002.02", "Bad Request - Invalid PartyA", Reason.BADPHONE),
        (400, "400.002.02", "Bad Request - Invalid PartyB", Reason.SETUP),
        (400, "400.002.02", "Bad Request - Invalid Remarks", Reason.SETUP),
        (400, "400.002.05", "Invalid Request Payload", Reason.SETUP),
        (400, "400.003.02", "Bad Request", Reason.SETUP),
        (403, "403.002.1001", "You are not authorized to initiate this transaction", Reason.SETUP),
        (404, "404.001.01", "Resource not found", Reason.SETUP),
        (404, "404.001.04", "Invalid Authentication Header", Reason.SETUP),
        (405, "405.001", "Method Not Allowed", Reason.SETUP),
        (500, "500.001.1001", "Merchant does not exist", Reason.SETUP),
        (500, "500.001.1001", "Wrong credentials", Reason.SETUP),
        (500, "500.001.1001", "[STK] - UNABLE TO LOCK  SUBSCRIBER, a transaction is already", Reason.BUSYLINE),
        (500, "500.003.02", "System is busy. Please try again in few minutes.", Reason.DOWN),
        (500, "500.003.03", "Error Occurred: Quota Violation", Reason.DOWN),
        (200, "500.001.1001", "Wrong credentials", Reason.SETUP),
        (200, "400.002.02", "Bad Request - Invalid Amount", Reason.LIMIT),
        (401, "401.002.01", "Invalid Access Token - Invalid API call as no apiproduct match found", Reason.SETUP),
    ],
)
async def test_a_listed_error_is_a_refusal_after_one_post(
    daraja: Any, pushed: Pushed, *, status: int, code: object, message: str, reason: Reason
) -> None:
    evidence = await pushed(_error(status, code, message))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.REJECTED, reason, code)
    assert len(daraja.pushes) == 1


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (500, "500.001.1001", ""),
        (200, "500.001.1001", ""),
        (500, "500.001.1001", "The transaction is being processed"),
        (500, "500.001.1001", "The transaction does not Exist"),
        (500, "500.001.1001", "System maintenance in progress"),
        (500, "500.002.1001", "Duplicate OriginatorConversationID."),
        (500, "500.003.1001", "Internal Server Error"),
        (500, "500.009.09", "Something new"),
        (401, "999.1", "Something new"),
        (502, "400.002.02", "Bad Request - Invalid Amount"),
        (500, "404.001.03", "Invalid Access Token"),
    ],
)
async def test_an_unlisted_error_leaves_the_outcome_unknown(
    daraja: Any, pushed: Pushed, *, status: int, code: object, message: str
) -> None:
    evidence = await pushed(_error(status, code, message))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.REPLY_LOST, Reason.UNKNOWN, code)
    assert len(daraja.pushes) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, json={}),
        httpx.Response(200, json=[1, 2]),
        httpx.Response(200, json=None),
        httpx.Response(200, json={"ResponseCode": None, "CheckoutRequestID": "ws_CO_1"}),
        httpx.Response(200, json={"ResponseCode": True}),
        httpx.Response(200, json={"ResponseCode": {"code": "0"}}),
        httpx.Response(200, json={"ResponseCode": "0"}),
        httpx.Response(200, json={"ResponseCode": "0", "CheckoutRequestID": ["ws_CO_1"]}),
        httpx.Response(201, json={"ResponseCode": "0", "CheckoutRequestID": "ws_CO_1"}),
        httpx.Response(500, json={"ResponseCode": "0", "CheckoutRequestID": "ws_CO_1"}),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(400, content=b""),
        httpx.Response(401, content=b"Unauthorized"),
        httpx.Response(403, text="<html>Forbidden</html>"),
        httpx.Response(500, text=WAF_HTML),
        httpx.Response(502, text="<html>Bad Gateway</html>"),
        httpx.Response(503, text="Service Unavailable"),
        httpx.Response(504, content=b""),
        httpx.Response(200, text="<html>Sign in to this network</html>"),
        httpx.Response(200, content=b'{"ResponseCode":"0","CheckoutRequ'),
        httpx.Response(200, content=b"\xff\xfe\x00"),
        httpx.Response(200, content=b"[" * 60_000),
        httpx.Response(200, content=b'{"ResponseCode":"0","CheckoutRequestID":"x","pad":"' + b"x" * 70_000 + b'"}'),
        httpx.Response(200, json={"ResponseCode": 10**5000 // 10**4000}),
    ],
)
async def test_an_unreadable_answer_leaves_the_outcome_unknown(daraja: Any, pushed: Pushed, answer: Any) -> None:
    evidence = await pushed(answer)
    assert (evidence.fact, evidence.reason) == (Fact.REPLY_LOST, Reason.UNKNOWN)
    assert evidence.code
    assert evidence.text
    assert len(daraja.pushes) == 1


@pytest.mark.parametrize(
    ("code", "fact", "reason"),
    [
        ("100000000", Fact.REPLY_LOST, Reason.UNKNOWN),
        ("100000001", Fact.REPLY_LOST, Reason.UNKNOWN),
        ("00.002.1001", Fact.REPLY_LOST, Reason.UNKNOWN),
        ("1037", Fact.REPLY_LOST, Reason.UNKNOWN),
        ("4999", Fact.REPLY_LOST, Reason.UNKNOWN),
        ("00", Fact.REPLY_LOST, Reason.UNKNOWN),
        ("0.0", Fact.REPLY_LOST, Reason.UNKNOWN),
        ("424242", Fact.REPLY_LOST, Reason.UNKNOWN),
        ("1001", Fact.REJECTED, Reason.BUSYLINE),
        ("17", Fact.REJECTED, Reason.UNKNOWN),
        ("26", Fact.REJECTED, Reason.DOWN),
        ("100000005", Fact.REJECTED, Reason.SETUP),
        (2028, Fact.REJECTED, Reason.SETUP),
        (0, Fact.ACCEPTED, Reason.WAIT),
    ],
)
async def test_a_response_code_is_looked_up(pushed: Pushed, *, code: object, fact: Fact, reason: Reason) -> None:
    body = {"ResponseCode": code, "ResponseDescription": "as told", "CheckoutRequestID": "ws_CO_9"}
    evidence = await pushed(httpx.Response(200, json=body))
    assert (evidence.fact, evidence.reason, evidence.code, evidence.text) == (fact, reason, str(code), "as told")


async def test_an_answer_that_both_refuses_and_accepts_is_unknown(pushed: Pushed) -> None:
    body = {"ResponseCode": "0", "CheckoutRequestID": "ws_CO_9", "errorCode": "400.002.02", "errorMessage": "Bad"}
    assert (await pushed(httpx.Response(200, json=body))).fact is Fact.REPLY_LOST


@pytest.mark.parametrize(("status", "page"), [(403, WAF_HTML), (503, WAF_TEXT), (403, "<html>Imperva</html>")])
async def test_a_page_of_the_firewall_is_a_refusal(pushed: Pushed, status: int, page: str) -> None:
    evidence = await pushed(httpx.Response(status, text=page))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.REJECTED, Reason.DOWN, "WAF")


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full"), httpx.ProxyError("no")],
)
async def test_a_failure_before_the_first_byte_means_not_sent(daraja: Any, pushed: Pushed, error: Any) -> None:
    evidence = await pushed(error)
    assert (evidence.fact, evidence.reason) == (Fact.NOT_SENT, Reason.NOT_SENT)
    assert len(daraja.pushes) == 1


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.CloseError("reset"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.LocalProtocolError("odd"),
        httpx.DecodingError("gzip"),
        ConnectionResetError("raw"),
    ],
)
async def test_a_failure_after_it_may_have_left_is_unknown_and_never_resent(
    daraja: Any, pushed: Pushed, error: Any
) -> None:
    evidence = await pushed(error)
    assert (evidence.fact, evidence.reason, evidence.code) == (
        Fact.REPLY_LOST,
        Reason.UNKNOWN,
        NO_ANSWER,
    )
    assert len(daraja.pushes) == 1


TOKEN_REFUSALS = [
    (404, "404.001.03", "Invalid Access Token"),
    (400, "400.003.01", "Invalid Access Token"),
    (401, "401.002.01", "Error Occurred - Invalid Access Token - abc"),
    (401, "401.001", "Unauthorized"),
    (401, "401", "Unauthorized"),
    (401, "401.003.01", "Error Occurred - Invalid Access Token - abc"),
    (200, "404.001.03", "Invalid Access Token"),
]


@pytest.mark.parametrize("refusal", TOKEN_REFUSALS)
async def test_a_refused_token_is_renewed_once_and_the_push_sent_at_most_twice(
    daraja: Any, pushed: Pushed, refusal: Any
) -> None:
    evidence = await pushed(_error(*refusal), _error(*refusal))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.REJECTED, Reason.SETUP, refusal[1])
    assert (len(daraja.pushes), len(daraja.tokens)) == (2, 2)


async def test_a_token_refused_in_an_answer_that_also_accepts_is_no_reason_to_send_again(
    daraja: Any, pushed: Pushed
) -> None:
    both = {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token", "ResponseCode": "0"}
    assert (await pushed(httpx.Response(200, json=both))).fact is Fact.REPLY_LOST
    assert len(daraja.pushes) == 1


async def test_a_push_lost_after_its_token_was_renewed_is_unknown(daraja: Any, pushed: Pushed) -> None:
    assert (await pushed(_error(*TOKEN_REFUSALS[0]), httpx.ReadTimeout("slow"))).fact is Fact.REPLY_LOST
    assert len(daraja.pushes) == 2


async def test_no_new_token_after_a_refused_one_means_not_sent(
    daraja: Any, pushed: Pushed, example: Callable[[str], Any]
) -> None:
    daraja.token(httpx.Response(200, json=example("E1")), httpx.ConnectError("gone"))
    assert (await pushed(_error(*TOKEN_REFUSALS[0]))).fact is Fact.NOT_SENT
    assert len(daraja.pushes) == 1


@pytest.mark.parametrize(
    ("answer", "fact", "reason", "code"),
    [
        (httpx.ConnectError("x"), Fact.NOT_SENT, Reason.NOT_SENT, NO_CONNECTION),
        (httpx.ReadTimeout("x"), Fact.NOT_SENT, Reason.NOT_SENT, NO_ANSWER),
        (httpx.Response(400, content=b""), Fact.REJECTED, Reason.SETUP, "HTTP 400"),
        (_error(400, "400.008.01", "Invalid Authentication passed"), Fact.REJECTED, Reason.SETUP, "400.008.01"),
        (_error(200, "400.008.01", "Invalid Authentication passed"), Fact.REJECTED, Reason.SETUP, "400.008.01"),
        (_error(200, "500.003.02", "busy"), Fact.REJECTED, Reason.DOWN, "500.003.02"),
        (_error(500, "500.003.02", "Spike Arrest"), Fact.REJECTED, Reason.DOWN, "500.003.02"),
        (httpx.Response(403, text=WAF_HTML), Fact.REJECTED, Reason.DOWN, "WAF"),
        (httpx.Response(503, text=WAF_TEXT), Fact.REJECTED, Reason.DOWN, "WAF"),
        (httpx.Response(429, text="slow down"), Fact.REJECTED, Reason.DOWN, "HTTP 429"),
        (httpx.Response(500, text="Service is currently unreachable"), Fact.REJECTED, Reason.DOWN, "HTTP 500"),
        (httpx.Response(200, text="<html>Sign in</html>"), Fact.REJECTED, Reason.DOWN, "HTTP 200"),
        (httpx.Response(200, json={"access_token": 'a"b\r\nX: y'}), Fact.REJECTED, Reason.DOWN, "HTTP 200"),
    ],
)
async def test_without_a_token_nothing_is_pushed(
    daraja: Any, pushed: Pushed, *, answer: Any, fact: Fact, reason: Reason, code: object
) -> None:
    daraja.token(answer)
    evidence = await pushed()
    assert (evidence.fact, evidence.reason, evidence.code) == (fact, reason, code)
    assert evidence.text
    assert daraja.pushes == []


async def test_what_daraja_cannot_take_is_refused_before_anything_is_sent(
    daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    client = make_client()
    for wrong in ({"account_reference": ""}, {"account_reference": "x" * 13}, {"callback_url": "pay.example"}):
        with pytest.raises(RequestError):
            await client.stk_push(**{**charge, **wrong})
    with pytest.raises(RequestError):
        await client.stk_push(**{**charge, "amount": Money.shillings(0)})
    with pytest.raises(AmountError):
        await client.stk_push(**{**charge, "amount": Money(150_50)})
    assert daraja.requests == []


@pytest.mark.parametrize(
    ("description", "sent"), [("A very long description", "A very long d"), ("  ", "INV-1042"), ("Bread", "Bread")]
)
async def test_a_description_is_cut_to_fit_and_never_missing(
    daraja: Any, pushed: Pushed, *, example: Callable[[str], Any], description: str, sent: str
) -> None:
    await pushed(httpx.Response(200, json=example("E6")), description=description)
    assert json.loads(daraja.pushes[0].content)["TransactionDesc"] == sent


@pytest.mark.parametrize(
    "address",
    ["", "api.safaricom.co.ke", "http://api.safaricom.co.ke", "http://10.0.0.1", "ftp://x.example", "https://a/?b=c",
     "https://[", "https://", "https://a.b:port"],
)  # fmt: skip
async def test_an_address_that_would_bare_the_secrets_is_refused(
    make_client: Callable[..., DarajaClient], address: str
) -> None:
    with pytest.raises(AddressError):
        make_client(base_url=address)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000/", "http://localhost:1", "http://[::1]:2", "https://a.b/c/"]
)
async def test_this_computer_and_any_https_address_may_be_used(
    make_client: Callable[..., DarajaClient], address: str
) -> None:
    make_client(base_url=address)


async def test_evidence_is_dated_by_the_computers_clock_in_utc(
    daraja: Any, paybill: ShopAccount, charge: dict[str, Any], example: Callable[[str], Any]
) -> None:
    daraja.push(httpx.Response(200, json=example("E6")))
    async with httpx.AsyncClient(transport=httpx.MockTransport(daraja)) as http:
        client = DarajaClient(http, "https://daraja.example", paybill, Credentials("k", "s", "p"))
        before = datetime.now(UTC)
        evidence = await client.stk_push(**charge)
        await client.aclose()
    assert before <= evidence.at <= datetime.now(UTC)
    assert evidence.fact is Fact.ACCEPTED
