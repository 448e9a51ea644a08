"""Every spelling of Daraja's JSON, in and out, and nothing else: no HTTP, no tokens kept, no decisions but the tables'.

Whatever arrives was written by a stranger: any type may stand anywhere, and reading it never raises.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pos_app.daraja import result_codes
from pos_app.daraja.errors import RequestError
from pos_app.daraja.redaction import scrubbed
from pos_app.daraja.values import EAT, fields_of, masked_phone, moment_of, money_of, text_of
from pos_app.domain.evidence import Evidence, Fact, Source
from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import parse_receipt
from pos_app.domain.reason import Reason
from pos_app.domain.shop import AccountKind, ShopAccount

ACCOUNT_REFERENCE_MAX = 12
TRANSACTION_DESC_MAX = 13
TOKEN_LIFETIME_MAX = 3600
_CODE_MAX = 64
_NAME_MAX = 100
_REFERENCE_MAX = 64
_TRANSACTION_TYPES = {
    AccountKind.PAYBILL: "CustomerPayBillOnline",
    AccountKind.BUY_GOODS: "CustomerBuyGoodsOnline",
}
_TOKEN_MAX = 4096
_ACCESS_TOKEN = re.compile(rf"[!-~]{{1,{_TOKEN_MAX}}}")
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_SHORT_CODE = re.compile(r"\d{5,7}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str
    method: str
    path: str
    reply_max: int = 64 * 1024
    """In bytes; a longer reply counts as unreadable."""


TOKEN = Endpoint("token", "GET", "/oauth/v1/generate?grant_type=client_credentials")
STK_PUSH = Endpoint("stk push", "POST", "/mpesa/stkpush/v1/processrequest")
STK_QUERY = Endpoint("stk query", "POST", "/mpesa/stkpushquery/v1/query")


# Requests.


def basic_authorization(consumer_key: str, consumer_secret: str) -> str:
    return "Basic " + base64.b64encode(f"{consumer_key}:{consumer_secret}".encode()).decode()


def bearer_authorization(token: str) -> str:
    return f"Bearer {token}"


def timestamp(at: datetime) -> str:
    """`YYYYMMDDHHmmss` in East Africa Time (contract §4)."""
    return at.astimezone(EAT).strftime("%Y%m%d%H%M%S")


def stk_password(short_code: str, passkey: str, stamp: str) -> str:
    return base64.b64encode(f"{short_code}{passkey}{stamp}".encode()).decode()


def stk_push_request(
    account: ShopAccount,
    passkey: str,
    at: datetime,
    *,
    amount: Money,
    msisdn: Msisdn,
    account_reference: str,
    description: str,
    callback_url: str,
) -> dict[str, object]:
    """Contract §2.1. Raises RequestError or AmountError for what cannot be sent; the description is cut to fit."""
    if not 1 <= len(account_reference) <= ACCOUNT_REFERENCE_MAX:
        raise RequestError(f"An account reference has 1 to {ACCOUNT_REFERENCE_MAX} characters.")
    if not callback_url.startswith(("https://", "http://")):
        raise RequestError("A push needs an address for its callback.")
    if amount <= ZERO:
        raise RequestError("A push asks for at least one shilling.")
    phone = int(msisdn.digits)
    return {
        **_signature(account, passkey, at),
        "TransactionType": _TRANSACTION_TYPES[account.kind],
        "Amount": amount.whole_shillings,
        "PartyA": phone,
        "PartyB": int(account.party_b),
        "PhoneNumber": phone,
        "CallBackURL": callback_url,
        "AccountReference": account_reference,
        # Left out or empty it is refused as “Invalid Remarks” (§2.1).
        "TransactionDesc": description.strip()[:TRANSACTION_DESC_MAX] or account_reference,
    }


def stk_query_request(account: ShopAccount, passkey: str, at: datetime, checkout_request_id: str) -> dict[str, object]:
    """Contract §2.2."""
    return {**_signature(account, passkey, at), "CheckoutRequestID": checkout_request_id}


def _signature(account: ShopAccount, passkey: str, at: datetime) -> dict[str, object]:
    stamp = timestamp(at)
    return {
        "BusinessShortCode": int(account.short_code),
        "Password": stk_password(account.short_code, passkey, stamp),
        "Timestamp": stamp,
    }


# Replies.


@dataclass(frozen=True, slots=True)
class ErrorEnvelope:
    """`message` is as Daraja wrote it, for matching; `scrubbed` it before it is kept."""

    code: str
    message: str
    request_id: str


@dataclass(frozen=True, slots=True, repr=False)
class TokenReply:
    access_token: str
    lifetime_s: int

    def __repr__(self) -> str:
        return "TokenReply()"


@dataclass(frozen=True, slots=True)
class StkReply:
    """The reply to a push (no result) or to a query."""

    response_code: str
    merchant_request_id: str
    checkout_request_id: str
    result_code: str
    text: str


def error_envelope(body: object) -> ErrorEnvelope | None:
    fields = fields_of(body)
    code = text_of(fields.get("errorCode"), _CODE_MAX)
    if not code:
        return None
    return ErrorEnvelope(code, text_of(fields.get("errorMessage")), text_of(fields.get("requestId")))


def token_reply(body: object) -> TokenReply | None:
    """None without a token that can stand in a header. An unreadable lifetime counts as the documented one (§1)."""
    fields = fields_of(body)
    token, lifetime = text_of(fields.get("access_token"), _TOKEN_MAX + 1), text_of(fields.get("expires_in"))
    if not _ACCESS_TOKEN.fullmatch(token):
        return None
    seconds = int(lifetime) if _SECONDS.fullmatch(lifetime) else TOKEN_LIFETIME_MAX
    return TokenReply(token, min(seconds, TOKEN_LIFETIME_MAX))


def stk_reply(body: object) -> StkReply:
    fields = fields_of(body)
    text = text_of(fields.get("ResultDesc")) or text_of(fields.get("ResponseDescription"))
    return StkReply(
        response_code=text_of(fields.get("ResponseCode"), _CODE_MAX),
        merchant_request_id=text_of(fields.get("MerchantRequestID")),
        checkout_request_id=text_of(fields.get("CheckoutRequestID")),
        result_code=text_of(fields.get("ResultCode"), _CODE_MAX),
        text=scrubbed(text),
    )


# What Safaricom posts to the relay.


def stk_callback(body: object, at: datetime, *, trusted: bool, short_code: str = "") -> Evidence | None:
    """The result of a push (contract §2.1, Callback), or None when it is not readable as one.

    `short_code` is the callback's `BusinessShortCode` header, where there was one.
    """
    callback = fields_of(fields_of(fields_of(body).get("Body")).get("stkCallback"))
    code = text_of(callback.get("ResultCode"), _CODE_MAX)
    if not code:
        return None
    fact, reason = _callback_fact(code)
    items = dict(_items(callback)) if fact is Fact.PAID else {}
    return Evidence(
        fact,
        Source.CALLBACK,
        at,
        reason=reason,
        code=code,
        text=scrubbed(text_of(callback.get("ResultDesc"))),
        merchant_request_id=text_of(callback.get("MerchantRequestID")),
        checkout_request_id=text_of(callback.get("CheckoutRequestID")),
        receipt=parse_receipt(items.get("MpesaReceiptNumber")),
        amount=money_of(items.get("Amount")),
        short_code=short_code,
        paid_at=moment_of(items.get("TransactionDate")),
        trusted=trusted,
    )


def _callback_fact(code: str) -> tuple[Fact, Reason]:
    meaning = result_codes.stk_result(code)
    if meaning is result_codes.UNLISTED:
        return Fact.UNCLEAR, meaning.reason
    if meaning.moved is result_codes.Moved.YES:
        return Fact.PAID, meaning.reason
    if not meaning.final:
        return Fact.STILL_OPEN, meaning.reason
    return Fact.FAILED_IN_DOUBT if meaning.query_first else Fact.FAILED, meaning.reason


def _items(callback: dict[str, object]) -> Iterator[tuple[str, object]]:
    """By name: their order and number vary, and `Balance` mostly has no value."""
    listed = fields_of(callback.get("CallbackMetadata")).get("Item")
    for item in listed if isinstance(listed, list) else [listed]:
        fields = fields_of(item)
        yield text_of(fields.get("Name")), fields.get("Value")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Money that is already in the shop's account (contract §2.6). `payer_phone` is masked, for display only."""

    transaction_type: str
    receipt: str
    amount: Money
    short_code: str
    bill_reference: str
    paid_at: datetime | None
    payer_name: str
    payer_phone: str
    balance: Money | None
    third_party_id: str


