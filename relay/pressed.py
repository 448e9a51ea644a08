"""When a till may be sent its next events: how many catch up at once, and what waits while the relay is overloaded.

It must not know tills or sockets. Who may not go on is woken by its flag once it may be worth another try. Limits:
relay.md §4.6 and §9.
"""

import asyncio
import time
from collections import Counter
from datetime import datetime

from relay.overload import Level, Overload

REPLAYS = 200
REPLAYS_OF_A_SHOP = 2
HOLD_SECONDS = 2.0
"""A till that takes nothing does not keep the others of its shop from catching up for longer."""
RECENT_SECONDS = 3600.0


class Lease:
    """One turn of a till that is behind: it ends by itself where the till takes too long."""

    def __init__(self, pressed: "Pressed", stream: str) -> None:
        self._pressed, self._stream = pressed, stream
        self._timer: asyncio.TimerHandle | None = asyncio.get_running_loop().call_later(HOLD_SECONDS, self.end)

    def end(self) -> None:
        """Once or more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._pressed._freed(self._stream)


class Pressed:
    """Belongs to the event loop that it was made on."""

    def __init__(self, overload: Overload) -> None:
        self._overload = overload
        self._replaying: Counter[str] = Counter()
        self._waiting: dict[asyncio.Event, str] = {}

    def replay(self, stream: str, flag: asyncio.Event) -> Lease | None:
        """None while others catch up; `flag` is set when its turn may have come."""
        if self._replaying.total() >= REPLAYS or self._replaying[stream] >= REPLAYS_OF_A_SHOP:
            self._waiting[flag] = stream
            return None
        self._waiting.pop(flag, None)
        self._replaying[stream] += 1
        return Lease(self, stream)

    def _freed(self, stream: str) -> None:
        self._replaying[stream] -= 1
        if not self._replaying[stream]:
            del self._replaying[stream]
        for flag, waiting in self._waiting.items():
            if self._replaying[waiting] < REPLAYS_OF_A_SHOP:
                del self._waiting[flag]
                flag.set()
                return

    @property
    def is_pressed(self) -> bool:
        """Whether `puts_off` must be asked."""
        return self._overload.level >= Level.OLD_EVENTS

    def puts_off(self, received_at: str, flag: asyncio.Event) -> bool:
        """Whether an event of that time is not sent now; `flag` is set when that may have changed."""
        if not self.is_pressed:
            return False
        what = Level.EVENTS if self._overload.level >= Level.EVENTS else Level.OLD_EVENTS
        if what is Level.OLD_EVENTS and _age(received_at) <= RECENT_SECONDS:
            return False
        self._overload.sheds(what)
        self._overload.wake_when_changed(flag)
        return True

    def forget(self, flag: asyncio.Event) -> None:
        """Its till has gone."""
        self._waiting.pop(flag, None)
        self._overload.forget(flag)


def _age(at: str) -> float:
    return time.time() - datetime.fromisoformat(at).timestamp()
