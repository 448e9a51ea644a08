"""What a relay does without when it is late: the console first, callbacks never; and no longer than it must."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from relay import protocol
from relay.admission import AT_ONCE, CONNECTIONS, LONGEST_SECONDS, SOONEST_SECONDS, Admission, Callers
from relay.metrics import SHED, Metrics
from relay.overload import CALM_SECONDS, LATE_SECONDS, Level, Overload
from relay.pace import BURST
from relay.pressed import HOLD_SECONDS, REPLAYS, REPLAYS_OF_A_SHOP, Pressed
from relay.protocol import PairResponse

pytestmark = pytest.mark.anyio


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("relay.overload.time", made)
    monkeypatch.setattr("relay.admission.time", made)
    return made


@pytest.fixture
def overload() -> Overload:
    return Overload(Metrics())


def shed(metrics: Metrics, what: str) -> float:
    return metrics.registry.get_sample_value("relay_shed_total", {"what": what}) or 0.0


@pytest.mark.parametrize("level", list(LATE_SECONDS))
def test_each_is_done_without_from_its_own_lateness_on(overload: Overload, clock: Clock, level: Level) -> None:
    overload.look(LATE_SECONDS[level] - 0.01)
    assert overload.level == level - 1
    overload.look(LATE_SECONDS[level])
    assert overload.level is level
    assert [overload.sheds(what) for what in LATE_SECONDS] == [what <= level for what in LATE_SECONDS]


def test_it_is_taken_up_again_once_it_was_better_for_a_while(overload: Overload, clock: Clock) -> None:
    overload.look(LATE_SECONDS[Level.EVENTS])
    clock.now += CALM_SECONDS - 1
    overload.look(LATE_SECONDS[Level.EVENTS])
    clock.now += CALM_SECONDS - 1
    overload.look(0.0)
    assert overload.level is Level.EVENTS
    clock.now += 2
    overload.look(LATE_SECONDS[Level.CONSOLE])
    assert overload.level is Level.CONSOLE


def test_what_was_done_without_is_counted_by_name() -> None:
    metrics = Metrics()
    overload = Overload(metrics)
    assert {level.name.lower() for level in LATE_SECONDS} == set(SHED)
    overload.look(LATE_SECONDS[Level.CONSOLE])
    assert overload.sheds(Level.CONSOLE)
    assert not overload.sheds(Level.SOCKETS)
    assert [shed(metrics, what) for what in ("console", "sockets")] == [1, 0]
    assert metrics.registry.get_sample_value("relay_overload_level") == 1


# Who is let in.


def test_a_crowd_is_let_in_at_the_pace_and_each_is_told_a_time_of_its_own(overload: Overload, clock: Clock) -> None:
    admission = Admission(overload, 100, 20_000)
    waits = [admission.turned_away() for _ in range(2_000)]
    turned_away = [wait for wait in waits if wait is not None]
    assert AT_ONCE <= admission.here == waits.count(None) <= AT_ONCE + 1
    assert turned_away == sorted(turned_away)
    most = Counter(int(wait) for wait in turned_away).most_common(1)[0][1]
    assert most <= 101, "more in one second than the pace"


def test_whoever_comes_back_when_told_is_let_in(overload: Overload, clock: Clock) -> None:
    admission = Admission(overload, 100, 20_000)
    start = clock.now
    due = sorted(start + wait for wait in (admission.turned_away() for _ in range(2_000)) if wait is not None)
    again = 0
    for at in due:
        clock.now = at
        again += admission.turned_away() is not None
    assert again == 0


def test_whoever_comes_within_the_second_after_what_it_was_told_is_let_in(overload: Overload, clock: Clock) -> None:
    admission, random = Admission(overload, 330, 20_000), Random(7)
    told = [int(wait) for wait in (admission.turned_away() for _ in range(10_000)) if wait is not None]
    assert min(told) == SOONEST_SECONDS
    start, again = clock.now, 0
    for at in sorted(start + seconds + random.random() for seconds in told):
        clock.now = at
        again += admission.turned_away() is not None
    assert again == 0
    assert clock.now - start <= 10_000 / 330 + 2, "as soon as the pace allows, and the first second"


def test_a_crowd_of_more_than_a_minute_asks_again_within_it(overload: Overload, clock: Clock) -> None:
    admission = Admission(overload, 10, 20_000)
    waits = [wait for wait in (admission.turned_away() for _ in range(2_000)) if wait is not None]
    assert max(waits) <= LONGEST_SECONDS
    assert sum(wait > LONGEST_SECONDS / 2 for wait in waits[-1_000:]) > 900


def test_where_it_is_full_one_must_go_before_another_comes(overload: Overload, clock: Clock) -> None:
    admission = Admission(overload, 1_000, 2)
    assert [admission.turned_away() for _ in range(2)] == [None, None]
    wait = admission.turned_away()
    assert wait is not None
    assert wait >= LONGEST_SECONDS / 2
    admission.gone()
    assert admission.turned_away() is None


def test_nobody_is_let_in_while_callbacks_wait(overload: Overload, clock: Clock) -> None:
    admission = Admission(overload, 1_000, 20_000)
    overload.look(LATE_SECONDS[Level.SOCKETS])
    waits = [admission.turned_away() for _ in range(20_000)]
    assert admission.here == 0
    assert waits[0] == CALM_SECONDS
    assert 0.9 < sum(1 for wait in waits if wait is not None and 10 < wait <= 11) / 1_000 < 1.1, (
        "not one after the other"
    )


def test_a_stranger_has_so_many_connections_and_safaricom_any_number() -> None:
    callers = Callers([{"196.201.214.200"}])
    for address, taken in (("203.0.113.9", CONNECTIONS), ("196.201.214.200", CONNECTIONS + 9)):
        assert sum(callers.comes(address) for _ in range(CONNECTIONS + 9)) == taken
    callers.goes("203.0.113.9")
    assert callers.comes("203.0.113.9")
    assert all(Callers([]).comes("203.0.113.9") for _ in range(CONNECTIONS + 9))


# Who catches up.


async def test_two_tills_of_a_shop_catch_up_at_once_and_the_next_is_woken(overload: Overload) -> None:
    pressed, flag, other = Pressed(overload), asyncio.Event(), asyncio.Event()
    leases = [pressed.replay("st_1", asyncio.Event()) for _ in range(REPLAYS_OF_A_SHOP)]
    assert pressed.replay("st_1", flag) is None
    assert pressed.replay("st_1", other) is None
    assert pressed.replay("st_2", asyncio.Event()) is not None
    first = leases[0]
    assert first is not None
    first.end()
    first.end()
    assert (flag.is_set(), other.is_set()) == (True, False)
    assert pressed.replay("st_1", flag) is not None
    pressed.forget(other)


async def test_no_more_catch_up_at_once_than_the_relay_can_bear(overload: Overload) -> None:
    pressed, flag = Pressed(overload), asyncio.Event()
    leases = [pressed.replay(f"st_{number}", asyncio.Event()) for number in range(REPLAYS)]
    assert all(leases)
    assert pressed.replay("st_late", flag) is None
    for lease in leases[:1]:
        assert lease is not None
        lease.end()
    assert flag.is_set()


async def test_a_till_that_takes_nothing_keeps_its_shop_from_catching_up_for_a_moment_only(
    overload: Overload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.pressed.HOLD_SECONDS", HOLD_SECONDS / 40)
    pressed, flag = Pressed(overload), asyncio.Event()
    stuck = [pressed.replay("st_1", asyncio.Event()) for _ in range(REPLAYS_OF_A_SHOP)]
    assert pressed.replay("st_1", flag) is None
    async with asyncio.timeout(5):
        await flag.wait()
    for lease in stuck:
        assert lease is not None
        lease.end()
    assert [pressed.replay("st_1", flag) is None for _ in range(3)] == [False, False, True]


def test_old_events_wait_first_and_then_all(overload: Overload, clock: Clock) -> None:
    pressed, flag = Pressed(overload), asyncio.Event()
    recent, old = ((datetime.now(UTC) - timedelta(hours=hours)).isoformat().replace("+00:00", "Z") for hours in (0, 2))
    held = []
    for level in (Level.CONSOLE, Level.OLD_EVENTS, Level.SOCKETS, Level.EVENTS):
        overload.look(LATE_SECONDS[level])
        held.append((pressed.puts_off(recent, flag), pressed.puts_off(old, flag)))
    assert held == [(False, False), (False, True), (False, True), (True, True)]
    clock.now += CALM_SECONDS + 1
    overload.look(0.0)
    assert flag.is_set()


# In the relay.


def press(bench: Any, level: Level) -> None:
    bench.relay._overload.look(LATE_SECONDS[level])


def ease(bench: Any) -> None:
    bench.relay._overload._worse_at = 0.0
    bench.relay._overload.look(0.0)


async def test_a_till_whose_events_wait_is_not_told_that_there_are_more_and_gets_them_later(
    bench: Any, till: PairResponse, bodies: Any
) -> None:
    socket = await bench.connect(till)
    await socket.until(protocol.CaughtUp)
    press(bench, Level.EVENTS)
    assert (await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b())).status == 200
    assert await socket.next() == protocol.Heartbeat({till.stream: 0})
    ease(bench)
    assert (await socket.next()).seq == 1


async def test_callbacks_are_answered_and_a_goodbye_is_said_however_hard_it_is_pressed(
    bench: Any, till: PairResponse, bodies: Any
) -> None:
    press(bench, Level.EVENTS)
    assert (await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b())).status == 200
    socket = await bench.connect(till)
    assert [type(frame) for frame in (await socket.until(protocol.Heartbeat))] == [protocol.Welcome, protocol.Heartbeat]
    await bench.relay.drain()
    assert isinstance((await socket.until(protocol.Bye))[-1], protocol.Bye)


async def test_a_shop_has_so_many_tills_at_a_relay_and_one_that_comes_again_has_its_place(
    settings: Any, running: Any, changed: Any
) -> None:
    async with running(changed(settings, shop_tills=2)) as bench:
        bench.add_shop("Duka")
        await fill(bench, [await bench.pair("Duka", name) for name in ("one", "two", "three")])


async def fill(bench: Any, tills: list[PairResponse]) -> None:
    sockets = [await bench.connect(one) for one in tills[:2]]
    for socket in sockets:
        await socket.until(protocol.CaughtUp)
    third = bench.socket(tills[2].token)
    assert await third.until_closed() == protocol.CLOSE_RATE
    again = await bench.connect(tills[0])
    assert isinstance((await again.until(protocol.CaughtUp))[-1], protocol.CaughtUp)
    assert await sockets[0].until_closed() == protocol.CLOSE_REPLACED


async def test_a_flood_into_a_store_that_fails_is_spooled_and_nothing_overtakes_what_was_answered(
    settings: Any, running: Any, changed: Any, bodies: Any, eventually: Any
) -> None:
    def store_fails(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))

    async with running(changed(settings, shop_pace=50)) as bench:
        bench.add_shop("Loud")
        loud = await bench.pair("Loud")
        receipts = [f"UJE{number:07d}" for number in range(500)]
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr("relay.stores.sqlite_batch.write", store_fails)
            for wave in (receipts[:300], receipts[300:]):
                posts = (bench.post(bodies.path_of(loud, "/c2b/confirm"), bodies.c2b(receipt)) for receipt in wave)
                assert {reply.status for reply in await asyncio.gather(*posts)} == {200}
        await eventually(lambda: not bench.relay._spool.depth)
        frames = await (await bench.connect(loud)).until(protocol.CaughtUp)
        found = [frame.receipt for frame in frames if isinstance(frame, protocol.Event)]
        assert (sorted(found[:300]), sorted(found[300:])) == (receipts[:300], receipts[300:])


async def test_a_shop_beyond_its_pace_waits_and_the_other_does_not(
    settings: Any, running: Any, changed: Any, bodies: Any
) -> None:
    async with running(changed(settings, shop_pace=1)) as bench:
        bench.add_shop("Loud")
        bench.add_shop("Quiet")
        loud, quiet = await bench.pair("Loud"), await bench.pair("Quiet")
        posts = [
            asyncio.create_task(bench.post(bodies.path_of(loud, "/c2b/confirm"), bodies.c2b(f"UJE{number:07d}")))
            for number in range(300)
        ]
        assert (await bench.post(bodies.path_of(quiet, "/c2b/confirm"), bodies.c2b())).status == 200
        assert {reply.status for reply in await asyncio.gather(*posts)} == {200}
        found = bench.relay.metrics.registry.get_sample_value("relay_delayed_total")
        assert 90 <= found <= 100
        frames = [event.seq for event in await bench.events(loud)]
        assert frames == list(range(1, len(frames) + 1))


async def test_a_till_beyond_its_pace_is_told_to_wait_and_the_other_is_not(
    settings: Any, running: Any, changed: Any
) -> None:
    async with running(changed(settings, till_pace=1)) as bench:
        bench.add_shop("Duka")
        loud, quiet = await bench.pair("Duka", "loud"), await bench.pair("Duka", "quiet")
        headers = {"Authorization": f"Bearer {loud.token}"}
        replies: list[Any] = []
        while len(replies) < 2 * BURST and (not replies or replies[-1].status != 429):
            polls = len(replies) % 2
            asked = bench.poll(loud) if polls else bench.request("GET", protocol.ANCHORS_PATH, headers=headers)
            replies.append(await asked)
        assert [reply.status for reply in replies[:BURST]] == [404, 200] * (BURST // 2)
        assert replies[-1].status == 429
        assert protocol.error_of(replies[-1].body) == protocol.ERROR_TOO_OFTEN
        assert (await bench.poll(quiet)).status == 200
        await (await bench.connect(loud)).until(protocol.CaughtUp)
