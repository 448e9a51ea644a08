"""What may not be believed: each such confirmation is asked about at once, and stays in sight until it is settled.

A payment that Safaricom lists comes by the relay, as any row of Pull, and settles it; nothing here makes money of it.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from pos_app.domain.audit import Event
from pos_app.domain.held_back import Finding, HeldBack
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.services.changes import (
    AttemptChanged,
    Changes,
    HealthChanged,
    Light,
    PaymentArrived,
    PaymentHeldBack,
    PullingChanged,
    QuarantineChanged,
)
from pos_app.services.clock import monotonic, utc_now
from pos_app.services.guard import Guard
from pos_app.services.pull_schedule import OVERLAP
from pos_app.services.pulling import LONGEST, Swept
from pos_app.store import evidence, held_back
from pos_app.store.database import Database

log = logging.getLogger(__name__)

SHOWN = 50
LOOK_SECONDS = 60.0
"""A forger can send as often as he likes; Safaricom is asked no oftener than this because of him."""
_AGAIN_SECONDS = 60.0
_AROUND = timedelta(minutes=5)
"""Payments are listed by M-Pesa’s clock."""
_NO_NOTE = Refused("Say in a few words what became of it; it is kept with the message.")
_GONE = Refused("That message was settled before.")
_COUNTS_FOR_NOTHING = (
    "Nobody can tell that Safaricom sent it for this shop, so it counts for nothing until that is sure."
)
_COUNT_FOR_NOTHING = (
    "Nobody can tell that Safaricom sent them for this shop, so they count for nothing until that is sure."
)

Promote = Callable[[str], Awaitable[bool]]
"""Tells the relay that the message of an event key was true; False when it has to be told again."""


@dataclass(frozen=True, slots=True)
class Held:
    newest: tuple[HeldBack, ...]
    count: int
    proved: tuple[str, ...]


class Quarantine:
    """`run` once per connection; what it shows is on disk."""

    def __init__(
        self,
        database: Database,
        changes: Changes,
        *,
        guard: Guard,
        look: Callable[[timedelta], Awaitable[Swept]],
        clock: Callable[[], datetime] = utc_now,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        """`look` asks Safaricom for the payments of the time up to now, and waits for the answer."""
        self._database = database
        self._changes = changes
        self._look = look
        self._guard = guard
        self._clock = clock
        self._elapsed = elapsed
        self._wake = asyncio.Event()
        self._look_at = 0.0
        self._looked_for = 0
        """The newest message that a look of its own was made for; the sweeps of every quarter of an hour go on."""
        self._promoted: set[str] = set()
        self._unheard: list[str] = []
        """What the relay could not be told."""
        self.current = QuarantineChanged((), 0, "")
        changes.subscribe(PaymentHeldBack, lambda _change: self._wake.set())
        changes.subscribe(PullingChanged, lambda _change: self._see())
        changes.subscribe(PaymentArrived, lambda _change: self._see())
        changes.subscribe(AttemptChanged, lambda change: self._wake.set() if change.attempt.state.is_paid else None)
        changes.subscribe(HealthChanged, self._see_relay)

    async def run(self, promote: Promote) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self._step(promote)
            except Exception:  # one failed look must not end the looking
                log.exception("what is held back could not be looked at")
            # Not wait_for: in Python 3.11 it may swallow the cancellation that ends the till.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience()):
                    await self._wake.wait()

    async def check(self, held: HeldBack) -> str:
        """Asks Safaricom now, as far back as the message says; a sentence when that could not be done."""
        swept = await self._look(self._reach(held.told_time))
        await self._refresh()
        return swept.trouble

    async def put_aside(self, held: HeldBack, note: str) -> Refused | None:
        """Somebody who may says what became of it; it still counts for nothing, and the words are kept for ever."""
        told, now = note.strip(), self._clock()
        if not told:
            return _NO_NOTE
        by = self._guard.check(Action.SETTLE_DOUBT)
        if isinstance(by, Refused):
            return by
        done = await self._database.run(lambda connection: held_back.put_aside(connection, held.id, told, now))
        await self._refresh()
        if done:
            await self._guard.told(Event.DOUBT_SETTLED, by, f"message held back, {held.amount}", told)
        return None if done else _GONE

    def _see(self) -> None:
        """A payment may be one that was held back."""
        if self.current.count:
            self._wake.set()

    def _see_relay(self, health: HealthChanged) -> None:
        if health.relay is Light.OK:
            self._wake.set()

    async def _step(self, promote: Promote) -> None:
        proved = (await self._refresh()).proved
        self._unheard = [key for key in proved if key not in self._promoted and not await promote(key)]
        self._promoted.update(set(proved) - set(self._unheard))
        unasked = self._unasked()
        if unasked and self._elapsed() >= self._look_at:
            self._look_at = self._elapsed() + LOOK_SECONDS
            self._looked_for = unasked[0].id
            await self._look(self._reach(unasked[-1].received_at))
            await self._refresh()

    def _unasked(self) -> list[HeldBack]:
        """Newest first."""
        return [
            held for held in self.current.newest if held.finding is Finding.NOT_ASKED and held.id > self._looked_for
        ]

    def _reach(self, since: datetime) -> timedelta:
        return min(max(self._clock() - since + _AROUND, OVERLAP), LONGEST)

    def _patience(self) -> float | None:
        look = max(0.0, self._look_at - self._elapsed()) if self._unasked() else None
        return look if look is not None or not self._unheard else _AGAIN_SECONDS

    async def _refresh(self) -> Held:
        """Tells of what is held back when that is not what was told last."""
        held = await self._database.read(_read)
        shown = QuarantineChanged(held.newest, held.count, _sentence(held.newest, held.count))
        if shown != self.current:
            self.current = shown
            self._changes.publish(shown)
        return held


def _read(connection: sqlite3.Connection) -> Held:
    newest = held_back.newest(connection, SHOWN)
    count = len(newest) if len(newest) < SHOWN else held_back.count(connection)
    return Held(newest, count, evidence.proved_later(connection))


def _sentence(newest: Sequence[HeldBack], count: int) -> str:
    """What Safaricom lists already is on its way; the others stay on the screen."""
    doubtful = [held for held in newest if held.finding is not Finding.LISTED]
    others = count - len(newest) + len(doubtful)
    if others > 1:
        return f"{others} payment messages are held back. {_COUNT_FOR_NOTHING}"
    return f"A payment message of {doubtful[0].amount} is held back. {_COUNTS_FOR_NOTHING}" if doubtful else ""
