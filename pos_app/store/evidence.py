"""Evidence on disk: appended, never changed; one row per event of the relay however often it arrives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlmodel import Session

from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.reason import Reason
from pos_app.store.tables import EvidenceRecord, table
from pos_app.store.times import from_text, from_text_or_none, to_text, to_text_or_none

_table = table(EvidenceRecord)
_INSERT = insert(_table)


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


def append(session: Session, *told: Linked) -> None:
    if told:
        session.execute(_INSERT, [_values(linked) for linked in told])


def _values(linked: Linked) -> dict[str, object]:
    evidence = linked.evidence
    return {
        "attempt_id": linked.attempt_id,
        "payment_id": linked.payment_id,
        "event_key": linked.event_key,
        "fact": evidence.fact.value,
        "source": evidence.source.value,
        "at": to_text(evidence.at),
        "recorded_at": to_text(linked.recorded_at),
        "reason": evidence.reason.value if evidence.reason else "",
        "code": evidence.code,
        "text": evidence.text,
        "merchant_request_id": evidence.merchant_request_id,
        "checkout_request_id": evidence.checkout_request_id,
        "receipt": evidence.receipt,
        "amount_cents": evidence.amount.cents if evidence.amount is not None else None,
        "short_code": evidence.short_code,
        "paid_at": to_text_or_none(evidence.paid_at),
        "trusted": int(evidence.trusted),
        "disposition": linked.disposition.value,
    }


def known(session: Session, event_keys: list[str]) -> set[str]:
    """Those of the keys whose event was applied before."""
    found = session.execute(select(_table.c.event_key).where(_table.c.event_key.in_(event_keys)))
    return set(found.scalars())


def of_attempt(session: Session, attempt_id: int) -> tuple[EvidenceRow, ...]:
    """Oldest first."""
    rows = session.execute(select(_table).where(_table.c.attempt_id == attempt_id).order_by(_table.c.id))
    return tuple(_row(row) for row in rows)


def _row(row: Row[Any]) -> EvidenceRow:
    evidence = Evidence(
        fact=Fact(row.fact),
        source=Source(row.source),
        at=from_text(row.at),
        reason=Reason(row.reason) if row.reason else None,
        code=row.code,
        text=row.text,
        merchant_request_id=row.merchant_request_id,
        checkout_request_id=row.checkout_request_id,
        receipt=row.receipt,
        amount=Money(row.amount_cents) if row.amount_cents is not None else None,
        short_code=row.short_code,
        paid_at=from_text_or_none(row.paid_at),
        trusted=bool(row.trusted),
    )
    return EvidenceRow(evidence, Disposition(row.disposition), from_text(row.recorded_at))
