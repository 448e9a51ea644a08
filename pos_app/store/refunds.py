"""Refunds on disk: the wish before anybody releases it, the intent before it leaves, and every state after."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pos_app.domain.day_slip import DayRefunds
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.refund import Approval, Refund, Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refund_stop import Stop
from pos_app.store import statements
from pos_app.store.statements import ONE_OF, listed
from pos_app.store.times import from_text, from_text_or_none, to_text, to_text_or_none

_INTENT = (
    "number",
    "sale_id",
    "payment_id",
    "original_receipt",
    "route",
    "amount_cents",
    "payee",
    "other_number",
    "why",
    "note",
    "requested_by",
    "requested_at",
    "nonce",
)
_PROGRESS = (
    "originator_id",
    "conversation_id",
    "state",
    "reason",
    "code",
    "receipt",
    "submitted_at",
    "finished_at",
)
_OPEN = "state IN ('REQUESTED', 'APPROVED', 'SUBMITTING', 'PENDING', 'UNKNOWN', 'DISPUTED')"
_COUNTS = "state NOT IN ('FAILED', 'DECLINED')"
_ALL = statements.select(("id", *_INTENT, *_PROGRESS), "refund")
_BY_ID = _ALL + " WHERE id = ?"
_BY_NONCE = _ALL + " WHERE nonce = ? AND nonce <> ''"
_OF_SALE = _ALL + " WHERE sale_id = ? ORDER BY id"
_OPEN_ONES = _ALL + f" WHERE {_OPEN} ORDER BY id"
_NEWEST = _ALL + " WHERE (:before = 0 OR id < :before) ORDER BY id DESC LIMIT :limit"
_INSERT = statements.insert("refund", (*_INTENT, *_PROGRESS)) + " RETURNING id"
_UPDATE = statements.update("refund", _PROGRESS)
_NEXT_NUMBER = "SELECT coalesce(max(number), 0) + 1 FROM refund"
_SALE_GIVEN_BACK = f"SELECT coalesce(sum(amount_cents), 0) FROM refund WHERE sale_id = ? AND {_COUNTS}"  # noqa: S608 — a constant
_GIVEN_BACK_BEFORE = _SALE_GIVEN_BACK + " AND id < ?"
# What was given back of a payment before its receipt was known is given back of it still.
_GIVEN_BACK = f"""SELECT coalesce(sum(amount_cents), 0) FROM refund WHERE {_COUNTS}
    AND (payment_id = :id OR payment_id IN (SELECT id FROM payment WHERE superseded_by = :id))"""  # noqa: S608
_CASH_GIVEN_BACK = f"""SELECT coalesce(sum(amount_cents), 0) FROM refund
    WHERE sale_id = ? AND payment_id IS NULL AND {_COUNTS}"""  # noqa: S608 — a constant
_IS_KNOWN = """SELECT 1 FROM refund WHERE (originator_id = ? AND originator_id <> '')
    OR (original_receipt = ? AND original_receipt <> '' AND route = 'reversal')"""
_APPROVE = statements.insert("refund_approval", ("refund_id", "person_id", "at"))
_APPROVALS = "SELECT person_id, at FROM refund_approval WHERE refund_id = ? ORDER BY at, person_id"
_RELEASED = f"""SELECT coalesce(sum(amount_cents), 0) FROM refund WHERE {_COUNTS} AND id IN
    (SELECT refund_id FROM refund_approval WHERE person_id = ? AND (at > ? OR refund_id {ONE_OF}))"""  # noqa: S608 — a constant
_ENDED = """SELECT count(*), coalesce(sum(amount_cents), 0) FROM refund
    WHERE state = 'COMPLETED' AND finished_at >= ? AND finished_at <= ?"""
_IN_DOUBT = "SELECT count(*) FROM refund WHERE state IN ('SUBMITTING', 'PENDING', 'UNKNOWN', 'DISPUTED')"
_KEEP_LINE = statements.insert("refund_line", ("refund_id", "position", "quantity"))
_LINES_OF_SALE = f"""SELECT position, sum(quantity) FROM refund_line WHERE refund_id IN
    (SELECT id FROM refund WHERE sale_id = ? AND {_COUNTS}) GROUP BY position"""  # noqa: S608 — a constant
_ASK = statements.insert("question", ("nonce", "about", "refund_id", "asked_at"))
_QUESTION = statements.select(("about", "refund_id"), "question") + " WHERE nonce = ?"
_SWITCH_OFF = statements.insert("refunds_off", ("since", "code")) + " ON CONFLICT DO NOTHING"
_SWITCH_ON = """UPDATE refunds_off SET mended_at = ?, mended_by = ?
    WHERE id = (SELECT min(id) FROM refunds_off WHERE mended_at IS NULL)"""
_WAS_OFF = "SELECT 1 FROM refunds_off WHERE code = ?"
_IS_OFF = statements.select(("since", "code"), "refunds_off") + " WHERE mended_at IS NULL ORDER BY id LIMIT 1"


class OverRefundError(Exception):
    """More than the payment would be given back."""


@dataclass(frozen=True, slots=True)
class Question:
    """`refund_id` is None for a balance."""

    refund_id: int | None


def add(connection: sqlite3.Connection, refund: Refund, lines: Iterable[tuple[int, int]] = ()) -> Refund:
    """With its id and number. `lines` are positions of the sale and how many. Raises OverRefundError."""
    (number,) = connection.execute(_NEXT_NUMBER).fetchone()
    intent = (
        number,
        refund.sale_id,
        refund.payment_id or None,
        refund.original_receipt,
        refund.route.value,
        refund.amount.cents,
        refund.payee.digits if refund.payee else None,
        int(refund.other_number),
        refund.why.value,
        refund.note,
        refund.requested_by,
        to_text(refund.requested_at),
        refund.nonce,
    )
    try:
        (refund_id,) = connection.execute(_INSERT, (*intent, *_progress(refund))).fetchone()
    except sqlite3.IntegrityError as error:
        if "more than the payment" in str(error):
            raise OverRefundError from error
        raise
    connection.executemany(_KEEP_LINE, ((refund_id, position, quantity) for position, quantity in lines))
    return replace(refund, id=refund_id, number=number)


def save(connection: sqlite3.Connection, refund: Refund) -> None:
    connection.execute(_UPDATE, (*_progress(refund), refund.id))


def approve(connection: sqlite3.Connection, refund_id: int, approval: Approval) -> None:
    connection.execute(_APPROVE, (refund_id, approval.by, to_text(approval.at)))


def by_id(connection: sqlite3.Connection, refund_id: int) -> Refund | None:
    return next(iter(_select(connection, _BY_ID, (refund_id,))), None)


def by_nonce(connection: sqlite3.Connection, nonce: str) -> Refund | None:
    return next(iter(_select(connection, _BY_NONCE, (nonce,))), None)


def is_known(connection: sqlite3.Connection, originator_id: str, reversed_receipt: str) -> bool:
    """Whether a refund with that id, or a reversal of that payment, is on disk; an empty one is nobody's."""
    return connection.execute(_IS_KNOWN, (originator_id, reversed_receipt)).fetchone() is not None


