"""Shops of which nothing is heard and tills that stay away: found from the store, by habits and opening hours."""

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from relay import protocol, silence, watching
from relay.attendance import AGAIN_SECONDS, Attendance
from relay.log import Meta
from relay.protocol import CaughtUp, Reset
from relay.silence import LEAST_SECONDS, Pulse, daytime, is_silent, pulse
from relay.stores import directory, tables
from relay.watching import AWAY_MS, FORGOTTEN_MS, Watch

pytestmark = pytest.mark.anyio

HOUR = 3600.0
NOON = datetime(2026, 11, 24, 9, 0, tzinfo=UTC).timestamp()
"""In Nairobi, on a Tuesday."""
LONG = b'"' + b"x" * 30_000 + b'"'
"""So that thirty of them are more than is read in one go."""


def at(hour: float, day: int = 0) -> float:
    """In East African time."""
    return NOON + (hour - 12) * HOUR + day * 24 * HOUR


def test_only_the_day_counts() -> None:
    assert daytime(at(8), at(10)) == 2 * HOUR
    assert daytime(at(20), at(8, day=1)) == 2 * HOUR
    assert daytime(at(22), at(6, day=1)) == 0
    assert daytime(at(12), at(12, day=3)) == 3 * 14 * HOUR
    assert daytime(at(10), at(8)) == 0


def test_time_by_day_adds_up() -> None:
    chance = random.Random(5)
    for _ in range(500):
        first, second, third = sorted(chance.uniform(0, 40 * 24 * HOUR) for _ in range(3))
        whole = daytime(first, third)
        assert whole == pytest.approx(daytime(first, second) + daytime(second, third))
        assert 0 <= whole <= third - first


def test_a_shop_is_silent_after_three_times_its_usual_gap() -> None:
    each_ten_minutes = [at(12) - 600 * number for number in range(30)]
    found = pulse(each_ten_minutes)
    assert found == Pulse(at(12), 600)
    assert not is_silent(found, at(12.5))
    assert is_silent(found, at(12.5) + 1)


def test_a_busy_shop_may_rest_for_a_quarter_of_an_hour() -> None:
    found = pulse([at(12) - number for number in range(30)])
    assert not is_silent(found, at(12) + LEAST_SECONDS)
    assert is_silent(found, at(12) + LEAST_SECONDS + 1)


def test_nobody_is_silent_at_night_or_without_habits() -> None:
    busy = pulse([at(20.9) - 60 * number for number in range(30)])
    assert not is_silent(busy, at(6.9, day=1))
    assert is_silent(busy, at(7.5, day=1))
    assert not is_silent(pulse([at(12) - 60 * number for number in range(silence.ENOUGH_GAPS)]), at(20))
    assert not is_silent(pulse([at(12)]), at(20))


async def called_back(bench: Any, shop: Any, times: list[float], *, src: str = "daraja", body: bytes = b"{}") -> None:
    for number, time in enumerate(times):
        meta = Meta(int(time * 1000), receipt=f"R{number}", src=src)
        await bench.relay._log.append(shop.stream, "c2b.confirmation", f"c2b:1:{src}{number}", body, meta)


def heard_long_ago(bench: Any) -> None:
    for stream in bench.relay._log._streams.values():
        stream.heard = 0.0


def silent(bench: Any) -> float:
    return float(bench.relay.metrics.streams_silent._value.get())


async def test_silent_shops_are_counted_until_they_are_heard_again(bench: Any) -> None:
    quick, slow, new = bench.add_shop("Duka"), bench.add_shop("Soko"), bench.add_shop("Kiosk")
    watch = Watch(bench.relay._log)
    await called_back(bench, quick, [at(12) - 60 * number for number in range(30)][::-1])
    await called_back(bench, quick, [at(13.9)], src="till")
    await called_back(bench, slow, [at(12) - 3600 * number for number in range(30)][::-1], body=LONG)
    await bench.relay._log.head(bench.add_shop("Never").stream)
    await called_back(bench, new, [at(12)])
    heard_long_ago(bench)
    await watch.look(at(14))
    assert silent(bench) == 1
    assert bench.relay.metrics.streams._value.get() == 4
    bench.relay._log._streams[quick.stream].heard = at(14)
    await watch.look(at(14.1))
    assert silent(bench) == 0


async def test_what_another_replica_heard_ends_the_silence(bench: Any) -> None:
    shop = bench.add_shop("Duka")
    watch = Watch(bench.relay._log)
    await called_back(bench, shop, [at(12) - 60 * number for number in range(30)][::-1])
    heard_long_ago(bench)
    await watch.look(at(14))
    assert silent(bench) == 1
    meta = Meta(int(at(14) * 1000), receipt="R")
    await bench.relay._log.append(shop.stream, "c2b.confirmation", "c2b:1:late", b"{}", meta)
    heard_long_ago(bench)
    await watch.look(at(14.1))
    assert silent(bench) == 0


