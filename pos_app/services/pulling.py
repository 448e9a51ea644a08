"""Asks Safaricom for payments that nobody told of, so often and so far back that none can be missed unnoticed.

It applies nothing: rows are kept on disk until the relay has them, and its log tells them to every till in one order.
"""

import asyncio
import logging
import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pos_app.daraja import pull
from pos_app.domain.money import Money
from pos_app.domain.shop import ShopAccount
from pos_app.services import coverage
from pos_app.services.changes import Changes, HealthChanged, Light, LogReset, Notice, PullingChanged
from pos_app.services.clock import monotonic, utc_now
from pos_app.services.pull_schedule import LONG, OVERLAP, PullSchedule
from pos_app.services.pulled_rows import PulledRows, Report
from pos_app.services.statement_tasks import StatementTasks
from pos_app.store import held_back, payments, pulls
from pos_app.store.database import Database

if TYPE_CHECKING:
    from pos_app.daraja.pull import Pulled

log = logging.getLogger(__name__)

LONGEST = pull.REMEMBERED - timedelta(minutes=2)
"""As far back as can be asked without losing a row while the question is on its way."""
OUTAGE_SECONDS = 5 * 60.0
"""The relay away for longer: Safaricom may have found nobody to tell."""
SPREAD_SECONDS = 30.0
"""After an outage all tills come back at once."""
_CLOCK_STEP = timedelta(minutes=5)
_NOT_SET_UP = "M-Pesa is not set up on this till."
_FAILED = "Safaricom could not be asked just now. It will be asked again."
_UNREADABLE = (
    "Safaricom lists a payment that this till cannot read. Compare with the M-PESA statement and tell your supervisor."
)
_OTHER_AMOUNT = (
    "Safaricom lists payment {receipt} with {listed}, but here it counts as {counted}. Compare with the M-PESA "
    "statement and call your supervisor."
)


