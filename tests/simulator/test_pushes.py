"""What a push does: codes and their words, timing, rules, callbacks, confirmations, queries (E14–E31, E41, E44)."""

import json
import re
from typing import Any

import pytest

from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import PUSH_PATH, Daraja
from pos_app.simulator.result_codes import WORDS
from pos_app.simulator.scenarios import PRESETS, scenario
from pos_app.simulator.shop import TRAINING_SHOP, Shop, paybill

FINAL_CODES = sorted(set(WORDS) - {"4999"})


def only(core: Daraja, kind: str) -> list[Any]:
    return [callback for callback in core.due() if callback.kind == kind]


def set_default(caller: Any, spec: Any) -> None:
    caller.core.script.default = scenario(spec)


def test_E14_a_paid_push_calls_back_with_the_receipt(caller: Any) -> None:
    checkout = caller.pushed()
    assert caller.after(2.9) == []
    (callback,) = caller.after(0.2)
    assert callback.headers["BusinessShortCode"] == "174379"
    assert callback.headers["content-type"] == "application/json;charset=UTF-8"
    assert b'{"Name":"Amount","Value":150.00}' in callback.body
    result = json.loads(callback.body)["Body"]["stkCallback"]
    assert (result["ResultCode"], result["CheckoutRequestID"]) == (0, checkout)
    items = {item["Name"]: item.get("Value", "absent") for item in result["CallbackMetadata"]["Item"]}
    assert list(items) == ["Amount", "MpesaReceiptNumber", "Balance", "TransactionDate", "PhoneNumber"]
    assert items["Balance"] == "absent"
    assert items["TransactionDate"] == 20261014153015
    assert items["PhoneNumber"] == 254712345678
    assert re.fullmatch(r"UJE[A-Z0-9]{7}", items["MpesaReceiptNumber"])
    (payment,) = caller.core.ledger.find(checkout_request_id=checkout)
    assert (payment.receipt, payment.amount, payment.payer) == (items["MpesaReceiptNumber"], 150, "254712345678")


def test_E15_four_items_and_a_whole_amount(caller: Any) -> None:
    set_default(caller, {"callback_shape": "E15"})
    caller.pushed()
    items = caller.stk()["CallbackMetadata"]["Item"]
    assert [item["Name"] for item in items] == ["Amount", "MpesaReceiptNumber", "TransactionDate", "PhoneNumber"]
    assert items[0]["Value"] == 150
    assert isinstance(items[0]["Value"], int)


def test_E16_everything_is_a_string_and_balance_a_map(caller: Any) -> None:
    set_default(caller, {"callback_shape": "E16"})
    caller.pushed()
    result = caller.stk()
    assert result["ResultCode"] == "0"
    items = {item["Name"]: item["Value"] for item in result["CallbackMetadata"]["Item"]}
    assert items["Amount"] == "150.00"
    assert items["Balance"] == "{Amount={CurrencyCode=KES, MinimumAmount=15000, BasicAmount=150.00}}"
    assert items["TransactionDate"] == "20261014153015"


def test_all_three_shapes_come_by_seed(caller: Any) -> None:
    set_default(caller, "all_shapes")
    shapes = set()
    for amount in range(1, 30):
        caller.pushed(Amount=amount)
        items = caller.stk()["CallbackMetadata"]["Item"]
        shapes.add((len(items), items[0]["Name"]))
        caller.token()
    assert shapes == {(5, "Amount"), (4, "Amount"), (5, "MpesaReceiptNumber")}


@pytest.mark.parametrize("code", FINAL_CODES)
def test_E17_to_E27_every_code_of_the_contract_by_callback_and_query(caller: Any, code: str) -> None:
    set_default(caller, f"code:{code}")
    checkout = caller.pushed()
    result = caller.stk(60)
    assert result["ResultCode"] == (int(code) if code.isdigit() else code)
    assert result["ResultDesc"] == WORDS[code].callback
    assert ("CallbackMetadata" in result) == (code == "0")
    answers = [caller.query(checkout) for _ in range(2)]
    assert answers[0].body == answers[1].body
    answer = json.loads(answers[0].body)
    assert answer["ResultCode"] == code
    assert answer["ResultDesc"] == (WORDS[code].query or WORDS[code].callback)
    assert answer["ResponseDescription"] == "The service request has been accepted successsfully"
    assert set(answer) == {
        "ResponseCode",
        "ResponseDescription",
        "MerchantRequestID",
        "CheckoutRequestID",
        "ResultCode",
        "ResultDesc",
    }
    assert len(caller.core.ledger.payments) == (code == "0")


