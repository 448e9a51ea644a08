"""Imports the portal's statement: its payments go the way of pulled rows, and holes that it covers are closed."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pos_app.daraja.pull import told_row
from pos_app.daraja.statement import Statement, StatementError, read_statement
from pos_app.domain.refused import Refused
from pos_app.domain.shop import ShopAccount
from pos_app.domain.staff import Action
from pos_app.services.balance_watch import BalanceWatch
from pos_app.services.clock import utc_now
from pos_app.services.guard import Guard
from pos_app.services.statement_tasks import StatementTasks
from pos_app.store import held_back, payments, pulls
from pos_app.store.database import Database
from pos_app.store.pulls import Hole


@dataclass(frozen=True, slots=True)
class Imported:
    """`new` go to the relay, and appear once it tells of them. With `unreadable` lines no task is closed."""

    new: int
    known: int
    unreadable: int
    since: datetime
    until: datetime
    gaps_explained: int = 0
    """Drops of the balance that are exactly what the statement lists as drawn."""


class Statements:
    def __init__(
        self,
        database: Database,
        tasks: StatementTasks,
        balance_watch: BalanceWatch,
        *,
        guard: Guard,
        tell_soon: Callable[[], None],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`tell_soon` sends the rows that are kept to the relay; it returns at once."""
        self._database = database
        self._tasks = tasks
        self._balance_watch = balance_watch
        self._guard = guard
        self._tell_soon = tell_soon
        self._clock = clock

    async def import_statement(self, content: bytes, account: ShopAccount) -> Imported | Refused:
        """The bytes of the portal’s CSV file. Nothing counts twice, however often it is imported."""
        if refused := self._guard.refusal(Action.SETTLE_DOUBT):
            return refused
        try:
            statement = await asyncio.to_thread(read_statement, content, account)
        except StatementError as error:
            return Refused(str(error))
        now = self._clock()
        imported = await self._database.run(lambda connection: _keep(connection, account, statement, now))
        self._tell_soon()
        await self._tasks.refresh(account)
        return replace(imported, gaps_explained=await self._balance_watch.take_statement(statement.drawn, account))


def _keep(connection: sqlite3.Connection, account: ShopAccount, statement: Statement, now: datetime) -> Imported:
    by_receipt = {row.receipt: row for row in statement.rows}
    known = {payment.receipt for payment in payments.by_receipts(connection, by_receipt)}
    lacking = (row for receipt, row in by_receipt.items() if receipt not in known)
    new = sorted(lacking, key=lambda row: row.paid_at or now)
    pulls.keep_rows(connection, account.party_b, ((row.receipt, told_row(row)) for row in new))
    held_back.note_listed(connection, [(row.receipt, row.amount) for row in new], now)
    if not statement.unreadable:
        for hole in pulls.open_holes(connection, account.party_b):
            _close(connection, hole, statement, now)
    return Imported(len(new), len(by_receipt) - len(new), statement.unreadable, statement.since, statement.until)


def _close(connection: sqlite3.Connection, hole: Hole, statement: Statement, now: datetime) -> None:
    """As far as the statement reaches; what it leaves at one end stays a task."""
    begins_before, ends_after = statement.since <= hole.since, hole.until <= statement.until
    if begins_before and ends_after:
        pulls.resolve_hole(connection, hole.id, "statement", now)
    elif begins_before and hole.since < statement.until:
        pulls.resize_hole(connection, hole.id, statement.until, hole.until)
    elif ends_after and statement.since < hole.until:
        pulls.resize_hole(connection, hole.id, hole.since, statement.since)
