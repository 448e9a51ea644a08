"""What was just committed, sent at once: the same as the log says, in order and once, however tills stand to it."""

import asyncio
import random
from collections.abc import Iterable
from typing import Any

import pytest
from websockets.frames import Frame
from websockets.protocol import Protocol, Side

from relay import protocol, session
from relay.news import News, wire
from relay.overload import Level
from relay.protocol import (
    GENESIS,
    Ack,
    CaughtUp,
    Cursor,
    Event,
    FromRelay,
    Hello,
    PairResponse,
    Reset,
    StreamCursor,
    Welcome,
)

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]


def read(wire: bytes) -> list[Any]:
    reader = Protocol(Side.CLIENT)
    reader.receive_data(wire)
    frames = reader.events_received()
    assert all(isinstance(frame, Frame) for frame in frames)
    return [protocol.decode_from_relay(bytes(frame.data)) for frame in frames]  # type: ignore[union-attr]


def test_a_frame_of_any_length_is_as_websockets_are_read() -> None:
    events = [
        Event("st", seq, GENESIS, "unparsed", "k", "trusted", "daraja", "now", "0" * 64, raw="x" * length)
        for seq, length in enumerate((0, 125, 70_000), 1)
    ]
    assert read(News("e", events).wire) == events


async def test_a_till_that_missed_nothing_is_greeted_in_one_write(
    bench: Any, till: PairResponse, bodies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    greetings: list[bytes] = []

    def written(frames: Iterable[FromRelay]) -> bytes:
        greetings.append(wire(frames))
        return greetings[-1]

    monkeypatch.setattr(session, "wire", written)
    socket = await bench.connect(till)
    await socket.until(CaughtUp)
    assert [type(frame) for frame in read(greetings[0])] == [Welcome, CaughtUp]
    socket.go()
    assert (await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b())).status == 200
    behind = await (await bench.connect(till)).until(CaughtUp)
    assert [type(frame) for frame in behind] == [Welcome, Event, CaughtUp]
    assert [type(frame) for frame in read(greetings[1])] == [Welcome]


async def test_a_till_that_takes_nothing_yet_is_greeted_when_it_does(
    bench: Any, till: PairResponse, eventually: Any
) -> None:
    socket = bench.socket(till.token)
    await socket.raw()
    socket.gate.clear()
    socket.say(Hello([StreamCursor(till.stream)]))
    await eventually(lambda: bench.relay._feed.session_of(till.till_id) is not None)
    socket.gate.set()
    assert [type(frame) for frame in await socket.until(CaughtUp)] == [Welcome, CaughtUp]


async def test_a_till_that_has_all_is_sent_the_next_without_reading_the_log(
    bench: Any, till: PairResponse, bodies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = await bench.connect(till)
    await socket.until(CaughtUp)
    reads: list[str] = []

    async def read(stream: str, *_: object) -> list[Event]:
        reads.append(stream)
        return []

    monkeypatch.setattr(bench.relay._log, "read", read)
    assert (await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b())).status == 200
    event = await socket.next()
    assert (event.seq, event.receipt, reads) == (1, "UJE7K2M9QX", [])


async def test_its_pushes_count_in_the_window_like_what_it_was_sent_before(
    bench: Any, till: PairResponse, bodies: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(protocol, "WINDOW", 3)
    socket = await bench.connect(till)
    await socket.until(CaughtUp)
    session = bench.relay._feed.session_of(till.till_id)
    path = bodies.path_of(till, "/c2b/confirm")
    for number in range(5):
        assert (await bench.post(path, bodies.c2b(f"UJE{number}"))).status == 200
    assert [(await socket.next()).seq for _ in range(3)] == [1, 2, 3]
    await eventually(lambda: session._is_idle)
    assert session.sent == 3
    assert session.lag_events == 5
    socket.say(Ack(till.stream, 2))
    assert [(await socket.next()).seq for _ in range(2)] == [4, 5]


class Follower:
    """Fails at the first event that does not follow on the one before."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.cursor = Cursor("")
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            frame = await self.socket.next()
            if isinstance(frame, Welcome):
                self.cursor = Cursor(frame.streams[0].epoch)
            elif isinstance(frame, Reset):
                self.cursor = Cursor(frame.epoch, frame.floor, frame.chain)
            elif isinstance(frame, Event):
                assert frame.follows(self.cursor), (frame.seq, self.cursor)
                self.cursor = Cursor(self.cursor.epoch, frame.seq, frame.chain)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_meanwhile_each_till_has_every_event_in_order_and_once(
    bench: Any, till: PairResponse, bodies: Any, *, seed: int, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "WINDOW", 20)
    chance, log, path = random.Random(seed), bench.relay._log, bodies.path_of(till, "/c2b/confirm")
    tills = [till, *[await bench.pair("Duka", f"till {number}") for number in range(3)]]
    followers = [Follower(await bench.connect(one)) for one in tills]
    posted = 0
    for _ in range(80):
        one = chance.choice(followers)
        match chance.randrange(10):
            case 0 | 1 | 2 | 3:
                numbers = range(posted, posted + chance.randint(1, 6))
                posted = numbers.stop
                await asyncio.gather(*(bench.post(path, bodies.c2b(f"UJE{number}")) for number in numbers))
            case 4:
                one.socket.gate.clear()
            case 5:
                one.socket.gate.set()
            case 6 | 7:
                one.socket.say(Ack(till.stream, one.cursor.seq))
            case 8:
                bench.relay._overload._become(chance.choice([Level.NOTHING, Level.NOTHING, Level.EVENTS]))
            case 9 if chance.random() < 0.3:
                head = await log.head(till.stream)
                await log.rotate(till.stream, head.epoch, "epoch")
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
    bench.relay._overload._become(Level.NOTHING)
    head = await log.head(till.stream)
    assert head.seq == posted > 0

    def all_have_all() -> bool:
        for one in followers:
            one.socket.gate.set()
            one.socket.say(Ack(till.stream, one.cursor.seq))
        ended = any(one.task.done() for one in followers)
        return ended or all(one.cursor == Cursor(head.epoch, head.seq, head.chain) for one in followers)

    await eventually(all_have_all)
    failed = [one.task.exception() for one in followers if one.task.done()]
    for one in followers:
        await one.end()
    assert failed == []