def test_an_unlisted_code_can_be_had(caller: Any) -> None:
    set_default(caller, "code:7777")
    caller.pushed()
    assert caller.stk()["ResultCode"] == 7777


@pytest.mark.parametrize("code", ["1037", "2001", "1001"])
def test_E20_E21_E23_the_other_wording(caller: Any, code: str) -> None:
    set_default(caller, f"code:{code}+callback_other_words")
    caller.pushed()
    assert caller.stk()["ResultDesc"] == WORDS[code].other


def test_E18_E27_callback_and_query_spell_a_cancellation_differently(caller: Any) -> None:
    set_default(caller, "decline")
    checkout = caller.pushed()
    assert caller.stk()["ResultDesc"] == "Request cancelled by user"
    caller.token()
    assert json.loads(caller.query(checkout).body)["ResultDesc"] == "Request Cancelled by user."


@pytest.mark.parametrize(
    ("name", "seconds", "code"),
    [
        ("unreachable", 26, 1037),
        ("ignore", 60, 1037),
        ("ignore_1032", 60, 1032),
        ("ignore_1019", 60, 1019),
        ("ask", 60, 1037),
        ("expired", 3, 1019),
        ("slow", 45, 0),
    ],
)
def test_E19_E22_prompts_end_when_the_contract_says(caller: Any, name: str, seconds: float, code: int) -> None:
    set_default(caller, name)
    caller.pushed()
    assert caller.after(seconds - 0.1) == []
    assert caller.stk(0.2)["ResultCode"] == code


def test_speed_divides_every_wait() -> None:
    core = Daraja(ManualClock(), default="ignore", speed=10)
    assert core.next_due() is None
    assert core.speed == 10


def test_fast_prompts_end_fast(caller: Any) -> None:
    caller.core = Daraja(ManualClock(), default="ignore", speed=10)
    caller.token()
    caller.pushed()
    assert caller.after(5.9) == []
    assert caller.stk(0.2)["ResultCode"] == 1037


@pytest.mark.parametrize(
    ("action", "code"),
    [("approve", 0), ("decline", 1032), ("wrong-pin", 2001), ("no_money", 1), ("code:E3008", "E3008")],
)
def test_a_person_decides(caller: Any, action: str, code: int | str) -> None:
    set_default(caller, "ask")
    checkout = caller.pushed()
    (prompt,) = caller.core.prompts()
    assert prompt.prompt == "Do you want to pay KES 150.00 to Duka la Mfano Account no. INV-1042? Enter M-PESA PIN:"
    assert caller.core.act(checkout, action)
    assert caller.core.prompts() == ()
    assert not caller.core.act(checkout, "approve")
    assert caller.stk(0)["ResultCode"] == code
    assert caller.after(7200) == [] or code == 0


def test_an_ignored_prompt_leaves_the_phone_and_ends_as_1037(caller: Any) -> None:
    checkout = caller.pushed()
    caller.core.act(checkout, "ignore")
    assert caller.core.prompts() == ()
    assert caller.core.pushes[0].open
    assert caller.after(59) == []
    assert caller.stk(2)["ResultCode"] == 1037


def test_nobody_can_do_what_is_no_action(caller: Any) -> None:
    for action in ("eat", "code:4999", "code:", "code:no"):
        with pytest.raises(ValueError, match="nobody can"):
            caller.core.act("ws_CO_1", action)
    assert not caller.core.act("ws_CO_1", "approve")


def test_rule_17_the_same_amount_again_within_two_minutes_of_a_payment(caller: Any) -> None:
    caller.pushed()
    caller.stk(10)
    caller.pushed()
    assert caller.core.prompts() == ()
    assert caller.stk(10)["ResultCode"] == 17
    caller.pushed(Amount=151)
    assert caller.stk(10)["ResultCode"] == 0
    caller.core.clock.advance(120)
    caller.pushed()
    assert caller.stk(10)["ResultCode"] == 0
    assert [payment.amount for payment in caller.core.ledger.payments] == [150, 151, 150]


def test_rule_17_does_not_follow_a_push_that_was_not_paid(caller: Any) -> None:
    set_default(caller, "decline")
    caller.pushed()
    caller.stk(10)
    set_default(caller, "approve")
    caller.pushed()
    assert caller.stk(10)["ResultCode"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TransactionType": "CustomerPayBillOnline"}, 2028),
        ({"PartyB": 7654321}, 2028),
        ({"PartyB": 600000}, "SFC_IC0003"),
    ],
)
def test_E24_a_mixed_up_till_ends_in_2028_or_SFC_IC0003(caller: Any, changes: dict[str, Any], code: int | str) -> None:
    assert caller.post(PUSH_PATH, caller.till_fields(**changes)).status == 200
    assert caller.stk()["ResultCode"] == code