def c2b_confirmation(body: object) -> Confirmation | None:
    """None when it does not say which receipt, how much and to whom."""
    fields = fields_of(body)
    receipt, amount = parse_receipt(fields.get("TransID")), money_of(fields.get("TransAmount"))
    short_code = text_of(fields.get("BusinessShortCode"))
    if not receipt or amount is None or amount <= ZERO or not _SHORT_CODE.fullmatch(short_code):
        return None
    names = (text_of(fields.get(key), _NAME_MAX) for key in ("FirstName", "MiddleName", "LastName"))
    return Confirmation(
        transaction_type=text_of(fields.get("TransactionType"), _REFERENCE_MAX),
        receipt=receipt,
        amount=amount,
        short_code=short_code,
        bill_reference=text_of(fields.get("BillRefNumber"), _REFERENCE_MAX),
        paid_at=moment_of(fields.get("TransTime")),
        payer_name=" ".join(name for name in names if name)[:_NAME_MAX],
        payer_phone=masked_phone(text_of(fields.get("MSISDN"))),
        balance=money_of(fields.get("OrgAccountBalance")),
        third_party_id=text_of(fields.get("ThirdPartyTransID"), _REFERENCE_MAX),
    )


def confirmation_evidence(confirmation: Confirmation, at: datetime, *, trusted: bool) -> Evidence:
    """An STK payment is confirmed this way too, with our account reference in `bill_reference`."""
    return Evidence(
        Fact.PAID,
        Source.CONFIRMATION,
        at,
        reason=Reason.PAID,
        receipt=confirmation.receipt,
        amount=confirmation.amount,
        short_code=confirmation.short_code,
        paid_at=confirmation.paid_at,
        trusted=trusted,
    )
