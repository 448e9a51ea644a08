"""Callbacks on their way to the disk and the answers on their way back, a few in each turn of the event loop.

It must not know HTTP, the database or what became of a callback.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Generic, TypeVar

from relay.stores.sequence import Incoming

ANSWERS_IN_A_TURN = 32
WORTH_A_BATCH = 64
MANY, ENOUGH = 16, 28
TOGETHER_SECONDS = 0.004

logger = logging.getLogger("relay.log")
S = TypeVar("S")


class Waiting(Generic[S]):
    """One callback on its way to disk, and whom to tell what became of it."""

    __slots__ = ("incoming", "since", "told")

    def __init__(self, incoming: Incoming, told: Callable[[S], None]) -> None:
        """It waits from now on."""
        self.incoming = incoming
        self.told: Callable[[S], None] | None = told
        self.since = time.monotonic()

    def let_go(self) -> Callable[[S], None] | None:
        """Whom to tell, if nobody has been told yet: it is the caller's to do so now."""
        told, self.told = self.told, None
        return told

    def tell(self, stored: S) -> None:
        told, self.told = self.told, None
        if told is None:
            return
        try:
            told(stored)
        except Exception:
            # A caller's fault must not keep the rest of its batch waiting.
            logger.exception("a caller could not be told")


class WaitingRoom(Generic[S]):
    """Gives what came in one turn of the loop to `hand_over` together: the writer is woken once, not for each.

    Answers are given some in a turn, because a whole batch would keep every websocket waiting for milliseconds. Those
    who are answered soon send again, so meanwhile a batch is handed over only when it is worth its commit. Where they
    are MANY, whoever waits already waits for ENOUGH of them, TOGETHER_SECONDS at most: a commit costs as much as five
    callbacks.
    """

    def __init__(self, hand_over: Callable[[list[Waiting[S]]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._take = hand_over
        self._gathered: list[Waiting[S]] = []
        self._last: list[Callable[[], None]] = []
        self._ends = False
        self._expected = 0
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._in_flight: deque[Waiting[S]] = deque()
        self._decided: deque[tuple[Waiting[S], S]] = deque()

    def __len__(self) -> int:
        """Of which nothing is decided yet."""
        return len(self._in_flight)

    def put(self, arrived: Sequence[Waiting[S]]) -> None:
        self._in_flight.extend(arrived)
        self._gathered.extend(arrived)
        self._end_soon()

    def at_end_of_turn(self, what: Callable[[], None]) -> None:
        """Has it done once, before what came in this turn is handed over; what it puts belongs to this turn."""
        self._last.append(what)
        self._end_soon()

    def _end_soon(self) -> None:
        if not self._ends:
            self._ends = True
            self._loop.call_soon(self._end)

    def _end(self) -> None:
        try:
            self._end_of_turn()
        finally:
            self._ends = False

    def _end_of_turn(self) -> None:
        self._do_last()
        if self._is_worth_it():
            self.hand_over()
        elif self._gathered and not self._decided and not self._timer:
            self._timer = self._loop.call_at(self._until, self._too_late)

    def _is_worth_it(self) -> bool:
        count = len(self._gathered)
        is_awaited = count < self._expected and self._loop.time() < self._until
        return count >= WORTH_A_BATCH or not (self._decided or is_awaited)

    def _too_late(self) -> None:
        """To wait any longer for who was answered."""
        self._timer = None
        self._end_of_turn()

    def _do_last(self) -> None:
        last, self._last = self._last, []
        for what in last:
            what()

    def hand_over(self) -> None:
        """Now, whatever has come."""
        self._do_last()
        gathered, self._gathered = self._gathered, []
        if gathered:
            self._take(gathered)

    def answer(self, decided: Iterable[tuple[Waiting[S], S]]) -> None:
        """For the oldest of those that were handed over, in their order. The first are told before it returns."""
        answering = bool(self._decided)
        for one in decided:
            self._in_flight.popleft()
            self._decided.append(one)
        self._expect(len(self._decided) + len(self._gathered))
        if not answering:
            self._answer_some()

    def _expect(self, callers: int) -> None:
        """One in ten may be slow, or gone."""
        self._expected = min(callers * 9 // 10, ENOUGH) if callers >= MANY else 0
        self._until = self._loop.time() + TOGETHER_SECONDS

    def _answer_some(self) -> None:
        for _ in range(min(len(self._decided), ANSWERS_IN_A_TURN)):
            waiting, stored = self._decided.popleft()
            waiting.tell(stored)
        if self._decided:
            self._loop.call_soon(self._answer_some)
        self._end_of_turn()

    def answer_all(self) -> None:
        while self._decided:
            waiting, stored = self._decided.popleft()
            waiting.tell(stored)

    def longest(self) -> float:
        """How many seconds the oldest has waited of which nothing is decided yet."""
        return time.monotonic() - self._in_flight[0].since if self._in_flight else 0.0

    def give_up(self, seconds: float, stored: S) -> None:
        """Tells `stored` to whom has waited longer than that for the disk."""
        for waiting in self.overdue(seconds):
            waiting.tell(stored)

    def overdue(self, seconds: float) -> Iterator[Waiting[S]]:
        """Who has waited longer than that, told or not; nothing may be put or answered meanwhile."""
        limit = time.monotonic() - seconds
        return takewhile(lambda waiting: waiting.since <= limit, self._in_flight)