def test_a_prompt_over_182_characters_ends_in_1025(caller: Any) -> None:
    shop = Shop(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, (paybill("174379", name="N" * 120),))
    caller.core = Daraja(ManualClock(), shop=shop)
    caller.token()
    caller.pushed()
    assert caller.stk()["ResultCode"] == 1025


def test_E28_E29_E30_pending_in_all_three_spellings(caller: Any) -> None:
    set_default(caller, "ask+pending_alternating")
    checkout = caller.pushed()
    replies = [caller.query(checkout) for _ in range(4)]
    assert json.loads(replies[0].body)["ResultCode"] == "4999"
    assert json.loads(replies[0].body)["ResultDesc"] == "The transaction is still under processing"
    assert (replies[1].status, json.loads(replies[1].body)["errorMessage"]) == (
        500,
        "The transaction is being processed",
    )
    assert (replies[2].status, json.loads(replies[2].body)["errorMessage"]) == (200, "")
    assert json.loads(replies[2].body)["errorCode"] == "500.001.1001"
    assert json.loads(replies[3].body)["ResultCode"] == "4999"


@pytest.mark.parametrize(("name", "status"), [("ask", 200), ("ask+pending_500", 500), ("ask+pending_200", 200)])
def test_pending_in_one_spelling(caller: Any, name: str, status: int) -> None:
    set_default(caller, name)
    checkout = caller.pushed()
    assert {caller.query(checkout).status for _ in range(3)} == {status}


def test_a_finished_query_can_be_unlucky(caller: Any) -> None:
    set_default(caller, "approve+query_unlucky")
    checkout = caller.pushed()
    caller.stk(10)
    assert [caller.query(checkout).status for _ in range(4)] == [200, 500, 200, 500]


def test_E31_an_unknown_id_and_another_shortcodes_id(caller: Any) -> None:
    for reply in (caller.query("ws_CO_x"), caller.query(caller.pushed(), BusinessShortCode=7654321)):
        assert reply.status == 500
        assert json.loads(reply.body)["errorMessage"] == "The transaction does not Exist"


def test_E26_a_query_knows_the_result_before_a_late_callback_tells_it(caller: Any) -> None:
    set_default(caller, "approve+callback_late")
    checkout = caller.pushed()
    assert [callback.kind for callback in caller.after(10)] == ["c2b"]
    assert json.loads(caller.query(checkout).body)["ResultCode"] == "0"
    assert caller.after(3590) == []
    assert caller.stk(10)["ResultCode"] == 0


def test_a_lost_callback_never_comes_and_the_ledger_still_knows(caller: Any) -> None:
    set_default(caller, "approve+callback_lost+confirmation_lost")
    caller.pushed()
    assert caller.after(1e6) == []
    assert caller.core.ledger.total() == 0
    assert len(caller.core.ledger.find(payer="254712345678", reference="INV-1042", shortcode="174379")) == 1


def test_a_callback_can_come_a_hundred_times(caller: Any) -> None:
    set_default(caller, {"callback_copies": 100, "confirmation_copies": 0})
    caller.pushed()
    bodies = {callback.body for callback in caller.after(10)}
    assert len(bodies) == 1
    assert len(caller.core.ledger.payments) == 1


def test_a_duplicated_callback_comes_a_second_later(caller: Any) -> None:
    set_default(caller, "approve+callback_duplicated+confirmation_lost")
    caller.pushed()
    assert len(caller.after(3.1)) == 1
    assert len(caller.after(1)) == 1


def test_a_callback_before_the_reply_travels_with_it(caller: Any) -> None:
    set_default(caller, "ask+callback_before_reply")
    reply = caller.push()
    assert [callback.kind for callback in reply.first] == ["stk"]
    assert json.loads(reply.first[0].body)["Body"]["stkCallback"]["ResultCode"] == 0
    assert [callback.kind for callback in caller.after(10)] == ["c2b"]


@pytest.mark.parametrize(("name", "rang"), [("reply_lost", True), ("request_lost", False), ("reply_hangs", True)])
def test_a_lost_reply(caller: Any, name: str, rang: bool) -> None:
    set_default(caller, name)
    assert caller.push().fate == ("hangs" if name == "reply_hangs" else "lost")
    assert bool(caller.core.pushes) == rang


