"""Callbacks that come a hundred times, out of order, early, late, or with a lie (Must show 5, S4, S8, S11, R3, R9)."""

import random
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

HELD_BACK = "It counts for nothing"


def opened(world: Any) -> Any:
    till = world.till()
    till.start()
    till.wait_live()
    return till


def from_callbacks(till: Any, disposition: str = "%") -> list[Any]:
    sql = "SELECT * FROM evidence WHERE source IN ('callback', 'confirmation') AND disposition LIKE ?"
    found: list[Any] = till.rows(sql, disposition)
    return found


def success(amount: int, receipt: str, checkout: str) -> dict[str, Any]:
    items = {"Amount": float(amount), "MpesaReceiptNumber": receipt, "PhoneNumber": 254700000001}
    metadata = {"Item": [{"Name": name, "Value": value} for name, value in items.items()]}
    told = {"MerchantRequestID": "1-2-3", "CheckoutRequestID": checkout, "ResultCode": 0, "ResultDesc": "ok"}
    return {"Body": {"stkCallback": {**told, "CallbackMetadata": metadata}}}


def test_a_callback_that_comes_a_hundred_times_counts_once(world: Any) -> None:
    till, phone = opened(world), world.phone()
    world.simulator.behave(phone, {"callback_copies": 100, "confirmation_copies": 100})
    till.sell(120, phone)
    till.becomes(phone, "PAID")

    def copies() -> list[int]:
        return [told["status"] for told in world.simulator.ask("callbacks")]

    world.until(lambda: len(copies()) == 200, "all copies were sent")
    assert set(copies()) == {200}
    till.judge()
    assert len(from_callbacks(till)) == 2


def test_callbacks_of_many_charges_shuffled_and_repeated_pay_each_once(world: Any, seed: int) -> None:
    """What Safaricom sent is sent again, a hundred times in all, in any order and from eight connections."""
    till, phones = opened(world), [world.phone() for _ in range(10)]
    for number, phone in enumerate(phones):
        world.simulator.behave(phone, "decline" if number % 3 == 0 else "callback_late+confirmation_late")
        till.sell(100 + number, phone)
    till.judge()
    world.simulator.tell("advance", seconds=3700)
    world.until(lambda: len(world.simulator.ask("callbacks")) == 16, "the late ones have come")
    sent = [told for told in world.simulator.ask("callbacks")] * 7
    random.Random(seed).shuffle(sent)
    base = till.pairing["callback_base"]

    def again(told: dict[str, Any]) -> int:
        path, headers = told["url"].removeprefix(base), {"businessshortcode": "174379"}
        return int(world.post_callback(till.pairing, path, told["body"].encode(), **headers))

    with ThreadPoolExecutor(8) as posts:
        assert set(posts.map(again, sent)) == {200}
    till.judge()
    assert {found["state"] for found in till.attempts()} == {"PAID", "FAILED"}


def test_an_hour_late_callback_gives_its_receipt_to_a_charge_that_a_query_proved(world: Any) -> None:
    till, phone = opened(world), world.phone()
    world.simulator.behave(phone, "callback_late+confirmation_lost")
    till.sell(130, phone)
    assert till.becomes(phone, "PAID")["receipt"] == ""
    till.judge()
    world.simulator.tell("advance", seconds=3600)
    (truth,) = world.simulator.paid(phone)
    world.until(lambda: till.attempt(phone)["receipt"] == truth["receipt"], "the receipt has come")
    till.judge()


def test_an_hour_late_callback_settles_a_charge_that_nobody_could_ask_about(world: Any) -> None:
    till, phone = opened(world), world.phone()
    world.simulator.behave(phone, "callback_late+confirmation_lost")
    world.simulator.tell("fault", endpoint="query", fault="lost")
    till.sell(140, phone)
    till.becomes(phone, "UNKNOWN")
    assert till.payments() == []
    world.simulator.tell("advance", seconds=3600)
    till.becomes(phone, "PAID")
    till.judge()


@pytest.mark.parametrize("lie", ["other_amount", "other_id", "other_shortcode"])
def test_a_callback_that_does_not_fit_its_charge_is_held_back_and_the_query_tells(world: Any, lie: str) -> None:
    till, phone = opened(world), world.phone()
    world.simulator.behave(phone, f"{lie}+confirmation_lost")
    till.sell(160, phone)
    till.becomes(phone, "PAID")
    (held,) = from_callbacks(till)
    assert held["disposition"] == "quarantined"
    assert any(HELD_BACK in sentence for sentence in till.ask("look")["notices"])
    till.judge()


@pytest.mark.parametrize("nonce", ["0" * 32, "real", "odd"])
def test_a_forged_success_pays_nothing(world: Any, nonce: str) -> None:
    """With a nonce nobody made, or with the true one and another charge's particulars."""
    till, phone = opened(world), world.phone()
    world.simulator.behave(phone, "ask")
    till.sell(170, phone)
    attempt = till.attempt(phone)
    path = {"real": attempt["nonce"], "odd": secrets.token_hex(40)}.get(nonce, nonce)
    amount = 171 if nonce == "real" else 170
    body = success(amount, "UJE1FORGED", attempt["checkout_request_id"])
    assert world.post_callback(till.pairing, f"/stk/{path}", body) == 200
    events = "SELECT 1 FROM evidence WHERE event_key IS NOT NULL UNION ALL SELECT 1 FROM parked_event"
    world.until(lambda: till.rows(events), "the forgery has arrived")
    assert till.payments() == []
    assert till.attempt(phone)["state"] in {"PENDING", "UNKNOWN"}
    world.simulator.tell("act", phone=phone, action="decline")
    till.becomes(phone, "FAILED")
    till.judge()


def test_bodies_that_are_none_stop_neither_relay_nor_till(world: Any) -> None:
    till, phone = opened(world), world.phone()
    world.simulator.behave(phone, "callback_lost")
    till.sell(180, phone)
    path = f"/stk/{till.attempt(phone)['nonce']}"
    deep = b"[" * 5000 + b"]" * 5000
    bodies = [
        b"",
        b"\xff\xfe",
        b"NaN",
        b"null",
        b'{"Body":{"stkCallback":[]}}',
        deep,
        b'{"Body":{"stkCallback":{"x":NaN}}}',
    ]
    assert [world.post_callback(till.pairing, path, body) for body in bodies] == [200] * len(bodies)
    assert world.post_callback(till.pairing, path, b" " * 70_000) == 413
    assert world.post_callback({"callback_base": f"{world.relay.url}/h/{'0' * 32}"}, path, b"{}") == 404
    till.becomes(phone, "PAID")
    till.judge()
