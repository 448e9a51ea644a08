"""The event log: durable, gap-free, deduplicated, and honest after a failure or a restored backup."""

import asyncio
import hashlib
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from relay import protocol
from relay.log import Appended, EventLog, Meta, Outcome, UnavailableError
from relay.protocol import GENESIS, QUARANTINED, TRUSTED, Cursor
from relay.stores import sequence, sqlite, sqlite_checkpoints
from relay.stores.lock import StoreInUseError, StoreLock
from relay.stores.sequence import Encoding, Head, Incoming, Known
from relay.stores.sqlite import SqliteStore
from relay.stores.store import StoreSettingError, transaction
from relay.stores.streams import create_stream

pytestmark = pytest.mark.anyio


def meta(money: str = "m", trust: str = TRUSTED) -> Meta:
    return Meta(1_700_000_000_000, trust, money.encode())


async def open_log(folder: Path) -> EventLog:
    return await EventLog.open(SqliteStore(folder / "relay.db"), folder / "high.water")


async def with_stream(folder: Path, *names: str) -> EventLog:
    log = await open_log(folder)
    for name in names or ("st",):
        await log.run(partial(create_stream, name=name, epoch=f"epoch-{name}"))
    return log


async def add(log: EventLog, key: str, money: str = "m", trust: str = TRUSTED, stream: str = "st") -> Any:
    return await log.append(stream, "stk", key, b"{}", meta(money, trust))


