"""The event log after something went wrong: a disk that fails, hangs or fills, and a database from a backup."""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from relay import protocol
from relay.intake import APPEND_SECONDS
from relay.log import EventLog, Meta, Outcome, UnavailableError
from relay.stores import high_water, sqlite, sqlite_batch, sqlite_checkpoints
from relay.stores.sqlite import SqliteStore
from relay.stores.streams import create_stream

pytestmark = pytest.mark.anyio

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


def disk_error(*_: object) -> Any:
    raise OperationalError("statement", {}, sqlite3.OperationalError("disk I/O error"))


async def open_log(folder: Path) -> EventLog:
    return await EventLog.open(SqliteStore(folder / "relay.db"), folder / "high.water")


async def with_stream(folder: Path, name: str = "st") -> EventLog:
    log = await open_log(folder)
    await log.run(lambda connection: create_stream(connection, name, f"epoch-{name}"))
    return log


async def add(log: EventLog, key: str, body: bytes = b"{}", stream: str = "st") -> Any:
    return await log.append(stream, "stk", key, body, Meta(1_700_000_000_000))


async def test_a_commit_that_failed_but_landed_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    """The caller hears 503, the till gets the event, and the sender's copy is a duplicate."""
    log = await with_stream(tmp_path)
    write, flag = sqlite_batch.write, asyncio.Event()
    await add(log, "before")

    def lands_and_fails(connection: Connection, *rest: Any) -> None:
        write(connection, *rest)
        disk_error()

    with log.wakeups("st", flag):
        with monkeypatch.context() as broken:
            broken.setattr(sqlite_batch, "write", lands_and_fails)
            with pytest.raises(UnavailableError):
                await add(log, "k")
        await eventually(lambda: log.healthy)
        await asyncio.wait_for(flag.wait(), 10)
        assert [event.key for event in await log.read("st", 0)] == ["before", "k"]
        assert (await add(log, "k")).outcome is Outcome.DUPLICATE
        assert (await add(log, "after")).seq == 3
        assert [event.key for event in await log.read("st", 1)] == ["k", "after"]
    await log.close()


async def test_a_disk_that_stays_broken_is_tried_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    monkeypatch.setattr("relay.stores.writer.PROBE_SECONDS", 0.01)
    log = await with_stream(tmp_path)
    tries = 0

    def still_broken(*_: object) -> int:
        nonlocal tries
        tries += 1
        return int(disk_error())

    with monkeypatch.context() as broken:
        broken.setattr(sqlite, "checkpoint", still_broken)
        with pytest.raises(UnavailableError):
            await log.run(disk_error)
        await eventually(lambda: tries > 3)
        with pytest.raises(UnavailableError):
            await add(log, "k")
        assert not log.healthy
    with monkeypatch.context() as busy:
        busy.setattr(sqlite, "checkpoint", lambda *_: False)
        with pytest.raises(UnavailableError):
            await add(log, "k")
    await eventually(lambda: log.healthy)
    assert (await add(log, "k")).seq == 1
    await log.close()


async def test_a_job_that_breaks_a_rule_of_the_schema_is_told_so(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    with pytest.raises(IntegrityError):
        await log.run(lambda connection: create_stream(connection, "st", "twice"))
    assert log.healthy
    await log.close()


async def test_a_failed_checkpoint_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_checkpoints, "PASSIVE_AT_BYTES", 1)
    monkeypatch.setattr(sqlite_checkpoints, "CHECKPOINT_SECONDS", 0.01)
    monkeypatch.setattr(sqlite_checkpoints, "checkpoint", disk_error)
    log = await with_stream(tmp_path)
    await add(log, "k")
    await eventually(lambda: "checkpoint failed" in caplog.text)
    assert (await add(log, "l")).seq == 2
    await log.close()


