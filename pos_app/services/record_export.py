"""The sealed record as a file for an auditor: every entry with its seal, and whether the record is whole."""

import asyncio
import csv
import io

from pos_app.domain.audit import AuditEntry, Event
from pos_app.domain.clock import EAT
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.services.audit_log import AuditLog
from pos_app.services.guard import Guard
from pos_app.store import audit
from pos_app.store.database import Database

COLUMNS = ("No.", "Time (EAT)", "Event", "Who", "Allowed by", "About", "Details", "Seal")
_RISKY = ("=", "+", "-", "@", "\t", "\r")


class RecordExport:
    def __init__(self, database: Database, record: AuditLog, guard: Guard) -> None:
        self._database = database
        self._record = record
        self._guard = guard

    async def export(self) -> str | Refused:
        """CSV, oldest first; the export itself is the record's last entry then."""
        by = self._guard.check(Action.EXPORT_AUDIT)
        if isinstance(by, Refused):
            return by
        head = await self._record.head()
        await self._guard.told(Event.AUDIT_EXPORTED, by, "record", f"up to entry {head.seq}")
        entries = await self._database.read(lambda connection: tuple(audit.entries(connection)))
        return await asyncio.to_thread(_csv, entries)


def _csv(entries: tuple[AuditEntry, ...]) -> str:
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows([_safe(cell) for cell in _row(entry)] for entry in entries)
    return written.getvalue()


def _row(entry: AuditEntry) -> tuple[str, ...]:
    at = f"{entry.at.astimezone(EAT):%Y-%m-%d %H:%M:%S}"
    who = (entry.actor, entry.approver, entry.subject, entry.detail)
    return (str(entry.seq), at, entry.event.value, *who, entry.mac)


def _safe(cell: str) -> str:
    """A name that begins like a formula would be one in a spreadsheet."""
    return f"'{cell}" if cell.startswith(_RISKY) else cell
