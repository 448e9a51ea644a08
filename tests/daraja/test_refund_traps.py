"""The contract's traps (§12) about refunds, each a test named after it, and every outcome that must stay unknown."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.daraja import initiator, refund_results
from pos_app.daraja.client import DarajaClient
from pos_app.daraja.errors import RequestError
from pos_app.daraja.initiator import Addresses
from pos_app.daraja.initiator_api import InitiatorApi
from pos_app.daraja.initiator_codes import initiator_meaning, is_certain_failure
from pos_app.daraja.result_codes import UNLISTED, Moved
from pos_app.daraja.results import completed_at, initiator_result, queue_timeout
from pos_app.domain.money import AmountError, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.refund_evidence import RefundFact
from pos_app.domain.shop import Initiator

pytestmark = pytest.mark.anyio

KES = Money.shillings
CREDENTIAL = "Q2lwaGVydGV4dCBvZiBhIHBhc3N3b3Jk" * 10
OPERATOR = Initiator("apiop1", CREDENTIAL, "600966")
TO = Addresses("https://pay.example.co.ke/result/77", "https://pay.example.co.ke/timeout/77")
PATH = initiator.B2C.path
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

# §5.2: codes, message, final, moved, ask first.
CONTRACT = """
0 PAID yes yes -
1 FLOAT yes no -
2,3 LIMIT yes no -
4 DAILY yes no -
8 LIMIT yes no -
11,2006 SETUP yes no -
15 UNKNOWN no maybe query
17 UNKNOWN no maybe query
18,19,20,21,22 SETUP yes no -
5,6,7,12,13,14 SETUP yes no -
24,25,29 SETUP yes no -
26 DOWN yes no -
2001,2028,8006,TP40153 SETUP yes no -
2040 NOTREG yes no -
SFC_IC0003 BADPHONE yes no -
R000001 ALREADYREV yes no -
R000002 BADRCPT yes no -
100000000,100000004,100000007,100000009,100000100,00.002.1001 UNKNOWN no maybe query
100000001,100000002,100000011 DOWN yes no query
100000005,100000010 SETUP yes no -
"""
ROWS = [
    (code, *rest) for line in CONTRACT.split("\n")[1:-1] for codes, *rest in [line.split()] for code in codes.split(",")
]


@pytest.mark.parametrize(("code", "reason", "final", "moved", "query"), ROWS)
def test_the_table_of_result_codes_is_the_contracts(code: str, reason: str, final: str, moved: str, query: str) -> None:
    meaning = initiator_meaning(code)
    assert (meaning.reason, meaning.final) == (Reason(reason), final == "yes")
    assert (meaning.moved, meaning.query_first) == (Moved(moved), query == "query")


@pytest.fixture
def api(make_client: Callable[..., DarajaClient]) -> InitiatorApi:
    return make_client().operated_by(OPERATOR)


async def pays(api: InitiatorApi, **changes: Any) -> Any:
    told: dict[str, Any] = {
        "originator_id": "ref-77",
        "amount": KES(100),
        "payee": Msisdn("254712345678"),
        "remarks": "Refund",
    }
    return await api.b2c(TO, **(told | changes))


def result(now: datetime, code: object = 0, **fields: Any) -> Any:
    return refund_results.result_evidence({"Result": {"ResultCode": code, **fields}}, now, trusted=True)


def test_trap_18_the_second_figure_is_what_can_be_spent(now: datetime) -> None:
    told = "Utility Account|KES|346568.83|6186.83|340382.00|0.00"
    parameters = {"ResultParameter": {"Key": "AccountBalance", "Value": told}}
    found = refund_results.account_balances({"Result": {"ResultCode": 0, "ResultParameters": parameters}}, now)
    assert found is not None
    (account,) = found.accounts
    assert account.current == account.available + account.reserved
    assert (found.utility_available, found.at) == (Money(618_683), now)


@pytest.mark.parametrize(
    ("fate", "fact"),
    [
        ("Completed", RefundFact.COMPLETED),
        ("COMPLETED", RefundFact.COMPLETED),
        ("Declined", RefundFact.FAILED),
        ("Cancelled", RefundFact.FAILED),
        ("Expired", RefundFact.FAILED),
        ("Initiated", RefundFact.STILL_OPEN),
        ("Authorized", RefundFact.STILL_OPEN),
        ("Pending Authorized", RefundFact.STILL_OPEN),
        ("Something new", RefundFact.NO_ANSWER),
        ("", RefundFact.NO_ANSWER),
    ],
)
def test_trap_19_the_fate_of_a_payment_is_not_the_code_of_the_query(now: datetime, fate: str, fact: RefundFact) -> None:
    parameters = {"ResultParameter": [{"Key": "TransactionStatus", "Value": fate}]}
    body = {"Result": {"ResultCode": "0", "ResultParameters": parameters}}
    told = refund_results.status_evidence(body, now, trusted=True)
    assert told is not None
    assert told.fact is fact


@pytest.mark.parametrize("code", [1, 2001, "R000002", 17, "new"])
def test_trap_20_a_transaction_id_proves_nothing(now: datetime, code: object) -> None:
    told = result(now, code, TransactionID="UJE8C3K6RD")
    assert told.fact is not RefundFact.COMPLETED
    assert told.receipt == ""
    assert result(now, 0, TransactionID="UJE0000000").receipt == "", "a placeholder is nobody's code"


def test_trap_21_a_queue_timeout_has_no_result_and_its_credential_goes_nowhere(
    now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    bodies: tuple[object, ...] = ({"SecurityCredential": CREDENTIAL}, {}, None, [], "x")
    for body in bodies:
        told = refund_results.timeout_evidence(body, now, trusted=True)
        assert told.fact is RefundFact.QUEUE_TIMEOUT
        assert CREDENTIAL not in repr(told)
    assert CREDENTIAL not in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(500, json={"errorCode": "500.002.1001", "errorMessage": "Duplicate OriginatorConversationID."}),
        httpx.Response(500, json={"errorCode": "500.002.1001", "errorMessage": "System internal error."}),
        httpx.Response(500, json={"errorCode": "500.003.02", "errorMessage": "System is busy. Spike Arrest"}),
        httpx.Response(500, json={"errorCode": "500.003.03", "errorMessage": "Quota Violation"}),
        httpx.Response(500, json={"errorCode": "500.003.1001", "errorMessage": "Internal Server Error"}),
        httpx.Response(500, json={"errorCode": "500.001.1001", "errorMessage": "Unable to lock subscriber"}),
        httpx.Response(400, json={"errorCode": "400.002.02", "errorMessage": "Bad", "ResponseCode": "0"}),
        httpx.Response(502, html="<h1>Bad Gateway</h1>"),
        httpx.Response(200, text=""),
        httpx.Response(200, json=["0"]),
        httpx.Response(200, json={"ResponseCode": ""}),
        httpx.Response(500, json={"ResponseCode": "0"}),
        *(httpx.Response(200, json={"ResponseCode": code}) for code in ("100000000", "15", "17", "100000001", "77")),
    ],
)
async def test_trap_22_what_may_have_been_paid_is_unknown_and_never_sent_again(
    daraja: Any, api: InitiatorApi, answer: Any
) -> None:
    daraja.on(PATH, answer)
    told = await pays(api)
    assert (told.fact, told.reason) == (RefundFact.REPLY_LOST, Reason.UNKNOWN)
    assert len(daraja.sent_to(PATH)) == 1


async def test_trap_23_no_request_without_an_id_of_ours_is_ever_made(daraja: Any, api: InitiatorApi) -> None:
    with pytest.raises(RequestError):
        await pays(api, originator_id="")
    assert daraja.requests == []
    assert "/v3/" in PATH, "v1 has no id to ask by"


async def test_trap_24_a_403_for_an_address_that_is_not_listed_is_said_as_a_setup_fault(
    daraja: Any, api: InitiatorApi
) -> None:
    error = {"errorCode": "403.002.1001", "errorMessage": "You are not authorized to initiate this transaction"}
    daraja.on(PATH, httpx.Response(403, json=error))
    told = await pays(api)
    assert (told.fact, told.reason) == (RefundFact.REJECTED, Reason.SETUP)
    assert not told.switches_refunds_off, "the operator's password is not wrong"


@pytest.mark.parametrize("code", [2001, 8006, 21, 18, "TP40153"])
def test_trap_37_one_failure_of_the_operators_credential_stops_refunds(now: datetime, code: object) -> None:
    assert result(now, code).switches_refunds_off
    told = refund_results.status_evidence({"Result": {"ResultCode": code}}, now, trusted=True)
    assert told is not None
    assert (told.fact, told.switches_refunds_off) == (RefundFact.NO_ANSWER, True)
    forged = refund_results.result_evidence({"Result": {"ResultCode": code}}, now, trusted=False)
    assert forged is not None
    assert not forged.switches_refunds_off


async def test_trap_45_a_refund_has_no_way_back(api: InitiatorApi) -> None:
    assert {name for name in dir(api) if not name.startswith("_")} == {
        "account_balance",
        "b2c",
        "reverse",
        "transaction_status",
    }


@pytest.mark.parametrize(
    ("answer", "fact", "reason"),
    [
        (httpx.ConnectError("down"), RefundFact.NOT_SENT, Reason.NOT_SENT),
        (httpx.Response(400, json={"errorCode": "400.002.02", "errorMessage": "x"}), RefundFact.REJECTED, Reason.SETUP),
        (httpx.Response(404, json={"errorCode": "404.001.01"}), RefundFact.REJECTED, Reason.SETUP),
        (httpx.Response(200, json={"ResponseCode": "2001"}), RefundFact.REJECTED, Reason.SETUP),
        (httpx.Response(200, json={"ResponseCode": "26"}), RefundFact.REJECTED, Reason.DOWN),
        (httpx.Response(403, html="Incapsula incident"), RefundFact.REJECTED, Reason.DOWN),
        (
            httpx.Response(500, json={"errorCode": "500.001.1001", "errorMessage": "Wrong credentials"}),
            RefundFact.REJECTED,
            Reason.SETUP,
        ),
    ],
)
async def test_what_was_certainly_not_processed_is_said_so(
    daraja: Any, api: InitiatorApi, answer: Any, fact: RefundFact, reason: Reason
) -> None:
    daraja.on(PATH, answer)
    told = await pays(api)
    assert (told.fact, told.reason) == (fact, reason)


async def test_a_refused_token_is_replaced_once_and_the_same_request_leaves_again(
    daraja: Any, api: InitiatorApi
) -> None:
    refused = httpx.Response(404, json={"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"})
    daraja.on(PATH, refused, httpx.Response(200, json={"ResponseCode": "0"}))
    assert (await pays(api)).fact is RefundFact.ACCEPTED
    first, second = daraja.bodies(PATH)
    assert first == second


async def test_without_a_token_nothing_left(daraja: Any, api: InitiatorApi) -> None:
    daraja.token(httpx.ConnectError("down"), httpx.Response(400, json={"errorCode": "400.008.02"}))
    assert (await pays(api)).fact is RefundFact.NOT_SENT
    assert (await pays(api)).fact is RefundFact.REJECTED
    assert daraja.sent_to(PATH) == []


async def test_a_question_that_is_refused_says_nothing_of_the_refund(daraja: Any, api: InitiatorApi) -> None:
    daraja.on(initiator.TRANSACTION_STATUS.path, httpx.Response(200, json={"ResponseCode": "2001"}))
    told = await api.transaction_status(TO, originator_id="ref-77")
    assert told is not None
    assert (told.fact, told.code, told.switches_refunds_off) == (RefundFact.NO_ANSWER, "2001", True)


@pytest.mark.parametrize("amount", [KES(0), KES(9), Money(999), KES(250_001), Money(10_050), KES(-10)])
async def test_an_amount_that_m_pesa_does_not_pay_out_never_leaves(
    daraja: Any, api: InitiatorApi, amount: Money
) -> None:
    with pytest.raises((RequestError, AmountError)):
        await pays(api, amount=amount)
    assert daraja.requests == []


async def test_what_cannot_be_asked_never_leaves(daraja: Any, api: InitiatorApi) -> None:
    nowhere = Addresses("", "https://pay.example.co.ke/timeout/77")
    with pytest.raises(RequestError):
        await api.account_balance(nowhere)
    with pytest.raises(RequestError):
        await api.transaction_status(TO)
    with pytest.raises(RequestError):
        await api.transaction_status(TO, originator_id="ref-77", receipt="UJE7K2M9QX")
    for receipt, amount in (("no", KES(150)), ("UJE7K2M9QX", KES(0))):
        with pytest.raises(RequestError):
            await api.reverse(TO, receipt=receipt, amount=amount, receiver="600966", remarks="x")
    assert daraja.requests == []


@pytest.mark.parametrize(("typed", "sent"), [("", "Refund"), ("x", "Refund"), ("a\n b", "a b"), ("y" * 300, "y" * 100)])
async def test_remarks_have_2_to_100_characters_whatever_is_typed(
    daraja: Any, api: InitiatorApi, typed: str, sent: str
) -> None:
    daraja.on(PATH, httpx.Response(200, json={"ResponseCode": "0"}))
    await pays(api, remarks=typed)
    assert daraja.bodies(PATH)[0]["Remarks"] == sent


async def test_the_credential_is_cut_out_of_an_answer_that_echoes_it(
    daraja: Any, api: InitiatorApi, caplog: pytest.LogCaptureFixture
) -> None:
    echo = {"errorCode": "400.002.02", "errorMessage": f"Invalid {CREDENTIAL}"}
    daraja.on(PATH, httpx.Response(400, json=echo))
    told = await pays(api)
    assert CREDENTIAL not in repr(told)
    assert CREDENTIAL not in caplog.text
    assert CREDENTIAL not in repr(OPERATOR)


def test_more_messages_to_follow_is_not_the_end(now: datetime) -> None:
    assert result(now, 0, ResultType=1).fact is RefundFact.STILL_OPEN
    assert result(now, 0, ResultType="0").fact is RefundFact.COMPLETED


def test_one_parameter_alone_is_no_array_and_old_samples_have_spaces(now: datetime) -> None:
    told = initiator_result(
        {
            "Result": {
                "ResultCode": 0,
                "ResultParameters": {"ResultParameter": {"Key": "Conversation ID", "Value": "AG_1"}},
            }
        }
    )
    assert told is not None
    assert told.parameters == {"conversationid": "AG_1"}
    assert result(now, 0).amount is None, "old captures of a reversal have no parameters at all"


@pytest.mark.parametrize("text", ["31.02.2026 10:00:00", "14.10.2026", "", "20261399000000"])
def test_a_time_that_is_none_is_left_out(text: str) -> None:
    assert completed_at(text) is None


@pytest.mark.parametrize("told", ["", "Utility Account", "Utility Account|KES|1|2|3", "|KES|1|2|3|4", "U|KES|a|b|c|d"])
def test_an_account_that_cannot_be_read_is_not_guessed(now: datetime, told: str) -> None:
    parameters = {"ResultParameter": [{"Key": "AccountBalance", "Value": told}]}
    assert refund_results.account_balances({"Result": {"ResultCode": 0, "ResultParameters": parameters}}, now) is None
    assert refund_results.account_balances({"Result": {"ResultCode": 1}}, now) is None
    assert refund_results.account_balances(None, now) is None


@given(JSON, st.sampled_from(["Result", "ResultCode", "x"]))
def test_nothing_that_is_posted_stops_a_reader(body: Any, name: str) -> None:
    now = datetime.fromisoformat("2026-10-14T12:30:12Z")
    for told in (body, {name: body}, {"Result": {name: body, "ResultCode": 0, "ResultParameters": body}}):
        for trusted in (True, False):
            found = refund_results.result_evidence(told, now, trusted=trusted)
            assert found is None or found.trusted is trusted
        refund_results.status_evidence(told, now, trusted=True)
        refund_results.account_balances(told, now)
        queue_timeout(told)


@given(st.text(max_size=12))
def test_no_code_that_is_not_listed_is_a_certain_failure(code: str) -> None:
    assert not (initiator_meaning(code) is UNLISTED and is_certain_failure(code))
