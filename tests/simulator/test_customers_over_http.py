"""Customers over real HTTP: the control API, validation by a real receiver, a whole day, the books, the statement."""

import csv
import io
import json
from collections import Counter
from typing import Any

import httpx
import pytest

from pos_app.simulator.c2b import REGISTER_V2_PATH
from pos_app.simulator.daraja import TOKEN_PATH

PAY = {"to": "174379", "amount": 150, "phone": "254712345678", "account": "HSE 12B"}


def tell(web: httpx.Client, path: str, **body: Any) -> httpx.Response:
    return web.post(f"/simulator/{path}", json=body)


def ask(web: httpx.Client, path: str, **query: str) -> Any:
    return web.get(f"/simulator/{path}", params=query).json()


def register(web: httpx.Client, caller: Any, receiver: Any, **changes: Any) -> None:
    token = web.get(TOKEN_PATH, params={"grant_type": "client_credentials"}, headers={"authorization": caller.basic()})
    urls = {"ConfirmationURL": f"{receiver.url}/confirm", "ValidationURL": f"{receiver.url}/validate"}
    fields = {"ShortCode": "174379", "ResponseType": "Completed", **urls, **changes}
    headers = {"authorization": f"Bearer {token.json()['access_token']}"}
    assert web.post(REGISTER_V2_PATH, json=fields, headers=headers).json()["ResponseCode"] == "0"


def until_answered(web: httpx.Client) -> None:
    """Until the simulator has heard what became of its first callback."""
    while not web.get("/simulator/callbacks").json():
        continue


def test_a_customer_pays_and_the_shop_is_told(web: httpx.Client, caller: Any, receiver: Any) -> None:
    register(web, caller, receiver)
    answer = tell(web, "c2b/pay", **PAY, name="<b>x</b>").json()
    assert answer["done"]
    assert answer["payment"] == {
        "receipt": answer["payment"]["receipt"],
        "state": "paid",
        "code": "",
        "to": "174379",
        "shortcode": "174379",
        "amount": 150,
        "phone": "254712345678",
        "account": "HSE 12B",
        "name": "<b>x</b>",
        "type": "Pay Bill",
        "at": "20261014153012",
        "scenario": {},
    }
    tell(web, "advance", seconds=1)
    path, headers, body = receiver.got.get(timeout=10)
    assert (path, headers["content-type"]) == ("/confirm", "application/json;charset=UTF-8")
    assert (body["TransID"], body["FirstName"]) == (answer["payment"]["receipt"], "<b>x</b>")
    assert web.get("/simulator/c2b/payments").json() == [answer["payment"]]
    assert web.get("/simulator/state").json()["customer_payments"] == [answer["payment"]]


@pytest.mark.parametrize(("code", "state"), [("0", "paid"), ("C2B00012", "rejected")])
def test_the_shop_decides_by_its_answer(web: httpx.Client, caller: Any, receiver: Any, code: str, state: str) -> None:
    register(web, caller, receiver)
    tell(web, "c2b/validation", on=True, shortcode="174379")
    receiver.answer = json.dumps({"ResultCode": code, "ThirdPartyTransID": "SALE1042"}).encode()
    assert tell(web, "c2b/pay", **PAY).json()["payment"]["state"] == "validating"
    assert receiver.got.get(timeout=10)[0] == "/validate"
    until_answered(web)
    (payment,) = web.get("/simulator/c2b/payments").json()
    assert payment["state"] == state
    assert web.get("/simulator/ledger").json()["paid"] == (150 if state == "paid" else 0)
    tell(web, "advance", seconds=60)
    if state == "paid":
        assert receiver.got.get(timeout=10)[2]["ThirdPartyTransID"] == "SALE1042"
    assert receiver.got.empty()


def test_silence_for_8_seconds_is_the_registered_default(web: httpx.Client, caller: Any, receiver: Any) -> None:
    register(web, caller, receiver, ResponseType="Cancelled")
    tell(web, "c2b/validation", on=True)
    receiver.free.clear()
    tell(web, "c2b/pay", **PAY)
    receiver.got.get(timeout=10)
    tell(web, "advance", seconds=8)
    (payment,) = web.get("/simulator/c2b/payments").json()
    assert (payment["state"], payment["code"]) == ("rejected", "Cancelled")
    receiver.free.set()


