"""Every example of the contract (§11, E46 to E62) about an operator's requests, verbatim: sent, answered, read."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pos_app.daraja import initiator, refund_results
from pos_app.daraja.client import DarajaClient
from pos_app.daraja.initiator import Addresses
from pos_app.daraja.initiator_api import InitiatorApi
from pos_app.daraja.results import initiator_result, queue_timeout
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.refund_evidence import RefundFact, RefundSource
from pos_app.domain.shop import Initiator

pytestmark = pytest.mark.anyio

Example = Callable[[str], Any]
KES = Money.shillings
OPERATOR = Initiator("apiop1", "BASE64_344_CHARS", "600966")
B2C_PATH, REVERSAL_PATH = initiator.B2C.path, initiator.REVERSAL.path
PAYEE = Msisdn("254712345678")


def b2c(api: InitiatorApi, **changes: Any) -> Any:
    to = Addresses("https://pay.example.co.ke/b2c/result/77", "https://pay.example.co.ke/b2c/timeout/77")
    told: dict[str, Any] = {
        "originator_id": "ref-20261014-000077",
        "amount": KES(100),
        "payee": PAYEE,
        "remarks": "Refund 1042",
    }
    return api.b2c(to, **(told | changes))


def reversal(api: InitiatorApi, **changes: Any) -> Any:
    to = Addresses("https://pay.example.co.ke/rev/result/5", "https://pay.example.co.ke/rev/timeout/5")
    told: dict[str, Any] = {
        "receipt": "UJE7K2M9QX",
        "amount": KES(150),
        "receiver": "600966",
        "remarks": "Returned goods",
    }
    return api.reverse(to, **(told | changes))


@pytest.fixture
def api(make_client: Callable[..., DarajaClient]) -> InitiatorApi:
    return make_client().operated_by(OPERATOR)


async def test_e46_a_b2c_request_is_sent_as_the_example(example: Example, daraja: Any, api: InitiatorApi) -> None:
    daraja.on(B2C_PATH, httpx.Response(200, json=example("E47")))
    await b2c(api)
    (sent,) = daraja.bodies(B2C_PATH)
    assert sent == example("E46") | {"Occassion": ""}


async def test_e47_an_acknowledgement_is_accepted_with_both_ids_and_pays_nothing_yet(
    example: Example, daraja: Any, api: InitiatorApi, now: datetime
) -> None:
    daraja.on(B2C_PATH, httpx.Response(200, json=example("E47")))
    told = await b2c(api)
    assert (told.fact, told.source, told.at) == (RefundFact.ACCEPTED, RefundSource.REPLY, now)
    assert (told.originator_id, told.conversation_id) == ("ref-20261014-000077", "AG_20261014_010010480kdmzrtqwx17")
    assert (told.receipt, told.reason) == ("", Reason.WAIT)


async def test_e48_a_duplicate_id_was_seen_before_and_is_not_a_failure(
    example: Example, daraja: Any, api: InitiatorApi
) -> None:
    daraja.on(B2C_PATH, httpx.Response(500, json=example("E48")))
    told = await b2c(api)
    assert (told.fact, told.reason, told.code) == (RefundFact.REPLY_LOST, Reason.UNKNOWN, "500.002.1001")
    assert len(daraja.sent_to(B2C_PATH)) == 1


async def test_e49_a_shortcode_that_may_not_pay_out_is_refused_and_nothing_else_is_tried(
    example: Example, daraja: Any, api: InitiatorApi
) -> None:
    daraja.on(B2C_PATH, httpx.Response(403, json=example("E49")))
    told = await b2c(api)
    assert (told.fact, told.reason, told.code) == (RefundFact.REJECTED, Reason.SETUP, "403.002.1001")
    assert len(daraja.sent_to(B2C_PATH)) == 1


def result(body: object, now: datetime, *, trusted: bool = True) -> Any:
    told = refund_results.result_evidence(body, now, trusted=trusted)
    assert told is not None
    return told


def test_e50_a_b2c_success_names_receipt_amount_receiver_and_time(example: Example, now: datetime) -> None:
    told = result(example("E50"), now)
    assert (told.fact, told.source, told.trusted) == (RefundFact.COMPLETED, RefundSource.RESULT, True)
    assert (told.receipt, told.amount, told.receiver) == ("UJE4F8Z2NA", KES(100), "0712345678 - John Doe")
    assert told.completed_at == datetime(2026, 10, 14, 13, 22, 41, tzinfo=UTC)
    assert told.originator_id == "ref-20261014-000077"


def test_e51_low_float_is_a_failure_and_its_real_looking_code_is_no_receipt(example: Example, now: datetime) -> None:
    told = result(example("E51"), now)
    assert (told.fact, told.reason, told.code, told.receipt) == (RefundFact.FAILED, Reason.FLOAT, "1", "")


def test_e52_a_wrong_initiator_is_a_failure_that_switches_refunds_off(example: Example, now: datetime) -> None:
    told = result(example("E52"), now)
    assert (told.fact, told.reason, told.code) == (RefundFact.FAILED, Reason.SETUP, "2001")
    assert told.switches_refunds_off


def test_e53_an_unregistered_number_is_a_failure(example: Example, now: datetime) -> None:
    told = result(example("E53"), now)
    assert (told.fact, told.reason, told.code) == (RefundFact.FAILED, Reason.NOTREG, "2040")
    assert not told.switches_refunds_off


def test_e54_a_queue_timeout_proves_nothing_and_its_credential_is_not_read(example: Example, now: datetime) -> None:
    body = example("E54")
    told = refund_results.timeout_evidence(body, now, trusted=True)
    assert (told.fact, told.source) == (RefundFact.QUEUE_TIMEOUT, RefundSource.QUEUE_TIMEOUT)
    assert told.originator_id == "ref-20261014-000080"
    assert initiator_result(body) is None
    assert body["SecurityCredential"] not in repr((told, queue_timeout(body)))


async def test_e55_a_reversal_request_is_sent_as_the_example(example: Example, daraja: Any, api: InitiatorApi) -> None:
    daraja.on(REVERSAL_PATH, httpx.Response(200, json=example("E47")))
    told = await reversal(api)
    (sent,) = daraja.bodies(REVERSAL_PATH)
    assert sent == example("E55")
    assert told.originator_id == "ref-20261014-000077", "a reversal learns its id from the reply"


def test_e56_a_reversal_has_its_own_receipt(example: Example, now: datetime) -> None:
    told = result(example("E56"), now)
    assert (told.fact, told.receipt, told.amount) == (RefundFact.COMPLETED, "UJE0T5Y8WB", KES(150))
    assert told.original == "UJE7K2M9QX"
    assert told.receiver == "254712345678 - John Doe"
    assert told.completed_at == datetime(2026, 10, 14, 13, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(("code", "reason"), [("R000002", Reason.BADRCPT), ("R000001", Reason.ALREADYREV)])
def test_e57_a_refused_reversal_has_a_code_of_letters(
    example: Example, now: datetime, code: str, reason: Reason
) -> None:
    body = example("E57")
    body = {"Result": body["Result"] | {"ResultCode": code}}
    told = result(body, now)
    assert (told.fact, told.reason, told.code, told.receipt) == (RefundFact.FAILED, reason, code, "")


def test_e58_a_status_names_the_payment_asked_about_and_not_the_question(example: Example, now: datetime) -> None:
    told = refund_results.status_evidence(example("E58"), now, trusted=True)
    assert told is not None
    assert (told.fact, told.source) == (RefundFact.COMPLETED, RefundSource.STATUS)
    assert (told.receipt, told.amount, told.receiver) == ("UJE7K2M9QX", KES(150), "600966 - EXAMPLE SHOP")
    assert told.originator_id == "b3e8-4c02-97d1-5f60a91c27de3190258"
    assert told.conversation_id == "AG_20261014_010080484qwmvzbktp77"
    assert told.completed_at == datetime(2026, 10, 14, 12, 30, 29, tzinfo=UTC)


def test_e59_a_query_that_worked_may_tell_of_a_payment_that_did_not(example: Example, now: datetime) -> None:
    told = refund_results.status_evidence(example("E59"), now, trusted=True)
    assert told is not None
    assert (told.fact, told.amount, told.receipt) == (RefundFact.FAILED, KES(100), "")
    assert (told.originator_id, told.conversation_id) == ("", ""), "those of the question are not those of the refund"


def test_e60_a_bad_search_key_says_nothing_about_the_payment(example: Example, now: datetime) -> None:
    told = refund_results.status_evidence(example("E60"), now, trusted=True)
    assert told is not None
    assert (told.fact, told.reason, told.code) == (RefundFact.NO_ANSWER, Reason.SETUP, "25")


def test_e61_a_balance_names_each_account_and_what_can_be_spent(example: Example, now: datetime) -> None:
    told = refund_results.account_balances(example("E61"), now)
    assert told is not None
    assert [account.name for account in told.accounts] == [
        "Working Account",
        "Utility Account",
        "Charges Paid Account",
        "Merchant Account",
        "Organization Settlement Account",
    ]
    assert told.utility_available == KES(18355)
    assert told.available("charges paid account") == KES(-150)
    assert told.available("Float Account") is None
    assert told.at == datetime(2026, 10, 14, 14, 0, tzinfo=UTC)


def test_e62_a_balance_is_read_from_text_too(example: Example, now: datetime) -> None:
    told = refund_results.account_balances(example("E62"), now)
    assert told is not None
    assert (told.available("Working Account"), told.utility_available) == (KES(700_000), None)
    assert told.at == datetime(2026, 10, 14, 14, 5, tzinfo=UTC)


async def test_the_questions_are_sent_as_the_contract_spells_them(
    daraja: Any, api: InitiatorApi, example: Example
) -> None:
    status, balance = initiator.TRANSACTION_STATUS.path, initiator.ACCOUNT_BALANCE.path
    to = Addresses("https://pay.example.co.ke/result/1", "https://pay.example.co.ke/timeout/1")
    addresses = {"ResultURL": to.result, "QueueTimeOutURL": to.timeout}
    signed = {"Initiator": "apiop1", "SecurityCredential": "BASE64_344_CHARS", "PartyA": "600966"}
    daraja.on(status, *(httpx.Response(200, json=example("E47")) for _ in range(2)))
    daraja.on(balance, httpx.Response(200, json=example("E47")))
    assert await api.transaction_status(to, originator_id="ref-20261014-000077") is None
    assert await api.transaction_status(to, receipt="UJE7K2M9QX") is None
    assert (await api.account_balance(to)).fact is RefundFact.ACCEPTED
    asked = {"CommandID": "TransactionStatusQuery", "IdentifierType": "4", "Remarks": "Status", "Occasion": ""}
    assert daraja.bodies(status) == [
        {**signed, **addresses, **asked, "OriginalConversationID": "ref-20261014-000077"},
        {**signed, **addresses, **asked, "TransactionID": "UJE7K2M9QX"},
    ]
    assert daraja.bodies(balance) == [
        {**signed, **addresses, "CommandID": "AccountBalance", "IdentifierType": "4", "Remarks": "Balance"}
    ]
    assert all(json.loads(request.content) for request in daraja.sent_to(status))
