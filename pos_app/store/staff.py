"""People on disk, what is kept of their PINs, their wrong tries, and what recovery is checked against."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pos_app.domain.lockout import Lockout
from pos_app.domain.staff import Person, Role
from pos_app.store import statements
from pos_app.store.times import to_text

_PERSON = ("id", "name", "role", "active")
_ALL = statements.select(_PERSON, "person")
_PEOPLE = _ALL + " ORDER BY active DESC, name COLLATE NOCASE, id"
_BY_ID = _ALL + " WHERE id = ?"
_INSERT = statements.insert("person", ("name", "role", "pin_salt", "pin_hash", "active", "added_at")) + " RETURNING id"
_CHANGE = statements.update("person", ("name", "role", "active"))
_KEEP_PIN = statements.update("person", ("pin_salt", "pin_hash"))
_PIN = statements.select(("pin_salt", "pin_hash"), "person") + " WHERE id = ?"
_ACTIVE_PINS = statements.select(("id", "pin_salt", "pin_hash"), "person") + " WHERE active = 1"
_LOCKOUT = statements.select(("tries", "waits_ms"), "lockout") + " WHERE person_id = ?"
_KEEP_LOCKOUT = (
    statements.insert("lockout", ("person_id", "tries", "waits_ms"))
    + " ON CONFLICT (person_id) DO UPDATE SET tries = excluded.tries, waits_ms = excluded.waits_ms"
)
_RECOVERY = "SELECT key_sha256 FROM recovery"
_KEEP_RECOVERY = (
    statements.insert("recovery", ("id", "key_sha256", "made_at"))
    + " ON CONFLICT (id) DO UPDATE SET key_sha256 = excluded.key_sha256, made_at = excluded.made_at"
)


class NameTakenError(Exception):
    """Somebody who works here has that name."""


class LastOwnerError(Exception):
    """Nobody would own the till."""


@dataclass(frozen=True, slots=True)
class KeptPin:
    """Of no use without the pepper, which is not in this file."""

    salt: bytes
    hash: bytes


def people(connection: sqlite3.Connection) -> tuple[Person, ...]:
    """Those who work here first, by name."""
    return tuple(_person(row) for row in connection.execute(_PEOPLE))


def by_id(connection: sqlite3.Connection, person_id: int) -> Person | None:
    row = connection.execute(_BY_ID, (person_id,)).fetchone()
    return None if row is None else _person(row)


def add(connection: sqlite3.Connection, name: str, role: Role, pin: KeptPin, at: datetime) -> Person:
    """Raises NameTakenError."""
    try:
        (person_id,) = connection.execute(_INSERT, (name, role.value, pin.salt, pin.hash, 1, to_text(at))).fetchone()
    except sqlite3.IntegrityError as error:
        raise NameTakenError(name) from error
    return Person(person_id, name, role)


def change(connection: sqlite3.Connection, person: Person) -> None:
    """Raises NameTakenError or LastOwnerError."""
    try:
        connection.execute(_CHANGE, (person.name, person.role.value, int(person.active), person.id))
    except sqlite3.IntegrityError as error:
        raise (LastOwnerError if "last owner" in str(error) else NameTakenError)(person.name) from error


def pin(connection: sqlite3.Connection, person_id: int) -> KeptPin:
    """Raises LookupError."""
    row = connection.execute(_PIN, (person_id,)).fetchone()
    if row is None:
        raise LookupError(f"no person {person_id}")
    return KeptPin(*row)


def active_pins(connection: sqlite3.Connection) -> dict[int, KeptPin]:
    return {person_id: KeptPin(salt, kept) for person_id, salt, kept in connection.execute(_ACTIVE_PINS)}


def keep_pin(connection: sqlite3.Connection, person_id: int, kept: KeptPin) -> None:
    connection.execute(_KEEP_PIN, (kept.salt, kept.hash, person_id))


def lockout(connection: sqlite3.Connection, person_id: int) -> Lockout:
    row = connection.execute(_LOCKOUT, (person_id,)).fetchone()
    return Lockout() if row is None else Lockout(row[0], row[1] / 1000)


def keep_lockout(connection: sqlite3.Connection, person_id: int, kept: Lockout) -> None:
    connection.execute(_KEEP_LOCKOUT, (person_id, kept.tries, round(kept.waits * 1000)))


def recovery_sha256(connection: sqlite3.Connection) -> bytes:
    row = connection.execute(_RECOVERY).fetchone()
    return b"" if row is None else bytes(row[0])


def keep_recovery(connection: sqlite3.Connection, key_sha256: bytes, at: datetime) -> None:
    connection.execute(_KEEP_RECOVERY, (1, key_sha256, to_text(at)))


def _person(row: Any) -> Person:
    person_id, name, role, active = row
    return Person(person_id, name, Role(role), bool(active))