async def test_a_full_disk_fails_the_callers_and_heals(tmp_path: Path, eventually: Eventually) -> None:
    log = await with_stream(tmp_path)
    await add(log, "before")
    # The limit goes with the connection, as the fault goes with a disk that somebody tidies up.
    await log.run(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1").all())
    big = b'"' + b"x" * 60_000 + b'"'
    results = await asyncio.gather(*(add(log, f"k{number}", big) for number in range(20)), return_exceptions=True)
    assert any(isinstance(result, UnavailableError) for result in results)
    await eventually(lambda: log.healthy)
    stored = [number for number, result in enumerate(results) if not isinstance(result, BaseException)]
    after = await add(log, "after")
    keys = [event.key for event in await _all(log)]
    assert keys[0] == "before"
    assert keys[-1] == "after"
    assert set(keys) >= {f"k{number}" for number in stored}
    assert after.seq == len(keys)
    await log.close()


async def _all(log: EventLog) -> list[protocol.Event]:
    found: list[protocol.Event] = []
    while events := await log.read("st", len(found)):
        found += events
    return found


async def test_a_store_that_fails_is_red_until_it_is_well(tmp_path: Path, eventually: Eventually) -> None:
    log = await with_stream(tmp_path)
    with pytest.raises(UnavailableError):
        await log.run(disk_error)
    assert not log.healthy
    await eventually(lambda: log.healthy)
    assert (await add(log, "k")).seq == 1
    await log.close()


async def test_a_job_with_a_bug_is_the_callers_problem_alone(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)

    def fail(_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await log.run(fail)
    assert log.healthy
    await log.close()


async def test_a_disk_that_hangs_is_given_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.intake.APPEND_SECONDS", 0.05)
    log = await with_stream(tmp_path)
    other = sqlite3.connect(tmp_path / "relay.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    calling = asyncio.create_task(add(log, "k"))
    while not calling.done():
        log.expire_waiting()
        await asyncio.sleep(0.01)
    with pytest.raises(UnavailableError):
        await calling
    assert not log.healthy
    other.execute("ROLLBACK")
    other.close()
    assert (await add(log, "k")).outcome is Outcome.DUPLICATE
    assert log.healthy
    assert APPEND_SECONDS > 1
    await log.close()


async def test_a_restored_older_copy_gets_a_new_epoch_at_start(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await add(log, "a")
    await log.close()
    shutil.copy(tmp_path / "relay.db", tmp_path / "backup.db")
    log = await open_log(tmp_path)
    await add(log, "b")
    await log.close()
    shutil.copy(tmp_path / "backup.db", tmp_path / "relay.db")
    log = await open_log(tmp_path)
    assert (await log.head("st")).epoch != "epoch-st"
    assert (await log.head("st")).seq == 1
    await log.close()


async def test_an_unreadable_high_water_proves_nothing_so_the_epoch_turns(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await add(log, "a")
    await log.close()
    (tmp_path / "high.water").write_bytes(b"torn")
    log = await open_log(tmp_path)
    assert (await log.head("st")).epoch != "epoch-st"
    await log.close()


async def test_a_wiped_database_forgets_its_marks(tmp_path: Path) -> None:
    log = await with_stream(tmp_path)
    await log.close()
    (tmp_path / "relay.db").unlink()
    log = await with_stream(tmp_path, "other")
    await add(log, "k", stream="other")
    await log.save_high_water()
    await log.save_high_water()
    await log.close()
    marks = high_water.load(tmp_path / "high.water")
    assert marks is not None
    assert set(marks) == {"other"}


async def test_a_high_water_that_failed_or_was_given_up_is_saved_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await with_stream(tmp_path)
    await add(log, "a")

    def fails(*_: object) -> None:
        raise OSError("no space")

    with monkeypatch.context() as broken:
        broken.setattr(high_water, "save", fails)
        with pytest.raises(OSError, match="no space"):
            await log.save_high_water()
    given_up = asyncio.create_task(log.save_high_water())
    await asyncio.sleep(0)
    given_up.cancel()
    await log.close()
    marks = high_water.load(tmp_path / "high.water")
    assert marks is not None
    assert marks["st"].seq == 1
