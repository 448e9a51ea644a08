"""The clock is a day wrong, back and forth, while tills follow: no place is lost, and nothing goes missing."""

import asyncio
import time
from typing import Any

import pytest

from relay import protocol
from relay.protocol import PairResponse

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]
DAY = 86_400.0


class WrongClock:
    """Of the wall; the monotonic one goes on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.off = 0.0
        true = time.time
        monkeypatch.setattr(time, "time", lambda: true() + self.off)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WrongClock:
    return WrongClock(monkeypatch)


async def post(bench: Any, till: PairResponse, bodies: Any, numbers: range) -> None:
    path = bodies.path_of(till, "/c2b/confirm")
    replies = await asyncio.gather(*(bench.post(path, bodies.c2b(f"UJE{number:07d}")) for number in numbers))
    assert {reply.status for reply in replies} == {200}


@pytest.mark.parametrize("way", [(DAY, -DAY), (-DAY, DAY)], ids=["forward, then back", "back, then forward"])
async def test_a_clock_that_jumps_by_a_day_loses_and_resets_nothing(
    settings: Any, running: Any, bodies: Any, clock: WrongClock, way: tuple[float, float]
) -> None:
    async with running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        socket = await bench.connect(till)
        heard = [frame for frame in await socket.until(protocol.CaughtUp) if isinstance(frame, protocol.Event)]
        for number, off in enumerate((0.0, *way, 0.0)):
            clock.off = off
            await post(bench, till, bodies, range(10 * number, 10 * number + 10))
            while len(heard) < 10 * number + 10:
                frame = await socket.next()
                assert not isinstance(frame, protocol.Reset | int), frame
                heard += [frame] if isinstance(frame, protocol.Event) else []
            socket.say(protocol.Ack(till.stream, heard[-1].seq))
            assert (await bench.request("GET", "/readyz")).status == 200
            fresh = await bench.pair("Duka", f"till {number}")
            assert len(await bench.events(fresh)) == len(heard)
        assert [event.seq for event in heard] == list(range(1, 41))
        assert len({event.receipt for event in heard}) == 40


@pytest.mark.parametrize("off", [DAY, -DAY])
async def test_a_relay_that_starts_with_a_wrong_clock_goes_on_where_it_was(
    settings: Any, running: Any, bodies: Any, clock: WrongClock, off: float
) -> None:
    async with running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post(bench, till, bodies, range(5))
        before = await bench.events(till)
    clock.off = off
    async with running(settings) as bench:
        await post(bench, till, bodies, range(3, 8))
        last = before[-1]
        welcome = protocol.decode_frames((await bench.poll(till)).body)[0]
        assert isinstance(welcome, protocol.Welcome)
        epoch = welcome.streams[0].epoch
        query = f"epoch={epoch}&after={last.seq}&chain={last.chain}&wait=0"
        frames = protocol.decode_frames((await bench.poll(till, query)).body)
        assert not any(isinstance(frame, protocol.Reset) for frame in frames)
        assert [frame.seq for frame in frames if isinstance(frame, protocol.Event)] == [6, 7, 8]
        assert len(await bench.events(till)) == 8