def test_nobody_at_the_validation_url_is_the_default_at_once(web: httpx.Client, caller: Any, receiver: Any) -> None:
    register(web, caller, receiver, ValidationURL="http://127.0.0.1:9/nobody")
    tell(web, "c2b/validation", on=True)
    tell(web, "c2b/pay", **PAY)
    until_answered(web)
    assert web.get("/simulator/c2b/payments").json()[0]["state"] == "paid"


def test_a_day_of_2000_payments_is_one_call(web: httpx.Client, caller: Any, receiver: Any) -> None:
    register(web, caller, receiver)
    asked = {"payments": 2000, "lost": 0.05, "duplicated": 0.02, "late": 0.1, "seed": 7, "number": "174379"}
    planned = tell(web, "c2b/day", **asked).json()
    counts = {"payments": 2000, "lost": 100, "duplicated": 40, "late": 200, "overtaken": 0, "usual": 1660}
    assert planned == {"done": True, "first": planned["first"], "last": planned["last"], **counts}
    assert planned["first"] < planned["last"] <= "20261015033012"
    tell(web, "advance", seconds=13 * 3600 + 1)  # an hour more than the day, so that no late one is left
    told = Counter(receiver.got.get(timeout=10)[2]["TransID"] for _ in range(1940))
    books = web.get("/simulator/ledger").json()
    paid = {payment["receipt"] for payment in books["payments"]}
    assert (len(paid), len(paid - set(told)), set(told) - paid) == (2000, 100, set())
    assert Counter(told.values()) == {1: 1860, 2: 40}
    assert books["sum"] == 0
    assert books["balances"]["shop:174379"] == books["paid"]


def test_the_ledger_is_asked_by_receipt_and_by_time(web: httpx.Client) -> None:
    first = tell(web, "c2b/pay", **PAY).json()["payment"]["receipt"]
    tell(web, "c2b/pay", **{**PAY, "amount": "70"}, after=60)
    tell(web, "advance", seconds=60)
    assert [payment["receipt"] for payment in ask(web, "ledger", receipt=first)["payments"]] == [first]
    assert ask(web, "ledger", until="20261014153012")["paid"] == 150
    assert ask(web, "ledger", since="20261014153013", until="20261014153112")["paid"] == 70
    assert ask(web, "balance", shortcode="174379") == {"shortcode": "174379", "at": "20261014153112", "balance": 220}
    assert [
        ask(web, "balance", shortcode="174379", at=f"202610141531{second}")["balance"] for second in ("00", "12")
    ] == [150, 220]
    assert ask(web, "balance", shortcode="5512345")["balance"] == 0


def test_the_statement_is_a_csv_with_the_balance_after_each_payment(web: httpx.Client) -> None:
    receipts = [
        tell(web, "c2b/pay", **PAY, scenario="confirmation_lost").json()["payment"]["receipt"],
        tell(web, "c2b/pay", **{**PAY, "account": 'a,"b'}, name="O'NEIL").json()["payment"]["receipt"],
    ]
    tell(web, "c2b/pay", **{**PAY, "to": "5512345"})
    reply = web.get("/simulator/statement", params={"shortcode": "174379"})
    assert reply.headers["content-type"].startswith("text/csv")
    newest, oldest = csv.DictReader(io.StringIO(reply.text))
    assert [oldest["Receipt No."], newest["Receipt No."]] == receipts
    assert [oldest["Balance"], newest["Balance"]] == ["150.00", "300.00"]
    assert newest == {
        "Receipt No.": receipts[1],
        "Completion Time": "14-10-2026 15:30:12",
        "Initiation Time": "14-10-2026 15:30:12",
        "Details": """Pay Bill from 2547 ***** 678 - O'NEIL Acc. a,"b""",
        "Transaction Status": "Completed",
        "Paid In": "150.00",
        "Withdrawn": "",
        "Balance": "300.00",
        "Balance Confirmed": "true",
        "Reason Type": "Pay Bill Online",
        "Other Party Info": "2547 ***** 678 - O'NEIL",
        "Linked Transaction ID": "",
        "A/C No.": 'a,"b',
    }
    till = web.get("/simulator/statement", params={"shortcode": "7654321", "since": "20261014153012"}).text
    (row,) = csv.DictReader(io.StringIO(till))
    assert (row["Reason Type"], row["A/C No."]) == ("Merchant Payment", "")
    before = web.get("/simulator/statement", params={"shortcode": "174379", "until": "20261014153011"}).text
    assert list(csv.DictReader(io.StringIO(before))) == []