def of_sale(connection: sqlite3.Connection, sale_id: int) -> tuple[Refund, ...]:
    """Oldest first."""
    return _select(connection, _OF_SALE, (sale_id,))


def open_ones(connection: sqlite3.Connection) -> tuple[Refund, ...]:
    return _select(connection, _OPEN_ONES, ())


def newest(connection: sqlite3.Connection, *, before: int = 0, limit: int = 50) -> tuple[Refund, ...]:
    return _select(connection, _NEWEST, {"before": before, "limit": limit})


def given_back(connection: sqlite3.Connection, payment_id: str) -> Money:
    """All that is not certainly unpaid."""
    return Money(connection.execute(_GIVEN_BACK, {"id": payment_id}).fetchone()[0])


def sale_given_back(connection: sqlite3.Connection, sale_id: int) -> Money:
    """By whatever way, all that is not certainly unpaid."""
    return Money(connection.execute(_SALE_GIVEN_BACK, (sale_id,)).fetchone()[0])


def given_back_before(connection: sqlite3.Connection, refund: Refund) -> Money:
    """Of its sale, by refunds that were prepared before it."""
    return Money(connection.execute(_GIVEN_BACK_BEFORE, (refund.sale_id, refund.id)).fetchone()[0])


def cash_given_back(connection: sqlite3.Connection, sale_id: int) -> Money:
    return Money(connection.execute(_CASH_GIVEN_BACK, (sale_id,)).fetchone()[0])


