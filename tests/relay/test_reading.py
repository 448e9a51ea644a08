"""What the relay reads out of a callback's body; the contract's examples by name, then everything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay import protocol
from relay.reading import nonce_text, read_confirmation, read_pulled, read_stk

CHECKOUT = "ws_CO_14102026153012345712345678"


def stk(code: object, *items: dict[str, object], checkout: object = CHECKOUT) -> bytes:
    callback: dict[str, object] = {"MerchantRequestID": "b3e8", "CheckoutRequestID": checkout, "ResultCode": code}
    if items:
        callback["CallbackMetadata"] = {"Item": list(items)}
    return json.dumps({"Body": {"stkCallback": callback}}).encode()


def paid(amount: object, receipt: str = "UJE7K2M9QX") -> bytes:
    return stk(0, {"Name": "Amount", "Value": amount}, {"Name": "MpesaReceiptNumber", "Value": receipt})


E14 = stk(
    0,
    {"Name": "Amount", "Value": 150.00},
    {"Name": "MpesaReceiptNumber", "Value": "UJE7K2M9QX"},
    {"Name": "Balance"},
    {"Name": "TransactionDate", "Value": 20261014153029},
    {"Name": "PhoneNumber", "Value": 254712345678},
)
E15 = stk(0, {"Name": "Amount", "Value": 1}, {"Name": "MpesaReceiptNumber", "Value": "UJE8P4T1ZC"})
E16 = stk(
    "0",
    {"Name": "MpesaReceiptNumber", "Value": "UJE3W6N0BD"},
    {"Name": "Amount", "Value": "150.00"},
    {"Name": "Balance", "Value": "{Amount={CurrencyCode=KES, MinimumAmount=1231040, BasicAmount=12310.40}}"},
)


@pytest.mark.parametrize(("body", "receipt"), [(E14, "UJE7K2M9QX"), (E15, "UJE8P4T1ZC"), (E16, "UJE3W6N0BD")])
def test_e14_to_e16_are_paid_charges_with_their_receipts(body: bytes, receipt: str) -> None:
    reading = read_stk(body, "n", "600966")
    assert (reading.kind, reading.receipt, reading.short_code) == (protocol.KIND_STK, receipt, "600966")
    assert reading.key == f"stk:n:{CHECKOUT}"
    assert reading.is_json


@pytest.mark.parametrize("code", [1, 1032, 1037, 2001, 1019, 1001, "SFC_IC0003", "E3008", 1032.0])
def test_e17_to_e25_are_charges_without_a_receipt(code: object) -> None:
    reading = read_stk(stk(code), "n", "")
    assert (reading.kind, reading.receipt, reading.short_code) == (protocol.KIND_STK, None, None)


def test_a_confirmation_is_known_by_short_code_and_receipt() -> None:
    body = {"TransID": "UJE7K2M9QX", "TransAmount": "5.00", "BusinessShortCode": "600966", "BillRefNumber": ""}
    reading = read_confirmation(json.dumps(body).encode())
    assert (reading.kind, reading.key) == (protocol.KIND_C2B_CONFIRMATION, "c2b:600966:UJE7K2M9QX")
    number = read_confirmation(json.dumps(body | {"BusinessShortCode": 600966}).encode())
    assert number.key == reading.key


@pytest.mark.parametrize("spelled", ["uje7k2m9qx", " UJE7K2M9QX ", "Uje7k2M9qx\n"])
def test_a_receipt_is_one_receipt_however_it_is_spelled(spelled: str) -> None:
    def body(receipt: str, short_code: str) -> bytes:
        said = {"TransID": receipt, "TransAmount": "5.00", "BusinessShortCode": short_code, "BillRefNumber": ""}
        return json.dumps(said).encode()

    confirmed = read_confirmation(body(spelled, " 600966 "))
    assert confirmed == read_confirmation(body("UJE7K2M9QX", "600966"))
    assert (read_stk(paid(150, spelled), "n", "").receipt, confirmed.receipt) == ("UJE7K2M9QX", "UJE7K2M9QX")
    assert read_stk(paid(150, spelled), "n", "").money == read_stk(paid(150), "n", "").money
    row = {"transactionId": spelled, "amount": "5.00", "billreference": ""}
    pulled = read_pulled(json.dumps(row).encode(), "600966")
    assert pulled is not None
    assert (pulled.key, pulled.money) == (confirmed.key, confirmed.money)


def test_copies_that_only_spell_numbers_otherwise_have_the_same_money() -> None:
    amounts = [150, 150.0, "150", "150.00", " 150.0"]
    assert len({read_stk(paid(amount), "n", "").money for amount in amounts}) == 1
    assert read_stk(stk(0), "n", "").money == read_stk(stk("0"), "n", "").money == read_stk(stk(0.0), "n", "").money


def test_another_amount_code_receipt_or_short_code_is_other_money() -> None:
    readings = [
        read_stk(paid(150), "n", ""),
        read_stk(paid(151), "n", ""),
        read_stk(paid(150.5), "n", ""),
        read_stk(paid("much"), "n", ""),
        read_stk(paid("NaN"), "n", ""),
        read_stk(paid(150, "UJE7K2M9QY"), "n", ""),
        read_stk(paid(150), "n", "600966"),
        read_stk(stk(1032), "n", ""),
        read_stk(paid(None), "n", ""),
        read_stk(paid([1]), "n", ""),
    ]
    assert len({reading.money for reading in readings}) == len(readings)


def test_references_are_compared_to_the_letter() -> None:
    def money(reference: str) -> bytes:
        said = {"TransID": "UJE7", "TransAmount": "5", "BusinessShortCode": "600966", "BillRefNumber": reference}
        return read_confirmation(json.dumps(said).encode()).money

    assert money("0012") != money("12")


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"Body"',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"NaN",
    b'{"Body": NaN}',
    b'{"Body":{"stkCallback":NaN}}',
    b"<xml/>",
    b"[" * 60_000,
    b"[" * 30_000 + b"]" * 30_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"Body":{"stkCallback":{"CheckoutRequestID":"ws","ResultCode":' + b"9" * 6000 + b"}}}",
    b'{"Body":{"stkCallback":{"CheckoutRequestID":"ws","ResultCode":1e999}}}',
    b'{"Body":{"stkCallback":{"CheckoutRequestID":"ws","ResultCode":true}}}',
    b'{"Body":{"stkCallback":{"CheckoutRequestID":"w\\u0000s","ResultCode":0}}}',
    b'{"Body":{"stkCallback":{"CheckoutRequestID":"\\ud800","ResultCode":0}}}',
    b'{"Body":{"stkCallback":{"CheckoutRequestID":17,"ResultCode":0}}}',
    b'{"Body":{"stkCallback":[1]}}',
    b'{"Body":{"stkCallback":{"CheckoutRequestID":"","ResultCode":0}}}',
    b'{"TransID":"U J","BusinessShortCode":"1"}',
    b'{"TransID":"UJE","BusinessShortCode":true}',
]


@pytest.mark.parametrize("body", HOSTILE)
def test_what_cannot_be_read_is_unparsed(body: bytes) -> None:
    for reading in (read_stk(body, "n", "junk"), read_confirmation(body)):
        assert reading.kind == protocol.KIND_UNPARSED
        assert reading.receipt is None
        assert reading.key.startswith("unparsed:")


def test_duplicate_keys_are_read_as_a_till_reads_them() -> None:
    body = b'{"Body":{"stkCallback":{"CheckoutRequestID":"a","CheckoutRequestID":"b","ResultCode":0}}}'
    assert read_stk(body, "n", "").key == "stk:n:b"


def test_odd_metadata_leaves_a_charge_a_charge() -> None:
    for metadata in (b"null", b"[]", b'{"Item":{}}', b'{"Item":[1,{"Name":2},{"Value":3}]}'):
        body = b'{"Body":{"stkCallback":{"CheckoutRequestID":"a","ResultCode":0,"CallbackMetadata":' + metadata + b"}}}"
        assert read_stk(body, "n", "").kind == protocol.KIND_STK


def test_the_same_unreadable_body_for_two_charges_is_two_events() -> None:
    assert read_stk(b"", "n1", "").key != read_stk(b"", "n2", "").key
    assert read_stk(b"", "n1", "").key != read_confirmation(b"").key


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(body: bytes) -> None:
    read_stk(body, "n", "")
    read_confirmation(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, json_values, json_values, json_values)
def test_no_shape_breaks_the_reading(one: object, two: object, three: object, four: object) -> None:
    callback = {"CheckoutRequestID": "ws", "ResultCode": one, "CallbackMetadata": {"Item": [two]}}
    amount = {
        "CheckoutRequestID": "ws",
        "ResultCode": 0,
        "CallbackMetadata": {"Item": [{"Name": "Amount", "Value": three}]},
    }
    confirmation = {"TransID": "UJE", "BusinessShortCode": "600966", "TransAmount": three, "BillRefNumber": four}
    for body in ({"Body": {"stkCallback": callback}}, {"Body": {"stkCallback": amount}}, {"Body": one}):
        read_stk(json.dumps(body).encode(), "n", "")
    read_confirmation(json.dumps(confirmation).encode())


def test_any_text_in_the_path_becomes_a_nonce_that_can_be_kept() -> None:
    assert nonce_text("ab" * 16) == "ab" * 16
    for odd in ("", "a b", "é", "x" * 65, "\x00", "\ud800"):
        assert len(nonce_text(odd)) == 32
        assert nonce_text(odd).isalnum()
