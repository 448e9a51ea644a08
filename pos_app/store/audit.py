"""The record of what was done, on disk: appended in the transaction that does it, never changed."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pos_app.domain.audit import AuditEntry, Event, Head
from pos_app.store import statements
from pos_app.store.times import from_text, to_text

_COLUMNS = ("seq", "at", "event", "actor", "approver", "subject", "detail", "previous", "mac")
_INSERT = statements.insert("audit_entry", _COLUMNS)
_HEAD = "SELECT seq, mac FROM audit_entry ORDER BY seq DESC LIMIT 1"
_ALL = statements.select(_COLUMNS, "audit_entry") + " ORDER BY seq"
_HAS = "SELECT 1 FROM audit_entry WHERE event = ? AND subject = ? AND detail = ? LIMIT 1"
_NEWEST = (
    statements.select(_COLUMNS, "audit_entry")
    + r""" WHERE (:event = '' OR event = :event) AND (:before = 0 OR seq < :before)
        AND (actor LIKE :text ESCAPE '\' OR approver LIKE :text ESCAPE '\' OR subject LIKE :text ESCAPE '\'
             OR detail LIKE :text ESCAPE '\')
        ORDER BY seq DESC LIMIT :limit"""
)


def append(
    connection: sqlite3.Connection,
    key: bytes,
    at: datetime,
    event: Event,
    *,
    actor: str,
    approver: str = "",
    subject: str = "",
    detail: str = "",
) -> AuditEntry:
    """What is shown of people and payments; no whole phone number, no PIN, no key."""
    end = head(connection)
    entry = AuditEntry(end.seq + 1, at, event, actor, approver, subject, detail, end.mac).sealed(key)
    told = (actor, approver, subject, detail)
    connection.execute(_INSERT, (entry.seq, to_text(at), event.value, *told, entry.previous, entry.mac))
    return entry


def head(connection: sqlite3.Connection) -> Head:
    row = connection.execute(_HEAD).fetchone()
    return Head() if row is None else Head(*row)


def entries(connection: sqlite3.Connection) -> Iterator[AuditEntry]:
    """From the first to the last. Raises ValueError where a row is none of ours."""
    for row in connection.execute(_ALL):
        yield _entry(row)


def has(connection: sqlite3.Connection, event: Event, subject: str, detail: str) -> bool:
    return connection.execute(_HAS, (event.value, subject, detail)).fetchone() is not None


def newest(
    connection: sqlite3.Connection, *, event: Event | None = None, text: str = "", before: int = 0, limit: int = 100
) -> tuple[AuditEntry, ...]:
    """The newest first; `text` is looked for in names, subjects and details."""
    bound = {
        "event": event.value if event else "",
        "before": before,
        "text": statements.like(text, anywhere=True),
        "limit": limit,
    }
    return tuple(_entry(row) for row in connection.execute(_NEWEST, bound))


def _entry(row: Any) -> AuditEntry:
    seq, at, event, *told = row
    return AuditEntry(seq, from_text(at), Event(event), *told)
