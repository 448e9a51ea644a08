"""Where the money of an M-Pesa code is, said in a sentence; changes nothing."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pos_app.domain.clock import day_and_time
from pos_app.domain.payment import Payment
from pos_app.store import claims, payments, sales


class Whereabouts(StrEnum):
    NO_CODE = "no_code"
    NOT_RECEIVED = "not_received"
    FREE = "free"
    USED = "used"
    """By a sale of this till."""
    UNCONFIRMED = "unconfirmed"
    """By a sale of this till, as far as this till knows."""
    TAKEN = "taken"
    """By another till."""
    NO_CUSTOMERS = "no_customers"
    """The shop's own money, or some that came back: it pays no sale."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    whereabouts: Whereabouts
    sentence: str
    payment: Payment | None = None


NO_CODE = LookedUp(Whereabouts.NO_CODE, "That is not an M-Pesa code. It has ten letters and digits.")


def look_up(connection: sqlite3.Connection, receipt: str, now: datetime) -> LookedUp:
    payment = payments.by_receipt(connection, receipt)
    if payment is None:
        return LookedUp(Whereabouts.NOT_RECEIVED, f"{receipt} is not received. Do not hand over goods for it.")
    if payment.taken_by is not None:
        return LookedUp(Whereabouts.TAKEN, f"{payment.taken_by.used(now)}.", payment)
    if not payment.from_customer:
        told = f"{payment.amount} received, but not as a customer’s payment: it pays no sale."
        return LookedUp(Whereabouts.NO_CUSTOMERS, told, payment)
    if payment.sale_id is None:
        return LookedUp(Whereabouts.FREE, f"{payment.amount} received, free.", payment)
    number = sales.bill(connection, payment.sale_id).number
    known = claims.of_receipts(connection, [receipt]).get(receipt)
    if known is not None and known.asked is not None:
        return LookedUp(Whereabouts.UNCONFIRMED, f"Used by sale {number} here, not confirmed yet.", payment)
    at = known.holder.at if known is not None and known.holder is not None else None
    when = day_and_time(at or payment.received_at, now)
    return LookedUp(Whereabouts.USED, f"Used by sale {number} at this till, {when}.", payment)
