"""The doors of Pull Transactions: registered once, then the money of the last 48 hours, 100 rows a page (§2.12).

It must not know which payments were told otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pos_app.simulator.clock import EAT, nairobi
from pos_app.simulator.fields import digits, first_wrong, is_phone, is_public_url, parse
from pos_app.simulator.gate import Gate
from pos_app.simulator.ledger import Ledger, Payment
from pos_app.simulator.messages import Reply, Request, answer
from pos_app.simulator.names import masked
from pos_app.simulator.shop import Shop, Shortcode
from pos_app.simulator.spellings import Spellings

WINDOW_SECONDS = 48 * 3600.0
PAGE = 100
_MOMENT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Asked:
    """`start` and `end` are seconds since 1970, both included."""

    shortcode: Shortcode
    start: float
    end: float
    offset: int


@dataclass
class PullEndpoints:
    shop: Shop
    gate: Gate
    ledger: Ledger
    spellings: Spellings
    allow_loopback_urls: bool
    registered: set[str] = field(default_factory=set)

    def register(self, request: Request, now: float) -> Reply:
        refusal = self.gate.refusal(request, now, token="token_pull", first_field="ShortCode")  # noqa: S106 - a name
        if refusal:
            return self.gate.refuse(refusal, request)
        fields = parse(request.body) or {}
        shortcode = self.shop.either(digits(fields.get("ShortCode")))
        if shortcode is None:
            return self.gate.refuse("pull_shortcode", request)
        if self._wrong(fields):
            return self.gate.refuse("bad_request", request)
        already = shortcode.number in self.registered
        self.registered.add(shortcode.number)
        return answer(self._registration(digits(fields["ShortCode"]), already=already))

    def query(self, request: Request, now: float) -> Reply:
        refusal = self.gate.refusal(request, now, token="token_pull", first_field="ShortCode")  # noqa: S106 - a name
        if refusal:
            return self.gate.refuse(refusal, request)
        fields = parse(request.body) or {}
        shortcode = self.shop.either(digits(fields.get("ShortCode")))
        if shortcode is None or shortcode.number not in self.registered:
            return self.gate.refuse("pull_shortcode", request)
        asked = _asked(fields, shortcode)
        if asked is None:
            return self.gate.refuse("bad_request", request)
        page = self._page(asked, now)
        if not page and self.spellings.pull_empty == "500":
            return self.gate.refuse("pull_empty", request)
        return answer(self._rows(page))

    def _wrong(self, fields: Mapping[str, Any]) -> str:
        kyc = self.shop.nominated_number

        def is_url(value: object) -> bool:
            return isinstance(value, str) and is_public_url(value, allow_loopback=self.allow_loopback_urls)

        return first_wrong(
            fields,
            {
                "RequestType": lambda value: value == "Pull",
                "NominatedNumber": lambda value: is_phone(value) and kyc in ("", digits(value)),
                "CallBackURL": is_url,
            },
        )

    def _registration(self, shortcode: str, *, already: bool) -> dict[str, str]:
        """E64. The words for a first registration are not in the contract."""
        return {
            "ResponseRefID": self.gate.ids.request_id(),
            "Response Status" if self.spellings.pull_status == "spaced" else "ResponseStatus": "1001"
            if already
            else "1000",
            "ShortCode": shortcode,
            "ResponseDescription": "ShortCode already Registered" if already else "ShortCode Registered Successfully",
        }

    def _page(self, asked: Asked, now: float) -> tuple[Payment, ...]:
        start = max(asked.start, now - WINDOW_SECONDS)
        found = self.ledger.find(shortcode=asked.shortcode.number, since=start, before=asked.end + 1)
        return found[asked.offset : asked.offset + PAGE]

    def _rows(self, page: tuple[Payment, ...]) -> dict[str, Any]:
        """E65, and E66 where there are none: an array in an array."""
        return {
            "ResponseRefID": self.gate.ids.request_id(),
            "ResponseCode": "1000" if page else "1001",
            "ResponseMessage": "Success" if page else "No transactions",
            "Response": [[_row(payment, self.shop, self.spellings) for payment in page]],
        }


def _asked(fields: Mapping[str, Any], shortcode: Shortcode) -> Asked | None:
    offset = digits(fields.get("OffSetValue"))
    start, end = (_moment(fields.get(name)) for name in ("StartDate", "EndDate"))
    if start is None or end is None or start > end or not 0 < len(offset) <= 9:
        return None
    return Asked(shortcode, start, end, int(offset))


def _moment(value: object) -> float | None:
    try:
        return datetime.strptime(str(value), _MOMENT).replace(tzinfo=EAT).timestamp()
    except ValueError:
        return None


def _row(payment: Payment, shop: Shop, spellings: Spellings) -> dict[str, Any]:
    shortcode = shop.shortcode(payment.shortcode)
    bill = payment.receiver == payment.shortcode
    return {
        "transactionId": payment.receipt,
        "trxDate": _date(payment.paid_at, spellings),
        "msisdn": masked(payment.payer) if spellings.pull_phone == "masked" else int(payment.payer),
        "sender": "MPESA" if spellings.pull_sender == "placeholder" else payment.name,
        # The contract names the first of them only.
        "transactiontype": "c2b-pay-bill-debit" if bill else "c2b-buy-goods-debit",
        "billreference": payment.account,
        "amount": f"{payment.amount}.00",
        "organizationname": shortcode.name if shortcode else "",
    }


def _date(when: float, spellings: Spellings) -> str:
    if spellings.pull_date == "utc":
        return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    local = nairobi(when)
    return local.strftime("%Y-%m-%dT%H:%M:%SZ" if spellings.pull_date == "example" else _MOMENT)
