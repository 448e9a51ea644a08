"""Charge attempts on disk: the intent before the request leaves, and every state after."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.store import statements
from pos_app.store.statements import ONE_OF, listed
from pos_app.store.times import from_text, from_text_or_none, to_text, to_text_or_none

_INTENT = (
    "sale_id",
    "nonce",
    "amount_cents",
    "msisdn",
    "kind",
    "short_code",
    "till_number",
    "account_reference",
    "created_at",
)
_PROGRESS = (
    "state",
    "reason",
    "code",
    "merchant_request_id",
    "checkout_request_id",
    "receipt",
    "submitted_at",
    "finished_at",
)
IS_LIVE = "state IN ('CREATED', 'SUBMITTING', 'PENDING', 'UNKNOWN')"
"""To the letter as the partial indexes say it, which serve no other."""

_ALL = statements.select(("id", *_INTENT, *_PROGRESS), "attempt")
_BY_ID = _ALL + " WHERE id = ?"
_BY_NONCES = _ALL + f" WHERE nonce {ONE_OF}"
_BY_REFERENCE = _ALL + " WHERE account_reference = ? ORDER BY id"
_OF_SALE = _ALL + " WHERE sale_id = ? ORDER BY id"
_LIVE = _ALL + f" WHERE {IS_LIVE} ORDER BY id"
_RECEIPTLESS = (
    _ALL + " WHERE state NOT IN ('FAILED', 'EXPIRED') AND receipt = '' AND created_at >= ? ORDER BY created_at, id"
)
# A partial index serves only a query that says itself that the value is not empty.
_OTHERS = """SELECT 1 FROM attempt WHERE id <> :id
    AND ((checkout_request_id <> '' AND checkout_request_id = :checkout) OR (receipt <> '' AND receipt = :receipt))"""
_LAST_PHONES = f"""SELECT sale_id, msisdn FROM attempt
    WHERE id IN (SELECT max(id) FROM attempt WHERE sale_id {ONE_OF} GROUP BY sale_id)"""  # noqa: S608 — a constant
_INSERT = statements.insert("attempt", (*_INTENT, *_PROGRESS)) + " RETURNING id"
_UPDATE = statements.update("attempt", _PROGRESS)


class LiveAttemptError(Exception):
    """The sale has a charge that may still move money."""


def add(connection: sqlite3.Connection, attempt: Attempt) -> Attempt:
    """With its id. Raises LiveAttemptError when the sale has a live attempt: the index decides, not a look before."""
    intent = (
        attempt.sale_id,
        attempt.nonce,
        attempt.amount.cents,
        attempt.msisdn.digits,
        attempt.account.kind.value,
        attempt.account.short_code,
        attempt.account.till_number,
        attempt.account_reference,
        to_text(attempt.created_at),
    )
    try:
        (attempt_id,) = connection.execute(_INSERT, (*intent, *_progress(attempt))).fetchone()
    except sqlite3.IntegrityError as error:
        raise LiveAttemptError from error
    return replace(attempt, id=attempt_id)


def save(connection: sqlite3.Connection, attempt: Attempt) -> None:
    connection.execute(_UPDATE, (*_progress(attempt), attempt.id))


def _progress(attempt: Attempt) -> tuple[str | None, ...]:
    return (
        attempt.state.value,
        attempt.reason.value if attempt.reason else "",
        attempt.code,
        attempt.merchant_request_id,
        attempt.checkout_request_id,
        attempt.receipt,
        to_text_or_none(attempt.submitted_at),
        to_text_or_none(attempt.finished_at),
    )


def by_id(connection: sqlite3.Connection, attempt_id: int) -> Attempt:
    found = _select(connection, _BY_ID, attempt_id)
    if not found:
        raise LookupError(f"no charge attempt {attempt_id}")
    return found[0]


def by_nonces(connection: sqlite3.Connection, nonces: Iterable[str]) -> dict[str, Attempt]:
    return {attempt.nonce: attempt for attempt in _select(connection, _BY_NONCES, listed(nonces))}


def by_reference(connection: sqlite3.Connection, account_reference: str) -> tuple[Attempt, ...]:
    return _select(connection, _BY_REFERENCE, account_reference)


def others_with(connection: sqlite3.Connection, attempt_id: int, checkout_request_id: str, receipt: str) -> bool:
    """Whether another attempt already stands for that CheckoutRequestID or receipt."""
    bound = {"id": attempt_id, "checkout": checkout_request_id, "receipt": receipt}
    return connection.execute(_OTHERS, bound).fetchone() is not None


def of_sale(connection: sqlite3.Connection, sale_id: int) -> tuple[Attempt, ...]:
    """Oldest first."""
    return _select(connection, _OF_SALE, sale_id)


def last_phones(connection: sqlite3.Connection, sale_ids: list[int]) -> dict[int, Msisdn]:
    """By sale, the number that was asked last."""
    found = connection.execute(_LAST_PHONES, (listed(sale_ids),))
    return {sale_id: Msisdn(digits) for sale_id, digits in found}


def live(connection: sqlite3.Connection) -> tuple[Attempt, ...]:
    return _select(connection, _LIVE)


def receiptless(connection: sqlite3.Connection, since: datetime) -> tuple[Attempt, ...]:
    """Charges since then that are live, or paid without a receipt: a confirmation may be theirs."""
    return _select(connection, _RECEIPTLESS, to_text(since))


def _select(connection: sqlite3.Connection, query: str, *bound: object) -> tuple[Attempt, ...]:
    return tuple(_attempt(row) for row in connection.execute(query, bound))


def _attempt(row: tuple[Any, ...]) -> Attempt:
    attempt_id, sale_id, nonce, cents, msisdn, kind, short_code, till_number, reference, created_at, *progress = row
    state, reason, code, merchant_request_id, checkout_request_id, receipt, submitted_at, finished_at = progress
    return Attempt(
        id=attempt_id,
        sale_id=sale_id,
        nonce=nonce,
        amount=Money(cents),
        msisdn=Msisdn(msisdn),
        account=ShopAccount(AccountKind(kind), short_code, till_number),
        account_reference=reference,
        created_at=from_text(created_at),
        state=AttemptState(state),
        reason=Reason(reason) if reason else None,
        code=code,
        merchant_request_id=merchant_request_id,
        checkout_request_id=checkout_request_id,
        receipt=receipt,
        submitted_at=from_text_or_none(submitted_at),
        finished_at=from_text_or_none(finished_at),
    )
