"""Evidence on disk: appended, never changed; one row per event of the relay however often it arrives."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.reason import Reason
from pos_app.store import statements
from pos_app.store.statements import ONE_OF, listed
from pos_app.store.times import from_text, from_text_or_none, to_text, to_text_or_none

_TOLD = (
    "fact",
    "source",
    "at",
    "reason",
    "code",
    "text",
    "merchant_request_id",
    "checkout_request_id",
    "receipt",
    "amount_cents",
    "short_code",
    "paid_at",
    "trusted",
)
_MADE_OF_IT = ("disposition", "recorded_at")
_INSERT = statements.insert("evidence", (*_TOLD, *_MADE_OF_IT, "attempt_id", "payment_id", "event_key"))
_OF_ATTEMPT = statements.select((*_TOLD, *_MADE_OF_IT), "evidence") + " WHERE attempt_id = ? ORDER BY id"
# The key of an event ends in its trust and 32 digits: of a message that came again as trusted only that differs.
_PROVED = """SELECT event_key FROM evidence AS told JOIN attempt ON attempt.id = told.attempt_id
    WHERE trusted = 0 AND attempt_id IS NOT NULL AND event_key IS NOT NULL AND source = 'callback' AND fact = 'paid'
    AND attempt.receipt <> '' AND told.receipt = attempt.receipt AND told.amount_cents = attempt.amount_cents
    AND attempt.state IN ('PAID', 'PAID_LATE') AND NOT EXISTS (SELECT 1 FROM evidence AS again
        WHERE again.event_key =
            substr(told.event_key, 1, length(told.event_key) - 34) || 't' || substr(told.event_key, -33))"""
_KNOWN = f"SELECT event_key FROM evidence WHERE event_key {ONE_OF}"  # noqa: S608 — a constant


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    evidence: Evidence
    disposition: Disposition
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Linked:
    """Evidence on its way to disk, with what it is about and what became of it."""

    evidence: Evidence
    disposition: Disposition
    recorded_at: datetime
    attempt_id: int | None = None
    payment_id: str | None = None
    event_key: str | None = None


def append(connection: sqlite3.Connection, *told: Linked) -> None:
    connection.executemany(_INSERT, [_values(linked) for linked in told])


def _values(linked: Linked) -> tuple[str | int | None, ...]:
    evidence = linked.evidence
    return (
        evidence.fact.value,
        evidence.source.value,
        to_text(evidence.at),
        evidence.reason.value if evidence.reason else "",
        evidence.code,
        evidence.text,
        evidence.merchant_request_id,
        evidence.checkout_request_id,
        evidence.receipt,
        evidence.amount.cents if evidence.amount is not None else None,
        evidence.short_code,
        to_text_or_none(evidence.paid_at),
        int(evidence.trusted),
        linked.disposition.value,
        to_text(linked.recorded_at),
        linked.attempt_id,
        linked.payment_id,
        linked.event_key,
    )


def known(connection: sqlite3.Connection, event_keys: list[str]) -> set[str]:
    """Those of the keys whose event was applied before."""
    return {event_key for (event_key,) in connection.execute(_KNOWN, (listed(event_keys),))}


def proved_later(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The event keys of callbacks that were held back, and whose receipt is by now that of the charge."""
    return tuple(event_key for (event_key,) in connection.execute(_PROVED))


def of_attempt(connection: sqlite3.Connection, attempt_id: int) -> tuple[EvidenceRow, ...]:
    """Oldest first."""
    return tuple(_row(row) for row in connection.execute(_OF_ATTEMPT, (attempt_id,)))


def _row(row: tuple[Any, ...]) -> EvidenceRow:
    fact, source, at, reason, code, text, merchant_request_id, checkout_request_id, receipt, cents, *rest = row
    short_code, paid_at, trusted, disposition, recorded_at = rest
    evidence = Evidence(
        fact=Fact(fact),
        source=Source(source),
        at=from_text(at),
        reason=Reason(reason) if reason else None,
        code=code,
        text=text,
        merchant_request_id=merchant_request_id,
        checkout_request_id=checkout_request_id,
        receipt=receipt,
        amount=Money(cents) if cents is not None else None,
        short_code=short_code,
        paid_at=from_text_or_none(paid_at),
        trusted=bool(trusted),
    )
    return EvidenceRow(evidence, Disposition(disposition), from_text(recorded_at))
