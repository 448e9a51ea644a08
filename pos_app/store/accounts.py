"""What Safaricom told of the shop's accounts, on disk, so that the last figure is there after a restart."""

import sqlite3

from pos_app.domain.account import AccountBalances, AccountFunds
from pos_app.domain.money import Money
from pos_app.store import statements
from pos_app.store.times import from_text, to_text

_FIGURES = ("name", "current_cents", "available_cents", "reserved_cents", "uncleared_cents")
_INSERT = statements.insert("account_told", (*_FIGURES, "at")) + " ON CONFLICT (name, at) DO NOTHING"
_WHEN = "SELECT max(at) FROM account_told"
_NEWEST = statements.select((*_FIGURES, "at"), "account_told") + " WHERE at = ? ORDER BY id"


def keep(connection: sqlite3.Connection, told: AccountBalances) -> None:
    at = to_text(told.at)
    figures = ((one.name, one.current, one.available, one.reserved, one.uncleared) for one in told.accounts)
    connection.executemany(_INSERT, ((name, *(money.cents for money in rest), at) for name, *rest in figures))


def newest(connection: sqlite3.Connection) -> AccountBalances | None:
    rows = connection.execute(_NEWEST, connection.execute(_WHEN).fetchone()).fetchall()
    if not rows:
        return None
    funds = tuple(AccountFunds(name, *(Money(cents) for cents in figures)) for name, *figures, _at in rows)
    return AccountBalances(funds, from_text(rows[0][-1]))
