"""The parsers of what strangers send: any type anywhere, never an exception, never a payment out of rubbish."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.daraja import wire
from pos_app.daraja.access_token import FIREWALL
from pos_app.daraja.exchange import NO_ANSWER, NO_CONNECTION
from pos_app.daraja.redaction import TEXT_MAX, code_for_log, for_log, scrubbed
from pos_app.daraja.result_codes import _API_RESPONSES, _SYNC_ERRORS, STK_RESULTS
from pos_app.domain.evidence import Fact
from pos_app.domain.money import Money
from pos_app.domain.reason import Reason

NOW = datetime(2026, 10, 14, 12, 30, 12, tzinfo=UTC)
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("9e999999"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
CALLBACK_KEYS = ("MerchantRequestID", "CheckoutRequestID", "ResultCode", "ResultDesc", "CallbackMetadata")
ITEM_NAMES = st.sampled_from(["Amount", "MpesaReceiptNumber", "Balance", "TransactionDate", "PhoneNumber"]) | JSON
ITEMS = st.lists(JSON | st.fixed_dictionaries({"Name": ITEM_NAMES}, optional={"Value": JSON}), max_size=6)
CALLBACKS = st.fixed_dictionaries(
    {"ResultCode": st.sampled_from([0, "0", 1037, "E3008", 4999, None]) | JSON},
    optional={
        **{key: JSON for key in CALLBACK_KEYS[:2] + CALLBACK_KEYS[3:4]},
        "CallbackMetadata": JSON | st.fixed_dictionaries({"Item": JSON | ITEMS}),
    },
).map(lambda callback: {"Body": {"stkCallback": callback}})
CONFIRMATION_KEYS = (
    "TransactionType", "TransID", "TransTime", "TransAmount", "BusinessShortCode", "BillRefNumber", "InvoiceNumber",
    "OrgAccountBalance", "ThirdPartyTransID", "MSISDN", "FirstName", "MiddleName", "LastName",
)  # fmt: skip


@given(JSON | CALLBACKS)
def test_any_callback_is_evidence_or_nothing(body: Any) -> None:
    evidence = wire.stk_callback(body, NOW, trusted=True)
    assert evidence is None or all(part.isprintable() for part in (evidence.code, evidence.checkout_request_id))


@given(JSON, st.fixed_dictionaries({}, optional=dict.fromkeys(CONFIRMATION_KEYS, JSON)))
def test_any_confirmation_is_money_or_nothing(anything: Any, fields: Any) -> None:
    whole = {"TransID": "UJE2A9C4KF", "TransAmount": "500.00", "BusinessShortCode": "600966", **fields}
    for body in (anything, fields, whole):
        confirmation = wire.c2b_confirmation(body)
        assert confirmation is None or (confirmation.receipt and confirmation.amount > Money(0))


@given(JSON)
def test_any_reply_is_read_without_raising(body: Any) -> None:
    wire.error_envelope(body)
    wire.token_reply(body)
    wire.stk_reply(body)


@given(st.text(), st.text())
def test_scrubbed_text_is_one_short_printable_line(before: Any, after: Any) -> None:
    line = scrubbed(f"{before} 254712345678 {after}")
    assert line.isprintable()
    assert len(line) <= TEXT_MAX
    assert "254712345678" not in line


def test_the_password_is_the_contracts_vector() -> None:
    at = datetime(2021, 6, 28, 6, 24, 8, tzinfo=UTC)
    stamp = wire.timestamp(at)
    assert stamp == "20210628092408"
    assert wire.stk_password("174379", SANDBOX_PASSKEY, stamp) == (
        "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMjEwNjI4MDkyNDA4"
    )


@pytest.fixture
def success(example: Callable[[str], Any]) -> Any:
    return copy.deepcopy(example("E14"))


def _callback(success: dict[str, Any]) -> Any:
    return success["Body"]["stkCallback"]


@pytest.mark.parametrize(
    "body",
    [None, [], "x", {}, {"Body": None}, {"Body": {"stkCallback": []}}, {"Body": {"stkCallback": {"ResultCode": None}}},
     {"Body": {"stkCallback": {"ResultCode": True}}}, {"Body": {"stkCallback": {"ResultCode": [0]}}},
     {"Body": {"stkCallback": {"ResultCode": "  "}}}, {"Body": {"stkCallback": {"ResultCode": 10**5000}}}],
)  # fmt: skip
def test_what_has_no_result_is_not_a_callback(body: Any) -> None:
    assert wire.stk_callback(body, NOW, trusted=True) is None


@pytest.mark.parametrize(
    ("code", "fact", "reason"),
    [
        (17, Fact.FAILED, Reason.UNKNOWN),
        (1001, Fact.FAILED, Reason.BUSYLINE),
        (1036, Fact.FAILED_IN_DOUBT, Reason.NOANSWER),
        (2008, Fact.FAILED_IN_DOUBT, Reason.EXPIRED),
        ("2026", Fact.FAILED_IN_DOUBT, Reason.EXPIRED),
        (9999, Fact.FAILED_IN_DOUBT, Reason.DOWN),
        (8006, Fact.FAILED, Reason.PINLOCK),
        (4999, Fact.STILL_OPEN, Reason.WAIT),
        ("424242", Fact.UNCLEAR, Reason.UNKNOWN),
        ("e3008", Fact.UNCLEAR, Reason.UNKNOWN),
        ("00", Fact.UNCLEAR, Reason.UNKNOWN),
        (0.0, Fact.UNCLEAR, Reason.UNKNOWN),
        (-1, Fact.UNCLEAR, Reason.UNKNOWN),
    ],
)
def test_a_callbacks_code_is_looked_up_as_text(
    success: dict[str, Any], code: object, fact: Fact, reason: Reason
) -> None:
    _callback(success)["ResultCode"] = code
    evidence = wire.stk_callback(success, NOW, trusted=True)
    assert evidence is not None
    assert (evidence.fact, evidence.reason, evidence.code) == (fact, reason, str(code))
    assert (evidence.receipt, evidence.amount) == ("", None)


def test_an_unconfirmed_sender_and_the_short_code_header_go_along(success: dict[str, Any]) -> None:
    evidence = wire.stk_callback(success, NOW, trusted=False, short_code="600966")
    assert evidence is not None
    assert (evidence.trusted, evidence.short_code, evidence.at) == (False, "600966", NOW)


@pytest.mark.parametrize(
    "metadata",
    [None, [], "x", {}, {"Item": None}, {"Item": [None, 1, "x", {}, {"Name": 5, "Value": 1}, {"Name": "Amount"}]}],
)
def test_a_success_without_particulars_is_told_without_them(success: dict[str, Any], metadata: Any) -> None:
    _callback(success)["CallbackMetadata"] = metadata
    evidence = wire.stk_callback(success, NOW, trusted=True)
    assert evidence is not None
    assert (evidence.fact, evidence.receipt, evidence.amount, evidence.paid_at) == (Fact.PAID, "", None, None)


def test_a_single_item_need_not_stand_in_a_list(success: dict[str, Any]) -> None:
    _callback(success)["CallbackMetadata"] = {"Item": {"Name": "MpesaReceiptNumber", "Value": "uje7k2m9qx"}}
    evidence = wire.stk_callback(success, NOW, trusted=True)
    assert evidence is not None
    assert evidence.receipt == "UJE7K2M9QX"


def _with_item(success: dict[str, Any], name: str, value: Any) -> Any:
    items = _callback(success)["CallbackMetadata"]["Item"]
    next(item for item in items if item["Name"] == name)["Value"] = value
    evidence = wire.stk_callback(success, NOW, trusted=True)
    assert evidence is not None
    return evidence


@pytest.mark.parametrize("receipt", [None, "", "UJE0000000", "SHORT", "UJE7K2M9QX!", 1234567890.5, {"a": 1}])
def test_a_placeholder_or_rubbish_is_no_receipt(success: dict[str, Any], receipt: Any) -> None:
    assert _with_item(success, "MpesaReceiptNumber", receipt).receipt == ""


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (150, Money(150_00)),
        (150.0, Money(150_00)),
        ("150.00", Money(150_00)),
        (" 1250.50 ", Money(1250_50)),
        (99.5, Money(99_50)),
        ("99.999", None),
        ("1,250", None),
        ("1_250", None),
        ("١٥٠", None),
        ("1e3", None),
        ("9e999999", None),
        (1e300, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        (None, None),
        ({"Amount": 1}, None),
    ],
)
def test_an_amount_is_exact_or_absent(success: dict[str, Any], value: Any, amount: Any) -> None:
    assert _with_item(success, "Amount", value).amount == amount


@pytest.mark.parametrize(
    ("value", "paid_at"),
    [
        (20261014153029, datetime(2026, 10, 14, 12, 30, 29, tzinfo=UTC)),
        (20261014153029.0, datetime(2026, 10, 14, 12, 30, 29, tzinfo=UTC)),
        ("20260101003000", datetime(2025, 12, 31, 21, 30, tzinfo=UTC)),
        ("20261314153029", None),
        ("00010101000000", None),
        ("2.0261014e13", None),
        ("14.10.2026 15:30:29", None),
        (None, None),
    ],
)
def test_a_moment_is_east_africa_time(success: dict[str, Any], value: Any, paid_at: Any) -> None:
    assert _with_item(success, "TransactionDate", value).paid_at == paid_at


def test_an_id_that_no_database_can_hold_is_made_printable(success: dict[str, Any]) -> None:
    _callback(success)["CheckoutRequestID"] = json.loads('"ws_\\ud800CO\\n1"')
    evidence = wire.stk_callback(success, NOW, trusted=True)
    assert evidence is not None
    assert evidence.checkout_request_id == "ws_ CO 1"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("TransID", None),
        ("TransID", ""),
        ("TransID", "UJE0000000"),
        ("TransAmount", None),
        ("TransAmount", "0.00"),
        ("TransAmount", "-5.00"),
        ("TransAmount", "five"),
        ("BusinessShortCode", None),
        ("BusinessShortCode", "12"),
        ("BusinessShortCode", "12345678"),
    ],
)
def test_a_confirmation_without_receipt_amount_or_shop_is_unusable(
    example: Callable[[str], Any], key: Any, value: Any
) -> None:
    assert wire.c2b_confirmation({**example("E41"), key: value}) is None
    assert wire.c2b_confirmation({k: v for k, v in example("E41").items() if k != key}) is None


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_what_is_no_object_is_no_confirmation(body: Any) -> None:
    assert wire.c2b_confirmation(body) is None


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("254712345678", "0712 ••• 678"),
        ("+254112345678", "0112 ••• 678"),
        (254712345678, "0712 ••• 678"),
        ("2547 ***** 678", "07•• ••• 678"),
        ("2541 ***** 126", "01•• ••• 126"),
        ("254708******149", "0708 ••• 149"),
        ("9c1f0b7d52e84a36b0d7f1c2e5a894d3670b1e2f4c8d9a05b6e7f3128d4c5a90", ""),
        ("9c1f ***** a90", ""),
        ("255712345678", ""),
        ("", ""),
        (None, ""),
        (["254712345678"], ""),
    ],
)
def test_a_payers_phone_is_always_masked(example: Callable[[str], Any], phone: Any, shown: str) -> None:
    confirmation = wire.c2b_confirmation({**example("E41"), "MSISDN": phone})
    assert confirmation is not None
    assert confirmation.payer_phone == shown


def test_what_a_payer_typed_becomes_one_printable_line(example: Callable[[str], Any]) -> None:
    body = {**example("E41"), "BillRefNumber": "  HSE\n12B\x1b[2J ", "FirstName": "JO\tHN", "LastName": None}
    confirmation = wire.c2b_confirmation({**body, "TransAmount": 500, "BusinessShortCode": 600966})
    assert confirmation is not None
    assert (confirmation.bill_reference, confirmation.payer_name) == ("HSE 12B [2J", "JO HN")


def test_an_overdrawn_balance_is_read(example: Callable[[str], Any]) -> None:
    confirmation = wire.c2b_confirmation({**example("E41"), "OrgAccountBalance": "-12.50"})
    assert confirmation is not None
    assert confirmation.balance == Money(-12_50)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Invalid Access Token - k3JfQ0ZrVw8uYb2mT7sXeL1pHd9c", "Invalid Access Token - •••"),
        ("no line 254712345678 or 0712345678", "no line •••678 or •••678"),
        ("ws_CO_14102026153012345712345678 is unknown", "ws_CO_••• is unknown"),
        ("Duplicate OriginatorConversationID.", "Duplicate OriginatorConversationID."),
        ("a\r\nb\x00c", "a b c"),
    ],
)
def test_text_loses_its_secrets_and_numbers(text: str, shown: str) -> None:
    assert scrubbed(text) == shown


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [("", "-"), ("4781-11cc", "4781-11cc"), ("a\nb c", "a?b?c"), ("x-254712345678", "x-***678"), ("y" * 99, "y" * 64)],
)
def test_an_identifier_is_fit_for_a_log_line(identifier: Any, shown: str) -> None:
    assert for_log(identifier) == shown


@pytest.mark.parametrize("code", [*STK_RESULTS, *_API_RESPONSES, *(row.code for row in _SYNC_ERRORS if row.code)])
def test_every_code_of_the_contract_stands_in_the_log_as_it_is(code: str) -> None:
    assert code_for_log(code.rstrip(".")) == code.rstrip(".")


@pytest.mark.parametrize("code", ["HTTP 503", FIREWALL, NO_ANSWER, NO_CONNECTION])
def test_so_do_our_own_for_what_was_no_answer(code: str) -> None:
    assert code_for_log(code) == code


@pytest.mark.parametrize(
    ("code", "shape"),
    [
        ("", "-"),
        ("712345678", "***999"),
        ("254712345678", "***999"),
        ("UJE7BX41QP", "aaa9aa99aa"),
        ("Jane Wanjirũ", "aaaa?aaaaaa?"),
        ("ws_CO_14102026153012345", "aa_aa_99999999999999999"),
        ("x" * 500, "a" * 64),
    ],
)
def test_of_any_other_code_the_log_has_the_shape_only(code: str, shape: str) -> None:
    assert code_for_log(code) == shape


@pytest.mark.parametrize(
    ("text", "balance"),
    [
        ("25.00", Money(25_00)),
        ("25", Money(25_00)),
        (18420.5, Money(18420_50)),
        ("", None),
        (None, None),
        ("18,420.00", None),
        ({"Amount": 1}, None),
    ],
)
def test_the_balance_after_a_payment_is_exact_or_absent(example: Callable[[str], Any], text: Any, balance: Any) -> None:
    confirmation = wire.c2b_confirmation({**example("E41"), "OrgAccountBalance": text})
    assert confirmation is not None
    assert confirmation.balance == balance


@pytest.mark.parametrize(
    ("sent", "receipt"),
    [("UJE2A9C4KF", "UJE2A9C4KF"), (" uje2a9c4kf\n", "UJE2A9C4KF"), ("LGR7X1Q2", "LGR7X1Q2"), ("0123456789AB",) * 2],
)
def test_a_receipt_is_eight_to_twelve_letters_and_digits(
    example: Callable[[str], Any], sent: str, receipt: str
) -> None:
    confirmation = wire.c2b_confirmation({**example("E41"), "TransID": sent})
    assert confirmation is not None
    assert confirmation.receipt == receipt


def test_a_reference_is_kept_whole_and_what_is_not_read_does_no_harm(example: Callable[[str], Any]) -> None:
    reference = "ABCDEFGHIJ 123456789"
    odd = {"InvoiceNumber": {"a": [1]}, "ThirdPartyTransID": None, "Unheard": "of"}
    confirmation = wire.c2b_confirmation({**example("E41"), **odd, "BillRefNumber": f"  {reference}\t"})
    assert confirmation is not None
    assert (confirmation.bill_reference, confirmation.third_party_id) == (reference, "")


def test_what_a_confirmation_need_not_have_may_be_absent(example: Callable[[str], Any]) -> None:
    bare = {key: example("E41")[key] for key in ("TransID", "TransAmount", "BusinessShortCode")}
    confirmation = wire.c2b_confirmation(bare)
    assert confirmation is not None
    assert (confirmation.transaction_type, confirmation.bill_reference, confirmation.payer_name) == ("", "", "")
    assert (confirmation.paid_at, confirmation.balance) == (None, None)
