"""What is old goes, and nothing goes that a till will ask for, a claim needs or a copy is told by."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from database_server import ON_A_FILE
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from relay import protocol, retention
from relay.log import EventLog, Meta, Outcome
from relay.protocol import Cursor, Event, PairResponse, Reset
from relay.retention import DAY_SECONDS, Ages, Steady, Trimmed, ages, trim
from relay.stores import claims, directory, tables, trimming
from relay.stores.store import Store, opened

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]
RECEIPT = "UJE7K2M9QX"
NOW = time.time()

Add = Callable[..., Any]


class Scene(NamedTuple):
    """A relay with a till, its log, what is appended to it, and the store beside it."""

    bench: Any
    till: PairResponse
    log: EventLog
    add: Add
    beside: Store


def at(days: float, body_days: int = 90) -> Ages:
    """What is old so many days from now."""
    return ages(NOW + days * DAY_SECONDS, body_days)


@pytest.fixture
def log(bench: Any) -> EventLog:
    found: EventLog = bench.relay._log
    return found


@pytest.fixture
def add(log: EventLog, till: PairResponse, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Appends a callback that comes so many days from now."""

    async def append(key: str, day: int = 0, kind: str = "stk", **meta: Any) -> Any:
        if log.is_shared:
            today = (datetime.now(UTC) + timedelta(day)).date()
            monkeypatch.setattr("relay.stores.postgresql_batch._today", lambda: today)
        said = Meta(int((NOW + day * DAY_SECONDS) * 1000), receipt=RECEIPT, **meta)
        return await log.append(till.stream, kind, key, b'{"a":"body"}', said)

    return append


@pytest.fixture
def scene(bench: Any, till: PairResponse, log: EventLog, add: Add) -> Scene:
    return Scene(bench, till, log, add, opened(bench.store))


async def ack(log: EventLog, till: PairResponse, seq: int, day: float = 0) -> None:
    when = int((NOW + day * DAY_SECONDS) * 1000)
    await log.run(lambda connection: directory.note_acks(connection, {till.till_id: seq}, when))


async def bodies(log: EventLog) -> list[int]:
    """The places of events that still have one."""
    rows = await log.ask(lambda connection: connection.execute(text("SELECT id FROM event WHERE body IS NOT NULL")))
    return sorted(row[0] & 0xFFFFFFFF for row in rows)


async def known(log: EventLog) -> list[int]:
    rows = await log.ask(lambda connection: connection.execute(select(tables.event_key.c.id)).scalars().all())
    return sorted(row & 0xFFFFFFFF for row in rows)


async def followed(bench: Any, till: PairResponse, query: str) -> tuple[Reset | None, list[int]]:
    """What a till is told, its chain held from where it goes on."""
    frames = protocol.decode_frames((await bench.poll(till, query)).body)
    reset = next((frame for frame in frames if isinstance(frame, Reset)), None)
    if reset is not None:
        place = f"epoch={reset.epoch}&after={reset.floor}&chain={reset.chain}&wait=0"
        frames += protocol.decode_frames((await bench.poll(till, place)).body)
    cursor = Cursor("", reset.floor, reset.chain) if reset is not None else None
    seen = list({frame.seq: frame for frame in frames if isinstance(frame, Event)}.values())
    for event in seen:
        assert cursor is None or event.follows(cursor)
        cursor = Cursor("", event.seq, event.chain)
    return reset, [event.seq for event in seen]


async def test_bodies_go_after_ninety_days_and_a_new_till_begins_behind_them(scene: Scene) -> None:
    bench, till, log, add, beside = scene
    for number, day in enumerate((0, 5, 20, 60)):
        await add(f"k{number}", day)
    await ack(log, till, 4)
    assert trim(beside, at(89)) == Trimmed(0, 0, ())
    assert trim(beside, at(100)) == Trimmed(2, 0, ())
    assert (await bodies(log), await known(log)) == ([3, 4], [1, 2, 3, 4])
    reset, seen = await followed(bench, till, "after=0&wait=0")
    assert reset is not None
    assert (reset.reason, reset.floor, seen) == (protocol.RESET_TRIMMED, 2, [3, 4])
    assert trim(beside, at(100)) == Trimmed(0, 0, ())


async def test_a_copy_is_told_for_four_hundred_days_and_then_forgotten_but_for_the_chain_at_the_floor(
    scene: Scene,
) -> None:
    bench, till, log, add, beside = scene
    for number in range(3):
        await add(f"k{number}")
    await ack(log, till, 3)
    trim(beside, at(300))
    assert (await add("k0")).outcome is Outcome.DUPLICATE
    assert trim(beside, at(399)).forgotten == 0
    assert trim(beside, at(402)).forgotten == 2
    assert await known(log) == [3]
    assert (await add("new", 402)).seq == 4
    reset, seen = await followed(bench, till, "after=0&wait=0")
    assert reset is not None
    assert (reset.floor, seen) == (3, [4])


