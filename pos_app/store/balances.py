"""On disk: the balances that confirmations told, the gaps between them, and what people said of those gaps."""

import sqlite3
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from pos_app.domain.balance import Credit, Explanation, Gap
from pos_app.domain.money import Money
from pos_app.domain.refund import Route
from pos_app.store import statements
from pos_app.store.statements import ONE_OF, listed
from pos_app.store.times import from_text, to_text

_KEEP = """INSERT INTO told_balance (receipt, paid_at, balance_cents) VALUES (?, ?, ?)
    ON CONFLICT (receipt, balance_cents) DO NOTHING"""
_PAID_AT = "coalesce(told_balance.paid_at, payment.paid_at, payment.received_at)"
# Nothing is received before it is paid, but for clocks that differ; so the index finds all that was paid since.
_CREDITS = f"""SELECT payment.receipt, {_PAID_AT} AS at, amount_cents, balance_cents
    FROM payment LEFT JOIN told_balance ON told_balance.receipt = payment.receipt
    WHERE received_at >= ? AND payment.receipt <> '' AND at BETWEEN ? AND ? AND short_code {ONE_OF}"""  # noqa: S608
_NEWEST = f"""SELECT min(at) FROM (SELECT {_PAID_AT} AS at
    FROM payment LEFT JOIN told_balance ON told_balance.receipt = payment.receipt
    ORDER BY received_at DESC LIMIT ?)"""  # noqa: S608 — a constant
_GAPS = "SELECT since, until, difference_cents FROM balance_gap WHERE short_code = ? ORDER BY since"
_FORGET = "DELETE FROM balance_gap WHERE short_code = ?"
_ADD = statements.insert("balance_gap", ("short_code", "since", "until", "difference_cents"))
_EXPLANATIONS = "SELECT since, until, difference_cents, note FROM gap_explanation WHERE short_code = ?"
_EXPLAIN = statements.insert("gap_explanation", ("short_code", "since", "until", "difference_cents", "note", "at"))
_GIVEN_BACK = f"""SELECT submitted_at, coalesce(finished_at, submitted_at), amount_cents FROM refund
    WHERE submitted_at >= ? AND state NOT IN ('FAILED', 'DECLINED') AND route {ONE_OF}"""  # noqa: S608 — a constant
_CLOCKS_DIFFER = timedelta(days=2)


def keep(connection: sqlite3.Connection, receipt: str, paid_at: datetime, balance: Money) -> None:
    connection.execute(_KEEP, (receipt, to_text(paid_at), balance.cents))


def begin(connection: sqlite3.Connection, count: int) -> datetime | None:
    """When the first of the `count` payments that were received last was paid; None where there are none."""
    (paid_at,) = connection.execute(_NEWEST, (count,)).fetchone()
    return from_text(paid_at) if paid_at else None


def credits_between(
    connection: sqlite3.Connection, short_codes: Collection[str], since: datetime, until: datetime
) -> tuple[Credit, ...]:
    """All that was paid then, both ends included; a payment with two balances is there twice."""
    bound = (to_text(since - _CLOCKS_DIFFER), to_text(since), to_text(until), listed(short_codes))
    return tuple(
        Credit(receipt, from_text(at), Money(cents), None if balance is None else Money(balance))
        for receipt, at, cents, balance in connection.execute(_CREDITS, bound)
    )


def gaps(connection: sqlite3.Connection, short_code: str) -> tuple[Gap, ...]:
    """Oldest first."""
    rows = connection.execute(_GAPS, (short_code,))
    return tuple(Gap(from_text(since), from_text(until), Money(cents)) for since, until, cents in rows)


def replace_gaps(connection: sqlite3.Connection, short_code: str, found: Iterable[Gap]) -> None:
    connection.execute(_FORGET, (short_code,))
    rows = [(short_code, to_text(gap.since), to_text(gap.until), gap.difference.cents) for gap in found]
    connection.executemany(_ADD, rows)


def explanations(connection: sqlite3.Connection, short_code: str) -> tuple[Explanation, ...]:
    rows = connection.execute(_EXPLANATIONS, (short_code,))
    return tuple(
        Explanation(from_text(since), from_text(until), Money(cents), note) for since, until, cents, note in rows
    )


def given_back(
    connection: sqlite3.Connection, routes: Collection[Route], since: datetime, around: timedelta
) -> tuple[Explanation, ...]:
    """What this till itself sent out of the account, also while nobody knows whether it went; M-Pesa's clock differs by
    `around` at most.
    """
    rows = connection.execute(_GIVEN_BACK, (to_text(since - around), listed(routes)))
    return tuple(
        Explanation(from_text(sent) - around, from_text(ended) + around, Money(-cents), "a refund of this till")
        for sent, ended, cents in rows
    )


def explain(connection: sqlite3.Connection, short_code: str, told: Explanation, at: datetime) -> None:
    span = (to_text(told.since), to_text(told.until))
    connection.execute(_EXPLAIN, (short_code, *span, told.difference.cents, told.note, to_text(at)))
