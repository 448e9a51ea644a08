"""The feed: in order, once, from the till's own cursor; resets, slow tills, two shops (money-safety R7, R8, R10)."""

import asyncio
import errno
import shutil
import threading
from typing import Any

import pytest
from database_server import ON_A_FILE

from relay import protocol
from relay.protocol import GENESIS, Ack, Bye, CaughtUp, Error, Event, Heartbeat, Hello, PairResponse, Reset, Welcome

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]


async def post_many(bench: Any, till: PairResponse, bodies: Any, first: int, count: int) -> None:
    path = bodies.path_of(till, "/c2b/confirm")
    for number in range(first, first + count):
        assert (await bench.post(path, bodies.c2b(f"UJE{number}"))).status == 200


async def test_replay_then_live_are_one_sequence(bench: Any, till: PairResponse, bodies: Any) -> None:
    await post_many(bench, till, bodies, 0, 3)
    socket = await bench.connect(till)
    welcome, *events, caught_up = await socket.until(CaughtUp)
    assert isinstance(welcome, Welcome)
    assert (welcome.streams[0].s, welcome.streams[0].head, welcome.streams[0].ok) == (till.stream, 3, True)
    assert caught_up.seq == 3
    await post_many(bench, till, bodies, 3, 2)
    live = [await socket.next(), await socket.next()]
    cursor = protocol.Cursor(welcome.streams[0].epoch)
    for event in [*events, *live]:
        assert event.follows(cursor)
        cursor = protocol.Cursor(cursor.epoch, event.seq, event.chain)
    again = await bench.connect(till, cursor.epoch, 5, cursor.chain)
    assert [type(frame) for frame in await again.until(CaughtUp)] == [Welcome, CaughtUp]


async def test_two_tills_of_a_shop_see_the_same(bench: Any, till: PairResponse, bodies: Any) -> None:
    sockets = [await bench.connect(till), await bench.connect(await bench.pair("Duka", "till two"))]
    for socket in sockets:
        await socket.until(CaughtUp)
    await post_many(bench, till, bodies, 0, 5)
    seen = [[await socket.next() for _ in range(5)] for socket in sockets]
    assert [event.chain for event in seen[0]] == [event.chain for event in seen[1]]


async def test_a_till_opens_only_its_own_shops_stream(bench: Any, till: PairResponse, bodies: Any) -> None:
    bench.add_shop("Kiosk")
    other = await bench.pair("Kiosk")
    await post_many(bench, till, bodies, 0, 1)
    socket = bench.socket(other.token)
    await socket.raw()
    socket.say(Hello([protocol.StreamCursor(till.stream)]))
    assert await socket.until(int) == [Error("no_such_stream", retry=False), protocol.CLOSE_NO_SUCH_STREAM]
    assert (await bench.poll(other, stream=till.stream)).status == 404
    assert await bench.events(other) == []


@pytest.mark.parametrize("token", [None, "", "wrong"])
async def test_a_bad_token_is_told_so(bench: Any, token: str | None) -> None:
    assert (await bench.socket(token).until_closed()) == protocol.CLOSE_BAD_TOKEN
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    assert (await bench.request("GET", "/v1/events/st_1", headers=headers)).status == 401


async def test_who_speaks_another_protocol_is_told_to_upgrade(bench: Any, till: PairResponse) -> None:
    assert await bench.socket(till.token, subprotocol="other").until_closed() == protocol.CLOSE_UPGRADE_REQUIRED
    socket = bench.socket(till.token)
    await socket.raw()
    socket.say(Hello([protocol.StreamCursor(till.stream)], v=2))
    assert await socket.next() == protocol.CLOSE_UPGRADE_REQUIRED
    assert await bench.socket(till.token, path="/v1/other").until_closed() == protocol.CLOSE_FAILED


