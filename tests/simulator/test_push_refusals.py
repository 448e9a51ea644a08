"""Every field of a push and a query, and every way the gateway refuses (E7–E13b, contract §2.1, §2.2, §5.4)."""

import json
from typing import Any

import pytest

from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import PUSH_PATH, QUERY_PATH, Daraja
from pos_app.simulator.fields import is_public_url, password
from pos_app.simulator.shop import SANDBOX_PASSKEY


def error(reply: Any) -> tuple[int, str, str]:
    body = json.loads(reply.body)
    return reply.status, body["errorCode"], body["errorMessage"]


BAD_FIELDS: list[tuple[str, Any]] = [
    *[("BusinessShortCode", value) for value in (None, 1743, "17437912", True, 1.5, "abcde")],
    *[("Password", value) for value in (None, "", 5, "not base64!", "é")],
    *[("Timestamp", value) for value in (None, 20261014153012, "2026101415301", "20261314153012", "x" * 14)],
    *[("TransactionType", value) for value in (None, "CustomerPayBill", 1)],
    *[("Amount", value) for value in (None, 0, -1, 250001, 1.5, 150.0, "1,000", "1.00", "", True, "9" * 400)],
    *[("PartyA", value) for value in (None, "0712345678", 254812345678, "+254712345678", 25471234567)],
    *[("PartyB", value) for value in (None, "", 12)],
    *[("PhoneNumber", value) for value in (None, 712345678, "254612345678")],
    *[("CallBackURL", value) for value in (None, "", 1, "not a url", "http://pay.example.co.ke/cb")],
    *[("AccountReference", value) for value in (None, "", "  ", "X" * 13, 5)],
]


@pytest.mark.parametrize(("name", "value"), BAD_FIELDS)
def test_E7_a_bad_field_is_named(caller: Any, name: str, value: object) -> None:
    fields = {**caller.fields(), name: value}
    if value is None:
        del fields[name]
    assert error(caller.post(PUSH_PATH, fields)) == (400, "400.002.02", f"Bad Request - Invalid {name}")


@pytest.mark.parametrize("value", [None, "", "X" * 14, 1])
def test_a_bad_description_is_called_remarks(caller: Any, value: object) -> None:
    assert error(caller.push(TransactionDesc=value)) == (400, "400.002.02", "Bad Request - Invalid Remarks")


def test_E4_strings_and_numbers_are_both_accepted(caller: Any) -> None:
    strings = {"BusinessShortCode": "174379", "Amount": "150", "PartyA": "254112345678", "PartyB": "174379"}
    assert caller.push(**strings, PhoneNumber="254112345678").status == 200


def test_E6_an_accepted_push(caller: Any) -> None:
    reply = json.loads(caller.push().body)
    assert list(reply) == [
        "MerchantRequestID",
        "CheckoutRequestID",
        "ResponseCode",
        "ResponseDescription",
        "CustomerMessage",
    ]
    assert reply["ResponseCode"] == "0"
    assert reply["CheckoutRequestID"] == "ws_CO_14102026153012345712345678"


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_wrong_content_type_names_the_first_field(caller: Any, content_type: str | None) -> None:
    caller.headers = {"content-type": content_type} if content_type else {}
    assert error(caller.push())[2] == "Bad Request - Invalid BusinessShortCode"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"\xff\xfe", b"1" * 5000])
def test_a_body_that_is_no_object_is_400_002_05(caller: Any, body: bytes) -> None:
    for path in (PUSH_PATH, QUERY_PATH):
        assert error(caller.raw(path, body))[:2] == (400, "400.002.05")


def test_E11_a_wrong_passkey_is_refused(caller: Any) -> None:
    wrong = caller.push(Password=password("174379", "x", caller.fields()["Timestamp"]))
    assert error(wrong) == (500, "500.001.1001", "[MerchantValidate] - Wrong credentials")


def test_a_timestamp_other_than_the_passwords_is_refused(caller: Any) -> None:
    assert error(caller.push(Timestamp="20210628092408"))[2] == "[MerchantValidate] - Wrong credentials"


def test_the_official_password_sample() -> None:
    expected = (
        "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJh"
        "ZGExZWQyYzkxOTIwMjEwNjI4MDkyNDA4"
    )
    assert password("174379", SANDBOX_PASSKEY, "20210628092408") == expected


def test_a_foreign_shortcode_and_a_till_number_are_no_merchant(caller: Any) -> None:
    for number in (600000, 5512345):
        assert error(caller.push(BusinessShortCode=number)) == (500, "500.001.1001", "Merchant does not exist")


def test_buy_goods_on_a_paybill_is_an_invalid_type(caller: Any) -> None:
    reply = caller.push(TransactionType="CustomerBuyGoodsOnline")
    assert error(reply) == (400, "400.002.02", "Bad Request - Invalid TransactionType")


def test_E10_a_second_push_to_a_phone_with_an_open_prompt_is_locked(caller: Any) -> None:
    caller.core.script.default = _scenario("ask")
    first = caller.pushed()
    status, code, message = error(caller.push(Amount=20))
    assert (status, code) == (500, "500.001.1001")
    assert message.startswith("Unable to lock subscriber, a transaction is already in process")
    assert caller.push(PhoneNumber=254712345679, PartyA=254712345679).status == 200
    caller.core.act(first, "decline")
    assert caller.push(Amount=20).status == 200


def test_a_session_that_never_ends_locks_for_three_minutes(caller: Any) -> None:
    caller.core.script.default = _scenario("stuck")
    caller.push()
    caller.core.clock.advance(179)
    assert caller.push().status == 500
    caller.core.clock.advance(2)
    assert caller.push().status == 200


