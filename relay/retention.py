"""How long the log keeps what: bodies 90 days, what tells a copy 400, and nothing is taken from a till that will ask.

It must not know HTTP or sockets. It works beside the writer, on a connection of its own, and gives it time between.
"""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from relay.stores import streams, trimming
from relay.stores.sequence import Head
from relay.stores.store import Store, StoreSettingError, opened

BODY_DAYS = 90
KEY_DAYS = 400
ACTIVE_DAYS = 90
"""A till that was here since then finds all that it has not read."""

DAY_SECONDS = 86400.0
FIRST_SECONDS = (300.0, 900.0)
"""After a start; of relays that start together not all in the same moment."""
RETRY_SECONDS = 3600.0
CLOCK_SECONDS = 3600.0
_REST = 4.0
"""So many times as long as a transaction took, the writer is left alone."""
_LEAST_REST = 0.005

logger = logging.getLogger("relay.retention")


Bite = Callable[[Connection, int, int, int], int]


class Ages(NamedTuple):
    """In milliseconds of UTC: what came before is taken."""

    bodies_before: int
    keys_before: int
    active_since: int


class Trimmed(NamedTuple):
    """`held` names the streams of which a till has yet to read what is old enough to go."""

    cleared: int
    forgotten: int
    held: tuple[str, ...]


def ages(now: float, body_days: int = BODY_DAYS) -> Ages:
    """At `now`, seconds of UTC."""

    def before(days: int) -> int:
        return int((now - days * DAY_SECONDS) * 1000)

    return Ages(before(body_days), before(max(KEY_DAYS, body_days)), before(ACTIVE_DAYS))


def trim(store: Store, wanted: Ages, stop: threading.Event | None = None) -> Trimmed:
    """As far as it comes until `stop` is set; what is left is done the next time."""
    with store.connect() as connection:
        return _Trim(store, connection, wanted, stop or threading.Event()).run()


class _Trim:
    def __init__(self, store: Store, connection: Connection, wanted: Ages, stop: threading.Event) -> None:
        self._store = store
        self._connection = connection
        self._wanted = wanted
        self._stop = stop
        self._cleared = self._forgotten = 0

    def run(self) -> Trimmed:
        """All floors first: a day can be dropped whole when no stream has anything of it left."""
        heads = self._store.heads(self._connection)
        held = [name for name, head in heads.items() if not self._raise_floor(name, head)]
        if not held and not self._stop.is_set():
            self._store.drop_days(self._connection, self._wanted.bodies_before)
        for head in self._store.heads(self._connection).values():
            self._take(head)
        return Trimmed(self._cleared, self._forgotten, tuple(held))

    def _raise_floor(self, name: str, head: Head) -> bool:
        """False where a till holds it."""
        old = trimming.last_before(self._connection, head, head.floor, self._wanted.bodies_before)
        held = trimming.held_at(self._connection, head.stream_id, self._wanted.active_since)
        floor = old if held is None else min(old, held)
        if floor > head.floor and not self._stop.is_set():
            with self._store.transaction(self._connection):
                streams.set_floor(self._connection, name, floor)
        return max(floor, head.floor) >= old

    def _take(self, head: Head) -> None:
        done = trimming.done(self._connection, head.stream_id)
        self._cleared += self._bites(trimming.clear, head, done.cleared, head.floor)
        if head.floor > done.forgotten + 1:
            old = trimming.last_before(self._connection, head, done.forgotten, self._wanted.keys_before)
            self._forgotten += self._bites(trimming.forget, head, done.forgotten, min(old, head.floor - 1))

    def _bites(self, bite: Bite, head: Head, after: int, to: int) -> int:
        at = after
        while at < to and not self._stop.is_set():
            began = time.monotonic()
            with self._store.transaction(self._connection):
                at = bite(self._connection, head.stream_id, at, to)
            self._stop.wait(max(_LEAST_REST, _REST * (time.monotonic() - began)))
        return at - after


class Retention:
    """Once a day, as long as the relay runs. Where several relays share a store, what one has done the others find."""

    def __init__(self, store: str, body_days: int) -> None:
        self._store = store
        self._body_days = body_days
        self._stop = threading.Event()
        self._steady = Steady()

    async def run(self) -> None:
        wait = random.uniform(*FIRST_SECONDS)  # noqa: S311 (it spreads the relays of one store)
        while True:
            await asyncio.sleep(wait)
            wait = DAY_SECONDS if await self._went_well() else RETRY_SECONDS

    async def _went_well(self) -> bool:
        now = time.time()
        if not self._steady.agrees(now, time.monotonic()):
            logger.error("the clock has jumped: nothing is trimmed before it has gone right for a while")
            return False
        working = asyncio.ensure_future(asyncio.to_thread(self._trim, ages(now, self._body_days)))
        try:
            done = await asyncio.shield(working)
        except asyncio.CancelledError:
            self._stop.set()
            await working
            raise
        if done is not None:
            report(done)
        return done is not None

    def _trim(self, wanted: Ages) -> Trimmed | None:
        try:
            return trim(opened(self._store), wanted, self._stop)
        except (SQLAlchemyError, StoreSettingError, OSError) as error:
            logger.error("trimming failed: %s", type(getattr(error, "orig", error)).__name__)
            return None


class Steady:
    """Whether the clock went as far as time did since it was asked last: one that jumps could make all look old."""

    def __init__(self) -> None:
        self._at = time.time() - time.monotonic()

    def agrees(self, now: float, monotonic: float) -> bool:
        before, self._at = self._at, now - monotonic
        return abs(self._at - before) < CLOCK_SECONDS


def report(done: Trimmed) -> None:
    logger.info("trimmed %d bodies and %d keys", done.cleared, done.forgotten)
    for name in done.held:
        logger.warning("%s is trimmed only as far as all tills have read that were here lately", name)
