"""Looks once a minute for what no request shows: shops of which nothing is heard, tills that stay away.

It must not know HTTP or sockets. It reads the store, so each replica finds the same, and a restart forgets nothing.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from relay import rules, silence
from relay.log import EventLog
from relay.protocol import SOURCE_DARAJA
from relay.rules import RulesError
from relay.silence import Pulse
from relay.stores import directory

LOOK_SECONDS = 60.0
AWAY_MS = 30 * 60 * 1000
FORGOTTEN_MS = 24 * 3600 * 1000
"""A till that was not here for so long has been put away, or its shop knows."""

_EVENTS = 200
_IN_A_LOOK = 100

logger = logging.getLogger("relay.watching")


class Watch:
    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._pulses: dict[str, Pulse] = {}

    async def run(self) -> None:
        while True:
            try:
                await self.look(time.time())
            except SQLAlchemyError as error:
                logger.error("nobody could look after the shops: %s", type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, now: float) -> None:
        """At `now`, seconds of UTC."""
        heard = self._log.heard()
        self._log.metrics.streams.set(len(heard))
        self._log.metrics.streams_silent.set(await self._silent(heard, now))
        self._log.metrics.tills_offline.set(await self._log.ask(partial(_offline, now=now)))

    async def _silent(self, heard: dict[str, float], now: float) -> int:
        """What was heard at another replica stands in the store: who seems silent is looked up again."""
        still = {name for name, at in heard.items() if silence.daytime(at, now) > silence.LEAST_SECONDS}
        self._pulses = {name: known for name, known in self._pulses.items() if name in still}
        unknown = still - self._pulses.keys()
        silent = [name for name, known in self._pulses.items() if silence.is_silent(known, now)]
        for name in islice(chain(unknown, silent), _IN_A_LOOK):
            self._pulses[name] = await self._felt(name)
        return sum(silence.is_silent(known, now) for known in self._pulses.values())

    async def _felt(self, stream: str) -> Pulse:
        """Of one that was never called back: the beginning of time, and no habits."""
        called: list[float] = []
        head = await self._log.head(stream)
        after = max(head.floor, head.seq - _EVENTS)
        while page := await self._log.read(stream, after, _EVENTS):
            after = page[-1].seq
            called += [datetime.fromisoformat(event.at).timestamp() for event in page if event.src == SOURCE_DARAJA]
        return silence.pulse(called[::-1] or [0.0])


def _offline(connection: Connection, now: float) -> int:
    at = datetime.fromtimestamp(now, UTC)
    now_ms = int(now * 1000)
    gone = directory.away(connection, now_ms - FORGOTTEN_MS, now_ms - AWAY_MS)
    return sum(count for document, count in gone if not _is_closed(document, at))


def _is_closed(document: str, at: datetime) -> bool:
    try:
        return bool(document) and rules.is_closed(rules.parse(document.encode()), at)
    except RulesError:
        return False