async def test_seq_has_no_gaps_and_the_chain_holds(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await asyncio.gather(*(add(log, f"k{number}") for number in range(1000)))
    cursor = Cursor("epoch-st")
    while events := await log.read("st", cursor.seq):
        for event in events:
            assert event.follows(cursor)
            cursor = Cursor("epoch-st", event.seq, event.chain)
    assert cursor.seq == 1000
    assert (await log.head("st")).chain == cursor.chain == await log.chain_at("st", 1000)
    assert await log.chain_at("st", 0) == GENESIS
    assert await log.chain_at("st", 1001) is None
    await log.close()


async def test_streams_count_for_themselves(tmp_path: Path) -> None:
    log = await with_stream(tmp_path, "a", "b")
    got = await asyncio.gather(*(add(log, "k", stream=name) for name in ("a", "b", "a", "b")))
    assert [(one.epoch, one.seq) for one in got] == [("epoch-a", 1), ("epoch-b", 1)] * 2
    await log.close()


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    before = [await add(log, f"k{number}") for number in range(5)]
    await log.close()
    log = await open_log(tmp_path)
    assert [event.chain for event in await log.read("st", 0)] == [one.chain for one in before]
    after = await add(log, "k5")
    assert (after.epoch, after.seq) == (before[0].epoch, 6)
    await log.close()
    await log.close()


async def test_a_body_that_is_no_json_comes_back_as_base64(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await log.append("st", "unparsed", "u", b"\xff\x00", Meta(1_700_000_000_000, encoding=Encoding.BASE64))
    await log.append("st", "stk", "k", '{"a":"é"}'.encode(), meta())
    unparsed, fine = await log.read("st", 0)
    assert (unparsed.raw, bytes(unparsed.body)) == ("/wA=", b"null")
    assert (fine.raw, bytes(fine.body)) == (None, '{"a":"é"}'.encode())
    assert unparsed.body_sha256 == hashlib.sha256(b"\xff\x00").hexdigest()
    await log.close()


async def test_a_blanked_body_leaves_the_chain_whole(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await add(log, "k")
    await log.run(lambda connection: connection.exec_driver_sql("UPDATE event SET body = NULL"))
    (event,) = await log.read("st", 0)
    assert event.follows(Cursor("epoch-st"))
    assert (bytes(event.body), event.raw) == (b"null", None)
    await log.close()


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("mn"), st.sampled_from([TRUSTED, QUARANTINED])), max_size=40
)


@given(steps, st.lists(st.integers(1, 7), min_size=1, max_size=40))
def test_any_order_of_copies_gives_the_same_truth(copies: list[tuple[str, str, str]], sizes: list[int]) -> None:
    """Against a model, and cut into batches in any way."""
    heads, known = {"st": Head(1, "e", 0, GENESIS)}, dict[sequence.Identity, list[Known]]()
    seen: list[tuple[str, str, str]] = []
    left, chain = list(copies), GENESIS
    while left:
        size = sizes[len(left) % len(sizes)]
        batch = [Incoming("st", "stk", key, b"{}", "{}", meta(money, trust)) for key, money, trust in left[:size]]
        made = sequence.plan(batch, heads, known)
        heads |= made.heads
        for (key, money, trust), answer, row in zip(left[:size], made.answers, made.written, strict=True):
            hidden = (key, money, TRUSTED) in seen or (key, money, trust) in seen
            assert (answer.outcome is Outcome.DUPLICATE) == hidden == (row is None)
            if row is not None:
                assert row.rev == sum(1 for other in seen if other[0] == key)
                assert (answer.outcome is Outcome.REVISION) == (row.rev > 0)
                chain = protocol.chain_next(chain, len(seen) + 1, key, row.body_sha256)
                assert (row.seq, row.chain.hex(), row.key) == (len(seen) + 1, chain, key)
                seen.append((key, money, trust))
        left = left[size:]
    assert (heads["st"].seq, heads["st"].chain) == (len(seen), chain)


def test_a_forgery_never_hides_the_real_event() -> None:
    forged = Known(0, b"m", QUARANTINED, 1, "c")
    assert sequence.duplicate_of([forged], b"m", TRUSTED) is None
    assert sequence.duplicate_of([forged], b"m", QUARANTINED) is forged
    real = Known(1, b"m", TRUSTED, 2, "c")
    assert sequence.duplicate_of([forged, real], b"m", TRUSTED) is real
    assert sequence.duplicate_of([real], b"m", QUARANTINED) is real


async def test_a_hundred_copies_at_once_are_one_event(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    got = await asyncio.gather(*(add(log, "k") for _ in range(100)))
    assert {(one.seq, one.chain) for one in got} == {(1, got[0].chain)}
    assert sorted(one.outcome for one in got).count(Outcome.DUPLICATE) == 99
    again = await add(log, "k", "other money")
    assert (again.seq, again.outcome) == (2, Outcome.REVISION)
    assert [event.rev for event in await log.read("st", 0)] == [0, 1]
    await log.close()


@hypothesis_settings(max_examples=10, deadline=None)
@given(steps)
def test_the_database_agrees_with_the_plan(copies: list[tuple[str, str, str]]) -> None:
    import tempfile

    async def play(folder: Path) -> None:
        log = await with_stream(folder)
        seen: list[tuple[str, str, str]] = []
        for key, money, trust in copies:
            got = await add(log, key, money, trust)
            new = (key, money, TRUSTED) not in seen and (key, money, trust) not in seen
            assert (got.outcome is not Outcome.DUPLICATE) == new
            if new:
                seen.append((key, money, trust))
        stored = [(event.key, event.trust) for event in await log.read("st", 0)]
        assert stored == [(key, trust) for key, _, trust in seen]
        await log.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


async def test_a_reader_that_registers_first_misses_nothing(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await log.head("st")
    flag, seen = asyncio.Event(), list[int]()

    async def follow() -> None:
        with log.wakeups("st", flag):
            while len(seen) < 600:
                flag.clear()
                if events := await log.read("st", len(seen)):
                    seen.extend(event.seq for event in events)
                else:
                    await flag.wait()

    following = asyncio.create_task(follow())
    await asyncio.gather(*(add(log, f"k{number}") for number in range(600)))
    await asyncio.wait_for(following, 20)
    assert seen == list(range(1, 601))
    await log.close()


async def test_the_tail_in_memory_says_what_the_database_says(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await log.head("st")
    with log.wakeups("st", asyncio.Event()):
        big = b'"' + b"x" * 60_000 + b'"'
        for number in range(30):
            await log.append("st", "stk", f"k{number}", big if number % 2 else b"{}", meta())
        from_memory = [(await log.read("st", after, 1))[0] for after in range(30)]
    from_disk = [(await log.read("st", after, 1))[0] for after in range(30)]
    assert [protocol.encode(event) for event in from_memory] == [protocol.encode(event) for event in from_disk]
    assert 1 <= len(await log.read("st", 0)) < 30
    await log.close()


async def test_a_cancelled_caller_does_not_cancel_the_append(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    calling = asyncio.create_task(add(log, "k"))
    await asyncio.sleep(0)
    calling.cancel()
    assert (await add(log, "k")).outcome is Outcome.DUPLICATE
    await log.close()


async def test_after_close_nothing_is_taken(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await log.close()
    assert not log.healthy
    with pytest.raises(UnavailableError):
        await add(log, "k")
    with pytest.raises(UnavailableError):
        await log.run(lambda _: None)


async def test_the_epoch_turns_once_for_two_who_ask(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await add(log, "k")
    one, two = await asyncio.gather(log.rotate("st", "epoch-st", "fork"), log.rotate("st", "epoch-st", "fork"))
    assert one.epoch == two.epoch != "epoch-st"
    assert log.reset_reason("st") == "fork"
    assert (await add(log, "l")) == Appended(one.epoch, 2, (await log.head("st")).chain, Outcome.NEW)
    await log.close()


def test_settings_that_do_not_hold_stop_the_start() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(StoreSettingError, match="journal_mode"):
        sqlite.configure(connection)
    connection.close()


def test_the_log_flushes_every_commit_and_nobody_else_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "relay.db"
    with sqlite.engine(path).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar_one() == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_any_name_holds_its_own_store(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory&b#c%20d" / "relay.db"
    with transaction(SqliteStore(path)):
        pass
    assert path.stat().st_size > 0


def test_what_could_not_be_stored_is_not_told_to_a_log(tmp_path: Path) -> None:
    with sqlite.engine(tmp_path / "relay.db").connect() as connection:
        with pytest.raises(OperationalError) as failed:
            connection.exec_driver_sql("SELECT * FROM nothing WHERE a = ?", ("secret",))
        assert "secret" not in str(failed.value)


@pytest.mark.parametrize("shape", ["CREATE TABLE event (id INTEGER)", "PRAGMA user_version = 99"])
async def test_a_store_of_another_shape_is_refused_and_left_alone(tmp_path: Path, shape: str) -> None:
    other = sqlite3.connect(tmp_path / "relay.db")
    other.execute(shape)
    before = list(other.iterdump())
    with pytest.raises(StoreSettingError, match="another version"):
        await open_log(tmp_path)
    assert list(other.iterdump()) == before
    other.close()


def test_one_relay_per_store(tmp_path: Path) -> None:
    held = StoreLock(tmp_path / "lock")
    with pytest.raises(StoreInUseError):
        StoreLock(tmp_path / "lock")
    held.release()
    StoreLock(tmp_path / "lock").release()


async def test_the_write_ahead_log_is_moved_while_the_relay_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    monkeypatch.setattr(sqlite_checkpoints, "PASSIVE_AT_BYTES", 1)
    monkeypatch.setattr(sqlite_checkpoints, "RESTART_AT_BYTES", 1)
    monkeypatch.setattr(sqlite_checkpoints, "CHECKPOINT_SECONDS", 0.01)
    log = await with_stream(tmp_path)
    before = (tmp_path / "relay.db").stat().st_size
    for number in range(50):
        await log.append("st", "stk", f"k{number}", b'"' + b"x" * 5_000 + b'"', meta())
    await eventually(lambda: (tmp_path / "relay.db").stat().st_size > before + 200_000)
    assert len(await log.read("st", 0)) == 50
    await log.close()


def test_a_failed_transaction_leaves_nothing_behind(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "relay.db")
    store.prepare()

    def insert_and_fail(connection: Connection) -> None:
        with store.transaction(connection):
            create_stream(connection, "s", "e")
            raise ZeroDivisionError

    def fail_at_commit(connection: Connection) -> None:
        with store.transaction(connection):
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = 1")
            connection.exec_driver_sql("INSERT INTO invite VALUES ('BCDF', 9, '', 0, 0)")

    with store.connect() as connection:
        with pytest.raises(ZeroDivisionError):
            insert_and_fail(connection)
        assert store.heads(connection) == {}
        with pytest.raises(IntegrityError):
            fail_at_commit(connection)
        with store.transaction(connection):
            assert connection.exec_driver_sql("SELECT count(*) FROM invite").scalar_one() == 0
