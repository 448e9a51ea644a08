"""Finds out what became of charges that have no answer: asks Safaricom rung by rung, and after every restart."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.evidence import Evidence, Fact, Source
from pos_app.domain.ladder import SILENCE_SECONDS, next_rung
from pos_app.domain.reason import Reason
from pos_app.services.changes import AttemptChanged, Changes
from pos_app.services.clock import monotonic, utc_now
from pos_app.services.payments import Payments
from pos_app.services.settlement import Settlement, settle
from pos_app.store import attempts
from pos_app.store.database import Database

log = logging.getLogger(__name__)

_AT_ONCE = 5
"""Queries in flight; Daraja's limits are unpublished (contract §8)."""
_NOTE_AGAIN_SECONDS = 30.0


@dataclass
class _Watch:
    """Times are monotonic seconds: a step of the wall clock neither hurries nor stops the ladder."""

    submitted: float
    rung: float | None
    """The next age to ask at; kept, because a sum taken apart again may not give the very same age."""
    silence: float | None
    soon: bool = False

    @property
    def next_query(self) -> float | None:
        return None if self.rung is None else self.submitted + self.rung


class Reconciliation:
    def __init__(
        self,
        database: Database,
        payments: Payments,
        changes: Changes,
        *,
        clock: Callable[[], datetime] = utc_now,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._payments = payments
        self._changes = changes
        self._clock = clock
        self._elapsed = elapsed
        self._watched: dict[int, _Watch] = {}
        self._over: set[int] = set()
        """Charges that had ended and are asked about once more, for something came that contradicts their end."""
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        changes.subscribe(AttemptChanged, lambda change: self._see(change.attempt))

    async def recover(self) -> tuple[Attempt, ...]:
        """Every charge that the last run left open. Finish this before the first sale can be rung."""
        now = self._clock()

        def interrupt(settlement: Settlement) -> tuple[Attempt, ...]:
            for attempt in attempts.live(settlement.connection):
                settlement.changed[attempt.id] = attempt
                if attempt.state in {AttemptState.CREATED, AttemptState.SUBMITTING}:
                    settlement.record(attempt, _interrupted(attempt, now))
            return tuple(settlement.changed.values())

        found = await settle(self._database, self._changes, now, interrupt)
        for attempt_id in self._watched:
            self.check_soon(attempt_id)
        return found

    def check_soon(self, attempt_id: int) -> None:
        watch = self._watched.get(attempt_id)
        if watch is not None:
            watch.soon = True
        else:
            self._over.add(attempt_id)
        self._wake.set()

    async def run(self) -> None:
        """Climbs the ladder until cancelled."""
        async with asyncio.TaskGroup() as queries:
            while True:
                self._wake.clear()
                for attempt_id, watch in tuple(self._watched.items()):
                    if due := self._take_due(watch):
                        queries.create_task(self._ask(attempt_id, due))
                while self._over:
                    queries.create_task(self._ask(self._over.pop(), {Fact.NO_ANSWER}, though_over=True))
                # Not wait_for: in Python 3.11 it may swallow the cancellation that ends the till.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience()):
                        await self._wake.wait()

    def _see(self, attempt: Attempt) -> None:
        if not attempt.state.is_live or attempt.state is AttemptState.CREATED:
            self._watched.pop(attempt.id, None)
            return
        if attempt.id not in self._watched and attempt.submitted_at:
            age = max(0.0, (self._clock() - attempt.submitted_at).total_seconds())
            submitted = self._elapsed() - age
            self._watched[attempt.id] = _Watch(submitted, next_rung(age), submitted + SILENCE_SECONDS)
        self._wake.set()

    def _take_due(self, watch: _Watch) -> set[Fact]:
        """What this moment asks for, crossed off at once so that it is asked for once."""
        now, due = self._elapsed(), set()
        if watch.rung is not None and watch.submitted + watch.rung <= now:
            watch.rung = next_rung(max(watch.rung, now - watch.submitted))
            due.add(Fact.NO_ANSWER)
        if watch.soon:
            watch.soon = False
            due.add(Fact.NO_ANSWER)
        if watch.silence is not None and watch.silence <= now:
            watch.silence = None
            due.add(Fact.SILENCE)
        return due

    def _patience(self) -> float | None:
        times = [
            time for watch in self._watched.values() for time in (watch.next_query, watch.silence) if time is not None
        ]
        return max(0.0, min(times) - self._elapsed()) if times else None

    async def _ask(self, attempt_id: int, due: set[Fact], *, though_over: bool = False) -> None:
        try:
            if Fact.SILENCE in due:
                await self._payments.note_silence(attempt_id)
                due.remove(Fact.SILENCE)
            if Fact.NO_ANSWER in due:
                async with self._slots:
                    await self._payments.check_now(attempt_id, though_over=though_over)
        except Exception:  # one failed question must not end the asking
            log.exception("charge %s could not be checked", attempt_id)
            if Fact.SILENCE in due and (watch := self._watched.get(attempt_id)):
                watch.silence = self._elapsed() + _NOTE_AGAIN_SECONDS
                self._wake.set()


def _interrupted(attempt: Attempt, now: datetime) -> Evidence:
    reason = Reason.NOT_SENT if attempt.state is AttemptState.CREATED else Reason.UNKNOWN
    return Evidence(Fact.INTERRUPTED, Source.RESTART, now, reason=reason)
