"""Customers who pay by themselves: E37–E45, validation and its default, confirmations in every shape (§2.5, §2.6)."""

import hashlib
import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.payment_scenarios import PRESETS, PaymentScenario, payment_scenario

E37 = """{"TransactionType":"Pay Bill","TransID":"UJE2A9C4KF","TransTime":"20261014160501","TransAmount":"500.00",\
"BusinessShortCode":"600966","BillRefNumber":"HSE 12B","InvoiceNumber":"","OrgAccountBalance":"",\
"ThirdPartyTransID":"","MSISDN":"2547 ***** 678","FirstName":"JOHN","MiddleName":"","LastName":""}"""
E41 = """{"TransactionType":"Pay Bill","TransID":"UJE2A9C4KF","TransTime":"20261014160503","TransAmount":"500.00",\
"BusinessShortCode":"600966","BillRefNumber":"HSE 12B","InvoiceNumber":"","OrgAccountBalance":"18420.00",\
"ThirdPartyTransID":"","MSISDN":"2547 ***** 678","FirstName":"JOHN"}"""
E42 = """{"TransactionType":"Pay Bill","TransID":"UJE5D1R8LM","TransTime":"20261014160742","TransAmount":"10",\
"BusinessShortCode":"600966","BillRefNumber":"inv 7","InvoiceNumber":"","OrgAccountBalance":"18430.00",\
"ThirdPartyTransID":"SALE1042","MSISDN":"2547 ***** 678","FirstName":"JOHN","MiddleName":"KAMAU","LastName":"DOE"}"""
E43 = """{"TransactionType":"Pay Bill","TransID":"UJE6H3V2YP","TransTime":"20261014161010","TransAmount":"75.00",\
"BusinessShortCode":"600966","BillRefNumber":"88","InvoiceNumber":"","OrgAccountBalance":"18505.00",\
"ThirdPartyTransID":"","MSISDN":"9c1f0b7d52e84a36b0d7f1c2e5a894d3670b1e2f4c8d9a05b6e7f3128d4c5a90",\
"FirstName":"AMINA"}"""
E44 = """{"TransactionType":"Customer Merchant Payment","TransID":"UJE9B7X5QT","TransTime":"20261014161530",\
"TransAmount":"250.00","BusinessShortCode":"5512345","BillRefNumber":"","InvoiceNumber":"",\
"OrgAccountBalance":"9120.00","ThirdPartyTransID":"","MSISDN":"2547 ***** 678","FirstName":"PETER"}"""
E45 = """{"TransactionType":"","TransID":"UJE1M0S7GW","TransTime":"20261014161900","TransAmount":"5.00",\
"BusinessShortCode":"600584","BillRefNumber":"account","InvoiceNumber":"","OrgAccountBalance":"",\
"ThirdPartyTransID":"","MSISDN":"254708374149","FirstName":"John","MiddleName":"J.","LastName":"Doe"}"""
ACCEPT, ACCEPT_OWN = (
    b'{"ResultCode":"0","ResultDesc":"Accepted"}',
    b'{"ResultCode":"0","ResultDesc":"Accepted","ThirdPartyTransID":"SALE1042"}',
)
# What differs between the contract's scene and this one: numbers, times, names.
OURS = ("TransID", "TransTime", "BusinessShortCode", "OrgAccountBalance", "MSISDN", "FirstName")


def same(example: str, got: dict[str, Any], *others: str) -> None:
    """The same keys in the same order, text everywhere, and the same text where the scene does not differ."""
    expected = json.loads(example)
    assert list(got) == list(expected)
    assert all(isinstance(value, str) for value in got.values())
    blank = dict.fromkeys((*OURS, *others), "")
    assert {**got, **blank} == {**expected, **blank}


@pytest.fixture
def validating(caller: Any) -> Any:
    caller.register()
    caller.core.memory.urls.validating.add("174379")
    return caller


def asked(caller: Any) -> Any:
    (callback,) = [callback for callback in caller.after(0) if callback.kind == "validation"]
    return callback


