"""What a callback's body says as far as the log needs it: its kind, its identity and its money.

Pure. It never raises, whatever the bytes: what it cannot read becomes `unparsed` and is kept as it came.
Sources: contract §2.1 (STK), §2.6 (C2B), §7 (one payment may be called back twice).
"""

import hashlib
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from relay.protocol import KIND_C2B_CONFIRMATION, KIND_C2B_PULLED, KIND_STK, KIND_UNPARSED, RECEIPT, SHORT_CODE

MAX_BRACKETS = 256
"""A callback has about ten. With more it is not read at all, so that no reader runs out of stack."""

IDENTITY = re.compile(r"[\x21-\x7e]{1,128}")
_RECEIPT = re.compile(RECEIPT)
_SHORT_CODE = re.compile(SHORT_CODE)
_NONCE = re.compile(r"[0-9A-Za-z_-]{1,64}")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Reading(msgspec.Struct, frozen=True, gc=False):
    """`is_json` says whether the body can be sent on as it is."""

    kind: str
    key: str
    money: bytes
    receipt: str | None
    short_code: str | None
    is_json: bool


def nonce_text(segment: str) -> str:
    """The nonce of a path; one that cannot be a till's is named by its hash, so that any text can be kept."""
    if _NONCE.fullmatch(segment):
        return segment
    return "x" + hashlib.sha256(segment.encode("utf-8", "surrogatepass")).hexdigest()[:31]


def read_stk(body: bytes, nonce: str, short_code_header: str) -> Reading:
    document, is_json = parse(body)
    short_code = match(_SHORT_CODE, short_code_header.strip()) if short_code_header else None
    try:
        callback = document["Body"]["stkCallback"]
        checkout, code = callback["CheckoutRequestID"], callback["ResultCode"]
    except (KeyError, TypeError):
        return unparsed(body, f"stk/{nonce}", short_code, is_json)
    if type(code) not in (int, str, float) or match(IDENTITY, checkout) is None:
        return unparsed(body, f"stk/{nonce}", short_code, is_json)
    amount, told = _paid(callback)
    receipt = receipt_text(told)
    money = _money(amount, _code(code), told if receipt is None else receipt, short_code)
    return Reading(KIND_STK, f"stk:{nonce}:{checkout}", money, receipt, short_code, is_json)


def read_confirmation(body: bytes) -> Reading:
    document, is_json = parse(body)
    receipt = receipt_text(get(document, "TransID"))
    short_code = match(_SHORT_CODE, _text(get(document, "BusinessShortCode")))
    if receipt is None or short_code is None:
        return unparsed(body, "c2b/confirm", short_code, is_json)
    money = _money(get(document, "TransAmount"), get(document, "BillRefNumber"), receipt, short_code)
    return Reading(KIND_C2B_CONFIRMATION, f"c2b:{short_code}:{receipt}", money, receipt, short_code, is_json)


def read_pulled(body: bytes, short_code: str) -> Reading | None:
    """A row of Pull Transactions, under the key of its confirmation; None for what is none (contract §2.12)."""
    document, is_json = parse(body)
    receipt = receipt_text(get(document, "transactionId"))
    if receipt is None or not is_json:
        return None
    money = _money(get(document, "amount"), get(document, "billreference"), receipt, short_code)
    return Reading(KIND_C2B_PULLED, f"c2b:{short_code}:{receipt}", money, receipt, short_code, is_json)


def third_party_id(body: bytes) -> str:
    """What a confirmation brings back of our answer to its validation; empty where there is none."""
    document, _ = parse(body)
    found = get(document, "ThirdPartyTransID")
    return found if isinstance(found, str) else ""


def unparsed(body: bytes, path: str, short_code: str | None, is_json: bool) -> Reading:
    # The path belongs to it: two payments may be called back with the same unreadable body.
    digest = hashlib.sha256(path.encode() + b"\n" + body).hexdigest()
    return Reading(KIND_UNPARSED, f"unparsed:{digest}", b"", None, short_code, is_json)


def parse(body: bytes) -> tuple[Any, bool]:
    # In one go over the body, which counting each of them is not.
    if len(body) - len(body.translate(None, b"{[")) > MAX_BRACKETS:
        return None, False
    try:
        body.decode()
        return _decode(body), True
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None, False


def get(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _paid(callback: object) -> tuple[object, object]:
    """Amount and receipt of CallbackMetadata, by name, never by index; an entry may lack its Value, the last counts."""
    amount = receipt = None
    listed = get(get(callback, "CallbackMetadata"), "Item")
    if isinstance(listed, list):
        for item in listed:
            name = item.get("Name") if type(item) is dict else None
            if name == "Amount":
                amount = item.get("Value")
            elif name == "MpesaReceiptNumber":
                receipt = item.get("Value")
    return amount, receipt


def match(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def receipt_text(value: object) -> str | None:
    """As tills claim it: spelled otherwise it would be a payment that nobody can claim, and that each till uses."""
    return match(_RECEIPT, value.strip().upper()) if isinstance(value, str) else None


def _code(value: object) -> object:
    """0, 0.0 and "0" are one code; some codes are words."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: object) -> object:
    return value.strip() if isinstance(value, str) else str(value) if type(value) is int else value


def _money(amount: object, *exact: object) -> bytes:
    """The same for two copies of one payment, whether they spell its amount 150, 150.00 or "150.00"."""
    spelt = _number(amount)
    for value in exact:
        spelt += "\x1f" + _exact(value)
    return hashlib.sha256(spelt.encode()).digest()[:16]


def _exact(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return value.strip()
    return str(value) if type(value) is int else _encode(value).decode()


def _number(value: object) -> str:
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return str(int(value)) if value.is_integer() else str(value)
    if not isinstance(value, str):
        return _encode(value).decode()
    if value.isdecimal():
        return value
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return value
    return format(number.normalize(), "f") if number.is_finite() and abs(number.adjusted()) < 30 else value
