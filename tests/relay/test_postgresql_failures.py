"""A connection to PostgreSQL that is cut at each step of a batch, and a database that lost what was told of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from relay.log import Appended, EventLog, Meta, Outcome, UnavailableError
from relay.protocol import GENESIS, Cursor, Event
from relay.stores import postgresql_batch, streams
from relay.stores.postgresql import PostgresStore
from relay.stores.postgresql_connecting import driver, translated
from relay.stores.sequence import row_id
from relay.stores.store import opened

pytestmark = pytest.mark.anyio
STORES = ["postgresql"]


@pytest.fixture
async def log(store: str, tmp_path: Path) -> AsyncIterator[EventLog]:
    made = await EventLog.open(opened(store), tmp_path / "high.water")
    await made.run(lambda connection: streams.create_stream(connection, "st", "epoch"))
    yield made
    await made.close()


async def add(log: EventLog, key: str, money: str = "m") -> Appended:
    return await log.append("st", "stk", key, b"{}", Meta(1_700_000_000_000, money=money.encode()))


async def stored_at_last(log: EventLog, key: str, money: str = "m") -> Appended:
    """As Safaricom's copies would come, until one is answered."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await add(log, key, money)
            except UnavailableError:
                await asyncio.sleep(0.01)


async def everything(log: EventLog) -> list[Event]:
    found: list[Event] = []
    cursor = Cursor("", 0, GENESIS)
    await log.latest("st")
    while events := await log.read("st", cursor.seq):
        for event in events:
            assert event.follows(cursor)
            cursor = Cursor("", event.seq, event.chain)
        found += events
    return found


def cut_off(connection: psycopg.Connection[Any], url: str) -> None:
    """By the server, and at once."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))


def _before_the_batch(log: EventLog, cut: Callable[[Any], None], patch: Any) -> None:
    write = PostgresStore.write

    def cutting(self: Any, connection: Connection, *rest: Any) -> Any:
        cut(driver(connection))
        return write(self, connection, *rest)

    patch.setattr(PostgresStore, "write", cutting)


def _after_the_batch(log: EventLog, cut: Callable[[Any], None], patch: Any) -> None:
    """It is committed, and the answer is lost."""
    write = postgresql_batch.write

    def cutting(connection: Any, *rest: Any) -> bool:
        write(connection, *rest)
        cut(connection)
        with translated():
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    patch.setattr(postgresql_batch, "write", cutting)


def _while_it_is_held(step: str) -> Callable[..., None]:
    def arrange(log: EventLog, cut: Callable[[Any], None], patch: Any) -> None:
        owner: Any = PostgresStore if step == "_hold_all" else postgresql_batch
        whole = getattr(owner, step)

        def cutting(*given: Any) -> Any:
            found = whole(*given)
            cut(driver(given[1]) if step == "_hold_all" else given[0])
            return found

        patch.setattr(owner, step, cutting)

    return arrange


STEPS = {
    "before the batch": _before_the_batch,
    "after the commit, before its answer": _after_the_batch,
    "after the streams are held": _while_it_is_held("_hold_all"),
    "after the copies are looked up": _while_it_is_held("known"),
    "before the commit": _while_it_is_held("write"),
}


OF_NEWS = {"before the batch", "after the commit, before its answer"}


@pytest.mark.parametrize("step", STEPS)
async def test_a_connection_cut_at_any_step_is_answered_unavailable_and_loses_or_doubles_nothing(
    log: EventLog, store: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A batch that holds a copy takes more steps than one of news alone."""
    first = await add(log, "first")
    with monkeypatch.context() as patch:
        STEPS[step](log, lambda connection: cut_off(connection, store), patch)
        batch = [add(log, key) for key in (["k", "l"] if step in OF_NEWS else ["first", "k", "l"])]
        results = await asyncio.gather(*batch, return_exceptions=True)
        assert {type(result) for result in results} == {UnavailableError}
    for key in ("k", "l", "first"):
        await stored_at_last(log, key)
    events = await everything(log)
    assert sorted(event.key for event in events) == ["first", "k", "l"]
    assert events[0].chain == first.chain
    assert (await add(log, "new")).seq == 4
    assert (await log.head("st")).epoch == "epoch"


