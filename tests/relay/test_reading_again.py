"""A till that is asked to read its stream again: it does, once, from there; no other does, and nothing is skipped."""

import time
from typing import Any

import pytest

from relay import protocol
from relay.protocol import Ack, Bye, CaughtUp, Event, PairResponse, Reset, make_nonce
from relay.stores import reading_again
from relay.stores.reading_again import Again

pytestmark = pytest.mark.anyio


async def post_many(bench: Any, till: PairResponse, bodies: Any, count: int) -> None:
    for number in range(count):
        body = bodies.stk(checkout=f"ws_CO_{number}", receipt=f"UJE{number:07d}")
        path = bodies.path_of(till, f"/stk/{make_nonce(till.nonce_key)}")
        assert (await bench.post(path, body)).status == 200


async def ask(bench: Any, till: PairResponse, after: int, epoch: str = "") -> None:
    epoch = epoch or (await bench.relay._log.head(till.stream)).epoch
    again = Again(till.till_id, till.stream, epoch, after, int(time.time() * 1000))
    bench.in_store(lambda connection: reading_again.ask(connection, again))


def asked(bench: Any) -> dict[str, Again]:
    held: dict[str, Again] = bench.in_store(reading_again.all_of_them)
    return held


def seqs(frames: list[Any]) -> list[int]:
    return [frame.seq for frame in frames if isinstance(frame, Event)]


async def known_to_the_relay(bench: Any, till: PairResponse, eventually: Any) -> None:
    """The relay looks once in a while."""
    await eventually(lambda: till.till_id in bench.relay._feed.again.tills)


async def back(bench: Any, till: PairResponse, told: Reset) -> Any:
    return await bench.connect(till, told.epoch, told.floor, told.chain)


async def test_a_connected_till_goes_back_to_that_place_and_reads_all_that_follows(
    bench: Any, till: PairResponse, bodies: Any
) -> None:
    await post_many(bench, till, bodies, 5)
    socket = await bench.connect(till)
    await socket.until(CaughtUp)
    socket.say(Ack(till.stream, 5))
    await ask(bench, till, 2)
    told, goodbye, code = await socket.until(int)
    assert (told.reason, told.floor, told.s) == ("replay", 2, till.stream)
    assert (goodbye.reason, goodbye.retry_in, code) == ("replay", (0.0, 1.0), protocol.CLOSE_GOING_AWAY)
    again = await (await back(bench, till, told)).until(CaughtUp)
    assert seqs(again) == [3, 4, 5]
    assert again[1].follows(protocol.Cursor(told.epoch, told.floor, told.chain))
    assert asked(bench) == {}


async def test_a_till_that_was_away_is_told_when_it_comes(
    bench: Any, till: PairResponse, bodies: Any, eventually: Any
) -> None:
    await post_many(bench, till, bodies, 4)
    last = (await bench.events(till))[-1]
    head = await bench.relay._log.head(till.stream)
    await ask(bench, till, 0)
    await known_to_the_relay(bench, till, eventually)
    socket = await bench.connect(till, head.epoch, 4, last.chain)
    hello, told, goodbye, code = await socket.until(int)
    assert (hello.streams[0].ok, told.floor, told.chain) == (False, 0, protocol.GENESIS)
    assert (goodbye.reason, code) == ("replay", protocol.CLOSE_GOING_AWAY)
    assert seqs(await (await back(bench, till, told)).until(CaughtUp)) == [1, 2, 3, 4]


async def test_what_was_asked_stands_until_the_till_shows_that_it_took_it(
    bench: Any, till: PairResponse, bodies: Any, eventually: Any
) -> None:
    await post_many(bench, till, bodies, 4)
    last = (await bench.events(till))[-1]
    head = await bench.relay._log.head(till.stream)
    await ask(bench, till, 1)
    await known_to_the_relay(bench, till, eventually)
    for _ in range(3):  # the power goes each time before its commit
        frames = await (await bench.connect(till, head.epoch, 4, last.chain)).until(int)
        assert [frame.floor for frame in frames if isinstance(frame, Reset)] == [1]
    assert set(asked(bench)) == {till.till_id}
    told = next(frame for frame in frames if isinstance(frame, Reset))
    assert seqs(await (await back(bench, till, told)).until(CaughtUp)) == [2, 3, 4]
    frames = await (await bench.connect(till, head.epoch, 4, last.chain)).until(CaughtUp)
    assert not any(isinstance(frame, Reset) for frame in frames)


async def test_it_survives_that_the_relay_ends(settings: Any, running: Any, bodies: Any, eventually: Any) -> None:
    async with running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post_many(bench, till, bodies, 3)
        last = (await bench.events(till))[-1]
        epoch = (await bench.relay._log.head(till.stream)).epoch
        await ask(bench, till, 1)
    async with running(settings) as bench:
        await known_to_the_relay(bench, till, eventually)
        frames = await (await bench.connect(till, epoch, 3, last.chain)).until(Bye)
        assert frames[1].floor == 1


