"""Charge attempts on disk: the intent before the request leaves, and every state after."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Row, Select, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from pos_app.domain.attempt import LIVE, Attempt, AttemptState
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.store.tables import AttemptRow, table
from pos_app.store.times import from_text, from_text_or_none, to_text, to_text_or_none

_table = table(AttemptRow)
_LIVE = sorted(state.value for state in LIVE)
_PAID = [AttemptState.PAID.value, AttemptState.PAID_LATE.value]

# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_OF: BindParameter[Any] = bindparam("of")
_all = select(_table).order_by(_table.c.id)
_BY_ID = _all.where(_table.c.id == _OF)
_BY_NONCE = _all.where(_table.c.nonce == _OF)
_BY_REFERENCE = _all.where(_table.c.account_reference == _OF)
_OF_SALE = _all.where(_table.c.sale_id == _OF)
_ARE_LIVE = _all.where(_table.c.state.in_(_LIVE))
_RECEIPTLESS = _all.where(
    _table.c.state.in_([*_LIVE, *_PAID]) & (_table.c.receipt == "") & (_table.c.created_at >= bindparam("since"))
)
# A partial index serves only a query that says itself that the value is not empty.
_OTHERS = select(_table.c.id).where(
    (
        ((_table.c.checkout_request_id != "") & (_table.c.checkout_request_id == bindparam("checkout")))
        | ((_table.c.receipt != "") & (_table.c.receipt == bindparam("receipt")))
    )
    & (_table.c.id != _OF)
)
_INSERT = insert(_table).returning(_table.c.id)
_UPDATE = update(_table).where(_table.c.id == _OF)


class LiveAttemptError(Exception):
    """The sale has a charge that may still move money."""


def add(session: Session, attempt: Attempt) -> Attempt:
    """With its id. Raises LiveAttemptError when the sale has a live attempt: the index decides, not a look before."""
    intent = {
        "sale_id": attempt.sale_id,
        "nonce": attempt.nonce,
        "amount_cents": attempt.amount.cents,
        "msisdn": attempt.msisdn.digits,
        "kind": attempt.account.kind.value,
        "short_code": attempt.account.short_code,
        "till_number": attempt.account.till_number,
        "account_reference": attempt.account_reference,
        "created_at": to_text(attempt.created_at),
    }
    try:
        attempt_id: int = session.execute(_INSERT, {**intent, **_progress(attempt)}).scalar_one()
    except IntegrityError as error:
        raise LiveAttemptError from error
    return replace(attempt, id=attempt_id)


def save(session: Session, attempt: Attempt) -> None:
    session.execute(_UPDATE, {"of": attempt.id, **_progress(attempt)})


def _progress(attempt: Attempt) -> dict[str, str | None]:
    return {
        "state": attempt.state.value,
        "reason": attempt.reason.value if attempt.reason else "",
        "code": attempt.code,
        "merchant_request_id": attempt.merchant_request_id,
        "checkout_request_id": attempt.checkout_request_id,
        "receipt": attempt.receipt,
        "submitted_at": to_text_or_none(attempt.submitted_at),
        "finished_at": to_text_or_none(attempt.finished_at),
    }


def by_id(session: Session, attempt_id: int) -> Attempt:
    found = _select(session, _BY_ID, of=attempt_id)
    if not found:
        raise LookupError(f"no charge attempt {attempt_id}")
    return found[0]


def by_nonce(session: Session, nonce: str) -> Attempt | None:
    return next(iter(_select(session, _BY_NONCE, of=nonce)), None)


def by_reference(session: Session, account_reference: str) -> tuple[Attempt, ...]:
    return _select(session, _BY_REFERENCE, of=account_reference)


def others_with(session: Session, attempt_id: int, checkout_request_id: str, receipt: str) -> bool:
    """Whether another attempt already stands for that CheckoutRequestID or receipt."""
    bound = {"of": attempt_id, "checkout": checkout_request_id, "receipt": receipt}
    return session.execute(_OTHERS, bound).first() is not None


def of_sale(session: Session, sale_id: int) -> tuple[Attempt, ...]:
    """Oldest first."""
    return _select(session, _OF_SALE, of=sale_id)


def live(session: Session) -> tuple[Attempt, ...]:
    return _select(session, _ARE_LIVE)


def receiptless(session: Session, since: datetime) -> tuple[Attempt, ...]:
    """Charges since then that are live, or paid without a receipt: a confirmation may be theirs."""
    return _select(session, _RECEIPTLESS, since=to_text(since))


def _select(session: Session, query: Select[Any], **bound: object) -> tuple[Attempt, ...]:
    return tuple(_attempt(row) for row in session.execute(query, bound))


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        sale_id=row.sale_id,
        nonce=row.nonce,
        amount=Money(row.amount_cents),
        msisdn=Msisdn(row.msisdn),
        account=ShopAccount(AccountKind(row.kind), row.short_code, row.till_number),
        account_reference=row.account_reference,
        created_at=from_text(row.created_at),
        state=AttemptState(row.state),
        reason=Reason(row.reason) if row.reason else None,
        code=row.code,
        merchant_request_id=row.merchant_request_id,
        checkout_request_id=row.checkout_request_id,
        receipt=row.receipt,
        submitted_at=from_text_or_none(row.submitted_at),
        finished_at=from_text_or_none(row.finished_at),
    )
