"""One log of two and three relays: what is appended at one is heard of at the others, in one order, whatever happens.

PostgreSQL only: SQLite's log has one relay.
"""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from relay.log import Appended, EventLog, Meta, Outcome
from relay.protocol import GENESIS, Cursor, Event
from relay.stores import postgresql_batch, postgresql_lookout, streams
from relay.stores.sequence import Incoming
from relay.stores.store import opened

pytestmark = pytest.mark.anyio
STORES = ["postgresql"]
_numbers = itertools.count()

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
async def logs(store: str, tmp_path: Path) -> AsyncIterator[list[EventLog]]:
    made = [await EventLog.open(opened(store), tmp_path / f"high.water.{at}") for at in range(3)]
    for name in ("a", "b", "c"):
        await made[0].run(lambda connection, name=name: streams.create_stream(connection, name, f"epoch-{name}"))
    yield made
    for log in made:
        await log.close()


async def add(log: EventLog, stream: str, key: str, money: str = "m") -> Appended:
    return await log.append(stream, "stk", key, b"{}", Meta(1_700_000_000_000, money=money.encode()))


async def everything(log: EventLog, stream: str) -> list[Event]:
    found: list[Event] = []
    cursor = Cursor("", 0, GENESIS)
    await log.latest(stream)
    while events := await log.read(stream, cursor.seq):
        for event in events:
            assert event.follows(cursor)
            cursor = Cursor("", event.seq, event.chain)
        found += events
    return found


Steps = list[tuple[int, str, int]]


@hypothesis_settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    work=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=60),
    seed=st.integers(0, 2**16),
)
async def test_whatever_they_append_at_once_is_one_order_without_gap_copy_or_deadlock(
    logs: list[EventLog], server: Any, work: Steps, seed: int
) -> None:
    """Each with copies of the others' events, streams crossing, in bursts of any size."""
    draw, prefix = random.Random(seed), f"{next(_numbers)}-"
    answers = list[tuple[str, str, Appended]]()
    before = {name: len(await everything(logs[0], name)) for name in "abc"}

    async def one(at: int, stream: str, key: int) -> None:
        await asyncio.sleep(draw.random() / 500)
        answers.append((stream, f"{prefix}{key}", await add(logs[at], stream, f"{prefix}{key}")))

    await asyncio.gather(*(one(*step) for step in work))
    for name in "abc":
        events = (await everything(logs[2], name))[before[name] :]
        assert sorted(event.key for event in events) == sorted({key for stream, key, _ in answers if stream == name})
        by_key = {event.key: event for event in events}
        for stream, key, told in answers:
            if stream == name:
                assert (told.seq, told.chain) == (by_key[key].seq, by_key[key].chain)
        new = [told.seq for stream, _, told in answers if stream == name and told.outcome is Outcome.NEW]
        assert sorted(new) == [event.seq for event in events]
    assert server.run("SELECT sum(deadlocks) FROM pg_stat_database") == [(0,)]


async def test_bursts_that_cross_all_streams_never_wait_for_each_other(logs: list[EventLog], server: Any) -> None:
    async def burst(log: EventLog, order: str) -> None:
        for number in range(15):
            await asyncio.gather(*(add(log, name, f"{order}{number}") for name in order))

    await asyncio.gather(*(burst(log, order) for log in logs for order in ("abc", "cba", "bac")))
    for name in "abc":
        assert len(await everything(logs[0], name)) == 45
    assert server.run("SELECT sum(deadlocks) FROM pg_stat_database") == [(0,)]


async def follow(log: EventLog, stream: str, seen: list[int], enough: int) -> None:
    flag = asyncio.Event()
    await log.head(stream)
    with log.wakeups(stream, flag):
        while len(seen) < enough:
            flag.clear()
            if events := await log.read(stream, len(seen)):
                seen.extend(event.seq for event in events)
            else:
                await flag.wait()


async def test_who_listens_at_another_relay_hears_of_it_at_once(logs: list[EventLog], eventually: Eventually) -> None:
    """Long before the next look at the clock: twenty times would take twenty seconds."""
    seen = list[int]()
    following = asyncio.create_task(follow(logs[1], "a", seen, 20))
    async with asyncio.timeout(10):
        for number in range(20):
            await add(logs[0], "a", f"k{number}")
            await eventually(lambda so_far=number: len(seen) > so_far)
        await following
    assert seen == list(range(1, 21))