async def test_who_says_nothing_or_nonsense_is_closed(bench: Any, till: PairResponse) -> None:
    silent = bench.socket(till.token)
    assert await silent.until_closed() == protocol.CLOSE_HELLO_TIMEOUT
    for text in ("{", '{"t":"ack","s":"x","seq":1}', '{"t":"hello"}'):
        socket = bench.socket(till.token)
        await socket.raw()
        socket.say_text('{"t":"something new"}')
        socket.say_text(text)
        assert await socket.next() == protocol.CLOSE_BAD_FRAME
    late = await bench.connect(till)
    await late.until(CaughtUp)
    late.say_text('{"t":"something new"}')
    late.say(Ack("st_other", 1))
    late.say_bytes(b"\xff")
    assert await late.next() == protocol.CLOSE_BAD_FRAME
    gone = bench.socket(till.token)
    gone.go()
    await asyncio.wait_for(gone.task, 5)


async def test_the_newest_connection_of_a_till_wins(bench: Any, till: PairResponse, bodies: Any) -> None:
    old = await bench.connect(till)
    await old.until(CaughtUp)
    new = await bench.connect(till)
    await new.until(CaughtUp)
    assert await old.next() == protocol.CLOSE_REPLACED
    await post_many(bench, till, bodies, 0, 1)
    assert isinstance(await new.next(), Event)


async def test_a_revoked_till_is_put_out(bench: Any, till: PairResponse, eventually: Any) -> None:
    from relay.stores import directory

    socket = await bench.connect(till)
    await socket.until(CaughtUp)
    waiting = asyncio.create_task(bench.poll(till, "after=0&wait=50"))
    await eventually(lambda: bool(bench.relay._feed._polls))
    assert bench.in_store(lambda connection: directory.revoke(connection, till.till_id, 1))
    assert await socket.next() == protocol.CLOSE_REVOKED
    assert (await waiting).status == 403
    assert await bench.socket(till.token).until_closed() == protocol.CLOSE_REVOKED
    assert (await bench.poll(till)).status == 403


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_revoked_till_is_put_out_whatever_becomes_of_the_high_water(
    bench: Any, till: PairResponse, bodies: Any, monkeypatch: pytest.MonkeyPatch, *, hangs: bool
) -> None:
    from relay.stores import directory

    well, tried = threading.Event(), threading.Event()

    def ill(*_: object) -> None:
        tried.set()
        if hangs:
            well.wait(20)
        raise OSError(errno.EROFS, "read-only file system")

    monkeypatch.setattr("relay.stores.high_water.save", ill)
    socket = await bench.connect(till)
    await socket.until(CaughtUp)
    await post_many(bench, till, bodies, 0, 1)
    await asyncio.to_thread(tried.wait, 20)
    assert bench.in_store(lambda connection: directory.revoke(connection, till.till_id, 1))
    assert (await socket.until(int))[-1] == protocol.CLOSE_REVOKED
    well.set()
    monkeypatch.undo()