@pytest.mark.parametrize(
    ("name", "status", "code", "words"),
    [
        ("no_iccid", 500, "500.001.1001", "[CBS - ] No ICCID found"),  # E12
        ("spike_arrest", 500, "500.003.02", "Error Occurred: Spike Arrest Violation"),  # E13
        ("internal_error", 500, "500.002.1001", "System internal error."),  # E13b
        ("lock_subscriber_prefixed", 500, "500.001.1001", "[STK] - Unable to lock subscriber"),
        ("quota", 500, "500.003.03", "Error"),
        ("busy", 500, "500.003.02", "System is busy"),
        ("internal_1001", 500, "500.003.1001", "Internal"),
        ("maintenance", 500, "500.001.1001", "The service"),
    ],
)
def test_E12_E13_E13b_refusals_by_scenario(caller: Any, name: str, status: int, code: str, words: str) -> None:
    caller.core.script.queue = [_scenario(name)]
    found = error(caller.push())
    assert found[:2] == (status, code)
    assert found[2].startswith(words)
    assert caller.core.pushes == ()
    assert caller.push().status == 200


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("token_invalidated", 404, "404.001.03"),
        ("token_invalidated_401", 401, "401.002.01"),
        ("token_invalidated_400", 400, "400.003.01"),
    ],
)
def test_E8_E9_a_token_invalidated_in_flight(caller: Any, name: str, status: int, code: str) -> None:
    caller.core.script.by_phone["254712345678"] = _scenario(name)
    found = error(caller.push())
    assert found[:2] == (status, code)
    assert (caller.bearer in found[2]) == (status == 401)
    assert error(caller.push())[1] == "404.001.03"
    caller.token()
    assert caller.push().status == 200
    assert len(caller.core.pushes) == 1
    caller.core.clock.advance(200)
    assert error(caller.push())[:2] == (status, code)


def test_a_missing_product_is_not_cured_by_a_new_token(caller: Any) -> None:
    caller.core.script.default = _scenario("token_no_product")
    for _ in range(2):
        assert "no apiproduct match" in error(caller.push())[2]
        caller.token()


@pytest.mark.parametrize(("name", "status"), [("waf_html", 403), ("waf_html_503", 503)])
def test_the_waf_answers_with_html(caller: Any, name: str, status: int) -> None:
    caller.core.script.default = _scenario(name)
    reply = caller.push()
    assert (reply.status, reply.headers["content-type"]) == (status, "text/html")
    assert b"Incapsula incident" in reply.body
    assert caller.core.pushes == ()


@pytest.mark.parametrize("name", ["internal_error_accepted", "gateway_timeout_accepted"])
def test_an_error_can_still_have_rung_the_phone(caller: Any, name: str) -> None:
    caller.core.script.default = _scenario(name)
    assert caller.push().status in (500, 504)
    assert caller.stk()["ResultCode"] == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://pay.example.co.ke/Mpesa/cb",
        "https://pay.example.co.ke/m-PESA",
        "https://safaricom.example.co.ke/cb",
        "https://pay.example.co.ke/exec",
        "https://pay.example.co.ke/cmd",
        "https://pay.example.co.ke/sql",
        "https://pay.example.co.ke/?query=1",
        "https://pay.example.co.ke/<id>",
        "https://Pay.example.co.ke/cb",
        "https://pay.example.co.ke:99999/cb",
        "https://[::1/cb",
        "https://192.168.1.4/cb",
        "https://till.local/cb",
        "https://intranet/cb",
        "ftp://127.0.0.1/cb",
    ],
)
def test_callback_urls_that_are_refused(url: str) -> None:
    assert not is_public_url(url, allow_loopback=True)


def test_callback_urls_that_are_accepted() -> None:
    for url in ("https://pay.example.co.ke/cb/9f2c7d1e", "https://8.8.8.8/cb", "https://pay.example.co.ke:8443/cb"):
        assert is_public_url(url, allow_loopback=False)
    for url in ("http://127.0.0.1:8000/h/k/stk/n", "http://localhost/h", "http://[::1]:5/h"):
        assert is_public_url(url, allow_loopback=True)
        assert not is_public_url(url, allow_loopback=False)


def test_loopback_urls_can_be_forbidden(caller: Any) -> None:
    caller.core = Daraja(ManualClock(), allow_loopback_urls=False)
    caller.token()
    assert error(caller.push())[2] == "Bad Request - Invalid CallBackURL"


@pytest.mark.parametrize("name", ["BusinessShortCode", "Password", "Timestamp", "CheckoutRequestID"])
def test_E75_every_field_of_a_query_is_required(caller: Any, name: str) -> None:
    fields = {key: caller.fields()[key] for key in ("BusinessShortCode", "Password", "Timestamp")}
    fields |= {"CheckoutRequestID": "ws_CO_1"}
    del fields[name]
    assert error(caller.post(QUERY_PATH, fields)) == (400, "400.002.02", f"Bad Request - Invalid {name}")


def test_a_query_of_another_merchant_or_with_a_wrong_passkey(caller: Any) -> None:
    assert error(caller.query("ws_CO_1", BusinessShortCode=600000))[2] == "Merchant does not exist"
    wrong = password("174379", "x", caller.fields()["Timestamp"])
    assert error(caller.query("ws_CO_1", Password=wrong))[2] == "Wrong credentials"


def _scenario(spec: str) -> Any:
    from pos_app.simulator.scenarios import scenario

    return scenario(spec)
