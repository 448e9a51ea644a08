"""Every example payload of the contract (§11) that this client sends or reads, verbatim."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pos_app.daraja import wire
from pos_app.daraja.client import DarajaClient
from pos_app.domain.evidence import Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.reason import Reason
from pos_app.domain.shop import ShopAccount

pytestmark = pytest.mark.anyio

E14_ID = "ws_CO_14102026153012345712345678"
TOKEN = "k3JfQ0ZrVw8uYb2mT7sXeL1pHd9c"
PAID_AT = datetime(2026, 10, 14, 12, 30, 29, tzinfo=UTC)


@pytest.mark.parametrize("name", ["E1", "E2"], ids=["e1_number", "e2_string"])
def test_e1_e2_a_token_is_read_with_a_numeric_or_a_string_expiry(example: Callable[[str], Any], name: str) -> None:
    reply = wire.token_reply(example(name))
    assert reply is not None
    assert (reply.access_token, reply.lifetime_s) == (TOKEN, 3599)


async def test_e3_a_wrong_grant_type_is_a_setup_refusal_and_nothing_was_pushed(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    daraja.token(httpx.Response(400, json=example("E3")))
    evidence = await make_client().stk_push(**charge)
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.REJECTED, Reason.SETUP, "400.008.02")
    assert daraja.pushes == []


async def _sent(daraja: Any, client: Any, charge: dict[str, Any], example: Callable[[str], Any]) -> Any:
    daraja.push(httpx.Response(200, json=example("E6")))
    await client.stk_push(**charge)
    (request,) = daraja.pushes
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    return json.loads(request.content)


async def test_e4_a_paybill_push_is_sent_as_the_example(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    sent, expected = await _sent(daraja, make_client(), charge, example), example("E4")
    assert base64.b64decode(sent.pop("Password")).decode().startswith("600966")
    del expected["Password"]
    assert sent == expected


async def test_e5_a_till_push_names_the_store_and_pays_the_till(
    example: Callable[[str], Any],
    daraja: Any,
    make_client: Callable[..., DarajaClient],
    till: ShopAccount,
    charge: dict[str, Any],
) -> None:
    charge["account_reference"] = "Sale 1042"
    sent, expected = await _sent(daraja, make_client(account=till), charge, example), example("E5")
    assert base64.b64decode(sent.pop("Password")).decode().startswith("7654321")
    del expected["Password"]
    assert sent == expected


async def _pushed(daraja: Any, client: Any, charge: dict[str, Any], *answers: Any) -> Any:
    daraja.push(*answers)
    return await client.stk_push(**charge)


async def test_e6_an_accepted_push_is_accepted_and_not_paid(
    example: Callable[[str], Any],
    daraja: Any,
    make_client: Callable[..., DarajaClient],
    charge: dict[str, Any],
    now: datetime,
) -> None:
    evidence = await _pushed(daraja, make_client(), charge, httpx.Response(200, json=example("E6")))
    assert (evidence.fact, evidence.source, evidence.reason) == (Fact.ACCEPTED, Source.REPLY, Reason.WAIT)
    assert evidence.merchant_request_id == "b3e8-4c02-97d1-5f60a91c27de3190258"
    assert (evidence.checkout_request_id, evidence.at) == (E14_ID, now)


async def test_e7_a_bad_field_is_a_refusal(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    evidence = await _pushed(daraja, make_client(), charge, httpx.Response(400, json=example("E7")))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.REJECTED, Reason.BADPHONE, "400.002.02")
    assert evidence.text == "Bad Request - Invalid PhoneNumber"


@pytest.mark.parametrize(("name", "status"), [("E8", 404), ("E9", 401)])
async def test_e8_e9_an_expired_token_is_renewed_and_the_push_resent_once(
    example: Callable[[str], Any],
    daraja: Any,
    make_client: Callable[..., DarajaClient],
    *,
    charge: dict[str, Any],
    name: str,
    status: int,
) -> None:
    daraja.token(httpx.Response(200, json=example("E1")), httpx.Response(200, json={"access_token": "a-second-token"}))
    refused, accepted = httpx.Response(status, json=example(name)), httpx.Response(200, json=example("E6"))
    evidence = await _pushed(daraja, make_client(), charge, refused, accepted)
    assert evidence.fact is Fact.ACCEPTED
    assert [request.headers["authorization"] for request in daraja.pushes] == [
        f"Bearer {TOKEN}",
        "Bearer a-second-token",
    ]
    assert daraja.pushes[0].content == daraja.pushes[1].content


async def test_e9_the_token_that_the_error_echoes_is_taken_out_of_its_text(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    answers = [httpx.Response(401, json=example("E9")) for _ in range(2)]
    evidence = await _pushed(daraja, make_client(), charge, *answers)
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.REJECTED, Reason.SETUP, "401.002.01")
    assert evidence.text == "Error Occurred - Invalid Access Token - •••"


async def test_e10_a_locked_subscriber_is_a_refusal_and_nothing_moved(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    evidence = await _pushed(daraja, make_client(), charge, httpx.Response(500, json=example("E10")))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.REJECTED, Reason.BUSYLINE, "500.001.1001")
    assert len(daraja.pushes) == 1


async def test_e11_a_wrong_passkey_is_a_setup_refusal(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    evidence = await _pushed(daraja, make_client(), charge, httpx.Response(500, json=example("E11")))
    assert (evidence.fact, evidence.reason) == (Fact.REJECTED, Reason.SETUP)


async def test_e12_a_line_that_is_not_live_is_a_bad_phone(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    evidence = await _pushed(daraja, make_client(), charge, httpx.Response(500, json=example("E12")))
    assert (evidence.fact, evidence.reason) == (Fact.REJECTED, Reason.BADPHONE)


async def test_e13_a_spike_arrest_is_a_refusal_because_daraja_is_busy(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    evidence = await _pushed(daraja, make_client(), charge, httpx.Response(500, json=example("E13")))
    assert (evidence.fact, evidence.reason) == (Fact.REJECTED, Reason.DOWN)


async def test_e13b_an_internal_error_leaves_the_outcome_unknown(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    evidence = await _pushed(daraja, make_client(), charge, httpx.Response(500, json=example("E13b")))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.REPLY_LOST, Reason.UNKNOWN, "500.002.1001")
    assert len(daraja.pushes) == 1


def _callback(example: Callable[[str], Any], name: str, now: datetime) -> Any:
    evidence = wire.stk_callback(example(name), now, trusted=True)
    assert evidence is not None
    assert evidence.source is Source.CALLBACK
    return evidence


def test_e14_a_success_with_a_balance_without_value(example: Callable[[str], Any], now: datetime) -> None:
    evidence = _callback(example, "E14", now)
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.PAID, Reason.PAID, "0")
    assert (evidence.receipt, evidence.amount) == ("UJE7K2M9QX", Money.shillings(150))
    assert (evidence.checkout_request_id, evidence.paid_at) == (E14_ID, PAID_AT)
    assert evidence.merchant_request_id == "b3e8-4c02-97d1-5f60a91c27de3190258"
    assert evidence.trusted


def test_e15_a_success_with_four_items_and_an_integer_amount(example: Callable[[str], Any], now: datetime) -> None:
    evidence = _callback(example, "E15", now)
    assert (evidence.fact, evidence.receipt, evidence.amount) == (Fact.PAID, "UJE8P4T1ZC", Money.shillings(1))


def test_e16_a_success_in_strings_and_another_order(example: Callable[[str], Any], now: datetime) -> None:
    evidence = _callback(example, "E16", now)
    assert (evidence.fact, evidence.receipt, evidence.amount) == (Fact.PAID, "UJE3W6N0BD", Money.shillings(150))
    assert evidence.paid_at == datetime(2026, 10, 14, 12, 31, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "fact", "reason", "code"),
    [
        pytest.param("E17", Fact.FAILED, Reason.LOWBAL, "1", id="e17_insufficient_funds"),
        pytest.param("E18", Fact.FAILED, Reason.CANCEL, "1032", id="e18_cancelled"),
        pytest.param("E19", Fact.FAILED_IN_DOUBT, Reason.NOANSWER, "1037", id="e19_unreachable"),
        pytest.param("E20", Fact.FAILED_IN_DOUBT, Reason.NOANSWER, "1037", id="e20_unreachable_other_wording"),
        pytest.param("E21", Fact.FAILED, Reason.WRONGPIN, "2001", id="e21_wrong_pin"),
        pytest.param("E22", Fact.FAILED_IN_DOUBT, Reason.EXPIRED, "1019", id="e22_expired"),
        pytest.param("E23", Fact.FAILED, Reason.BUSYLINE, "1001", id="e23_locked"),
        pytest.param("E24", Fact.FAILED, Reason.SETUP, "SFC_IC0003", id="e24_operator_missing"),
        pytest.param("E25", Fact.FAILED, Reason.NOPAY, "E3008", id="e25_fuliza_debt"),
    ],
)
def test_e17_to_e25_a_failure_says_why_and_whether_to_ask_first(
    example: Callable[[str], Any], now: datetime, *, name: str, fact: Fact, reason: Reason, code: object
) -> None:
    evidence = _callback(example, name, now)
    assert (evidence.fact, evidence.reason, evidence.code) == (fact, reason, code)
    assert (evidence.receipt, evidence.amount, evidence.paid_at) == ("", None, None)
    assert evidence.text == example(name)["Body"]["stkCallback"]["ResultDesc"]


async def _queried(daraja: Any, client: Any, status: int, body: Any) -> Any:
    daraja.query(httpx.Response(status, json=body))
    evidence = await client.stk_query(E14_ID)
    assert evidence.source is Source.QUERY
    assert (evidence.receipt, evidence.amount) == ("", None)
    return evidence


async def test_e26_a_query_proves_a_payment_without_its_receipt(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    evidence = await _queried(daraja, make_client(), 200, example("E26"))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.PAID, Reason.PAID, "0")
    assert evidence.checkout_request_id == E14_ID


async def test_e27_a_query_proves_a_cancellation(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    evidence = await _queried(daraja, make_client(), 200, example("E27"))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.FAILED, Reason.CANCEL, "1032")


async def test_e28_4999_is_an_open_prompt_and_not_a_failure(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    evidence = await _queried(daraja, make_client(), 200, example("E28"))
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.STILL_OPEN, Reason.WAIT, "4999")


async def test_e29_being_processed_is_an_open_prompt(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    evidence = await _queried(daraja, make_client(), 500, example("E29"))
    assert (evidence.fact, evidence.reason, evidence.checkout_request_id) == (Fact.STILL_OPEN, Reason.WAIT, E14_ID)


async def test_e30_an_empty_error_on_http_200_is_an_open_prompt(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    evidence = await _queried(daraja, make_client(), 200, example("E30"))
    assert (evidence.fact, evidence.reason) == (Fact.STILL_OPEN, Reason.WAIT)


async def test_e31_an_unknown_id_is_no_answer_and_not_a_failure(
    example: Callable[[str], Any], daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    evidence = await _queried(daraja, make_client(), 500, example("E31"))
    assert (evidence.fact, evidence.reason) == (Fact.NO_ANSWER, Reason.UNKNOWN)


def _confirmation(example: Callable[[str], Any], name: str) -> Any:
    confirmation = wire.c2b_confirmation(example(name))
    assert confirmation is not None
    return confirmation


def test_e41_a_paybill_confirmation_of_today(example: Callable[[str], Any], now: datetime) -> None:
    assert _confirmation(example, "E41") == wire.Confirmation(
        transaction_type="Pay Bill",
        receipt="UJE2A9C4KF",
        amount=Money.shillings(500),
        short_code="600966",
        bill_reference="HSE 12B",
        paid_at=datetime(2026, 10, 14, 13, 5, 3, tzinfo=UTC),
        payer_name="JOHN",
        payer_phone="07•• ••• 678",
        balance=Money.shillings(18420),
        third_party_id="",
    )
    evidence = wire.confirmation_evidence(_confirmation(example, "E41"), now, trusted=False)
    assert (evidence.fact, evidence.source, evidence.trusted) == (Fact.PAID, Source.CONFIRMATION, False)
    assert (evidence.receipt, evidence.amount, evidence.short_code) == ("UJE2A9C4KF", Money.shillings(500), "600966")
    assert evidence.paid_at == datetime(2026, 10, 14, 13, 5, 3, tzinfo=UTC)


def test_e42_a_confirmation_with_full_names(example: Callable[[str], Any]) -> None:
    confirmation = _confirmation(example, "E42")
    assert (confirmation.payer_name, confirmation.third_party_id) == ("JOHN KAMAU DOE", "SALE1042")
    assert confirmation.amount == Money.shillings(10)


def test_e43_a_hashed_phone_shows_nothing(example: Callable[[str], Any]) -> None:
    confirmation = _confirmation(example, "E43")
    assert (confirmation.payer_phone, confirmation.payer_name) == ("", "AMINA")


def test_e44_a_till_confirmation_has_no_reference(example: Callable[[str], Any]) -> None:
    confirmation = _confirmation(example, "E44")
    assert (confirmation.transaction_type, confirmation.bill_reference) == ("Customer Merchant Payment", "")
    assert confirmation.short_code == "5512345"


def test_e45_an_old_confirmation_has_a_plain_phone_and_no_type(example: Callable[[str], Any]) -> None:
    confirmation = _confirmation(example, "E45")
    assert (confirmation.transaction_type, confirmation.payer_phone) == ("", "0708 ••• 149")
    assert confirmation.balance is None
