"""What the control API tells of the ledger: who paid what and when, balances, the portal's statement.

It must not know how a payment came about. Moments are the 14 digits of the contract §6, in EAT, both ends included.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pos_app.simulator.clock import moment, stamp
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.ledger import Payment, shop
from pos_app.simulator.shop import Shortcode
from pos_app.simulator.statement import statement

_FILTERS = ("receipt", "payer", "reference", "shortcode", "checkout_request_id")


def payment_view(payment: Payment) -> dict[str, Any]:
    return {**asdict(payment), "paid_at": stamp(payment.paid_at)}


def ledger(core: Daraja, query: Mapping[str, str]) -> dict[str, Any]:
    """Only the payments are narrowed by what is asked; the sum and the balances are always of everything."""
    since, before = _between(query)
    asked = {name: query[name] for name in _FILTERS if name in query}
    payments = core.ledger.find(**asked, since=since, before=before)
    payouts = [one for one in core.ledger.payouts if since <= one.paid_at < before]
    receipts = {payment.receipt for payment in payments} | {one.receipt for one in payouts}
    return {
        "payments": [payment_view(payment) for payment in payments],
        "entries": [
            {**asdict(entry), "paid_at": stamp(entry.paid_at)}
            for entry in core.ledger.entries
            if entry.receipt in receipts
        ],
        "paid": sum(payment.amount for payment in payments),
        "payouts": [{**asdict(one), "paid_at": stamp(one.paid_at)} for one in payouts],
        "paid_out": sum(one.amount for one in payouts),
        "balances": core.ledger.balances,
        "sum": core.ledger.total(),
    }


def balance(core: Daraja, query: Mapping[str, str]) -> dict[str, Any]:
    """Of a shortcode now, or at the end of the second `at`."""
    shortcode = _shortcode(core, query)
    before = moment(query["at"]) + 1 if "at" in query else math.inf
    return {
        "shortcode": shortcode.number,
        "at": query.get("at", stamp(core.clock.now())),
        "balance": core.ledger.balance_before(shop(shortcode.number), before),
    }


def statement_csv(core: Daraja, query: Mapping[str, str]) -> str:
    since, before = _between(query)
    return statement(core.ledger, _shortcode(core, query).number, since, before)


def _between(query: Mapping[str, str]) -> tuple[float, float]:
    since = moment(query["since"]) if "since" in query else -math.inf
    return since, moment(query["until"]) + 1 if "until" in query else math.inf


def _shortcode(core: Daraja, query: Mapping[str, str]) -> Shortcode:
    """By its own number or by the one that customers type."""
    found = core.shop.either(query["shortcode"])
    if found is None:
        raise ValueError(f"the shop has no shortcode {query['shortcode']!r}")
    return found