def released_since(connection: sqlite3.Connection, person_id: int, since: datetime, also: Iterable[int] = ()) -> Money:
    """By one person, whatever became of it, unless it is certainly unpaid; `also` these refunds, whenever it was."""
    return Money(connection.execute(_RELEASED, (person_id, to_text(since), listed(also))).fetchone()[0])


def of_day(connection: sqlite3.Connection, since: datetime, until: datetime) -> DayRefunds:
    count, cents = connection.execute(_ENDED, (to_text(since), to_text(until))).fetchone()
    return DayRefunds(count, Money(cents), connection.execute(_IN_DOUBT).fetchone()[0])


def lines_given_back(connection: sqlite3.Connection, sale_id: int) -> dict[int, int]:
    """By position of the sale, how many."""
    return {position: int(quantity) for position, quantity in connection.execute(_LINES_OF_SALE, (sale_id,))}


def ask(connection: sqlite3.Connection, nonce: str, at: datetime, refund_id: int | None = None) -> None:
    """Before the question leaves; its answer comes to this nonce."""
    connection.execute(_ASK, (nonce, "balance" if refund_id is None else "refund", refund_id, to_text(at)))


def question(connection: sqlite3.Connection, nonce: str) -> Question | None:
    row = connection.execute(_QUESTION, (nonce,)).fetchone()
    return None if row is None else Question(row[1])


def switch_off(connection: sqlite3.Connection, code: str, at: datetime) -> bool:
    """False where refunds were off for that already."""
    return connection.execute(_SWITCH_OFF, (to_text(at), code)).rowcount == 1


def switch_on(connection: sqlite3.Connection, person_id: int, at: datetime) -> None:
    """As far as the oldest reason goes; another one stands until it is settled too."""
    connection.execute(_SWITCH_ON, (to_text(at), person_id))


def stop(connection: sqlite3.Connection) -> Stop | None:
    """The oldest that is not settled; None where refunds by M-Pesa are on."""
    row = connection.execute(_IS_OFF).fetchone()
    return None if row is None else Stop(from_text(row[0]), row[1])


def was_off(connection: sqlite3.Connection, code: str) -> bool:
    return connection.execute(_WAS_OFF, (code,)).fetchone() is not None


def _progress(refund: Refund) -> tuple[str | None, ...]:
    return (
        refund.originator_id,
        refund.conversation_id,
        refund.state.value,
        refund.reason.value if refund.reason else "",
        refund.code,
        refund.receipt,
        to_text_or_none(refund.submitted_at),
        to_text_or_none(refund.finished_at),
    )


def _select(connection: sqlite3.Connection, query: str, bound: Sequence[Any] | dict[str, Any]) -> tuple[Refund, ...]:
    return tuple(_refund(connection, *row) for row in connection.execute(query, bound).fetchall())


def _refund(connection: sqlite3.Connection, refund_id: int, *row: Any) -> Refund:
    intent, progress = row[: len(_INTENT)], row[len(_INTENT) :]
    number, sale_id, payment_id, original, route, cents, payee, other, why, note, by, at, nonce = intent
    originator_id, conversation_id, state, reason, code, receipt, submitted_at, finished_at = progress
    return Refund(
        id=refund_id,
        number=number,
        sale_id=sale_id,
        payment_id=payment_id or "",
        original_receipt=original,
        route=Route(route),
        amount=Money(cents),
        payee=Msisdn(payee) if payee else None,
        other_number=bool(other),
        why=RefundReason(why),
        note=note,
        requested_by=by,
        requested_at=from_text(at),
        approvals=_approvals(connection, refund_id),
        nonce=nonce,
        originator_id=originator_id,
        conversation_id=conversation_id,
        state=RefundState(state),
        reason=Reason(reason) if reason else None,
        code=code,
        receipt=receipt,
        submitted_at=from_text_or_none(submitted_at),
        finished_at=from_text_or_none(finished_at),
    )


def _approvals(connection: sqlite3.Connection, refund_id: int) -> tuple[Approval, ...]:
    return tuple(Approval(by, from_text(at)) for by, at in connection.execute(_APPROVALS, (refund_id,)))
