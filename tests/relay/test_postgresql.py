"""The log on PostgreSQL, beside the contract: what it needs of the server, its days, and no LISTEN or no server."""

import asyncio
import itertools
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from relay.log import EventLog, Meta, UnavailableError
from relay.protocol import Claim
from relay.stores import claims, link, postgresql_batch, postgresql_days, postgresql_lookout, streams
from relay.stores.link import Link
from relay.stores.postgresql import PostgresStore
from relay.stores.sequence import Incoming, row_id
from relay.stores.store import StoreGoneError, StoreSettingError, opened

pytestmark = pytest.mark.anyio
STORES = ["postgresql"]

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def store(server: Any) -> str:
    """A database that nobody has afterwards: these tests change its tables."""
    return str(server.fresh())


async def open_log(store: str, folder: Path, stream: str = "st") -> EventLog:
    log = await EventLog.open(opened(store), folder / "high.water")
    await log.run(lambda connection: streams.create_stream(connection, stream, "epoch"))
    return log


async def add(log: EventLog, key: str, body: bytes = b"{}") -> Any:
    return await log.append("st", "stk", key, body, Meta(1_700_000_000_000, receipt=key))


@contextmanager
def server_keeps(server: Any, name: str, value: str) -> Iterator[None]:
    def reload(statement: str, wanted: str) -> None:
        server.run(statement)
        server.run("SELECT pg_reload_conf()")
        while server.run(f"SHOW {name}") != [(wanted,)]:
            pass

    ((before,),) = server.run(f"SHOW {name}")
    reload(f"ALTER SYSTEM SET {name} = '{value}'", value)
    try:
        yield
    finally:
        reload(f"ALTER SYSTEM RESET {name}", before)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_what_it_committed_is_refused(store: str, server: Any, name: str) -> None:
    with server_keeps(server, name, "off"), pytest.raises(StoreSettingError, match=f"keeps {name} at off, not on"):
        opened(store).prepare()
    opened(store).prepare()


def test_a_database_that_cannot_hold_every_text_is_refused(server: Any) -> None:
    server.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    url = server.fresh(empty=True)
    with pytest.raises(StoreSettingError, match="server_encoding at LATIN1, not UTF8"):
        opened(url.replace(url.split("/")[3].split("?")[0], "latin")).prepare()


def test_each_commit_waits_for_the_disk_whatever_the_database_says(server: Any) -> None:
    for said, held in (("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")):
        url = server.fresh()
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        server.run(f"ALTER DATABASE {name} SET synchronous_commit = '{said}'")
        with opened(url).connect() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == held
            assert connection.exec_driver_sql("SHOW TimeZone").scalar_one() == "UTC"
            assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "5s"
            assert connection.exec_driver_sql("SHOW application_name").scalar_one() == "till-relay"


def test_an_address_that_cannot_be_read_does_not_show_its_password() -> None:
    with pytest.raises(StoreSettingError) as refused:
        opened("postgresql://relay:sec@ret@ :x/?=")
    assert "ret" not in str(refused.value).replace("store", "")


def test_questions_cannot_write(store: str) -> None:
    with opened(store).connect(query_only=True) as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.exec_driver_sql("DELETE FROM stream")


async def test_what_postgresql_cannot_hold_does_not_take_the_others_with_it(store: str, tmp_path: Path) -> None:
    log = await open_log(store, tmp_path)
    got = await asyncio.gather(*(add(log, key) for key in ("a", "nu\0l", "b")), return_exceptions=True)
    assert isinstance(got[1], UnavailableError)
    assert [event.key for event in await log.read("st", 0)] == ["a", "b"]
    assert log.healthy
    await log.close()


async def test_a_blanked_body_leaves_the_chain_whole(store: str, tmp_path: Path) -> None:
    log = await open_log(store, tmp_path)
    await add(log, "k")
    await log.run(lambda connection: connection.exec_driver_sql("UPDATE event SET body = NULL"))
    (event,) = await log.read("st", 0)
    assert (bytes(event.body), event.raw) == (b"null", None)
    await log.close()


# Days


def lives_on(connection: Connection) -> dict[str, tuple[date, str]]:
    """By key: the day of an event, and the table that it lies in."""
    rows = connection.exec_driver_sql(
        "SELECT k.key_end, e.day, e.tableoid::regclass::text, k.day FROM event_key k JOIN event e USING (id)"
    ).all()
    assert all(day == again for _, day, _, again in rows)
    return {key: (day, table) for key, day, table, _ in rows}


async def test_a_day_never_goes_back_along_seq_whatever_the_clock_says(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).date()
    log = await open_log(store, tmp_path)
    for key, at in (("a", today), ("b", today + timedelta(1)), ("c", today), ("d", today + timedelta(400))):
        monkeypatch.setattr(postgresql_batch, "_today", lambda at=at: at)
        await add(log, key)
    found = await log.ask(lives_on)
    assert found["a"] == (today, postgresql_days.name(today))
    assert found["b"] == found["c"] == (today + timedelta(1), postgresql_days.name(today + timedelta(1)))
    # Nobody has made a table for that day, and the append does not fail for want of one.
    assert found["d"] == (today + timedelta(400), "event_of_no_day")
    assert [event.key for event in await log.read("st", 0)] == ["a", "b", "c", "d"]
    await log.close()


