"""What Safaricom writes of a push: the answer (E6), the callback (E14–E25) and what a query is told (E26–E28).

It must not know when or where they are sent.
"""

import re
from typing import Any

from pos_app.simulator.clock import stamp
from pos_app.simulator.ledger import Payment
from pos_app.simulator.messages import JSON_HEADERS, encode
from pos_app.simulator.push import Push
from pos_app.simulator.result_codes import PENDING, callback_words, query_words, typed

_ACCEPTED = "Success. Request accepted for processing"
_BALANCE_MAP = "{{Amount={{CurrencyCode=KES, MinimumAmount={cents}, BasicAmount={amount}.00}}}}"
# JSON numbers with two decimals (`150.00`), which Python's encoder cannot write by itself.
_DECIMAL = re.compile(rb'"decimal:(-?[0-9]+\.[0-9]{2})"')


def accepted(push: Push) -> dict[str, str]:
    return {
        "MerchantRequestID": push.merchant_request_id,
        "CheckoutRequestID": push.checkout_request_id,
        "ResponseCode": "0",
        "ResponseDescription": _ACCEPTED,
        "CustomerMessage": _ACCEPTED,
    }


def query_answer(push: Push) -> dict[str, str]:
    code = push.code or PENDING
    return {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successsfully",
        "MerchantRequestID": push.merchant_request_id,
        "CheckoutRequestID": push.checkout_request_id,
        "ResultCode": code,
        "ResultDesc": query_words(code),
    }


def callback_headers(push: Push) -> dict[str, str]:
    return {**JSON_HEADERS, "BusinessShortCode": push.scenario.callback_shortcode or push.order.shortcode}


def callback_body(push: Push, payment: Payment | None, *, checkout_request_id: str, shape: str, balance: int) -> bytes:
    code = push.code
    result: dict[str, Any] = {
        "MerchantRequestID": push.merchant_request_id,
        "CheckoutRequestID": checkout_request_id,
        "ResultCode": code if shape == "E16" else typed(code),
        "ResultDesc": callback_words(code, other=push.scenario.callback_other_words),
    }
    if payment:
        amount = payment.amount + push.scenario.callback_amount_added
        result["CallbackMetadata"] = {"Item": _items(push, payment, amount, shape, balance)}
    return _DECIMAL.sub(rb"\1", encode({"Body": {"stkCallback": result}}))


def _items(push: Push, payment: Payment, amount: int, shape: str, balance: int) -> list[dict[str, Any]]:
    when, phone = stamp(payment.paid_at), push.order.phone
    if shape == "E16":
        return [
            {"Name": "MpesaReceiptNumber", "Value": payment.receipt},
            {"Name": "Amount", "Value": f"{amount}.00"},
            {"Name": "Balance", "Value": _BALANCE_MAP.format(cents=balance * 100, amount=balance)},
            {"Name": "TransactionDate", "Value": when},
            {"Name": "PhoneNumber", "Value": phone},
        ]
    four = shape == "E15"
    items: list[dict[str, Any]] = [
        {"Name": "Amount", "Value": amount if four else f"decimal:{amount}.00"},
        {"Name": "MpesaReceiptNumber", "Value": payment.receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": int(when)},
        {"Name": "PhoneNumber", "Value": int(phone)},
    ]
    return [item for item in items if not (four and item == {"Name": "Balance"})]
