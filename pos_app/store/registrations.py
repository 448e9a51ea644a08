"""On disk: what Safaricom answered when the shop's addresses were registered; each try is kept."""

import sqlite3
from dataclasses import astuple, dataclass
from datetime import datetime

from pos_app.store import statements
from pos_app.store.times import from_text, to_text

_COLUMNS = ("product", "short_code", "style", "address", "fingerprint", "state", "sentence", "code", "at")
_ADD = statements.insert("registration", _COLUMNS)
_NEWEST = statements.select(_COLUMNS, "registration") + " WHERE product = ? AND short_code = ? ORDER BY id DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class RegistrationRecord:
    """`address` leaves the shop's callback key out; `fingerprint` tells whether the whole address is still the same."""

    product: str
    short_code: str
    style: str
    address: str
    fingerprint: str
    state: str
    sentence: str
    code: str
    at: datetime


def add(connection: sqlite3.Connection, record: RegistrationRecord) -> None:
    *told, at = astuple(record)
    connection.execute(_ADD, (*told, to_text(at)))


def newest(connection: sqlite3.Connection, product: str, short_code: str, limit: int) -> tuple[RegistrationRecord, ...]:
    """Newest first."""
    rows = connection.execute(_NEWEST, (product, short_code, limit))
    return tuple(RegistrationRecord(**dict(zip(_COLUMNS, (*told, from_text(at)), strict=True))) for *told, at in rows)