async def test_a_claim_is_never_forgotten_so_no_payment_is_used_twice(scene: Scene, bodies: Any) -> None:
    bench, till, log, _, beside = scene
    asked = {"Authorization": f"Bearer {till.token}"}
    await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b(RECEIPT))
    claim = protocol.encode(protocol.ClaimRequest(RECEIPT, "142"))
    assert (await bench.post(protocol.CLAIMS_PATH, claim, headers=asked)).status == 200
    for number in range(2):
        await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b(f"UJE{number}"))
    await ack(log, till, 4)
    assert trim(beside, at(402)) == Trimmed(4, 3, ())
    assert await known(log) == [2, 4]
    held = await log.ask(lambda connection: claims.latest(connection, 1, RECEIPT))
    assert held is not None
    assert (held.claim.sale, held.stands) == ("142", True)
    # Safaricom would have to send it again after a year, and still it would be taken.
    await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b(RECEIPT))
    again = protocol.encode(protocol.ClaimRequest(RECEIPT, "7"))
    assert (await bench.post(protocol.CLAIMS_PATH, again, headers=asked)).status == 409


async def test_nothing_goes_that_a_till_has_yet_to_read_which_was_here_lately(scene: Scene) -> None:
    bench, till, log, add, beside = scene
    for number in range(5):
        await add(f"k{number}")
    # One that was only paired has yet to read all.
    assert trim(beside, at(80, body_days=30)) == Trimmed(0, 0, (till.stream,))
    await ack(log, till, 2, day=30)
    assert trim(beside, at(100)) == Trimmed(2, 0, (till.stream,))
    assert await bodies(log) == [3, 4, 5]
    await bench.pair("Duka", "another")
    assert trim(beside, at(121)) == Trimmed(3, 0, ())


async def test_a_till_that_was_revoked_holds_nothing(scene: Scene) -> None:
    bench, till, _, add, beside = scene
    await add("k")
    bench.revoke(till.till_id)
    assert trim(beside, at(91, body_days=30)) == Trimmed(1, 0, ())


async def test_one_that_is_reading_there_when_it_goes_is_told_and_never_given_a_hole(scene: Scene) -> None:
    """It was away for long, so it holds nothing; it comes back in the very moment in which its place is trimmed."""
    bench, till, log, add, beside = scene
    await asyncio.gather(*(add(f"k{number}") for number in range(protocol.WINDOW + 20)))
    await ack(log, till, 5)
    epoch = (await log.head(till.stream)).epoch
    socket = await bench.connect(till, epoch)
    read = [frame for frame in [await socket.next() for _ in range(protocol.WINDOW + 1)] if isinstance(frame, Event)]
    assert len(read) == protocol.WINDOW
    assert trim(beside, at(91)).cleared == protocol.WINDOW + 20
    socket.say(protocol.Ack(till.stream, protocol.WINDOW))
    *_, reset = await socket.until(Reset)
    assert (reset.reason, reset.floor, reset.epoch) == (protocol.RESET_TRIMMED, protocol.WINDOW + 20, epoch)
    assert (await socket.next()) == protocol.CaughtUp(till.stream, protocol.WINDOW + 20)
    await add("new")
    new = await socket.next()
    assert new.follows(Cursor(epoch, reset.floor, reset.chain))


async def test_a_poll_in_the_same_moment_is_told_too(scene: Scene) -> None:
    bench, till, log, add, beside = scene
    for number in range(3):
        await add(f"k{number}")
    first = (await bench.events(till))[0]
    await log.run(lambda connection: directory.note_acks(connection, {till.till_id: 1}, 1))
    assert trim(beside, at(91, body_days=30)).cleared == 3
    assert (await log.head(till.stream)).floor in (0, 3)
    reset, seen = await followed(
        bench, till, f"epoch={(await log.head(till.stream)).epoch}&after=1&chain={first.chain}&wait=5"
    )
    assert reset is not None
    assert (reset.reason, reset.floor, seen) == (protocol.RESET_TRIMMED, 3, [])


