"""The fields of a push and of a query, checked in order: Daraja names the first bad one (contract §2.1, §2.2).

It must not know whether the shop or the customer exists.
"""

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

MAX_AMOUNT = 250_000
# Contract §7. Substrings, in any case.
FORBIDDEN_WORDS = ("mpesa", "m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query")

Check = Callable[[object], bool]


@dataclass(frozen=True)
class Order:
    """What a push asks for, once every field has been found good."""

    shortcode: str
    kind: str
    amount: int
    payer: str
    receiver: str
    phone: str
    callback_url: str
    reference: str
    description: str


def parse(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def invalid_push_field(fields: Mapping[str, Any], *, allow_loopback_urls: bool) -> str:
    def is_callback_url(value: object) -> bool:
        return isinstance(value, str) and is_public_url(value, allow_loopback=allow_loopback_urls)

    checks: dict[str, Check] = {
        **_CREDENTIALS,
        "TransactionType": lambda value: value in ("CustomerPayBillOnline", "CustomerBuyGoodsOnline"),
        "Amount": is_amount,
        "PartyA": is_phone,
        "PartyB": is_shortcode,
        "PhoneNumber": is_phone,
        "CallBackURL": is_callback_url,
        "AccountReference": lambda value: is_text(value, 12),
        "TransactionDesc": lambda value: is_text(value, 13),
    }
    wrong = first_wrong(fields, checks)
    return "Remarks" if wrong == "TransactionDesc" else wrong


def invalid_query_field(fields: Mapping[str, Any]) -> str:
    return first_wrong(fields, {**_CREDENTIALS, "CheckoutRequestID": lambda value: is_text(value, 100)})


def order(fields: Mapping[str, Any]) -> Order:
    """Only for fields in which `invalid_push_field` found nothing."""
    return Order(
        shortcode=digits(fields["BusinessShortCode"]),
        kind=fields["TransactionType"],
        amount=int(fields["Amount"]),
        payer=digits(fields["PartyA"]),
        receiver=digits(fields["PartyB"]),
        phone=digits(fields["PhoneNumber"]),
        callback_url=fields["CallBackURL"],
        reference=fields["AccountReference"],
        description=fields["TransactionDesc"],
    )


def password(shortcode: str, passkey: str, timestamp: str) -> str:
    return base64.b64encode(f"{shortcode}{passkey}{timestamp}".encode()).decode()


def digits(value: object) -> str:
    """A number or a string of digits, as text; anything else is empty."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value)
    return text if re.fullmatch(r"[0-9]+", text) else ""


def is_public_url(url: str, *, allow_loopback: bool, allow_http: bool = False) -> bool:
    """HTTPS to a public host, without angle brackets, capitals in the host or a forbidden word (§2.1, §7)."""
    if re.search(r"[\s<>]", url) or any(word in url.lower() for word in FORBIDDEN_WORDS):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if _is_loopback(host):
        return allow_loopback and parts.scheme in ("http", "https")
    secure = parts.scheme == "https" or (allow_http and parts.scheme == "http")
    return secure and "." in host and parts.netloc == parts.netloc.lower() and not _is_private(host)


def first_wrong(fields: Mapping[str, Any], checks: Mapping[str, Check]) -> str:
    return next((name for name, fits in checks.items() if not fits(fields.get(name))), "")


def is_shortcode(value: object) -> bool:
    return 5 <= len(digits(value)) <= 7


def is_phone(value: object) -> bool:
    return re.fullmatch(r"254[71][0-9]{8}", digits(value)) is not None


def is_amount(value: object) -> bool:
    text = digits(value)
    return 0 < len(text) <= 6 and 1 <= int(text) <= MAX_AMOUNT


def is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= longest


def _is_password(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return False


def _is_timestamp(value: object) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{14}", value):
        return False
    try:
        datetime.strptime(value, "%Y%m%d%H%M%S")  # noqa: DTZ007 - only its shape is asked; the contract enforces no zone
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.endswith((".local", ".localhost", ".internal"))


_CREDENTIALS: dict[str, Check] = {
    "BusinessShortCode": is_shortcode,
    "Password": _is_password,
    "Timestamp": _is_timestamp,
}
