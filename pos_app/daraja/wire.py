"""Every spelling of Daraja's JSON, in and out, and nothing else: no HTTP, no tokens kept, no decisions but the tables'.

Whatever arrives was written by a stranger: any type may stand anywhere, and reading it never raises.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from pos_app.daraja import result_codes
from pos_app.daraja.errors import RequestError
from pos_app.daraja.redaction import scrubbed
from pos_app.domain.evidence import Evidence, Fact, Source
from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import parse_receipt
from pos_app.domain.reason import Reason
from pos_app.domain.shop import AccountKind, ShopAccount

EAT = timezone(timedelta(hours=3), "EAT")
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
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.0+)?", re.ASCII)
_PLAIN_PHONE = re.compile(r"(?:\+?254|0)?[17]\d{8}", re.ASCII)
_STARRED_PHONE = re.compile(r"(?:\+?254|0)([17]\d{0,2})\s*\*+\s*(\d{3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str
    method: str
    path: str


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
    fields = _object(body)
    code = _text(fields.get("errorCode"), _CODE_MAX)
    if not code:
        return None
    return ErrorEnvelope(code, _text(fields.get("errorMessage")), _text(fields.get("requestId")))


def token_reply(body: object) -> TokenReply | None:
    """None without a token that can stand in a header. An unreadable lifetime counts as the documented one (§1)."""
    fields = _object(body)
    token, lifetime = _text(fields.get("access_token"), _TOKEN_MAX + 1), _text(fields.get("expires_in"))
    if not _ACCESS_TOKEN.fullmatch(token):
        return None
    seconds = int(lifetime) if _SECONDS.fullmatch(lifetime) else TOKEN_LIFETIME_MAX
    return TokenReply(token, min(seconds, TOKEN_LIFETIME_MAX))


def stk_reply(body: object) -> StkReply:
    fields = _object(body)
    text = _text(fields.get("ResultDesc")) or _text(fields.get("ResponseDescription"))
    return StkReply(
        response_code=_text(fields.get("ResponseCode"), _CODE_MAX),
        merchant_request_id=_text(fields.get("MerchantRequestID")),
        checkout_request_id=_text(fields.get("CheckoutRequestID")),
        result_code=_text(fields.get("ResultCode"), _CODE_MAX),
        text=scrubbed(text),
    )


# What Safaricom posts to the relay.


def stk_callback(body: object, at: datetime, *, trusted: bool, short_code: str = "") -> Evidence | None:
    """The result of a push (contract §2.1, Callback), or None when it is not readable as one.

    `short_code` is the callback's `BusinessShortCode` header, where there was one.
    """
    callback = _object(_object(_object(body).get("Body")).get("stkCallback"))
    code = _text(callback.get("ResultCode"), _CODE_MAX)
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
        text=scrubbed(_text(callback.get("ResultDesc"))),
        merchant_request_id=_text(callback.get("MerchantRequestID")),
        checkout_request_id=_text(callback.get("CheckoutRequestID")),
        receipt=parse_receipt(items.get("MpesaReceiptNumber")),
        amount=_money(items.get("Amount")),
        short_code=short_code,
        paid_at=_moment(items.get("TransactionDate")),
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
    listed = _object(callback.get("CallbackMetadata")).get("Item")
    for item in listed if isinstance(listed, list) else [listed]:
        fields = _object(item)
        yield _text(fields.get("Name")), fields.get("Value")


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
    fields = _object(body)
    receipt, amount = parse_receipt(fields.get("TransID")), _money(fields.get("TransAmount"))
    short_code = _text(fields.get("BusinessShortCode"))
    if not receipt or amount is None or amount <= ZERO or not _SHORT_CODE.fullmatch(short_code):
        return None
    names = (_text(fields.get(key), _NAME_MAX) for key in ("FirstName", "MiddleName", "LastName"))
    return Confirmation(
        transaction_type=_text(fields.get("TransactionType"), _REFERENCE_MAX),
        receipt=receipt,
        amount=amount,
        short_code=short_code,
        bill_reference=_text(fields.get("BillRefNumber"), _REFERENCE_MAX),
        paid_at=_moment(fields.get("TransTime")),
        payer_name=" ".join(name for name in names if name)[:_NAME_MAX],
        payer_phone=_masked_phone(_text(fields.get("MSISDN"))),
        balance=_money(fields.get("OrgAccountBalance")),
        third_party_id=_text(fields.get("ThirdPartyTransID"), _REFERENCE_MAX),
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


# Values.


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object, limit: int = 1000) -> str:
    """A string or number as one printable line, so that `0`, `"0"` and `"E3008"` are codes alike; else empty."""
    text = value if isinstance(value, str) else _digits(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    if " " in text:
        text = " ".join(text.split())
    return text[:limit]


def _digits(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if isinstance(value, int) and abs(value) >= 10**20:
        return ""  # Nothing of Daraja's; and Python refuses to print the longest.
    return str(value)


def _money(value: object) -> Money | None:
    return Money.from_wire(_text(value))


def _moment(value: object) -> datetime | None:
    """Fourteen digits of East Africa Time, as UTC."""
    match = _MOMENT.fullmatch(_text(value))
    if not match:
        return None
    # Not strptime: after a week without a line, ten thousand of these come at once.
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=EAT).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _masked_phone(text: str) -> str:
    """`0712 ••• 678`, or with what C2B leaves of a number: `07•• ••• 678`. Empty for a hash."""
    if _PLAIN_PHONE.fullmatch(text):
        return Msisdn.parse(text).masked
    starred = _STARRED_PHONE.fullmatch(text)
    return f"{'0' + starred[1]:•<4} ••• {starred[2]}" if starred else ""