async def test_by_long_poll_the_reset_comes_alone_and_the_next_poll_reads_on(
    bench: Any, till: PairResponse, bodies: Any, eventually: Any
) -> None:
    await post_many(bench, till, bodies, 3)
    last = (await bench.events(till))[-1]
    epoch = (await bench.relay._log.head(till.stream)).epoch
    await ask(bench, till, 1)
    await known_to_the_relay(bench, till, eventually)
    query = f"epoch={epoch}&after=3&chain={last.chain}&wait=20"
    for _ in range(2):
        _, told = protocol.decode_frames((await bench.poll(till, query)).body)
        assert (told.reason, told.floor) == ("replay", 1)
    assert seqs(await bench.events(till, f"epoch={epoch}&after=1&chain={told.chain}&wait=0")) == [2, 3]
    assert asked(bench) == {}


async def test_the_question_whether_a_till_is_connected_is_no_answer_to_it(
    bench: Any, till: PairResponse, bodies: Any, eventually: Any
) -> None:
    await post_many(bench, till, bodies, 3)
    await ask(bench, till, 1)
    await known_to_the_relay(bench, till, eventually)
    assert len(await bench.events(till)) == 3
    assert set(asked(bench)) == {till.till_id}


async def test_no_other_till_notices(bench: Any, till: PairResponse, bodies: Any) -> None:
    other = await bench.pair("Duka")
    await post_many(bench, till, bodies, 3)
    sockets = [await bench.connect(one) for one in (till, other)]
    for socket in sockets:
        await socket.until(CaughtUp)
    await ask(bench, till, 0)
    await sockets[0].until(int)
    await post_many(bench, till, bodies, 1)
    assert (await sockets[1].next()).seq == 4


async def test_a_till_is_never_sent_forward(bench: Any, till: PairResponse, bodies: Any, eventually: Any) -> None:
    await post_many(bench, till, bodies, 4)
    events = await bench.events(till)
    epoch = (await bench.relay._log.head(till.stream)).epoch
    await ask(bench, till, 3)
    await known_to_the_relay(bench, till, eventually)
    frames = await (await bench.connect(till, epoch, 2, events[1].chain)).until(CaughtUp)
    assert seqs(frames) == [3, 4]
    assert asked(bench) == {}


async def test_what_was_asked_of_a_log_that_has_gone_is_forgotten(
    bench: Any, till: PairResponse, bodies: Any, eventually: Any
) -> None:
    await post_many(bench, till, bodies, 3)
    last = (await bench.events(till))[-1]
    epoch = (await bench.relay._log.head(till.stream)).epoch
    await ask(bench, till, 1, "e_of_another_log")
    await known_to_the_relay(bench, till, eventually)
    socket = await bench.connect(till, epoch, 3, last.chain)
    assert (await socket.until(CaughtUp))[0].streams[0].ok
    assert asked(bench) == {}


async def test_what_is_trimmed_by_then_is_not_promised(
    bench: Any, till: PairResponse, bodies: Any, eventually: Any
) -> None:
    await post_many(bench, till, bodies, 4)
    events = await bench.events(till)
    bench.in_store(lambda connection: connection.exec_driver_sql("UPDATE stream SET floor = 2"))
    stream = bench.relay._log._streams[till.stream]
    stream.head = stream.head._replace(floor=2)
    await ask(bench, till, 0)
    await known_to_the_relay(bench, till, eventually)
    frames = await (await bench.connect(till, stream.head.epoch, 4, events[3].chain)).until(int)
    told = next(frame for frame in frames if isinstance(frame, Reset))
    assert (told.reason, told.floor, told.chain) == ("replay", 2, events[1].chain)
    assert seqs(await (await back(bench, till, told)).until(CaughtUp)) == [3, 4]
    assert asked(bench) == {}


async def test_the_last_place_that_was_asked_for_counts(bench: Any, till: PairResponse) -> None:
    await ask(bench, till, 7)
    await ask(bench, till, 3)
    assert [again.after for again in asked(bench).values()] == [3]


async def test_a_look_that_began_before_it_was_forgotten_does_not_bring_it_back(
    settings: Any, running: Any, changed: Any, bodies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(changed(settings, housekeeping_seconds=60.0)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post_many(bench, till, bodies, 3)
        events = await bench.events(till)
        epoch = (await bench.relay._log.head(till.stream)).epoch
        await ask(bench, till, 2)
        again = bench.relay._feed.again
        await again.look()
        before = asked(bench)
        await (await bench.connect(till, epoch, 2, events[1].chain)).until(CaughtUp)
        assert asked(bench) == {}
        monkeypatch.setattr("relay.stores.reading_again.all_of_them", lambda _connection: before)
        await again.look()
        assert again.tills == set()


async def test_nothing_is_due_of_a_till_of_which_nothing_is_asked(bench: Any, till: PairResponse) -> None:
    assert await bench.relay._feed.again.due(till.till_id, 9) is None
