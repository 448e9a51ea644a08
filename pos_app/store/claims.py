"""Claims on disk: what this till asked for, and what the relay said of every till; appended, at most answered once.

From the rows of a receipt its `Claims` are made again, whatever happened in between.
"""

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pos_app.domain.claim import Claim, Claims, Release
from pos_app.store import statements
from pos_app.store.statements import ONE_OF, listed
from pos_app.store.times import from_text, from_text_or_none, to_text, to_text_or_none

CLAIM_COLUMNS = ("receipt", "generation", "till_id", "till", "sale", "cashier", "at", "nonce")
_ROW = (*CLAIM_COLUMNS, "said", "reason")
_ALL = statements.select(_ROW, "claim")
_OF_RECEIPTS = _ALL + " WHERE (said <> 'asked' OR answered_at IS NULL) AND receipt " + ONE_OF + " ORDER BY id"
_UNANSWERED = _ALL + " WHERE answered_at IS NULL AND said = ? ORDER BY id"
_WISHED = "SELECT 1 FROM claim WHERE receipt = ? AND said = 'asked' AND sale = ?"
_INSERT = statements.insert("claim", (*_ROW, "answered_at"))
_ANSWER_WISH = "UPDATE claim SET answered_at = ? WHERE receipt = ? AND said = 'asked' AND answered_at IS NULL"
_ANSWER_RELEASES = """UPDATE claim SET answered_at = ?
    WHERE receipt = ? AND said = 'released' AND generation <= ? AND answered_at IS NULL"""


def of_receipts(connection: sqlite3.Connection, receipts: Collection[str]) -> dict[str, Claims]:
    """Those of which anything is known."""
    found: dict[str, Claims] = {}
    for row in connection.execute(_OF_RECEIPTS, (listed(receipts),)):
        held = found.get(row[0], Claims(row[0]))
        found[row[0]] = _with(held, row)
    return found


def _with(claims: Claims, row: Sequence[Any]) -> Claims:
    *_, said, _reason = row
    if said == "asked":
        return claims.ask(claim_of_row(row))
    after, _ = claims.apply(_release(row) if said == "released" else claim_of_row(row))
    return after


def ask(connection: sqlite3.Connection, wish: Claim) -> None:
    """This till wants it, and the relay has not answered. Raises IntegrityError beside another open wish for it."""
    _insert(connection, wish, "asked", answered_at=None)


def hold(connection: sqlite3.Connection, claim: Claim, at: datetime) -> None:
    """The relay says who has it; `at` is when this till heard of it."""
    _insert(connection, claim, "held", answered_at=at)


def release(connection: sqlite3.Connection, told: Release, answered_at: datetime | None) -> None:
    """Without `answered_at` it is this till's own, and the relay has not heard of it."""
    given_back = Claim(told.receipt, told.generation, told.till_id, "", "", "", told.at)
    _insert(connection, given_back, "released", answered_at=answered_at, reason=told.reason)


def answer_wish(connection: sqlite3.Connection, receipt: str, at: datetime) -> None:
    """What this till asked for is won or lost."""
    connection.execute(_ANSWER_WISH, (to_text(at), receipt))


def answer_releases(connection: sqlite3.Connection, receipt: str, generation: int, at: datetime) -> None:
    """The relay knows that it was given back, up to this generation."""
    connection.execute(_ANSWER_RELEASES, (to_text(at), receipt, generation))


def wishes(connection: sqlite3.Connection) -> tuple[Claim, ...]:
    """What this till has asked for and the relay has not answered, the oldest first."""
    return tuple(claim_of_row(row) for row in connection.execute(_UNANSWERED, ("asked",)))


def unheard_releases(connection: sqlite3.Connection) -> tuple[Release, ...]:
    """What this till has given back and the relay may not know, the oldest first."""
    return tuple(_release(row) for row in connection.execute(_UNANSWERED, ("released",)))


def was_wished(connection: sqlite3.Connection, receipt: str, sale: str) -> bool:
    """Whether this very file asked for it: another of the same till, lost since, had other sales of these numbers."""
    return connection.execute(_WISHED, (receipt, sale)).fetchone() is not None


def _insert(
    connection: sqlite3.Connection, claim: Claim, said: str, *, answered_at: datetime | None, reason: str = ""
) -> None:
    whose = (claim.receipt, claim.generation, claim.till_id, claim.till, claim.sale, claim.cashier)
    when = (to_text_or_none(claim.at), claim.nonce, said, reason, to_text_or_none(answered_at))
    connection.execute(_INSERT, (*whose, *when))


def claim_of_row(row: Sequence[Any]) -> Claim:
    """Of `CLAIM_COLUMNS`, whatever follows them."""
    receipt, generation, till_id, till, sale, cashier, at, nonce, *_ = row
    return Claim(receipt, generation, till_id, till, sale, cashier, from_text_or_none(at), nonce)


def _release(row: Sequence[Any]) -> Release:
    receipt, generation, till_id, *_, at, _nonce, _said, reason = row
    return Release(receipt, generation, till_id, reason, from_text(at))