async def test_a_batch_that_was_committed_and_not_answered_is_a_copy_when_it_comes_again(
    log: EventLog, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = asyncio.Event()
    await add(log, "before")
    with log.wakeups("st", flag):
        with monkeypatch.context() as patch:
            _after_the_batch(log, lambda connection: cut_off(connection, store), patch)
            with pytest.raises(UnavailableError):
                await add(log, "k")
        await asyncio.wait_for(flag.wait(), 10)
        assert [event.key for event in await log.read("st", 0)] == ["before", "k"]
    assert (await stored_at_last(log, "k")).outcome is Outcome.DUPLICATE


async def test_a_batch_that_is_cut_off_while_it_waits_for_its_stream_is_not_stored(
    log: EventLog, store: str, eventually: Any
) -> None:
    await add(log, "before")
    pid = await log.run(lambda connection: driver(connection).info.backend_pid)
    with psycopg.connect(store) as other, psycopg.connect(store, autocommit=True) as admin:
        other.execute("SELECT 1 FROM stream WHERE name = 'st' FOR UPDATE")
        waiting = asyncio.create_task(add(log, "k"))
        is_waiting = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        await eventually(lambda: admin.execute(is_waiting, (pid,)).fetchone() is not None)
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        with pytest.raises(UnavailableError):
            await waiting
        other.rollback()
    assert (await stored_at_last(log, "k")).outcome is Outcome.NEW
    assert [event.key for event in await everything(log)] == ["before", "k"]


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_what_another_relay_was_in_the_way_of_is_tried_again(
    log: EventLog, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    write, tries = postgresql_batch.write, 0

    def clashing(*given: Any) -> bool:
        nonlocal tries
        tries += 1
        if tries % 3:
            with translated():
                raise psycopg.errors.lookup(state)("in the way")
        return write(*given)

    monkeypatch.setattr(postgresql_batch, "write", clashing)
    assert (await add(log, "k")).seq == 1
    assert await log.append_if("st", lambda _connection, head: ([], head.seq)) == 1
    assert log.healthy
    monkeypatch.setattr(postgresql_batch, "write", lambda *_: _always(state))
    with pytest.raises(UnavailableError):
        await add(log, "l")
    assert not log.healthy


def _always(state: str) -> bool:
    with translated():
        raise psycopg.errors.lookup(state)("in the way")


# A database that was failed over, or restored, without what it had acknowledged


def forget_after(store: str, seq: int) -> None:
    """As if the server that took over had never had it. Nobody is told."""
    with psycopg.connect(store, autocommit=True) as admin:
        place = row_id(1, seq)
        admin.execute("DELETE FROM event WHERE id > %s", (place,))
        admin.execute("DELETE FROM event_key WHERE id > %s", (place,))
        admin.execute(
            "UPDATE stream SET head_seq = %s, head_chain = (SELECT chain FROM event_key WHERE id = %s)", (seq, place)
        )


def cut_all(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'till-relay' AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("overgrown", [True, False])
async def test_what_the_database_lost_turns_the_epoch_before_anything_is_appended(
    log: EventLog, store: str, tmp_path: Path, cut: bool, overgrown: bool
) -> None:
    """Noticed when the connection is made anew; else when the stream is not where it was left."""
    for number in range(5):
        await add(log, f"k{number}")
    forget_after(store, 3)
    if overgrown:
        other = await EventLog.open(opened(store), tmp_path / "other.high.water")
        for number in range(4):
            await add(other, f"other{number}")
        await other.close()
    flag = asyncio.Event()
    with log.wakeups("st", flag):
        if cut:
            cut_all(store)
            await asyncio.wait_for(flag.wait(), 10)
            assert (await log.head("st")).epoch > "epoch"
        told = await stored_at_last(log, "new")
        assert flag.is_set()
    assert told.epoch == (await log.head("st")).epoch > "epoch"
    assert log.reset_reason("st") == "epoch"
    assert told.seq == (8 if overgrown else 4)
    assert [event.key for event in await everything(log)][:4] == ["k0", "k1", "k2", "other0" if overgrown else "new"]
    assert (await stored_at_last(log, "k4")).outcome is Outcome.NEW


async def test_what_only_another_relay_had_acknowledged_turns_the_epoch_too(
    log: EventLog, store: str, tmp_path: Path
) -> None:
    """This one has served it to its tills."""
    other = await EventLog.open(opened(store), tmp_path / "other.high.water")
    for number in range(5):
        await add(other, f"k{number}")
    await other.close()
    assert (await log.latest("st")).seq == 5
    flag = asyncio.Event()
    with log.wakeups("st", flag):
        forget_after(store, 2)
        cut_all(store)
        await asyncio.wait_for(flag.wait(), 10)
    head = await log.head("st")
    assert (head.seq, head.epoch > "epoch") == (2, True)


async def test_a_relay_that_starts_on_a_database_older_than_its_high_water_turns_the_epoch(
    store: str, tmp_path: Path
) -> None:
    for start in range(2):
        log = await EventLog.open(opened(store), tmp_path / "high.water")
        if start == 0:
            await log.run(lambda connection: streams.create_stream(connection, "st", "epoch"))
            for number in range(5):
                await add(log, f"k{number}")
        head = await log.head("st")
        await log.close()
        assert (head.seq, head.epoch > "epoch") == ((5, False) if start == 0 else (4, True))
        forget_after(store, 4)


async def test_a_reader_whose_connection_was_cut_meanwhile_is_answered(log: EventLog, store: str) -> None:
    await add(log, "k")
    await log.ask(lambda connection: None)
    pid = await log.ask(lambda connection: driver(connection).info.backend_pid)
    with psycopg.connect(store, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert [event.key for event in await log.read("st", 0)] == ["k"]


async def test_a_question_that_is_wrong_is_asked_once(log: EventLog) -> None:
    asked = 0

    def wrong(connection: Connection) -> None:
        nonlocal asked
        asked += 1
        connection.exec_driver_sql("SELECT nothing")

    with pytest.raises(DBAPIError):
        await log.ask(wrong)
    assert asked == 1


async def test_a_commit_whose_answer_is_lost_fails_its_job(
    log: EventLog, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def job(connection: Connection) -> None:
        streams.create_stream(connection, "other", "epoch")
        cut_off(driver(connection), store)

    with pytest.raises(UnavailableError):
        await log.run(job)
    async with asyncio.timeout(20):
        while True:
            try:
                await log.run(lambda connection: streams.create_stream(connection, "other", "epoch"))
                break
            except (UnavailableError, OperationalError):
                await asyncio.sleep(0.01)
    assert (await log.head("other")).seq == 0


async def test_a_database_that_forgot_a_new_epoch_is_given_another(log: EventLog, store: str) -> None:
    await add(log, "k")
    turned = await log.rotate("st", "epoch", "fork")
    with psycopg.connect(store, autocommit=True) as admin:
        admin.execute("UPDATE stream SET epoch = 'epoch'")
    assert (await log.latest("st")).epoch > turned.epoch
    told = await add(log, "l")
    assert (told.epoch, told.seq) == ((await log.head("st")).epoch, 2)


async def test_who_hears_of_a_loss_twice_turns_the_epoch_once(log: EventLog, store: str) -> None:
    for number in range(3):
        await add(log, f"k{number}")
    flag = asyncio.Event()
    with log.wakeups("st", flag):
        forget_after(store, 1)
        cut_all(store)
        await asyncio.wait_for(flag.wait(), 10)
        epoch = (await log.head("st")).epoch
        for number in range(3):
            assert (await stored_at_last(log, f"new{number}")).epoch == epoch
            assert (await log.latest("st")).epoch == epoch