def test_days_are_made_ahead_by_whoever_comes_first(store: str, caplog: pytest.LogCaptureFixture) -> None:
    today = datetime.now(UTC).date()
    with opened(store).connect() as connection:
        for day in (today, today + timedelta(3)):
            connection.exec_driver_sql(f"DROP TABLE {postgresql_days.name(day)}")
        connection.exec_driver_sql(f"INSERT INTO event VALUES (1, '{today}', 's', 1, NULL, NULL, '', 0, NULL)")
    opened(store).prepare()
    with opened(store).connect() as connection:
        made = postgresql_days._made(connection)
        wanted = {postgresql_days.name(today + timedelta(days)) for days in range(1, postgresql_days.AHEAD + 1)}
        # That of today cannot be made while something of today lies in the table for no day.
        assert made == wanted | {"event_of_no_day"}
        connection.exec_driver_sql("DELETE FROM event")
    opened(store).prepare()
    with opened(store).connect() as connection:
        assert postgresql_days._made(connection) == {*made, postgresql_days.name(today)}


async def test_reading_touches_the_days_of_its_page_alone(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ninety: two events on each, so a page of three lies on two of them."""
    today = datetime.now(UTC).date()
    log = await open_log(store, tmp_path)
    for back in range(89, -1, -1):
        day = today - timedelta(back)
        monkeypatch.setattr(postgresql_batch, "_today", lambda day=day: day)
        await log.run(lambda connection, day=day: postgresql_days._make(connection, day) if day < today else None)
        await asyncio.gather(add(log, f"{back}a"), add(log, f"{back}b"))
    head = await log.head("st")
    made = PostgresStore(store)

    def touched(connection: Connection, after: int, limit: int) -> tuple[list[int], int]:
        with made.transaction(connection):
            rows = made.read(connection, head, after, limit, 10_000)
            held = connection.exec_driver_sql(
                "SELECT count(DISTINCT relation) FROM pg_locks JOIN pg_inherits ON inhrelid = relation"
                " WHERE pid = pg_backend_pid() AND inhparent = 'event'::regclass"
            ).scalar_one()
        return [row.seq for row in rows], held

    with made.connect(query_only=True) as connection:
        for _ in range(8):  # as often as it takes until a statement is prepared
            assert touched(connection, 177, 200) == ([178, 179, 180], 2)
        assert touched(connection, 0, 3) == ([1, 2, 3], 2)
        assert touched(connection, 60, 20) == (list(range(61, 81)), 10)
    await log.close()


async def test_a_day_that_is_dropped_frees_no_payment_that_was_claimed(store: str, tmp_path: Path) -> None:
    log = await open_log(store, tmp_path)
    await log.append("st", "c2b.confirmation", "c2b:600966:UJE7K2M9QX", b"{}", Meta(1, receipt="UJE7K2M9QX"))
    body = b'{"receipt":"UJE7K2M9QX","generation":1,"till_id":"t","till":"T","sale":"7","cashier":"","at":""}'
    said = Incoming("st", "claim", "claim:UJE7K2M9QX:1", body, body.decode(), Meta(1))
    await log.append_if("st", lambda _connection, _head: ([said], None))
    today = postgresql_days.name(datetime.now(UTC).date())
    await log.run(lambda connection: connection.exec_driver_sql(f"DROP TABLE {today}"))
    held = await log.ask(lambda connection: claims.latest(connection, 1, "UJE7K2M9QX"))
    assert held is not None
    assert held == (Claim("UJE7K2M9QX", 1, "t", "T", "7", "", ""), True)
    assert await log.ask(lambda connection: claims.money(connection, 1, "UJE7K2M9QX")) == (True, "")
    assert (await log.append("st", "c2b.confirmation", "c2b:600966:UJE7K2M9QX", b"{}", Meta(1))).seq == 1
    assert (await add(log, "new")).seq == 3
    assert await log.chain_at("st", 2) is not None
    await log.close()


# Without LISTEN, and without a database


async def test_an_engine_without_listen_and_notify_is_looked_at_every_second(
    store: str, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.run("DROP ROLE IF EXISTS plain")
    server.run("CREATE ROLE plain LOGIN")
    with psycopg.connect(store, autocommit=True) as admin:
        admin.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain")
        admin.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO plain")
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_notify FROM public")
    monkeypatch.setattr(postgresql_lookout, "HEADS", "no such thing")
    monkeypatch.setattr(postgresql_lookout, "LOOK_SECONDS", 0.05)
    url = store.replace("postgres:@", "plain:@")
    one, two = [await EventLog.open(opened(url), tmp_path / f"high.water.{at}") for at in (1, 2)]
    await one.run(lambda connection: streams.create_stream(connection, "st", "epoch"))
    flag = asyncio.Event()
    await two.latest("st")
    with two.wakeups("st", flag):
        for number in range(3):
            flag.clear()
            await add(one, f"k{number}")
            await asyncio.wait_for(flag.wait(), 10)
            assert [event.key for event in await two.read("st", number)] == [f"k{number}"]
    await one.run(lambda connection: one.hint(connection, "question"))
    for log in (one, two):
        assert log.healthy
        await log.close()
    assert caplog.text.count("the database has no LISTEN") == 2
    with psycopg.connect(store, autocommit=True) as admin:
        admin.execute("GRANT EXECUTE ON FUNCTION pg_notify TO public")
        admin.execute("DROP OWNED BY plain")
    server.run("DROP ROLE plain")


async def test_a_database_that_starts_anew_is_found_again_and_has_everything(
    store: str, server: Any, tmp_path: Path, eventually: Eventually
) -> None:
    log = await open_log(store, tmp_path)
    await add(log, "before")
    server.restart()
    await eventually(lambda: not log.healthy)  # without a single callback
    await eventually(lambda: log.healthy)
    assert (await add(log, "after")).seq == 2
    flag = asyncio.Event()
    with log.wakeups("st", flag):
        assert [event.key for event in await log.read("st", 0)] == ["before", "after"]
    assert (await log.head("st")).epoch == "epoch"
    await log.close()


async def test_while_the_database_is_away_callers_are_refused_at_once(
    store: str, server: Any, tmp_path: Path, eventually: Eventually
) -> None:
    log = await open_log(store, tmp_path)
    with server.stopped():
        await eventually(lambda: not log.healthy)
        for _ in range(20):
            with pytest.raises(UnavailableError):
                await asyncio.wait_for(add(log, "k"), 2)
        with pytest.raises(UnavailableError):
            await log.run(lambda _connection: None)
        with pytest.raises((OperationalError, StoreGoneError)):
            await log.read("st", 0) or await log.latest("st")
    await eventually(lambda: log.healthy)
    assert (await add(log, "k")).seq == 1
    await log.close()


def test_the_pause_between_tries_grows_and_jitters(monkeypatch: pytest.MonkeyPatch) -> None:
    now, tries = 100.0, list[float]()
    monkeypatch.setattr(link.time, "monotonic", lambda: now)
    monkeypatch.setattr(link.random, "uniform", random.Random(1).uniform)

    def gone() -> Connection:
        tries.append(now)
        raise OperationalError("connect", None, Exception("refused"))

    one = Link(gone, longest_pause=5.0)
    while now < 160:
        with pytest.raises((OperationalError, StoreGoneError)):
            one.get()
        now += 0.01
    pauses = [later - sooner for sooner, later in itertools.pairwise(tries)]
    assert 0.05 <= pauses[0] <= 0.12
    assert all(2.5 <= pause <= 5.02 for pause in pauses[7:])
    assert len({round(pause, 1) for pause in pauses[7:]}) > 3
    assert pauses[:6] == sorted(pauses[:6])


async def test_a_job_that_swallows_an_error_is_not_taken_for_done(store: str, tmp_path: Path) -> None:
    """PostgreSQL undoes all of it, and answers COMMIT with ROLLBACK."""
    log = await open_log(store, tmp_path)

    def job(connection: Connection) -> None:
        streams.create_stream(connection, "lost", "epoch")
        with pytest.raises(Exception, match="does not exist"):
            connection.exec_driver_sql("SELECT * FROM nowhere")

    with pytest.raises(UnavailableError):
        await log.run(job)
    assert "lost" not in await log.ask(PostgresStore(store).heads)
    await log.close()


def test_two_relays_on_one_computer_have_a_high_water_each(
    start_relay: Any, relay_command: Any, store: str, tmp_path: Path
) -> None:
    start_relay("--high-water", str(tmp_path / "high.water"), url=store)
    second = relay_command("serve", "--port", "0", "--high-water", str(tmp_path / "high.water"), url=store)
    assert second.returncode == 1
    assert second.stderr.startswith("relay: another relay on this computer has the same high-water file")


def test_a_database_that_cannot_be_reached_is_one_line_and_exit_1(relay_command: Any) -> None:
    failed = relay_command("shop", "list", url="postgresql://relay:secret@127.0.0.1:1/relay")
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    assert failed.stderr.startswith("relay: the store cannot be used: ")
    assert "secret" not in failed.stderr


def test_without_its_driver_it_says_what_to_install() -> None:
    program = "import sys; sys.modules['psycopg'] = None; from relay.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "shop", "list", "--store", "postgresql://db.test/relay"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == "relay: a store on PostgreSQL needs psycopg: pip install 'mpesa-till[postgresql]'\n"


def test_places_and_days_are_of_the_events_themselves(store: str) -> None:
    with opened(store).connect() as connection, pytest.raises(IntegrityError, match="event_place"):
        connection.exec_driver_sql(
            f"INSERT INTO event_key VALUES ({row_id(1, 1)}, now(), 2, 'a', 'b', 0, 'k', NULL, 't', '', '', NULL)"
        )