def test_choices_are_shown_as_they_were_told(web: httpx.Client, caller: Any, receiver: Any) -> None:
    register(web, caller, receiver)
    tell(web, "c2b/scenario", scenario="plain", phone="254712345678")
    tell(web, "c2b/scenario", scenario={"preset": "hashed", "confirmation_copies": 3}, next=2)
    tell(web, "c2b/weather", lost=0.5, seed=3)
    tell(web, "c2b/spellings", register="E34")
    tell(web, "c2b/validation", on=True, shortcode="7654321")
    shown = web.get("/simulator/c2b").json()
    assert [number["number"] for number in shown["numbers"]] == ["174379", "5512345"]
    assert shown["registrations"]["174379"]["confirmation_url"] == f"{receiver.url}/confirm"
    assert (shown["validating"], shown["pulled"], shown["weather"]) == (["7654321"], [], {"lost": 0.5, "seed": 3})
    assert shown["scenarios"]["phones"] == {"254712345678": {"msisdn": "plain"}}
    assert shown["scenarios"]["queue"] == [{"msisdn": "hashed", "confirmation_copies": 3}] * 2
    assert shown["spellings"]["register"] == "E34"
    for path, body in (
        ("c2b/scenario", {"scenario": None, "phone": "254712345678"}),
        ("c2b/scenario", {"scenario": None, "next": 1}),
        ("c2b/weather", {}),
        ("c2b/validation", {"on": False}),
        ("c2b/unregister", {}),
    ):
        assert tell(web, path, **body).status_code == 200
    shown = web.get("/simulator/c2b").json()
    assert shown["scenarios"] == {"default": {}, "phones": {}, "amounts": {}, "queue": []}
    assert (shown["weather"], shown["validating"], shown["registrations"]) == ({}, [], {})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("pay", {}),
        ("pay", {**PAY, "to": "7654321"}),
        ("pay", {**PAY, "to": "1"}),
        ("pay", {**PAY, "amount": "1.5"}),
        ("pay", {**PAY, "amount": 0}),
        ("pay", {**PAY, "amount": 250_001}),
        ("pay", {**PAY, "phone": "0712345678"}),
        ("pay", {**PAY, "account": "x" * 21}),
        ("pay", {**PAY, "name": 5}),
        ("pay", {**PAY, "after": -1}),
        ("pay", {**PAY, "scenario": "x"}),
        ("day", {"lost": 2}),
        ("day", {"number": "1"}),
        ("scenario", {}),
        ("scenario", {"scenario": "x"}),
        ("weather", {"lost": 1, "late": 1}),
        ("validation", {"on": 1}),
        ("validation", {"on": True, "shortcode": "1"}),
        ("unregister", {"shortcode": "1"}),
        ("spellings", {"register": "x"}),
    ],
)
def test_a_wrong_command_is_refused_with_a_sentence(web: httpx.Client, path: str, body: dict[str, Any]) -> None:
    reply = tell(web, f"c2b/{path}", **body)
    assert reply.status_code == 400
    assert reply.json()["error"]
    assert web.get("/simulator/c2b/payments").json() == []


@pytest.mark.parametrize(
    "path", ["balance", "balance?shortcode=1", "statement", "ledger?since=x", "balance?shortcode=174379&at=1"]
)
def test_a_wrong_question_is_refused_with_a_sentence(web: httpx.Client, path: str) -> None:
    reply = web.get(f"/simulator/{path}")
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_the_page_has_a_form_to_pay_by_oneself(web: httpx.Client) -> None:
    page = web.get("/").text
    for field in ("to", "amount", "account", "from", "name"):
        assert f'id="{field}"' in page