def answer(caller: Any, body: bytes, status: int = 200) -> None:
    caller.core.delivered(asked(caller), status, body=body)


def test_E41_a_paybill_is_told_who_paid_and_the_balance_after(caller: Any) -> None:
    for balance in ("500.00", "1000.00"):
        tried = caller.pay()
        (told,) = caller.told(1)
        same(E41, told)
        assert re.fullmatch(r"UJE[A-Z][A-Z0-9]{6}", told["TransID"])
        assert told["TransID"] == tried.payment.receipt
        assert (told["OrgAccountBalance"], told["MSISDN"]) == (balance, "2547 ***** 678")
    assert caller.core.ledger.balance("customer:254712345678") == -1000


def test_E42_full_names_a_whole_amount_and_the_shops_own_id(validating: Any) -> None:
    validating.pay(10, "inv 7", scenario="full_names+whole_amount")
    answer(validating, ACCEPT_OWN)
    same(E42, validating.told(1)[0], "MiddleName", "LastName")


def test_E43_version_1_hashes_the_phone(caller: Any) -> None:
    caller.register(version=1)
    caller.pay(75, "88")
    (told,) = caller.told(1)
    same(E43, told)
    assert told["MSISDN"] == hashlib.sha256(b"254712345678").hexdigest()


def test_E44_a_till_is_told_no_reference(caller: Any) -> None:
    caller.pay(250, "never asked for", to="5512345")
    (told,) = caller.told(1)
    same(E44, told)
    assert told["BusinessShortCode"] == "5512345"
    assert caller.core.ledger.payments[0].reference == ""


def test_E45_old_style_with_a_plain_phone_and_a_blank_type(caller: Any) -> None:
    caller.pay(5, "account", phone="254708374149", scenario="old_style")
    (told,) = caller.told(1)
    same(E45, told, "MiddleName", "LastName")
    assert (told["MSISDN"], told["OrgAccountBalance"]) == ("254708374149", "")


def test_E37_to_E38_validation_asks_first_and_acceptance_moves_the_money(validating: Any) -> None:
    tried = validating.pay()
    callback = asked(validating)
    assert callback.url.endswith("/c2b/validate")
    request = json.loads(callback.body)
    same(E37, request)
    assert request["OrgAccountBalance"] == ""
    assert (tried.state, validating.core.ledger.payments) == ("validating", ())
    validating.core.clock.advance(2)
    validating.core.delivered(callback, 200, body=ACCEPT)
    assert tried.state == "paid"
    (told,) = validating.told(10)
    assert (told["TransID"], told["ThirdPartyTransID"]) == (request["TransID"], "")
    assert int(told["TransTime"]) == int(request["TransTime"]) + 2


def test_E39_a_third_party_id_is_echoed_and_a_numeric_code_accepted(validating: Any) -> None:
    validating.pay()
    answer(validating, b'{"ResultCode":0,"ThirdPartyTransID":"SALE1042"}')
    assert validating.told(1)[0]["ThirdPartyTransID"] == "SALE1042"


@pytest.mark.parametrize("code", [f"C2B000{number}" for number in range(11, 17)])
def test_E40_a_rejected_payment_moves_nothing(validating: Any, code: str) -> None:
    tried = validating.pay()
    answer(validating, json.dumps({"ResultCode": code, "ResultDesc": "Rejected"}).encode())
    assert validating.after(100) == []
    assert (tried.state, tried.code) == ("rejected", code)
    assert validating.core.ledger.payments == ()


