"""Pull Transactions: E64–E66, E80, E81, its window, its pages and its spellings (contract §2.12)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pos_app.simulator import spellings
from pos_app.simulator.c2b import PULL_QUERY_PATH, PULL_REGISTER_PATH
from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.knobs import UnknownScenarioError
from pos_app.simulator.shop import TRAINING_SHOP

E64 = """{"ResponseRefID":"19782-8305561-1","Response Status":"1001","ShortCode":"174379",\
"ResponseDescription":"ShortCode already Registered"}"""
E65 = """{"ResponseRefID":"27430-51844092-2","ResponseCode":"1000","ResponseMessage":"Success","Response":[[\
{"transactionId":"UJE2A9C4KF","trxDate":"2026-10-14T15:30:12Z","msisdn":"2547 ***** 678","sender":"MPESA",\
"transactiontype":"c2b-pay-bill-debit","billreference":"HSE 12B","amount":"500.00",\
"organizationname":"Duka la Mfano"}]]}"""
E66 = """{"ResponseRefID":"27430-51844092-3","ResponseCode":"1001","ResponseMessage":"No transactions",\
"Response":[[]]}"""


@pytest.fixture
def pulling(caller: Any) -> Any:
    caller.pull_register()
    return caller


def body(reply: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(reply.body)
    return read


def rows(reply: Any) -> list[dict[str, Any]]:
    assert reply.status == 200
    (page,) = body(reply)["Response"]
    assert isinstance(page, list)
    return page


def error(reply: Any) -> tuple[int, str]:
    return reply.status, body(reply)["errorCode"]


def test_E64_E80_register_once_and_then_already_with_a_space_in_the_key(caller: Any) -> None:
    first, second = body(caller.pull_register()), body(caller.pull_register())
    assert first["Response Status"] == "1000"
    assert list(second) == list(json.loads(E64))
    assert {**second, "ResponseRefID": ""} == {**json.loads(E64), "ResponseRefID": ""}


def test_the_documented_key_has_no_space(caller: Any) -> None:
    caller.core.c2b.spellings.pull_status = "plain"
    assert body(caller.pull_register())["ResponseStatus"] == "1000"


def test_E65_E81_rows_are_an_array_in_an_array(pulling: Any) -> None:
    tried = pulling.pay()
    got, expected = body(pulling.pull()), json.loads(E65)
    assert list(got) == list(expected)
    (row,) = got["Response"][0]
    (example,) = expected["Response"][0]
    assert list(row) == list(example)
    assert row == {**example, "transactionId": tried.payment.receipt}


def test_E66_no_rows_are_1001_with_an_empty_array_in_an_array(pulling: Any) -> None:
    reply = pulling.pull()
    assert reply.status == 200
    assert {**body(reply), "ResponseRefID": ""} == {**json.loads(E66), "ResponseRefID": ""}


def test_no_rows_are_also_http_500(pulling: Any) -> None:
    pulling.core.c2b.spellings.pull_empty = "500"
    reply = pulling.pull()
    assert reply.status == 500
    message = body(reply)["errorMessage"]
    assert message.startswith("failed to retrieve")
    assert message.endswith("no available transactions")
    pulling.pay()
    assert len(rows(pulling.pull())) == 1


def test_every_spelling_of_a_row(pulling: Any) -> None:
    pulling.pay()
    chosen = {"pull_date": "plain", "pull_phone": "number", "pull_sender": "name"}
    spellings.change(pulling.core.c2b.spellings, chosen)
    (row,) = rows(pulling.pull())
    assert (row["trxDate"], row["msisdn"], row["sender"]) == ("2026-10-14 15:30:12", 254712345678, "HASSAN")
    spellings.change(pulling.core.c2b.spellings, {"pull_date": "utc"})
    assert rows(pulling.pull())[0]["trxDate"] == "2026-10-14T12:30:12Z"


def test_unknown_spellings_change_nothing(caller: Any) -> None:
    before = replace(caller.core.c2b.spellings)
    for wrong in ({"pull_date": "utc", "pull_phone": "x"}, {"x": "y"}):
        with pytest.raises(UnknownScenarioError):
            spellings.change(caller.core.c2b.spellings, wrong)
    assert caller.core.c2b.spellings == before


def test_get_with_a_body_and_post_are_both_taken(pulling: Any) -> None:
    pulling.pay()
    fields = {"ShortCode": 174379, "StartDate": "2026-10-14 00:00:00", "EndDate": "2026-10-14 23:59:59"}
    asked = json.dumps({**fields, "OffSetValue": 0}).encode()
    assert rows(pulling.raw(PULL_QUERY_PATH, asked, "GET")) == rows(pulling.raw(PULL_QUERY_PATH, asked, "POST"))


def test_pages_are_100_rows_by_offset_in_the_order_of_time(pulling: Any) -> None:
    receipts = []
    for _ in range(230):
        receipts.append(pulling.pay().payment.receipt)
        pulling.core.clock.advance(1)
    pages = [rows(pulling.pull(OffSetValue=str(offset))) for offset in (0, 100, 200, 300)]
    assert [len(page) for page in pages] == [100, 100, 30, 0]
    assert [row["transactionId"] for page in pages for row in page] == receipts


def test_the_window_is_48_hours_whatever_is_asked(pulling: Any) -> None:
    pulling.pay()
    everything = {"StartDate": "2020-01-01 00:00:00", "EndDate": "2030-01-01 00:00:00"}
    pulling.core.clock.advance(48 * 3600)
    pulling.token()
    assert len(rows(pulling.pull(**everything))) == 1
    pulling.core.clock.advance(1)
    assert rows(pulling.pull(**everything)) == []


def test_both_ends_of_the_time_asked_are_included(pulling: Any) -> None:
    pulling.pay()
    second = "2026-10-14 15:30:12"
    assert len(rows(pulling.pull(StartDate=second, EndDate=second))) == 1  # it came 345 ms into that second
    assert rows(pulling.pull(EndDate="2026-10-14 15:30:11")) == []
    assert rows(pulling.pull(StartDate="2026-10-14 15:30:13")) == []


def test_pushes_are_in_it_lost_confirmations_too_and_other_numbers_are_not(pulling: Any) -> None:
    pulling.pushed()
    pulling.after(10)
    lost = pulling.pay(scenario="confirmation_lost")
    pulling.pay(to="5512345")
    assert [row["billreference"] for row in rows(pulling.pull())] == ["INV-1042", "HSE 12B"]
    assert rows(pulling.pull())[1]["transactionId"] == lost.payment.receipt


def test_a_till_pulls_by_its_own_number_or_its_stores(caller: Any) -> None:
    caller.pull_register(ShortCode="7654321")
    caller.pay(to="5512345")
    for number in ("7654321", "5512345"):
        (row,) = rows(caller.pull(ShortCode=number))
        assert (row["transactiontype"], row["billreference"]) == ("c2b-buy-goods-debit", "")


def test_trap_38_the_nominated_number_is_the_phone_of_the_kyc(caller: Any) -> None:
    caller.core = Daraja(ManualClock(), shop=replace(TRAINING_SHOP, nominated_number="254712000111"))
    caller.token()
    assert error(caller.pull_register(NominatedNumber="254712000112")) == (400, "400.003.02")
    assert error(caller.pull_register(NominatedNumber="174379")) == (400, "400.003.02")
    assert caller.pull_register().status == 200


@pytest.mark.parametrize("changes", [{"RequestType": "pull"}, {"CallBackURL": "x"}, {"CallBackURL": 5}])
def test_a_wrong_registration_is_refused(caller: Any, changes: dict[str, Any]) -> None:
    assert error(caller.pull_register(**changes)) == (400, "400.003.02")
    assert error(caller.pull()) == (400, "400.001")


@pytest.mark.parametrize(
    "changes",
    [
        {"StartDate": "2026-10-14"},
        {"EndDate": None},
        {"StartDate": "2026-10-15 00:00:00"},
        {"OffSetValue": "-1"},
        {"OffSetValue": ""},
    ],
)
def test_a_wrong_query_is_refused(pulling: Any, changes: dict[str, Any]) -> None:
    assert error(pulling.pull(**changes)) == (400, "400.003.02")


def test_the_token_and_the_shortcode_are_refused_in_pulls_own_words(pulling: Any) -> None:
    assert error(pulling.pull(ShortCode="1")) == (400, "400.001")
    assert error(pulling.pull_register(ShortCode="1")) == (400, "400.001")
    pulling.core.tokens.invalidate()
    assert error(pulling.pull()) == (401, "401.001")
    assert error(pulling.post(PULL_REGISTER_PATH, {})) == (401, "401.001")
