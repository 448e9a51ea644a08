"""Watches the account's balance, which each confirmation carries: money that arrived unseen is asked for at once.

How a gap is told from mere disorder: `domain/balance.py`. A gap stays on disk until a payment or a person explains it.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta

from pos_app.domain import balance
from pos_app.domain.audit import Event
from pos_app.domain.balance import Drawing, Explanation, Gap
from pos_app.domain.refund import Route
from pos_app.domain.refused import Refused
from pos_app.domain.shop import ShopAccount
from pos_app.domain.staff import Action
from pos_app.services.changes import BalanceGapsChanged, Changes, HealthChanged, Light, PaymentArrived, RefundChanged
from pos_app.services.clock import utc_now
from pos_app.services.guard import Guard
from pos_app.store import balances
from pos_app.store.database import Database, StoreError

log = logging.getLogger(__name__)

NEWEST = 500
"""Payments looked through at every change; a gap that was found once is looked at however old it is."""
_NO_NOTE = Refused("Say in a few words what the difference was; it is kept.")
_DRAWN = "The M-PESA statement lists it as drawn."
_AROUND = timedelta(minutes=5)
"""Rows are listed by M-Pesa’s clock."""


class BalanceWatch:
    def __init__(
        self,
        database: Database,
        changes: Changes,
        *,
        guard: Guard,
        look_soon: Callable[[timedelta], None],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`look_soon` asks Safaricom for the payments of the time up to now; it returns at once."""
        self._database = database
        self._changes = changes
        self._look_soon = look_soon
        self._guard = guard
        self._clock = clock
        self._wake = asyncio.Event()
        self._relay_is_live = self._refunds_by_b2c = False
        self.open: tuple[Gap, ...] = ()
        changes.subscribe(PaymentArrived, lambda _payment: self._wake.set())
        changes.subscribe(RefundChanged, lambda _refund: self._wake.set())
        changes.subscribe(HealthChanged, self._see_relay)

    async def run(self, account: ShopAccount, pays_out: str = "") -> None:
        """Until cancelled. `pays_out` is the number that refunds by B2C leave from; a reversal leaves the account."""
        self._refunds_by_b2c = pays_out in {account.short_code, account.party_b}
        while True:
            self._wake.clear()
            # While the relay still tells what came before, every balance runs ahead of what is known.
            if self._relay_is_live:
                try:
                    await self._judge(account)
                except StoreError:
                    log.warning("the balances could not be compared")
            await self._wake.wait()

    async def explain(self, gap: Gap, note: str, account: ShopAccount) -> Refused | None:
        """Somebody who may says what it was; the words are kept for ever."""
        if not note.strip():
            return _NO_NOTE
        by = self._guard.check(Action.SETTLE_DOUBT)
        if isinstance(by, Refused):
            return by
        await self._explain(gap, note.strip(), account)
        await self._guard.told(Event.DOUBT_SETTLED, by, f"balance, {gap.difference}", note.strip())
        return None

    async def _explain(self, gap: Gap, note: str, account: ShopAccount) -> None:
        told, now = Explanation(gap.since, gap.until, gap.difference, note), self._clock()
        await self._database.run(lambda connection: balances.explain(connection, account.party_b, told, now))
        await self._judge(account)

    async def take_statement(self, drawings: Sequence[Drawing], account: ShopAccount) -> int:
        """How many gaps are exactly what the statement says was drawn; those are explained by it."""
        drawn = [gap for gap in self.open if gap.is_what_was_drawn(drawings)]
        for gap in drawn:
            await self._explain(gap, _DRAWN, account)
        return len(drawn)

    def _see_relay(self, health: HealthChanged) -> None:
        was_live, self._relay_is_live = self._relay_is_live, health.relay is Light.OK
        if self._relay_is_live and not was_live:
            self._wake.set()

    async def _judge(self, account: ShopAccount) -> None:
        routes = (Route.REVERSAL, Route.B2C) if self._refunds_by_b2c else (Route.REVERSAL,)
        held, found = await self._database.read(lambda connection: _look(connection, account, routes))
        if found != held:
            await self._database.run(lambda connection: balances.replace_gaps(connection, account.party_b, found))
        if found != self.open:
            self._tell(found, new=set(found) - set(held))

    def _tell(self, found: tuple[Gap, ...], new: set[Gap]) -> None:
        self.open = found
        now = self._clock()
        self._changes.publish(BalanceGapsChanged(found, found[0].sentence(now) if found else ""))
        missing = [gap.since for gap in new if gap.is_missing_money]
        if missing:
            self._look_soon(now - min(missing) + _AROUND)


def _look(
    connection: sqlite3.Connection, account: ShopAccount, routes: Collection[Route]
) -> tuple[tuple[Gap, ...], tuple[Gap, ...]]:
    """The gaps as they were found last, and as they are now. Refunds by `routes` leave this account."""
    held = balances.gaps(connection, account.party_b)
    begin = balances.begin(connection, NEWEST)
    if begin is None:
        return held, held
    older = [(gap.since, gap.until) for gap in held if gap.since < begin]
    newest = max([begin, *(until for _, until in older)]), datetime.max.replace(tzinfo=begin.tzinfo)
    spans = [*older, newest]
    given_back = balances.given_back(connection, routes, min(since for since, _ in spans), _AROUND)
    told = (*balances.explanations(connection, account.party_b), *given_back)
    return held, tuple(_gaps_of(connection, account, spans, told))


def _gaps_of(
    connection: sqlite3.Connection,
    account: ShopAccount,
    spans: Iterable[tuple[datetime, datetime]],
    told: Collection[Explanation],
) -> Iterable[Gap]:
    short_codes = {account.short_code, account.party_b}
    for since, until in spans:
        yield from balance.gaps(balances.credits_between(connection, short_codes, since, until), told)