@pytest.mark.parametrize(("registered", "ending"), [("Completed", "paid"), ("Cancelled", "rejected")])
def test_trap_34_validation_slower_than_8_s_falls_to_the_default(validating: Any, registered: str, ending: str) -> None:
    validating.register(ResponseType=registered)
    tried = validating.pay()
    callback = asked(validating)
    validating.after(7.9)
    assert tried.state == "validating"
    validating.after(0.2)
    assert tried.state == ending
    validating.core.delivered(callback, 200, body=b'{"ResultCode":"C2B00016"}')
    validating.after(10)
    assert tried.state == ending
    assert len(validating.core.ledger.payments) == (ending == "paid")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"ResultCode":null}'),
        (200, b'{"ResultCode":1}'),
        (200, b'{"ResultCode":"C2B00099"}'),
        (500, ACCEPT),
        (None, b""),
    ],
)
def test_an_answer_that_is_none_falls_to_the_default(validating: Any, status: Any, body: bytes) -> None:
    validating.register(ResponseType="Cancelled")
    tried = validating.pay()
    answer(validating, body, status)
    assert (tried.state, tried.code) == ("rejected", "Cancelled")


def test_a_lost_validation_is_never_asked(validating: Any) -> None:
    tried = validating.pay(scenario="validation_lost")
    assert validating.after(7.9) == []
    validating.after(0.2)
    assert tried.state == "paid"


def test_only_what_was_switched_on_is_validated(validating: Any) -> None:
    assert validating.pay(to="5512345").state == "paid"
    validating.core.set_confirmation_url("http://127.0.0.1:9/elsewhere")
    assert validating.pay().state == "paid"


def test_full_names_are_in_the_validation_too(validating: Any) -> None:
    validating.pay(scenario="full_names")
    request = json.loads(asked(validating).body)
    assert request["MiddleName"]
    assert request["LastName"]


@pytest.mark.parametrize(
    ("preset", "key", "value"),
    [
        ("buy_goods", "TransactionType", "Buy Goods"),
        ("transfer", "TransactionType", "Organization To Organization Transfer"),
        ("overdraft", "TransactionType", "OD Payment Transfer"),
        ("blank_type", "TransactionType", ""),
        ("store_number", "BusinessShortCode", "7654321"),
        ("plain", "MSISDN", "254712345678"),
        ("masked", "MSISDN", "2547 ***** 678"),
        ("whole_amount", "TransAmount", "500"),
        ("blank_balance", "OrgAccountBalance", ""),
        ("empty_names", "LastName", ""),
    ],
)
def test_each_shape_of_a_confirmation(caller: Any, preset: str, key: str, value: str) -> None:
    caller.pay(to="5512345", scenario=preset)
    assert caller.told(1)[0][key] == value


def test_trap_16_a_phone_may_be_starred_inside_its_hash_and_a_name_be_missing(caller: Any) -> None:
    caller.pay(scenario="hashed_starred+no_name")
    (told,) = caller.told(1)
    assert re.fullmatch(r"[0-9a-f]{29}\*{5}[0-9a-f]{30}", told["MSISDN"])
    assert not [key for key in told if key.endswith("Name")]


def test_trap_50_a_name_is_whatever_the_customer_says(caller: Any) -> None:
    caller.pay(account="<i>7</i>", name="<b>x</b>")
    (told,) = caller.told(1)
    assert (told["FirstName"], told["BillRefNumber"]) == ("<b>x</b>", "<i>7</i>")


def test_confirmations_are_lost_duplicated_late_and_overtaken(caller: Any) -> None:
    for scenario in ("confirmation_overtaken", "confirmation_lost", "confirmation_duplicated", "confirmation_late"):
        caller.pay(scenario=scenario)
    bodies = caller.told(100)
    assert [body["OrgAccountBalance"] for body in bodies] == ["1500.00", "1500.00", "500.00"]
    assert bodies[0] == bodies[1]
    assert [body["OrgAccountBalance"] for body in caller.told()] == ["2000.00"]


def test_a_payment_to_a_shop_that_registered_nothing_still_completes(caller: Any) -> None:
    caller.core.set_confirmation_url(None)
    assert caller.pay().state == "paid"
    assert caller.after(7200) == []


def test_trap_9_a_push_and_its_confirmation_tell_of_one_receipt_in_the_registered_version(caller: Any) -> None:
    caller.register(version=1)
    caller.pushed()
    callbacks = caller.after(10)
    assert [callback.kind for callback in callbacks] == ["stk", "c2b"]
    confirmation = json.loads(callbacks[1].body)
    assert len(confirmation["MSISDN"]) == 64
    assert confirmation["TransID"] == caller.core.ledger.payments[0].receipt


