"""The event log: durable, gap-free, deduplicated, and honest after a failure or a restored backup."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from relay import protocol
from relay.log import EventLog, Meta, Outcome, UnavailableError
from relay.protocol import GENESIS, QUARANTINED, TRUSTED, Cursor
from relay.stores import sequence, sqlite, sqlite_checkpoints
from relay.stores.lock import StoreInUseError, StoreLock
from relay.stores.sequence import Head, Incoming, Known
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


async def test_after_close_nothing_is_taken(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await log.close()
    assert not log.healthy
    with pytest.raises(UnavailableError):
        await add(log, "k")
    with pytest.raises(UnavailableError):
        await log.run(lambda _: None)


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


def test_one_relay_per_store(tmp_path: Path) -> None:
    held = StoreLock(tmp_path / "lock", "taken")
    with pytest.raises(StoreInUseError, match="taken"):
        StoreLock(tmp_path / "lock", "taken")
    held.release()
    StoreLock(tmp_path / "lock", "taken").release()


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


async def test_whoever_reads_for_long_keeps_no_callback_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_checkpoints, "PASSIVE_AT_BYTES", 1)
    monkeypatch.setattr(sqlite_checkpoints, "RESTART_AT_BYTES", 1)
    monkeypatch.setattr(sqlite_checkpoints, "CHECKPOINT_SECONDS", 0.2)
    log = await with_stream(tmp_path)
    reader = sqlite3.connect(tmp_path / "relay.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM event").fetchall()
    began, number = time.monotonic(), 0
    while time.monotonic() - began < 1:
        await asyncio.wait_for(log.append("st", "stk", f"k{number}", b"{}", meta()), 3)
        number += 1
    reader.close()
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
