"""What was said of refunds, on disk: appended in the transaction that applies it, never changed; no phone number."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pos_app.domain.evidence import Disposition
from pos_app.domain.money import Money
from pos_app.domain.reason import Reason
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource
from pos_app.store import statements
from pos_app.store.statements import ONE_OF, listed
from pos_app.store.times import from_text, to_text

_SAID = ("fact", "source", "at", "reason", "code", "text", "receipt", "amount_cents", "trusted")
_INSERT = statements.insert("refund_evidence", ("refund_id", "event_key", "recorded_at", "disposition", *_SAID))
_OF_REFUND = (
    statements.select((*_SAID, "disposition", "recorded_at"), "refund_evidence") + " WHERE refund_id = ? ORDER BY id"
)
_KNOWN = f"SELECT event_key FROM refund_evidence WHERE event_key {ONE_OF}"  # noqa: S608 — a constant


@dataclass(frozen=True, slots=True)
class RefundEvidenceRow:
    evidence: RefundEvidence
    disposition: Disposition
    recorded_at: datetime


def append(
    connection: sqlite3.Connection,
    refund_id: int,
    told: RefundEvidence,
    disposition: Disposition,
    *,
    at: datetime,
    event_key: str | None = None,
) -> None:
    """Without the receiver, who is a customer: that stands in the refund."""
    said = (
        told.fact.value,
        told.source.value,
        to_text(told.at),
        told.reason.value if told.reason else "",
        told.code,
        told.text,
        told.receipt,
        told.amount.cents if told.amount else None,
        int(told.trusted),
    )
    connection.execute(_INSERT, (refund_id, event_key, to_text(at), disposition.value, *said))


def known(connection: sqlite3.Connection, event_keys: Collection[str]) -> set[str]:
    return {key for (key,) in connection.execute(_KNOWN, (listed(event_keys),))}


def of_refund(connection: sqlite3.Connection, refund_id: int) -> tuple[RefundEvidenceRow, ...]:
    """Oldest first."""
    return tuple(_row(*row) for row in connection.execute(_OF_REFUND, (refund_id,)))


def _row(*row: Any) -> RefundEvidenceRow:
    fact, source, at, reason, code, text, receipt, cents, trusted, disposition, recorded_at = row
    told = RefundEvidence(
        RefundFact(fact),
        RefundSource(source),
        from_text(at),
        reason=Reason(reason) if reason else None,
        code=code,
        text=text,
        receipt=receipt,
        amount=None if cents is None else Money(cents),
        trusted=bool(trusted),
    )
    return RefundEvidenceRow(told, Disposition(disposition), from_text(recorded_at))