def test_scenarios_are_picked_by_queue_then_phone_then_amount_then_default(caller: Any) -> None:
    script = caller.core.c2b.script
    script.default = payment_scenario("plain")
    script.by_amount[7] = payment_scenario("hashed")
    script.by_phone["254712345678"] = payment_scenario("blank_balance")
    script.queue = [payment_scenario("transfer")]
    tried = [caller.pay(), caller.pay(), caller.pay(7, phone="254712345679"), caller.pay(8, phone="254712345679")]
    picked = [payment.scenario for payment in tried]
    assert picked == [payment_scenario(name) for name in ("transfer", "blank_balance", "hashed", "plain")]


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_keeps_the_books(caller: Any, name: str) -> None:
    caller.pay(scenario=name)
    caller.after(8000)
    assert caller.core.ledger.balances == {"customer:254712345678": -500, "shop:174379": 500}
    assert caller.core.next_due() is None
    assert payment_scenario(PaymentScenario()) == payment_scenario("usual")


def test_an_answer_from_before_a_reset_decides_nothing(validating: Any) -> None:
    validating.pay()
    callback = asked(validating)
    validating.core.reset()
    tried = validating.pay()
    asked(validating)
    validating.core.delivered(callback, 200, body=ACCEPT)
    assert tried.state == "validating"


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("pay"),
            st.sampled_from(sorted(PRESETS)),
            st.integers(1, 250_000),
            st.sampled_from(["174379", "5512345"]),
        ),
        st.tuples(st.just("push"), st.integers(1, 3)),
        st.tuples(st.just("wait"), st.floats(0, 5000)),
        st.tuples(st.just("validation"), st.booleans(), st.sampled_from(["Completed", "Cancelled"])),
        st.tuples(st.just("answer"), st.sampled_from([ACCEPT, b'{"ResultCode":"C2B00016"}', b"x"])),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=steps)
def test_any_story_keeps_the_books_and_every_confirmation_tells_the_balance_after_it(caller: Any, story: Any) -> None:
    caller.core = core = Daraja(ManualClock())
    came: list[Any] = []
    open_questions: list[Any] = []
    for step in story:
        caller.token()
        match step:
            case ("pay", preset, amount, number):
                caller.pay(amount, to=number, scenario=preset)
            case ("push", number):
                caller.push(Amount=number)
            case ("wait", seconds):
                core.clock.advance(seconds)
            case ("validation", wanted, ending):
                caller.register(ResponseType=ending)
                (core.memory.urls.validating.add if wanted else core.memory.urls.validating.discard)("174379")
            case ("answer", body) if open_questions:
                core.delivered(open_questions.pop(), 200, body=body)
        due = core.due()
        open_questions += [callback for callback in due if callback.kind == "validation"]
        came += [callback for callback in due if callback.kind == "c2b"]
    core.clock.advance(10_000)
    came += [callback for callback in core.due() if callback.kind == "c2b"]
    settled(core, [json.loads(callback.body) for callback in came])


def settled(core: Daraja, told: list[dict[str, Any]]) -> None:
    """Who paid is in the books once, who was rejected is not, and nobody is left waiting."""
    states = {tried.payment.receipt: tried.state for tried in core.customer_payments}
    assert set(states.values()) <= {"paid", "rejected"}
    payments = {payment.receipt: payment for payment in core.ledger.payments}
    own = {receipt for receipt, payment in payments.items() if not payment.checkout_request_id}
    assert own == {receipt for receipt, state in states.items() if state == "paid"}
    assert core.ledger.total() == 0
    after: dict[str, int] = {}
    balances: Counter[str] = Counter()
    for payment in core.ledger.payments:
        balances[payment.shortcode] += payment.amount
        after[payment.receipt] = balances[payment.shortcode]
    for body in told:
        assert Decimal(body["TransAmount"]) == payments[body["TransID"]].amount
        assert body["OrgAccountBalance"] in ("", f"{after[body['TransID']]}.00")