@pytest.mark.parametrize("hints", ["dropped", "doubled", "late and in disorder"])
async def test_hints_may_be_dropped_doubled_or_disordered(
    logs: list[EventLog], monkeypatch: pytest.MonkeyPatch, hints: str
) -> None:
    heard = postgresql_lookout.Lookout._heard
    kept: list[Any] = []

    def drop(_lookout: Any, _hint: Any) -> list[str]:
        return []

    def double(lookout: Any, hint: Any) -> list[str]:
        return [*heard(lookout, hint), *heard(lookout, hint)]

    def disorder(lookout: Any, hint: Any) -> list[str]:
        kept.append(hint)
        return heard(lookout, kept.pop(0)) if len(kept) > 4 else []

    monkeypatch.setattr(postgresql_lookout, "LOOK_SECONDS", 0.05)
    twist = {"dropped": drop, "doubled": double, "late and in disorder": disorder}[hints]
    monkeypatch.setattr(postgresql_lookout.Lookout, "_heard", twist)
    seen = list[int]()
    following = asyncio.create_task(follow(logs[1], "a", seen, 60))
    for number in range(60):
        await add(logs[number % 3], "a", f"k{number}")
    await asyncio.wait_for(following, 20)
    assert seen == list(range(1, 61))


async def test_an_epoch_that_turns_at_one_relay_turns_at_all(logs: list[EventLog], eventually: Eventually) -> None:
    await add(logs[0], "a", "k")
    flags = [asyncio.Event() for _ in logs]
    for log in logs:
        await log.latest("a")
    with logs[1].wakeups("a", flags[1]), logs[2].wakeups("a", flags[2]):
        turned = await logs[0].rotate("a", "epoch-a", "fork")
        for log, flag in zip(logs[1:], flags[1:], strict=True):
            await asyncio.wait_for(flag.wait(), 10)
            assert (await log.head("a")).epoch == turned.epoch
            assert log.reset_reason("a") == "epoch"
    assert (await add(logs[1], "a", "l")).epoch == turned.epoch


async def test_a_relay_that_remembers_an_old_epoch_learns_the_new_one_by_its_next_append(logs: list[EventLog]) -> None:
    await asyncio.gather(*(add(log, "a", "k") for log in logs))
    turned = await logs[0].rotate("a", "epoch-a", "fork")
    assert (await add(logs[1], "a", "l")).epoch == turned.epoch
    assert (await logs[1].head("a")).epoch == turned.epoch


async def test_of_relays_that_decide_at_once_one_is_first(logs: list[EventLog]) -> None:
    async def claim(log: EventLog, who: int, receipt: int) -> bool:
        def decide(connection: Any, _head: Any) -> tuple[list[Incoming], bool]:
            taken = connection.exec_driver_sql(
                "SELECT 1 FROM event_key WHERE key_end = %(end)s", {"end": f"{receipt}"}
            ).first()
            made = Incoming("a", "claim", f"claim:R:{receipt}", b"%d" % who, str(who), Meta(1_700_000_000_000))
            return ([], False) if taken else ([made], True)

        return bool(await log.append_if("a", decide))

    for receipt in range(10):
        won = await asyncio.gather(*(claim(log, at, receipt) for at, log in enumerate(logs)))
        assert sorted(won) == [False, False, True]
    assert len(await everything(logs[0], "a")) == 10


async def test_a_stream_that_another_relay_moves_all_the_time_is_held_at_once(
    logs: list[EventLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And tried without again, once nobody else does."""
    refused, write = list[bool](), postgresql_batch.write

    def watched(*given: Any) -> bool:
        refused.append(not write(*given))
        return not refused[-1]

    await add(logs[0], "a", "first")
    await add(logs[1], "a", "second")
    monkeypatch.setattr(postgresql_batch, "write", watched)
    for number in range(6):
        await add(logs[number % 2], "a", f"k{number}")
    assert refused.count(True) == 2  # once at each
    before = len(refused)
    for number in range(6):
        await add(logs[0], "a", f"l{number}")
    assert refused[before:] == [False] * 6
    assert logs[0]._store._contended == set()  # type: ignore[attr-defined]


async def test_a_stream_that_is_held_for_a_moment_is_waited_for(logs: list[EventLog], store: str) -> None:
    with opened(store).connect() as other:
        other.exec_driver_sql("BEGIN")
        other.exec_driver_sql("SELECT 1 FROM stream WHERE name = 'a' FOR UPDATE")
        waiting = asyncio.create_task(add(logs[0], "a", "k"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.2)
        other.exec_driver_sql("UPDATE stream SET rules = '{}' WHERE name = 'a'")
        other.exec_driver_sql("COMMIT")
    assert (await waiting).seq == 1
    assert [event.key for event in await everything(logs[1], "a")] == ["k"]
