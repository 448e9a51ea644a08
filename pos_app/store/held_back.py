"""Confirmations on disk that are not believed: what each says, and what Safaricom was found to say of it.

It must not know how Safaricom is asked. One whose payment is known is settled by that alone; nothing marks it.
"""

import sqlite3
from collections.abc import Collection
from datetime import datetime
from typing import Any

from pos_app.domain.held_back import Doubt, Finding, HeldBack
from pos_app.domain.money import Money
from pos_app.store import statements
from pos_app.store.statements import ONE_OF, listed
from pos_app.store.times import from_text, from_text_or_none, to_text, to_text_or_none

_TOLD = (
    "receipt",
    "amount_cents",
    "short_code",
    "doubt",
    "received_at",
    "paid_at",
    "payer_name",
    "payer_phone",
    "bill_reference",
)
_KEEP = statements.insert("held_back", ("event_key", *_TOLD, "note")) + " ON CONFLICT (event_key) DO NOTHING"
_KNOWN_CENTS = """(SELECT amount_cents FROM payment
    WHERE payment.receipt = held_back.receipt AND payment.receipt <> '' AND superseded_by IS NULL)"""
_OPEN = f"""FROM held_back WHERE put_aside_at IS NULL AND {_KNOWN_CENTS} IS NOT amount_cents"""
_COLUMNS = f"id, {', '.join(_TOLD)}, listed_at, asked_at, {_KNOWN_CENTS}"
_NEWEST = f"SELECT {_COLUMNS} {_OPEN} ORDER BY id DESC LIMIT ?"
_COUNT = f"SELECT count(*) {_OPEN}"
_LISTED = f"""UPDATE held_back SET listed_at = ? WHERE put_aside_at IS NULL
    AND receipt || '/' || amount_cents {ONE_OF}"""  # noqa: S608 — a constant
_ASKED = """UPDATE held_back SET asked_at = ? WHERE put_aside_at IS NULL
    AND received_at <= ? AND coalesce(paid_at, received_at) >= ?"""
_PUT_ASIDE = "UPDATE held_back SET put_aside_at = ?, note = ? WHERE id = ? AND put_aside_at IS NULL"


def keep(connection: sqlite3.Connection, told: HeldBack, event_key: str) -> None:
    """`told.id` is not kept: the row gets its own."""
    values = (
        told.receipt,
        told.amount.cents,
        told.short_code,
        told.doubt.value,
        to_text(told.received_at),
        to_text_or_none(told.paid_at),
        told.payer_name,
        told.payer_phone,
        told.bill_reference,
    )
    connection.execute(_KEEP, (event_key, *values, ""))


def newest(connection: sqlite3.Connection, limit: int) -> tuple[HeldBack, ...]:
    """Those that nothing has settled; the newest first."""
    return tuple(_held_back(*row) for row in connection.execute(_NEWEST, (limit,)))


def count(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute(_COUNT).fetchone()
    return int(found)


def note_listed(connection: sqlite3.Connection, found: Collection[tuple[str, Money]], at: datetime) -> None:
    """Safaricom, or its statement, lists these receipts with these amounts."""
    connection.execute(_LISTED, (to_text(at), listed(f"{receipt}/{amount.cents}" for receipt, amount in found)))


def note_asked(connection: sqlite3.Connection, since: datetime, at: datetime) -> None:
    """Safaricom told at that moment of every payment since then; what it did not list, it does not know."""
    connection.execute(_ASKED, (to_text(at), to_text(at), to_text(since)))


def put_aside(connection: sqlite3.Connection, held_id: int, note: str, at: datetime) -> bool:
    """A person says what became of it. False when that was said before."""
    return connection.execute(_PUT_ASIDE, (to_text(at), note, held_id)).rowcount == 1


def _held_back(held_id: int, *row: Any) -> HeldBack:
    receipt, cents, short_code, doubt, received_at, paid_at, name, phone, reference, listed_at, asked_at, known = row
    return HeldBack(
        id=held_id,
        receipt=receipt,
        amount=Money(cents),
        short_code=short_code,
        doubt=Doubt(doubt),
        received_at=from_text(received_at),
        paid_at=from_text_or_none(paid_at),
        payer_name=name,
        payer_phone=phone,
        bill_reference=reference,
        finding=_finding(listed_at, asked_at, known),
        asked_at=from_text_or_none(asked_at),
    )


def _finding(listed_at: str | None, asked_at: str | None, known_cents: int | None) -> Finding:
    if known_cents is not None:
        return Finding.OTHER_AMOUNT
    if listed_at is not None:
        return Finding.LISTED
    return Finding.NOT_LISTED if asked_at is not None else Finding.NOT_ASKED
