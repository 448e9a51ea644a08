"""C2B registration and simulate: E32–E36, E76 and what they refuse (contract §2.3, §2.4, §7, §9)."""

import json
from typing import Any

import pytest

from pos_app.simulator.c2b import REGISTER_V2_PATH, SIMULATE_V1_PATH, SIMULATE_V2_PATH
from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.fields import FORBIDDEN_WORDS

E33 = """{"OriginatorCoversationID":"4a19-4f6b-8c02-e71d05b9f3a62207415","ResponseCode":"0",\
"ResponseDescription":"Success"}"""
E34 = '{"ConversationID":"","OriginatorCoversationID":"","ResponseDescription":"success"}'
E35 = '{"requestId":"1e2a-4d77-b0c3-5","errorCode":"500.003.1001","errorMessage":"Urls are already registered"}'
E36 = """{"requestId":"1e2a-4d77-b0c3-6","errorCode":"500.003.1001",\
"errorMessage":"Duplicate notification info, SP ID is 100420, correlator is 8f3b21"}"""
E76 = {"ShortCode": 174379, "CommandID": "CustomerPayBillOnline", "Amount": 5, "Msisdn": 254708374149}

HTTPS = {
    "ConfirmationURL": "https://pay.example.co.ke/c2b/confirm/4be1",
    "ValidationURL": "https://pay.example.co.ke/c2b/validate/4be1",
}


def but_for(example: str, body: bytes, *ids: str) -> None:
    """The same fields in the same order with the same text, whatever the ids are."""
    expected, got = json.loads(example), json.loads(body)
    assert list(got) == list(expected)
    assert {**got, **dict.fromkeys(ids, "")} == {**expected, **dict.fromkeys(ids, "")}
    assert all(got[name] for name in ids)


@pytest.fixture
def production(caller: Any) -> Any:
    caller.core = Daraja(ManualClock(), production=True, allow_loopback_urls=False)
    caller.token()
    return caller


def error(reply: Any) -> tuple[int, str]:
    return reply.status, json.loads(reply.body)["errorCode"]


def test_E32_E33_register_ok(caller: Any) -> None:
    reply = caller.register(**HTTPS)
    assert reply.status == 200
    but_for(E33, reply.body, "OriginatorCoversationID")
    registered = caller.core.memory.urls.of("174379")
    assert (registered.version, registered.response_type) == (2, "Completed")
    assert registered.confirmation_url == HTTPS["ConfirmationURL"]


def test_E34_register_ok_without_a_response_code(caller: Any) -> None:
    caller.core.c2b.spellings.register = "E34"
    assert caller.register().body.decode() == E34
    assert "174379" in caller.core.memory.urls


def test_E35_production_registers_once(production: Any) -> None:
    assert production.register(**HTTPS).status == 200
    again = production.register(version=1, **HTTPS)
    assert again.status == 500
    but_for(E35, again.body, "requestId")
    production.core.reset()
    production.token()
    assert production.register(**HTTPS).status == 500
    production.core.memory.urls.forget("174379")
    assert production.register(**HTTPS).status == 200


def test_E36_the_other_duplicate_answer_comes_by_fault(caller: Any) -> None:
    caller.core.faults.set("register", "duplicate_notification", 1)
    clash = caller.register()
    assert clash.status == 500
    but_for(E36, clash.body, "requestId")
    assert caller.register().status == 200


def test_the_sandbox_registers_again_freely_and_takes_http(caller: Any) -> None:
    for url in ("http://pay.example.co.ke/a", "https://pay.example.co.ke/b"):
        assert caller.register(ConfirmationURL=url).status == 200
        assert caller.core.memory.urls.of("174379").confirmation_url == url


def test_production_takes_https_only(production: Any) -> None:
    assert error(production.register(**{**HTTPS, "ValidationURL": "http://pay.example.co.ke/v"})) == (400, "400.003.02")
    assert error(production.register()) == (400, "400.003.02")


@pytest.mark.parametrize(
    "changes",
    [
        {"ShortCode": "123456"},
        {"ShortCode": "5512345"},
        {"ShortCode": None},
        {"ResponseType": "completed"},
        {"ResponseType": "Canceled"},
        {"ResponseType": None},
        {"ConfirmationURL": None},
        {"ValidationURL": ""},
        {"ValidationURL": 5},
        {"ConfirmationURL": "ftp://pay.example.co.ke/a"},
    ],
)
def test_a_wrong_field_is_400_003_02(caller: Any, changes: dict[str, Any]) -> None:
    reply = caller.register(**changes)
    assert error(reply) == (400, "400.003.02")
    assert json.loads(reply.body)["errorMessage"] == "Bad Request"


@pytest.mark.parametrize("word", FORBIDDEN_WORDS)
def test_trap_33_forbidden_words_in_any_case(caller: Any, word: str) -> None:
    assert caller.register(ConfirmationURL=f"https://pay.example.co.ke/{word.upper()}/x").status == 400


def test_the_token_method_and_payload_of_c2b_are_refused_in_its_own_words(caller: Any) -> None:
    assert error(caller.raw(REGISTER_V2_PATH, b"{}", "GET")) == (404, "404.001.04")
    assert error(caller.raw(REGISTER_V2_PATH, b"[]")) == (400, "400.002.05")
    caller.core.tokens.invalidate()
    assert error(caller.register()) == (400, "400.003.01")
    assert error(caller.post(SIMULATE_V1_PATH, E76)) == (400, "400.003.01")


@pytest.mark.parametrize("path", [SIMULATE_V1_PATH, SIMULATE_V2_PATH])
def test_E76_simulate_is_a_payment(caller: Any, path: str) -> None:
    reply = caller.post(path, {**E76, "BillRefNumber": "HSE 12B"})
    assert reply.status == 200
    told = json.loads(reply.body)
    assert list(told) == ["OriginatorCoversationID", "ResponseCode", "ResponseDescription"]
    assert (told["ResponseCode"], told["ResponseDescription"]) == ("0", "Accept the service request successfully.")
    (payment,) = caller.core.ledger.payments
    assert (payment.amount, payment.payer, payment.reference) == (5, "254708374149", "HSE 12B")
    assert caller.told()[0]["TransID"] == payment.receipt


def test_simulate_at_a_till_has_no_reference_and_answered_otherwise_in_2018(caller: Any) -> None:
    caller.core.c2b.spellings.simulate = "2018"
    till = {**E76, "ShortCode": "5512345", "CommandID": "CustomerBuyGoodsOnline", "BillRefNumber": None}
    told = json.loads(caller.post(SIMULATE_V2_PATH, till).body)
    assert list(told) == ["ConversationID", "OriginatorCoversationID", "ResponseDescription"]
    assert caller.told()[0]["BillRefNumber"] == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"ShortCode": 1},
        {"CommandID": "CustomerBuyGoodsOnline"},
        {"Amount": 0},
        {"Amount": "5.00"},
        {"Msisdn": "0708374149"},
        {"BillRefNumber": 5},
        {"BillRefNumber": "x" * 21},
    ],
)
def test_simulate_refuses_wrong_fields_and_moves_nothing(caller: Any, changes: dict[str, Any]) -> None:
    assert error(caller.post(SIMULATE_V2_PATH, {**E76, **changes})) == (400, "400.003.02")
    assert caller.core.ledger.payments == ()


def test_production_has_no_simulate(production: Any) -> None:
    assert error(production.post(SIMULATE_V2_PATH, E76)) == (404, "404.003.01")
