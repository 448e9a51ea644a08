"""What an event says of a payment, for somebody who compares it with the portal: little, and masked.

Pure. It never raises, whatever the body. Sources: contract §2.1 (STK), §2.6 (C2B), §2.12 (Pull).
"""

from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from relay.console import words
from relay.protocol import (
    KIND_C2B_CONFIRMATION,
    KIND_C2B_PULLED,
    KIND_C2B_VALIDATION,
    KIND_CLAIM,
    KIND_RELEASE,
    KIND_RESULT,
    KIND_STK,
    KIND_TIMEOUT,
    KIND_UNPARSED,
)
from relay.reading import get, parse

KINDS = {
    KIND_STK: "Answer to a charge",
    KIND_C2B_CONFIRMATION: "Payment by a customer",
    KIND_C2B_PULLED: "Payment that Safaricom listed",
    KIND_C2B_VALIDATION: "Question whether a payment may come in",
    KIND_RESULT: "Answer to a refund or a query",
    KIND_TIMEOUT: "Queue timeout",
    KIND_UNPARSED: "Message that could not be read",
    KIND_CLAIM: "Used for a sale by a till",
    KIND_RELEASE: "Given back by a till",
}
_MOST = 40


class Told(NamedTuple):
    """Texts are as they came, cut short; empty where the body does not say. `code` is 0 for a success."""

    amount: str = ""
    phone: str = ""
    name: str = ""
    reference: str = ""
    code: str = ""


def told(kind: str, body: bytes) -> Told:
    document, _ = parse(body)
    match kind:
        case "c2b.confirmation" | "c2b.validation":
            return _of_fields(document, "TransAmount", "MSISDN", "FirstName", "BillRefNumber")
        case "c2b.pulled":
            return _of_fields(document, "amount", "msisdn", "sender", "billreference")
        case "stk":
            return _of_charge(get(get(document, "Body"), "stkCallback"))
        case "result":
            return Told(code=_text(get(get(document, "Result"), "ResultCode")))
    return Told()


def _of_fields(document: object, amount: str, phone: str, name: str, reference: str) -> Told:
    return Told(
        _text(get(document, amount)),
        words.masked_phone(_text(get(document, phone))),
        words.masked_name(_text(get(document, name))),
        _text(get(document, reference)),
    )


def _of_charge(callback: object) -> Told:
    listed = get(get(callback, "CallbackMetadata"), "Item")
    items = listed if isinstance(listed, list) else []
    said = {str(get(item, "Name")): _text(get(item, "Value")) for item in items}
    phone = words.masked_phone(said.get("PhoneNumber", ""))
    return Told(said.get("Amount", ""), phone, code=_text(get(callback, "ResultCode")))


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()[:_MOST]


def number(amount: str) -> Decimal | None:
    try:
        read = Decimal(amount)
    except InvalidOperation:
        return None
    return read if read.is_finite() and abs(read.adjusted()) < 15 else None


def money(amount: str) -> str:
    """In shillings; what is no number is shown as it came."""
    read = number(amount)
    if read is None:
        return amount
    return f"KSh {read:,.0f}" if read == read.to_integral_value() else f"KSh {read:,.2f}"
