"""A lane for each shop: beyond its rate it waits for whoever is within theirs, and is never refused (relay.md §4.6).

It must not know the log, HTTP or what a callback says. What comes of a shop stays in its order.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from relay.pace import Pace
from relay.waiting import Waiting

AT_ONCE = 64
"""So many of those beyond their rate are let in together, while nobody else waits."""
_TURN_SECONDS = 0.02
S = TypeVar("S")

Take = Callable[[Sequence[Waiting[S]]], None]


class Lanes(Generic[S]):
    """Belongs to the event loop that it was made on."""

    def __init__(self, rate: float, take: "Take[S]", is_idle: Callable[[], bool]) -> None:
        """`rate` is callbacks of one shop a second, 0 for any number; `is_idle` while nothing waits for the disk."""
        self._loop = asyncio.get_running_loop()
        self._is_paced = rate > 0
        self._pace = Pace(rate)
        self._take = take
        self._is_idle = is_idle
        self._lanes: dict[str, deque[Waiting[S]]] = {}
        self._turn: asyncio.TimerHandle | None = None

    def put(self, arrived: Sequence[Waiting[S]]) -> int:
        """How many of them have to wait; the others are on their way."""
        going = [one for one in arrived if self._goes(one)] if self._is_paced else arrived
        if going:
            self._take(going)
        return len(arrived) - len(going)

    def _goes(self, one: Waiting[S]) -> bool:
        """At once; else it is in its lane."""
        stream = one.incoming.stream
        if stream not in self._lanes and self._pace.lets(stream):
            return True
        self._lanes.setdefault(stream, deque()).append(one)
        self._come_back()
        return False

    def _come_back(self) -> None:
        if self._turn is None and self._lanes:
            self._turn = self._loop.call_later(_TURN_SECONDS, self._take_turns)

    def _take_turns(self) -> None:
        self._turn = None
        for stream in list(self._lanes):
            while stream in self._lanes and self._pace.lets(stream):
                self._take_from(stream)
        self.fill()
        self._come_back()

    def fill(self) -> None:
        """One of each shop in turn, while nobody else waits: to be called whenever that begins."""
        left = AT_ONCE if self._lanes and self._is_idle() else 0
        while left > 0 and self._lanes:
            for stream in list(self._lanes)[:left]:
                self._take_from(stream)
                left -= 1

    def _take_from(self, stream: str) -> None:
        lane = self._lanes[stream]
        waiting = lane.popleft()
        if not lane:
            del self._lanes[stream]
        told = waiting.let_go()
        if told is not None:
            self._take([Waiting(waiting.incoming, told)])

    def overdue(self, seconds: float) -> Iterator[Waiting[S]]:
        """All of each shop whose oldest has waited longer than that: they are here no more."""
        limit = time.monotonic() - seconds
        for stream in [stream for stream, lane in self._lanes.items() if lane[0].since <= limit]:
            yield from self._lanes.pop(stream)

    def hand_over(self) -> None:
        """Now, whoever waits."""
        while self._lanes:
            self._take_from(next(iter(self._lanes)))
        if self._turn is not None:
            self._turn.cancel()