async def test_so_many_silent_shops_are_looked_up_a_few_at_a_time(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_IN_A_LOOK", 2)
    for name in ("a", "b", "c"):
        await called_back(bench, bench.add_shop(name), [at(12) - 60 * number for number in range(30)][::-1])
    heard_long_ago(bench)
    watch = Watch(bench.relay._log)
    for found in (2, 3, 3):
        await watch.look(at(14))
        assert silent(bench) == found


async def test_tills_that_stay_away_are_counted_while_their_shop_is_open(bench: Any) -> None:
    bench.add_shop("Duka")
    bench.add_shop("Soko")
    tills = [await bench.pair("Duka"), await bench.pair("Duka"), await bench.pair("Soko"), await bench.pair("Soko")]
    now, watch = at(14), Watch(bench.relay._log)

    def last_here(till: Any, ms_ago: int) -> None:
        gone = update(tables.till).where(tables.till.c.id == till.till_id)
        bench.in_store(lambda connection: connection.execute(gone.values(acked_at=int(now * 1000) - ms_ago)))

    async def offline() -> float:
        await watch.look(now)
        return float(bench.relay.metrics.tills_offline._value.get())

    assert await offline() == 0
    last_here(tills[0], AWAY_MS - 1)
    last_here(tills[1], AWAY_MS)
    last_here(tills[2], FORGOTTEN_MS - 1)
    last_here(tills[3], FORGOTTEN_MS)
    assert await offline() == 2
    closed = '{"closed":[["13:00","15:00"]]}'
    bench.in_store(lambda connection: directory.set_rules(connection, tills[2].stream, closed))
    assert await offline() == 1
    bench.in_store(lambda connection: directory.set_rules(connection, tills[2].stream, "not rules"))
    assert await offline() == 2
    bench.in_store(lambda connection: directory.revoke(connection, tills[1].till_id, 1))
    assert await offline() == 1


async def test_a_store_that_cannot_be_asked_is_asked_again(
    bench: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    asked = []

    async def fails(_watch: Watch, now: float) -> None:
        asked.append(now)
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(Watch, "look", fails)
    task = asyncio.create_task(Watch(bench.relay._log).run())
    await eventually(lambda: len(asked) > 2)
    task.cancel()


def test_a_till_that_is_here_is_noted_when_it_moves_and_every_few_minutes() -> None:
    attendance = Attendance()
    assert attendance.due({"till": 3}, now=0) == {"till": 3}
    attendance.noted({"till": 3}, now=0)
    assert attendance.due({"till": 3}, now=1) == {}
    assert attendance.due({"till": 4}, now=1) == {"till": 4}
    assert attendance.due({"till": 3}, now=AGAIN_SECONDS) == {"till": 3}


def test_a_till_that_went_is_noted_once_more_unless_the_store_fails() -> None:
    attendance = Attendance()
    attendance.noted({"till": 3}, now=0)
    attendance.was_here("till", 3)
    assert attendance.due({}, now=1) == attendance.due({}, now=2) == {"till": 3}
    attendance.noted({"till": 3}, now=2)
    assert attendance.due({}, now=3) == {}


async def test_a_till_on_the_long_poll_counts_as_here(bench: Any, till: Any, bodies: Any, eventually: Any) -> None:
    await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b())
    (first,) = await bench.events(till)
    assert (await bench.poll(till, f"after={10**30}&wait=0")).status == 200
    epoch = (await bench.relay._log.head(till.stream)).epoch
    assert (await bench.poll(till, f"epoch={epoch}&after=1&chain={first.chain}&wait=0")).status == 200
    await eventually(lambda: bench.in_store(directory.tills)[0].acked_seq == 1)
    assert bench.in_store(directory.tills)[0].acked_at > 0


@pytest.mark.parametrize("epoch", ["another", None])
async def test_a_cursor_that_is_answered_with_a_reset_acknowledges_nothing(
    bench: Any, till: Any, bodies: Any, eventually: Any, epoch: str | None
) -> None:
    for number in range(3):
        await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b(f"UJE{number}"))
    epoch = epoch or (await bench.relay._log.head(till.stream)).epoch
    reply = await bench.poll(till, f"epoch={epoch}&after=2&chain={'0' * 32}&wait=0")
    assert Reset in map(type, protocol.decode_frames(reply.body))
    await eventually(lambda: bench.in_store(directory.tills)[0].acked_at is not None)
    assert bench.in_store(directory.tills)[0].acked_seq == 0


async def test_a_till_that_says_it_is_beyond_the_log_is_not_believed(bench: Any, till: Any, eventually: Any) -> None:
    feed = await bench.connect(till, epoch="another", seq=10**30)
    await feed.until(CaughtUp)
    feed.go()
    await eventually(lambda: bench.in_store(directory.tills)[0].acked_seq == 0)
    assert (await bench.request("GET", "/readyz")).status == 200
