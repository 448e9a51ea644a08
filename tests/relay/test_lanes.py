"""Beyond its pace a shop waits for the others: in its order, not for longer than it must, and never refused."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.lanes import AT_ONCE, Lanes
from relay.pace import BURST
from relay.stores.sequence import Incoming, Meta
from relay.waiting import Waiting

pytestmark = pytest.mark.anyio


class Road:
    """Lanes before a disk that takes what it is given and is done with it when `idle` says so."""

    def __init__(self, pace: float = 1.0) -> None:
        self.taken: list[Incoming] = []
        self.told: list[str] = []
        self.idle = False
        self.lanes: Lanes[str] = Lanes(pace, self._take, lambda: self.idle)
        self._number = 0

    def _take(self, arrived: Sequence[Waiting[str]]) -> None:
        self.taken += [waiting.incoming for waiting in arrived]

    def put(self, stream: str, count: int) -> int:
        """How many of them go at once; they come together."""
        return count - self.lanes.put([self._one(stream) for _ in range(count)])

    def _one(self, stream: str) -> Waiting[str]:
        self._number += 1
        return Waiting(Incoming(stream, "stk", str(self._number), b"{}", "{}", Meta(1)), self.told.append)

    def of(self, stream: str) -> list[int]:
        return [int(incoming.key) for incoming in self.taken if incoming.stream == stream]


async def test_a_burst_goes_at_once_and_what_is_beyond_it_waits() -> None:
    road = Road()
    assert road.put("st_loud", BURST + 10) in (BURST, BURST + 1)
    assert road.put("st_quiet", 1) == 1
    assert len(road.of("st_quiet")) == 1


async def test_whoever_waits_goes_in_turns_while_nobody_else_is_there() -> None:
    road = Road()
    for stream in ("st_a", "st_b"):
        road.put(stream, BURST + 2 * AT_ONCE)
    before = len(road.taken)
    road.lanes.fill()
    assert len(road.taken) == before
    road.idle = True
    road.lanes.fill()
    fresh = [incoming.stream for incoming in road.taken[before:]]
    assert fresh == ["st_a", "st_b"] * (AT_ONCE // 2)


async def test_it_goes_on_by_itself_at_the_pace_of_the_shop(eventually: Any) -> None:
    road = Road(pace=1000.0)
    road.put("st_a", BURST + 20)
    await eventually(lambda: len(road.taken) == BURST + 20)
    assert road.of("st_a") == sorted(road.of("st_a"))


async def test_who_has_waited_too_long_is_given_back_with_all_that_came_after() -> None:
    road = Road()
    road.put("st_a", BURST + 5)
    assert list(road.lanes.overdue(60.0)) == []
    given = [int(waiting.incoming.key) for waiting in road.lanes.overdue(0.0)]
    assert given == sorted(given)
    assert {*given, *road.of("st_a")} == set(range(1, BURST + 6))
    road.lanes.hand_over()
    assert len(road.taken) + len(given) == BURST + 5


async def test_without_a_pace_nobody_waits() -> None:
    assert Road(pace=0).put("st_a", 3 * BURST) == 3 * BURST


@given(st.lists(st.tuples(st.sampled_from(["st_a", "st_b", "st_c"]), st.integers(1, BURST)), max_size=8), st.booleans())
def test_nothing_is_lost_or_overtaken_within_a_shop(puts: list[tuple[str, int]], idle: bool) -> None:
    async def play() -> None:
        road = Road()
        road.idle = idle
        for stream, count in puts:
            road.put(stream, count)
            road.lanes.fill()
        road.lanes.hand_over()
        assert len(road.taken) == sum(count for _, count in puts)
        for stream in ("st_a", "st_b", "st_c"):
            assert road.of(stream) == sorted(road.of(stream))

    asyncio.run(play())
