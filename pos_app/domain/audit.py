"""The record of who did what: each entry holds the keyed hash of the one before, so that no change of it stays hidden.

Pure: it must not know where entries or the key are kept. A cut at the end is found by an anchor kept elsewhere
(money-safety §5 row 11).
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

GENESIS = "0" * 64
"""What the first entry follows."""
_SEPARATOR = "\x1f"


class Event(StrEnum):
    """What is recorded; `Action` says who may do it."""

    SET_UP = "set_up"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    WRONG_PIN = "wrong_pin"
    LOCKED_OUT = "locked_out"
    UNLOCKED = "unlocked"
    RECOVERED = "recovered"
    PERSON_ADDED = "person_added"
    PERSON_CHANGED = "person_changed"
    PIN_CHANGED = "pin_changed"
    ALLOWED = "allowed"
    """Somebody who may let somebody who may not do one thing."""
    PAYMENT_RELEASED = "payment_released"
    DOUBT_SETTLED = "doubt_settled"
    REFUND_REQUESTED = "refund_requested"
    REFUND_APPROVED = "refund_approved"
    REFUND_DECLINED = "refund_declined"
    REFUND_SENT = "refund_sent"
    REFUND_ENDED = "refund_ended"
    REFUND_ATTESTED = "refund_attested"
    REFUNDS_OFF = "refunds_off"
    REFUNDS_ON = "refunds_on"
    CREDENTIALS_CHANGED = "credentials_changed"
    SETTINGS_CHANGED = "settings_changed"
    AUDIT_EXPORTED = "audit_exported"
    DAY_CLOSED = "day_closed"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`seq` begins at 1. Of people the names, never a PIN; of customers no whole number. `mac` is 64 hex digits."""

    seq: int
    at: datetime
    event: Event
    actor: str
    approver: str
    subject: str
    detail: str
    previous: str
    mac: str = ""

    def sealed(self, key: bytes) -> "AuditEntry":
        return replace(self, mac=mac_of(key, self))


@dataclass(frozen=True, slots=True)
class Head:
    """Where the record ends: kept at the relay and printed, outside the till."""

    seq: int = 0
    mac: str = GENESIS


def mac_of(key: bytes, entry: AuditEntry) -> str:
    """Of every field but itself; lengths go along, so that no text can run into the next field."""
    fields = (
        str(entry.seq),
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.event.value,
        entry.actor,
        entry.approver,
        entry.subject,
        entry.detail,
        entry.previous,
    )
    told = _SEPARATOR.join(f"{len(text)}{_SEPARATOR}{text}" for text in fields)
    return hmac.new(key, told.encode("utf-8", "surrogatepass"), sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """`seq` is the first entry that cannot be believed; of the ones before it every word is as it was written."""

    seq: int
    sentence: str


def first_fault(key: bytes, entries: Iterable[AuditEntry], anchor: Head = Head()) -> Fault | None:
    """Reads the record from its first entry to its last, and compares it with what was kept of its end elsewhere."""
    before = Head()
    for entry in entries:
        fault = _fault_of(key, before, entry, anchor)
        if fault is not None:
            return fault
        before = Head(entry.seq, entry.mac)
    if before.seq < anchor.seq:
        return Fault(before.seq + 1, f"Entries {before.seq + 1} to {anchor.seq} are missing at the end.")
    return None


def _fault_of(key: bytes, before: Head, entry: AuditEntry, anchor: Head) -> Fault | None:
    seq = before.seq + 1
    if entry.seq != seq:
        return Fault(seq, f"Entry {seq} is missing.")
    if entry.previous != before.mac or not hmac.compare_digest(mac_of(key, entry), entry.mac):
        return Fault(seq, f"Entry {seq} was changed.")
    if entry.seq == anchor.seq and entry.mac != anchor.mac:
        return Fault(seq, f"Entry {seq} is another than the one that was anchored.")
    return None