def test_a_push_neither_accepted_nor_refused_is_a_lost_request(caller: Any) -> None:
    set_default(caller, {"accepted": False})
    assert caller.push().fate == "lost"


def test_lies_in_a_callback_do_not_reach_the_ledger(caller: Any) -> None:
    set_default(caller, "approve+other_amount+other_id+other_shortcode+confirmation_lost")
    checkout = caller.pushed()
    (callback,) = caller.after(10)
    result = json.loads(callback.body)["Body"]["stkCallback"]
    assert result["CheckoutRequestID"] != checkout
    assert result["CallbackMetadata"]["Item"][0]["Value"] == 151
    assert callback.headers["BusinessShortCode"] == "600000"
    assert caller.core.ledger.payments[0].amount == 150


def test_paid_late_fails_first_and_then_pays(caller: Any) -> None:
    set_default(caller, "paid_late+confirmation_lost")
    checkout = caller.pushed()
    assert caller.stk(27)["ResultCode"] == 1037
    assert caller.core.ledger.payments == ()
    assert caller.stk(61)["ResultCode"] == 0
    assert json.loads(caller.query(checkout).body)["ResultCode"] == "0"


def test_E41_the_confirmation_of_a_paybill(caller: Any) -> None:
    caller.pushed()
    stk, c2b = caller.after(10)
    assert (stk.kind, c2b.kind) == ("stk", "c2b")
    body = json.loads(c2b.body)
    assert body == {
        "TransactionType": "Pay Bill",
        "TransID": caller.core.ledger.payments[0].receipt,
        "TransTime": "20261014153015",
        "TransAmount": "150.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": "INV-1042",
        "InvoiceNumber": "",
        "OrgAccountBalance": "150.00",
        "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 678",
        "FirstName": body["FirstName"],
    }


def test_E44_the_confirmation_of_a_till(caller: Any) -> None:
    caller.post(PUSH_PATH, caller.till_fields())
    body = json.loads(caller.after(10)[1].body)
    assert body["TransactionType"] == "Customer Merchant Payment"
    assert (body["BusinessShortCode"], body["BillRefNumber"]) == ("5512345", "")


def test_confirmations_can_be_first_doubled_late_or_unregistered(caller: Any) -> None:
    set_default(caller, "approve+confirmation_before_callback+confirmation_duplicated")
    caller.pushed()
    assert [callback.kind for callback in caller.after(10)] == ["c2b", "c2b", "stk"]
    set_default(caller, "approve+confirmation_late")
    caller.pushed(Amount=2)
    assert [callback.kind for callback in caller.after(10)] == ["stk"]
    assert [callback.kind for callback in caller.after(3600)] == ["c2b"]
    caller.core.set_confirmation_url(None, "174379")
    caller.token()
    caller.pushed(Amount=3)
    assert [callback.kind for callback in caller.after(7200)] == ["stk"]


def test_scenarios_are_picked_by_queue_then_phone_then_amount(caller: Any) -> None:
    script = caller.core.script
    script.by_amount[150] = scenario("no_money")
    script.by_phone["254712345678"] = scenario("wrong_pin")
    script.queue = [scenario("decline")]
    codes = []
    for _ in range(2):
        caller.pushed()
        codes.append(caller.stk(10)["ResultCode"])
    caller.pushed(PhoneNumber=254700000001)
    assert [*codes, caller.stk(10)["ResultCode"]] == [1032, 2001, 1]


def test_ids_are_never_given_twice_and_survive_a_reset(caller: Any) -> None:
    set_default(caller, {"answer_after": 0})
    seen = []
    for amount in range(1, 40):
        seen.append(caller.pushed(Amount=amount))
        caller.after(0)
    receipts = [payment.receipt for payment in caller.core.ledger.payments]
    caller.core.reset()
    assert caller.core.ledger.payments == ()
    caller.token()
    seen.append(caller.pushed())
    assert len(set(seen)) == len(seen)
    assert len(set(receipts)) == len(receipts) == 39


def test_the_same_seed_tells_the_same_story(caller: Any) -> None:
    stories = []
    for _ in range(2):
        caller.core = Daraja(ManualClock(), seed=3)
        caller.token()
        reply = caller.push()
        stories.append((reply.body, [callback.body for callback in caller.after(10)]))
    assert stories[0] == stories[1]


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_keeps_the_books(caller: Any, name: str) -> None:
    set_default(caller, name)
    caller.push()
    caller.after(8000)
    assert caller.core.ledger.total() == 0
    assert caller.core.next_due() is None
