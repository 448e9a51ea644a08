"""The weather of the network from this till's own last charges: judged when one ends and as the old ones age."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from pos_app.domain.weather import Weather, weather
from pos_app.services.changes import AttemptChanged, Changes, WeatherChanged
from pos_app.services.clock import utc_now
from pos_app.store import outcomes
from pos_app.store.database import Database, StoreError

CHARGES = 200
"""As far back as “since when” can reach."""
AGAIN_SECONDS = 60.0


class NetworkWeather:
    def __init__(
        self,
        database: Database,
        changes: Changes,
        *,
        clock: Callable[[], datetime] = utc_now,
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        self._database = database
        self._changes = changes
        self._clock = clock
        self._again_seconds = again_seconds
        self._wake = asyncio.Event()
        self.current: Weather = weather((), clock())
        changes.subscribe(AttemptChanged, lambda _change: self._wake.set())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            with suppress(StoreError):
                await self.look()
            # Not wait_for: in Python 3.11 it may swallow the cancellation that ends the till.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._again_seconds):
                    await self._wake.wait()

    async def look(self) -> Weather:
        """As it is now; told only when the level is another one. Raises StoreError."""
        last = await self._database.read(lambda connection: outcomes.last(connection, CHARGES))
        before, self.current = self.current, weather(last, self._clock())
        if self.current.level is not before.level:
            self._changes.publish(WeatherChanged(self.current))
        return self.current
