"""Why a refund may not go on just now, asked in the transaction that would let it: what was true may be no more."""

import sqlite3

from pos_app.domain.refund import Refund
from pos_app.domain.refund_route import UNCONFIRMED
from pos_app.domain.staff import Action
from pos_app.store import claims, payments, refunds, staff

_GONE = "The payment does not count for this sale any more. Decline the refund, and look where its money is now."


def held_up(connection: sqlite3.Connection, refund: Refund) -> str:
    """A sentence; empty where nothing stands in the way."""
    stop = refunds.stop(connection) if refund.route.is_by_mpesa else None
    if stop is not None:
        return stop.refusal
    return _gone(connection, refund) if refund.payment_id else ""


def standing_approvals(connection: sqlite3.Connection, refund: Refund) -> int:
    """Of people who may release still: a release by who left since, or does other work now, counts no more."""
    people = (staff.by_id(connection, one.by) for one in refund.approvals)
    return sum(person is not None and person.may(Action.APPROVE_REFUND) for person in people)


def _gone(connection: sqlite3.Connection, refund: Refund) -> str:
    """Who has the payment gives it back, so that what is given back of it is counted in one place."""
    payment = payments.by_id(connection, refund.payment_id)
    if payment is None or payment.sale_id != refund.sale_id:
        return _GONE
    known = claims.of_receipts(connection, [payment.receipt]).get(payment.receipt) if payment.receipt else None
    return UNCONFIRMED if known is not None and known.asked is not None else ""