async def test_a_slow_till_is_closed_and_resumes(settings: Any, running: Any, changed: Any, bodies: Any) -> None:
    async with running(changed(settings, slow_seconds=0.1, shop_pace=0)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post_many(bench, till, bodies, 0, 600)
        socket = await bench.connect(till)
        frames = await socket.until(int)
        events = [frame for frame in frames if isinstance(frame, Event)]
        assert frames[-1] == protocol.CLOSE_SLOW
        assert len(events) == protocol.WINDOW
        last = events[299]
        again = await bench.connect(till, frames[0].streams[0].epoch, last.seq, last.chain)
        rest = [frame.seq for frame in await again.until(CaughtUp) if isinstance(frame, Event)]
        assert rest == list(range(301, 601))


async def test_acks_open_the_window(settings: Any, running: Any, changed: Any, bodies: Any) -> None:
    async with running(changed(settings, slow_seconds=5.0, shop_pace=0)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post_many(bench, till, bodies, 0, 1100)
        socket = await bench.connect(till)
        seen: list[int] = []
        while len(seen) < 1100:
            frame = await socket.next()
            if isinstance(frame, Event):
                seen.append(frame.seq)
                if frame.seq % 250 == 0:
                    socket.say(Ack(till.stream, frame.seq))
                    socket.say(Ack(till.stream, 1))
                    socket.say(Ack(till.stream, 10**9) if frame.seq == 1000 else Ack(till.stream, frame.seq))
        assert seen == list(range(1, 1101))


async def test_a_till_that_takes_nothing_is_let_go(
    settings: Any, running: Any, changed: Any, bodies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.session._CLOSE_SECONDS", 0.05)
    async with running(changed(settings, slow_seconds=0.1)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        socket = await bench.connect(till)
        await socket.until(CaughtUp)
        socket.gate.clear()
        await post_many(bench, till, bodies, 0, 3)
        await asyncio.wait_for(asyncio.shield(socket.task), 5)
        again = await bench.connect(till)
        assert len(await again.until(CaughtUp)) == 5


async def test_the_heartbeat_carries_the_head(settings: Any, running: Any, changed: Any, bodies: Any) -> None:
    async with running(changed(settings, heartbeat_seconds=0.05)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post_many(bench, till, bodies, 0, 2)
        socket = await bench.connect(till)
        frames = await socket.until(Heartbeat)
        assert frames[-1] == Heartbeat({till.stream: 2})


async def test_bye_comes_before_the_end(bench: Any, till: PairResponse, eventually: Any) -> None:
    socket = await bench.connect(till)
    await socket.until(CaughtUp)
    waiting = asyncio.create_task(bench.poll(till, "after=0&wait=20"))
    await eventually(lambda: bool(bench.relay._feed._polls))
    await bench.relay.drain()
    assert await socket.until(int) == [Bye("drain", (1, 30)), protocol.CLOSE_GOING_AWAY]
    assert isinstance(protocol.decode_frames((await waiting).body)[-1], Bye)
    assert (await bench.request("GET", "/readyz")).status == 503
    late = await bench.connect(till)
    frames = await late.until(int)
    assert (type(frames[-2]), frames[-1]) == (Bye, protocol.CLOSE_GOING_AWAY)


async def test_a_stuck_till_does_not_hold_up_the_end(
    bench: Any, till: PairResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.session._CLOSE_SECONDS", 0.05)
    socket = await bench.connect(till)
    await socket.until(CaughtUp)
    socket.gate.clear()
    await bench.relay.drain()
    await asyncio.wait_for(asyncio.shield(socket.task), 5)


async def test_the_last_ack_is_kept_as_a_hint(bench: Any, till: PairResponse, bodies: Any, eventually: Any) -> None:
    from relay.stores import directory

    await post_many(bench, till, bodies, 0, 4)
    socket = await bench.connect(till)
    await socket.until(CaughtUp)
    socket.say(Ack(till.stream, 3))
    await eventually(lambda: bench.in_store(directory.tills)[0].acked_seq == 3)


async def test_a_restart_resumes_in_silence(settings: Any, running: Any, bodies: Any) -> None:
    async with running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post_many(bench, till, bodies, 0, 3)
        *_, last, _ = frames = await (await bench.connect(till)).until(CaughtUp)
    async with running(settings) as bench:
        socket = await bench.connect(till, frames[0].streams[0].epoch, last.seq, last.chain)
        assert [type(frame) for frame in await socket.until(CaughtUp)] == [Welcome, CaughtUp]


async def cursor_after(bench: Any, till: PairResponse) -> protocol.Cursor:
    frames = await (await bench.connect(till)).until(CaughtUp)
    events = [frame for frame in frames if isinstance(frame, Event)]
    return protocol.Cursor(frames[0].streams[0].epoch, events[-1].seq, events[-1].chain)


async def assert_all_read_again(bench: Any, till: PairResponse, cursor: protocol.Cursor, reason: str) -> None:
    socket = await bench.connect(till, cursor.epoch, cursor.seq, cursor.chain)
    welcome, reset, *events, caught_up = await socket.until(CaughtUp)
    assert not welcome.streams[0].ok
    assert isinstance(reset, Reset)
    assert (reset.reason, reset.epoch) == (reason, welcome.streams[0].epoch)
    assert reset.epoch != cursor.epoch
    now = protocol.Cursor(reset.epoch)
    for event in events:
        assert event.follows(now)
        now = protocol.Cursor(now.epoch, event.seq, event.chain)
    assert now.seq == caught_up.seq
    resumed = await bench.connect(till, now.epoch, now.seq, now.chain)
    assert [type(frame) for frame in await resumed.until(CaughtUp)] == [Welcome, CaughtUp]


@ON_A_FILE
@pytest.mark.parametrize("high_water_lost", [False, True])
@pytest.mark.parametrize("overgrown", [False, True])
async def test_a_restored_older_copy_is_noticed(
    settings: Any, running: Any, bodies: Any, high_water_lost: bool, overgrown: bool
) -> None:
    async with running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post_many(bench, till, bodies, 0, 2)
    shutil.copy(bench.file, bench.file.with_name("backup"))
    async with running(settings) as bench:
        await post_many(bench, till, bodies, 2, 2)
        cursor = await cursor_after(bench, till)
        assert cursor.seq == 4
    shutil.copy(bench.file.with_name("backup"), bench.file)
    if high_water_lost:
        settings.high_water.unlink()
    async with running(settings) as bench:
        if overgrown:
            await post_many(bench, till, bodies, 100, 5)
        reason = protocol.RESET_EPOCH
        if high_water_lost:
            reason = protocol.RESET_FORK if overgrown else protocol.RESET_AHEAD
        await assert_all_read_again(bench, till, cursor, reason)


async def test_tills_that_are_connected_hear_of_a_reset_too(
    bench: Any, till: PairResponse, bodies: Any, eventually: Any
) -> None:
    await post_many(bench, till, bodies, 0, 2)
    second = await bench.pair("Duka", "till two")
    listening = await bench.connect(second)
    frames = await listening.until(CaughtUp)
    waiting = asyncio.create_task(
        bench.poll(second, f"epoch={frames[0].streams[0].epoch}&after=2&chain={frames[2].chain}")
    )
    await eventually(lambda: bool(bench.relay._feed._polls))
    ahead = await bench.connect(till, frames[0].streams[0].epoch, 9, GENESIS)
    await ahead.until(CaughtUp)
    reset, *events, caught_up = await listening.until(CaughtUp)
    assert (type(reset), reset.reason) == (Reset, protocol.RESET_AHEAD)
    assert ([event.seq for event in events], caught_up.seq) == ([1, 2], 2)
    polled = protocol.decode_frames((await waiting).body)
    assert [type(frame) for frame in polled] == [Welcome, Reset]


async def test_a_trimmed_cursor_is_told_where_the_log_begins(bench: Any, till: PairResponse, bodies: Any) -> None:
    await post_many(bench, till, bodies, 0, 4)
    cursor = await cursor_after(bench, till)
    first = (await bench.events(till))[0]
    bench.in_store(lambda connection: connection.exec_driver_sql("UPDATE stream SET floor = 2"))
    bench.relay._log._streams.clear()
    socket = await bench.connect(till, cursor.epoch, 1, first.chain)
    _, reset, *events, _ = await socket.until(CaughtUp)
    assert (reset.reason, reset.floor, reset.epoch) == (protocol.RESET_TRIMMED, 2, cursor.epoch)
    assert [event.seq for event in events] == [3, 4]
    assert events[0].follows(protocol.Cursor(reset.epoch, reset.floor, reset.chain))
    _, reset, *_ = await (await bench.connect(await bench.pair("Duka"))).until(CaughtUp)
    assert (reset.reason, reset.floor) == (protocol.RESET_TRIMMED, 2)
    assert 'relay_reset_total{reason="trimmed"} 1.0' in bench.relay.metrics.told().decode()
    polled = protocol.decode_frames((await bench.poll(till, f"epoch=gone&after=1&chain={'0' * 32}&wait=0")).body)
    assert polled[1] == protocol.Reset(till.stream, protocol.RESET_EPOCH, cursor.epoch, 2, reset.chain)


@ON_A_FILE
async def test_a_wiped_relay_is_noticed(settings: Any, running: Any, bodies: Any) -> None:
    async with running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post_many(bench, till, bodies, 0, 2)
        cursor = await cursor_after(bench, till)
    bench.file.unlink()
    async with running(settings) as bench:
        assert await bench.socket(till.token).until_closed() == protocol.CLOSE_BAD_TOKEN
        bench.add_shop("Duka")
        paired = await bench.pair("Duka")
        await post_many(bench, paired, bodies, 5, 3)
        await assert_all_read_again(bench, paired, cursor, protocol.RESET_EPOCH)


async def test_a_long_poll_says_what_a_websocket_says(
    bench: Any, till: PairResponse, bodies: Any, eventually: Any
) -> None:
    waiting = asyncio.create_task(bench.poll(till, "after=0&wait=20"))
    await eventually(lambda: bool(bench.relay._feed._polls))
    await post_many(bench, till, bodies, 0, 2)
    welcome, first = protocol.decode_frames((await waiting).body)[:2]
    assert isinstance(welcome, Welcome)
    assert isinstance(first, Event)
    epoch = welcome.streams[0].epoch
    frames = protocol.decode_frames((await bench.poll(till, f"epoch={epoch}&after=1&chain={first.chain}")).body)
    assert [type(frame) for frame in frames] == [Welcome, Event]
    last = frames[1]
    assert isinstance(last, Event)
    quiet = protocol.decode_frames((await bench.poll(till, f"epoch={epoch}&after=2&chain={last.chain}&wait=0.05")).body)
    assert quiet[1:] == [CaughtUp(till.stream, 2)]
    lost = protocol.decode_frames((await bench.poll(till, f"epoch={epoch}&after=7&chain={last.chain}")).body)
    assert [type(frame) for frame in lost] == [Welcome, Reset, Event, Event]


@pytest.mark.parametrize("query", ["after=x", "after=0&wait=x", "after=" + "9" * 5000])
async def test_a_long_poll_with_a_bad_cursor_is_refused(bench: Any, till: PairResponse, query: str) -> None:
    assert (await bench.poll(till, query)).status == 400


@ON_A_FILE
async def test_who_waits_too_long_is_kept_in_the_spool_also_while_the_housekeeping_hangs(
    bench: Any, till: PairResponse, bodies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.intake.SPOOL_AFTER_SECONDS", 0.2)
    log, begun, hangs = bench.relay._log, threading.Event(), threading.Event()

    def hang(_connection: object) -> None:
        begun.set()
        hangs.wait(20)

    socket = await bench.connect(till)
    await post_many(bench, till, bodies, 0, 1)
    (*_, event) = await socket.until(Event)
    stuck = asyncio.ensure_future(log.run(hang))
    assert await asyncio.to_thread(begun.wait, 5)
    socket.say(Ack(till.stream, event.seq))  # which the housekeeping wants to note
    reply = await asyncio.wait_for(bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b()), 5)
    assert (reply.status, bench.relay._spool.depth) == (200, 1)
    hangs.set()
    await stuck


async def test_a_log_that_cannot_be_read_closes_the_till_for_a_while(
    bench: Any, till: PairResponse, monkeypatch: pytest.MonkeyPatch, bodies: Any
) -> None:
    from sqlalchemy.exc import OperationalError

    def fails(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    await post_many(bench, till, bodies, 0, 1)
    with monkeypatch.context() as broken:
        broken.setattr(bench.relay._log._store, "read", fails)
        socket = await bench.connect(till)
        assert (await socket.until(int))[-1] == protocol.CLOSE_FAILED
        assert (await bench.poll(till)).status == 503
    with monkeypatch.context() as broken:
        broken.setattr("relay.reading_again.place", lambda *_: 1 / 0)
        socket = await bench.connect(till)
        assert (await socket.until(int))[-1] == protocol.CLOSE_FAILED
    assert len(await bench.events(till)) == 1
