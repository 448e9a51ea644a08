"""What will happen later, in order of time and then of planning.

It must not know what any of it is.
"""

import heapq
from collections.abc import Callable
from itertools import count


class Timeline:
    def __init__(self) -> None:
        self._plans: list[tuple[float, int, Callable[[float], object]]] = []
        self._order = count()

    def at(self, when: float, act: Callable[[float], object]) -> None:
        """`act` is called with `when`, even if the clock has long passed it."""
        heapq.heappush(self._plans, (when, next(self._order), act))

    def run_until(self, now: float) -> None:
        while self._plans and self._plans[0][0] <= now:
            when, _, act = heapq.heappop(self._plans)
            act(when)

    def next(self) -> float | None:
        return self._plans[0][0] if self._plans else None