async def test_what_was_cut_off_in_the_middle_is_done_the_next_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, till, log, add, beside = scene
    monkeypatch.setattr(trimming, "BITE", 2)
    for number in range(7):
        await add(f"k{number}")
    await ack(log, till, 7)
    stop, clear = threading.Event(), trimming.clear

    def last_bite(*given: Any) -> int:
        stop.set()
        return clear(*given)

    with monkeypatch.context() as cut:
        cut.setattr(trimming, "clear", last_bite)
        assert trim(beside, at(91), stop) == Trimmed(2, 0, ())
    assert (await log.latest(till.stream)).floor in (0, 7)
    assert trim(beside, at(402)) == Trimmed(5, 6, ())
    assert (await bodies(log), await known(log)) == ([], [7])


@ON_A_FILE
async def test_a_transaction_that_fails_takes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    _, till, log, add, beside = scene
    await add("k")
    await ack(log, till, 1)

    def fails(*_: Any) -> int:
        raise OperationalError("statement", {}, Exception("disk"))

    with monkeypatch.context() as broken:
        broken.setattr(trimming, "clear", fails)
        with pytest.raises(OperationalError):
            trim(beside, at(91))
    assert await bodies(log) == [1]
    assert trim(beside, at(91)) == Trimmed(1, 0, ())


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_day_is_dropped_whole_unless_a_till_holds_something_of_it(
    scene: Scene, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, till, log, add, beside = scene
    from relay.stores import postgresql_days

    def days(connection: Any) -> list[str]:
        return sorted(postgresql_days._made(connection) - {"event_of_no_day"})

    before = await log.ask(days)
    await add("a")
    await add("b", 1)
    await add("far", 200)
    assert trim(beside, at(80, body_days=30)) == Trimmed(0, 0, (till.stream,))
    assert await log.ask(days) == before
    await ack(log, till, 3)
    assert trim(beside, at(92)) == Trimmed(2, 0, ())
    assert await log.ask(days) == before[2:]
    # What lies in the table for no day goes by itself.
    assert trim(beside, at(295)) == Trimmed(1, 0, ())
    assert await bodies(log) == []
    assert await log.ask(days) == []
    await log.run(postgresql_days.make_ahead)
    assert await log.ask(days) == before


async def test_the_running_relay_trims_once_a_day_and_goes_on_where_it_could_not(
    scene: Scene, eventually: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench, till, log, add, _ = scene
    await add("k")
    await ack(log, till, 1)
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(retention, "FIRST_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(retention, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(retention, "ages", lambda now, days: at(91, days))
    tries = 0

    def fails_at_first(url: str) -> Store:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OperationalError("statement", {}, Exception("disk"))
        return opened(url)

    monkeypatch.setattr(retention, "opened", fails_at_first)
    running = asyncio.create_task(retention.Retention(bench.store, 90).run())
    await eventually(lambda: "trimmed 1 bodies and 0 keys" in caplog.text)
    assert "trimming failed: Exception" in caplog.text
    assert await bodies(log) == []
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@ON_A_FILE
async def test_a_relay_that_ends_waits_for_the_transaction_it_is_in(
    bench: Any, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def trims(_store: Store, _wanted: Ages, stop: threading.Event) -> Trimmed:
        begun.set()
        assert stop.wait(10)
        ended.set()
        return Trimmed(0, 0, ())

    monkeypatch.setattr(retention, "trim", trims)
    monkeypatch.setattr(retention, "FIRST_SECONDS", (0.0, 0.0))
    running = asyncio.create_task(retention.Retention(store, 90).run())
    assert await asyncio.to_thread(begun.wait, 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert ended.is_set()


@ON_A_FILE
async def test_a_clock_that_jumps_makes_nothing_old(
    store: str, eventually: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retention, "FIRST_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(retention, "trim", lambda *_: pytest.fail("it trimmed"))
    jumping = retention.Retention(store, 90)
    monkeypatch.setattr("relay.retention.time.time", lambda: NOW + 73 * 365 * DAY_SECONDS)
    running = asyncio.create_task(jumping.run())
    await eventually(lambda: "the clock has jumped" in caplog.text)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_a_clock_is_steady_again_once_it_goes_right() -> None:
    now, passed = time.time(), time.monotonic()
    steady = Steady()
    assert steady.agrees(now + 60, passed + 60)
    assert not steady.agrees(now + 90_000, passed + 120)
    assert steady.agrees(now + 90_060, passed + 180)
    assert not steady.agrees(now + 240, passed + 240)


def test_what_tells_a_copy_is_kept_as_long_as_its_body_at_least() -> None:
    wanted = ages(1_000 * DAY_SECONDS, 500)
    assert (wanted.bodies_before, wanted.keys_before) == (500 * 86_400_000, 500 * 86_400_000)
    assert ages(1_000 * DAY_SECONDS).keys_before == 600 * 86_400_000