@dataclass(frozen=True, slots=True)
class PullLine:
    """The way to Safaricom’s list and to the relay; `run` gets a new one when the settings change."""

    account: ShopAccount
    pull: Callable[[datetime, datetime], Awaitable["Pulled"]]
    report: Report


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look found; some of it may still wait for the relay. `trouble` is a sentence, or empty."""

    receipts: frozenset[str]
    is_complete: bool
    trouble: str = ""


class Pulling:
    """`run` once per connection; everything that must outlive it is on disk."""

    def __init__(
        self,
        database: Database,
        changes: Changes,
        tasks: StatementTasks,
        *,
        clock: Callable[[], datetime] = utc_now,
        elapsed: Callable[[], float] = monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._database = database
        self._changes = changes
        self._tasks = tasks
        self._clock = clock
        self._elapsed = elapsed
        # When to ask is no secret.
        self._schedule = PullSchedule(elapsed, rng or random.Random())  # noqa: S311
        self._rows = PulledRows(database)
        self._wake = asyncio.Event()
        self._is_running = False
        self._waiting: list[asyncio.Future[Swept]] = []
        self._relay_is_live = False
        self._away_since: float | None = None
        self._unreadable: set[str] = set()
        self._differing: set[str] = set()
        """What was said of payments that count with another amount than Safaricom lists."""
        self.current = PullingChanged(None, "", 0)
        changes.subscribe(HealthChanged, self._see_relay)
        changes.subscribe(LogReset, lambda _reset: self._look_after_an_outage())

    async def run(self, line: PullLine) -> None:
        """Until cancelled. Who waits for a look then hears that there is none."""
        self._is_running = True
        try:
            while True:
                self._wake.clear()
                await self._step(line)
                # Not wait_for: in Python 3.11 it may swallow the cancellation that ends the till.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._schedule.seconds_left):
                        await self._wake.wait()
        finally:
            self._is_running = False
            self._answer(self._waiting, _nothing(_NOT_SET_UP))

    async def look_now(self, reach: timedelta = OVERLAP) -> Swept:
        """Asks for the payments of the last `reach` and waits: for a receipt code that nobody here knows."""
        if not self._is_running:
            return _nothing(_NOT_SET_UP)
        waiting: asyncio.Future[Swept] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self.look_soon(reach)
        return await waiting

    def look_soon(self, reach: timedelta = OVERLAP) -> None:
        """The same without waiting: for a gap in the balances."""
        self._schedule.ask(reach)
        self._wake.set()

    def tell_soon(self) -> None:
        """Rows were kept for the relay."""
        self._wake.set()

    def _look_after_an_outage(self) -> None:
        self._schedule.ask(LONG, within=SPREAD_SECONDS)
        self._wake.set()

    def _see_relay(self, health: HealthChanged) -> None:
        self._relay_is_live = health.relay is Light.OK
        if not self._relay_is_live:
            self._away_since = self._elapsed() if self._away_since is None else self._away_since
            return
        away, self._away_since = self._away_since, None
        if away is not None and self._elapsed() - away > OUTAGE_SECONDS:
            self._look_after_an_outage()
        self.tell_soon()

    async def _step(self, line: PullLine) -> None:
        """A look where one is due; then the relay hears of what was found, now or before."""
        waiting: list[asyncio.Future[Swept]] = []
        swept: Swept | None = None
        try:
            if not self._schedule.seconds_left:
                waiting, self._waiting = self._waiting, waiting
                swept = await self._look(line)
            await self._show(line, swept, await self._rows.tell(line.account.party_b, line.report))
        except Exception:  # one failed look must not end the looking
            log.exception("payments could not be asked for")
        finally:
            self._answer(waiting, swept or _nothing(_FAILED))

    async def _look(self, line: PullLine) -> Swept:
        now, is_complete = self._clock(), False
        reach = self._schedule.begin(now)
        try:
            start = await self._start(line, now, reach)
            pulled = await line.pull(start, now)
            await self._keep(line, pulled, start, now)
            is_complete = pulled.is_complete
        finally:
            self._schedule.end(reach, is_complete=is_complete)
        await self._tasks.refresh(line.account)
        return Swept(frozenset(row.receipt for row in pulled.rows), is_complete, self._trouble(pulled))

    async def _start(self, line: PullLine, now: datetime, reach: timedelta) -> datetime:
        """From where to ask: `reach` back, or further where something before was never answered completely."""
        held = await self._database.read(lambda connection: pulls.coverage(connection, line.account.party_b))
        covered = held.until if held else now
        if covered > now + _CLOCK_STEP:
            reach = LONG  # The clock was wrong, so nobody knows of which time the last answer told.
        return max(min(now - reach, covered - OVERLAP), now - LONGEST)

    async def _keep(self, line: PullLine, pulled: "Pulled", start: datetime, now: datetime) -> None:
        """The rows, how far all is known now, and what is lost for good: all of it, or nothing."""
        rows = sorted(pulled.rows, key=lambda row: row.paid_at or now)
        told = [(row.receipt, pull.told_row(row)) for row in rows]
        found = [(row.receipt, row.amount) for row in rows]
        short_code, relay_is_live = line.account.party_b, self._relay_is_live

        def keep(connection: sqlite3.Connection) -> list[str]:
            pulls.keep_rows(connection, short_code, told)
            held_back.note_listed(connection, found, now)
            if pulled.is_complete:
                coverage.covered(connection, short_code, start, now)
                held_back.note_asked(connection, start, now)
            else:
                coverage.not_covered(connection, short_code, now, relay_is_live=relay_is_live)
            return _differing(connection, dict(found))

        differing = set(await self._database.run(keep)) - self._differing
        self._differing |= differing
        for sentence in sorted(differing):
            self._changes.publish(Notice(sentence, urgent=True))

    def _trouble(self, pulled: "Pulled") -> str:
        unreadable = {repr(raw) for raw in pulled.unreadable}
        if unreadable - self._unreadable:
            self._changes.publish(Notice(_UNREADABLE, urgent=True))
        self._unreadable |= unreadable
        return pulled.gap.sentence if pulled.gap else _UNREADABLE if unreadable else ""

    async def _show(self, line: PullLine, swept: Swept | None, untold: int) -> None:
        held = await self._database.read(lambda connection: pulls.coverage(connection, line.account.party_b))
        complete_until = held.until if held and held.swept else None
        shown = PullingChanged(complete_until, swept.trouble if swept else self.current.trouble, untold)
        if shown != self.current:
            self.current = shown
            self._changes.publish(shown)

    @staticmethod
    def _answer(waiting: list[asyncio.Future[Swept]], swept: Swept) -> None:
        for one in waiting:
            if not one.done():
                one.set_result(swept)
        waiting.clear()


def _differing(connection: sqlite3.Connection, listed: dict[str, Money]) -> list[str]:
    """The relay takes such a row for known, so nobody else would say it."""
    return [
        _OTHER_AMOUNT.format(receipt=counted.receipt, listed=listed[counted.receipt], counted=counted.amount)
        for counted in payments.by_receipts(connection, listed)
        if counted.amount != listed[counted.receipt]
    ]


def _nothing(why: str) -> Swept:
    return Swept(frozenset(), is_complete=False, trouble=why)
