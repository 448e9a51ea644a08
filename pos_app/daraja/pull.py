"""What Safaricom still remembers of the shop's payments, page by page (contract §2.12): C2B only, the last 48 hours.

It must not know what becomes of a row. An answer that cannot be read never means that there was nothing.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from pos_app.daraja.errors import RequestError
from pos_app.daraja.exchange import Reply
from pos_app.daraja.obstacles import Effect, Obstacle, accepted, as_told, cannot_read
from pos_app.daraja.outcome import Answer
from pos_app.daraja.result_codes import PULL_NOTHING_NEW, PULL_OK
from pos_app.daraja.values import EAT, folded, masked_phone, money_of, text_of
from pos_app.daraja.wire import Endpoint
from pos_app.domain.money import ZERO, Money
from pos_app.domain.payment import parse_receipt
from pos_app.domain.shop import ShopAccount

REMEMBERED = timedelta(hours=48)
PAGE_ROWS = 100
PULL = Endpoint("pull", "POST", "/pulltransactions/v1/query", reply_max=1024 * 1024)
_PRODUCT = "Pull Transactions"
_PAGES_MAX = 200
_TEXT_MAX = 64
_NAME_MAX = 100
_NOTHING_THERE = "no available transactions"
_NO_NAME = "MPESA"
_CLOCKS_DIFFER = timedelta(minutes=5)
_ENDLESS = Obstacle(Effect.UNCLEAR, "M-Pesa’s list of payments did not end. It will be asked for again.", "endless")


@dataclass(frozen=True, slots=True)
class PullRow:
    """`raw` is the row as it came, and may hold a whole phone number; `payer_phone` is masked, for display only."""

    receipt: str
    amount: Money
    paid_at: datetime | None
    bill_reference: str
    payer_phone: str
    sender_name: str
    transaction_type: str
    raw: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pulled:
    """`unreadable`: rows that may be money and could not be read, as they came. `gap`: why more may be missing."""

    rows: tuple[PullRow, ...]
    unreadable: tuple[object, ...] = field(default=(), repr=False)
    gap: Obstacle | None = None

    @property
    def is_complete(self) -> bool:
        """Whether a payment of that time that is not among the rows is one that M-Pesa does not know."""
        return self.gap is None and not self.unreadable


def pull_request(account: ShopAccount, start: datetime, end: datetime, offset: int) -> dict[str, object]:
    """Raises RequestError for a window that ends before it begins."""
    if start >= end:
        raise RequestError("A Pull begins before it ends.")
    return {
        "ShortCode": account.short_code,
        "StartDate": _stamp(start),
        "EndDate": _stamp(end),
        "OffSetValue": str(offset),
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(EAT).strftime("%Y-%m-%d %H:%M:%S")


async def pull_all(ask: Callable[[int], Awaitable[Answer]], host: str, offset: int, start: datetime) -> Pulled:
    """`ask` gets the page that begins with a row; a short page is the last. What came before a break is kept."""
    listed: list[object] = []
    before: list[object] = []
    for _ in range(_PAGES_MAX):
        page, gap = _page(await ask(offset), host)
        if page and page == before:
            break  # M-Pesa does not heed the offset.
        listed += page
        if gap is not None or len(page) < PAGE_ROWS:
            return _read(listed, start, gap)
        offset, before = offset + len(page), page
    return _read(listed, start, _ENDLESS)


def _read(listed: list[object], start: datetime, gap: Obstacle | None) -> Pulled:
    zulu = _zulu(listed, start)
    told = [(raw, pull_row(raw, zulu)) for raw in listed]
    rows = tuple(row for _, row in told if row is not None)
    return Pulled(rows, tuple(raw for raw, row in told if row is None), gap)


def _zulu(listed: list[object], start: datetime) -> tzinfo:
    """What this list means by Z, said by all its rows: one alone, of hours ago, may be read either way."""
    read = [row.paid_at for raw in listed if (row := pull_row(raw)) is not None and row.paid_at is not None]
    # Nothing is listed that was paid before the time that was asked for.
    return UTC if any(paid_at < start - _CLOCKS_DIFFER for paid_at in read) else EAT


def _page(answer: Answer, host: str) -> tuple[list[object], Obstacle | None]:
    if isinstance(answer, Reply) and _says_nothing_there(answer):
        return [], None
    reply = accepted(answer, host, _PRODUCT)
    if isinstance(reply, Obstacle):
        return [], reply
    said = folded(reply.body)
    code, listed = text_of(said.get("responsecode")), said.get("response")
    rows = _rows(listed)
    if code == PULL_NOTHING_NEW or (code == PULL_OK and isinstance(listed, list)):
        return rows, None
    if code in {"", PULL_OK}:
        return rows, cannot_read(reply, host)
    return rows, as_told(Effect.UNCLEAR, code, text_of(said.get("responsemessage")))


def _says_nothing_there(reply: Reply) -> bool:
    """An HTTP 500 that is no alarm; no proof either that a certain payment was not made (§2.12)."""
    said = folded(reply.body)
    words = (text_of(said.get(name)).lower() for name in ("errormessage", "responsemessage", "responsedescription"))
    return reply.status == 500 and any(_NOTHING_THERE in text for text in words)


def _rows(listed: object) -> list[object]:
    """Rows come in an array within an array."""
    if not isinstance(listed, list):
        return []
    return [row for part in listed for row in (part if isinstance(part, list) else [part])]


def pull_row(raw: object, zulu: tzinfo = EAT) -> PullRow | None:
    """None when it does not say which receipt and how much. `zulu` is what its list means by the zone Z.

    The contract's E65 has the digits of its E41, Nairobi's, with a Z.
    """
    said = folded(raw)
    receipt, amount = parse_receipt(said.get("transactionid")), money_of(said.get("amount"))
    if not receipt or amount is None or amount <= ZERO:
        return None
    sender = text_of(said.get("sender"), _NAME_MAX)
    return PullRow(
        receipt=receipt,
        amount=amount,
        paid_at=_paid_at(text_of(said.get("trxdate")), zulu),
        bill_reference=text_of(said.get("billreference"), _TEXT_MAX),
        payer_phone=masked_phone(text_of(said.get("msisdn"))),
        sender_name="" if sender.upper() == _NO_NAME else sender,
        transaction_type=text_of(said.get("transactiontype"), _TEXT_MAX),
        raw=raw,
    )


def _paid_at(text: str, zulu: tzinfo) -> datetime | None:
    """With a zone, or without one as East Africa Time (§2.12)."""
    zone = zulu if text.upper().endswith("Z") else EAT
    try:
        told = datetime.fromisoformat(text.rstrip("Zz"))
        return (told if told.tzinfo else told.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def told_row(row: PullRow) -> str:
    """The row as JSON in one spelling, with a zone that is no Z: whatever M-Pesa wrote, every till reads the same.

    The payer’s whole number, where there was one, stays behind.
    """
    fields = {
        "transactionId": row.receipt,
        "trxDate": row.paid_at.strftime("%Y-%m-%dT%H:%M:%S+00:00") if row.paid_at else "",
        "msisdn": row.payer_phone.replace(" ", "").replace("•", "*"),
        "sender": row.sender_name,
        "transactiontype": row.transaction_type,
        "billreference": row.bill_reference,
        "amount": f"{row.amount.cents // 100}.{row.amount.cents % 100:02}",
    }
    return json.dumps(fields, ensure_ascii=False)
