"""The one writer and the one reader: settings that are really set, transactions, a full disk, a broken file."""
# ruff: noqa: ASYNC240 — a test has the loop to itself

import asyncio
import os
import sqlite3
import subprocess
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pos_app.store import database as module
from pos_app.store.database import Database, DiskFullError, StoreError

pytestmark = pytest.mark.anyio

_SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": 5000,
    "trusted_schema": 0,
    "recursive_triggers": 1,
}


def pragmas(connection: sqlite3.Connection) -> dict[str, object]:
    names = (*_SETTINGS, "query_only", "wal_autocheckpoint")
    return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}


def add_product(name: str, size: int = 0) -> object:
    def add(connection: sqlite3.Connection) -> None:
        values = {"name": name + "x" * size}
        connection.execute("INSERT INTO product (name, price_cents, barcode) VALUES (:name, 100, '')", values)

    return add


def count_products(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM product").fetchone()[0])


async def test_every_setting_is_really_set(database: Database) -> None:
    assert await database.run(pragmas) == {**_SETTINGS, "query_only": 0, "wal_autocheckpoint": 1000}
    assert await database.read(pragmas) == {**_SETTINGS, "query_only": 1, "wal_autocheckpoint": 0}


async def test_a_setting_that_does_not_hold_refuses_to_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PRAGMAS", (("synchronous", 9),))  # SQLite takes it and keeps another
    database = Database(path)
    with pytest.raises(StoreError, match="synchronous is"):
        await database.open()
    await database.close()


async def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    database = Database(tmp_path / "file" / "till.db")
    with pytest.raises(OSError, match="file"):
        await database.open()
    await database.close()


async def test_what_was_written_is_there_after_a_restart(path: Path) -> None:
    for name in ("Bread", "Milk"):
        database = Database(path)
        await database.open()
        await database.run(add_product(name))  # type: ignore[arg-type]
        await database.close()
    assert not path.with_name("till.db-wal").exists()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM product").fetchall() == [("Bread",), ("Milk",)]


async def test_work_that_raises_leaves_nothing_behind(database: Database) -> None:
    def half(connection: sqlite3.Connection) -> None:
        add_product("Bread")(connection)  # type: ignore[operator]
        raise LookupError("the second half fails")

    with pytest.raises(LookupError):
        await database.run(half)
    assert await database.read(count_products) == 0


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError):
        await database.read(add_product("Bread"))  # type: ignore[arg-type]
    assert await database.read(count_products) == 0
    assert database.failure is None


async def test_a_reader_sees_the_state_before_an_unfinished_write(database: Database) -> None:
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def write(connection: sqlite3.Connection) -> None:
        add_product("Bread")(connection)  # type: ignore[operator]
        seen.append(asyncio.run_coroutine_threadsafe(database.read(count_products), loop).result(10))

    await database.run(write)
    assert (seen, await database.read(count_products)) == ([0], 1)


async def test_a_busy_database_is_a_sentence_and_no_broken_one(
    path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.run(lambda connection: connection.execute("PRAGMA user_version"))
    monkeypatch.setattr(module, "_PRAGMAS", tuple({**dict(module._PRAGMAS), "busy_timeout": 1}.items()))
    impatient = Database(path)
    await impatient.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="just now"):
            await impatient.run(add_product("Bread"))  # type: ignore[arg-type]
        other.execute("ROLLBACK")
    await impatient.run(add_product("Bread"))  # type: ignore[arg-type]
    await impatient.close()
    assert await database.read(count_products) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
async def test_a_folder_of_any_name_holds_its_own_records(tmp_path: Path) -> None:
    """Read as an address, `a?1` and `a?2` would both be `a`: two tills, two locks, one file."""
    folders = [tmp_path / name for name in ("a?1", "a?2", "a%20#b")]
    for folder in folders:
        held = Database(folder / "till.db")
        await held.open()
        await held.run(add_product("Bread"))  # type: ignore[arg-type]
        assert await held.read(count_products) == 1
        await held.close()
        assert (folder / "till.db").stat().st_size > 0
    assert sorted(tmp_path.iterdir()) == sorted(folders)


async def test_an_error_of_the_database_names_nobody(database: Database) -> None:
    values = {"name": "JANE WANJIKU 254712345678"}

    def refused(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO product (name, price_cents, barcode) VALUES (:name, -1, '')", values)

    def unknown(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT nothing FROM product WHERE name = :name", values)

    for use, work in ((database.run, refused), (database.read, unknown)):
        with pytest.raises(sqlite3.Error) as raised:
            await use(work)
        assert "JANE" not in "".join(traceback.format_exception(raised.value))


async def test_what_has_happened_is_written_though_nobody_waits_for_it_any_more(database: Database) -> None:
    """A window that closes while the writer is busy must not take a reply with it that still waits in the queue."""
    go = threading.Event()
    busy = asyncio.create_task(database.run(lambda _connection: go.wait(10)))
    reply: asyncio.Task[object] = asyncio.create_task(database.run(add_product("Bread")))  # type: ignore[arg-type]
    charge: asyncio.Task[object] = asyncio.create_task(
        database.run(add_product("Milk"), may_use_reserve=False)  # type: ignore[arg-type]
    )
    await asyncio.sleep(0)
    reply.cancel()
    charge.cancel()
    await asyncio.wait({reply, charge})
    go.set()
    await busy
    await database.run(lambda _connection: None)
    names = await database.read(lambda connection: connection.execute("SELECT name FROM product").fetchall())
    assert names == [("Bread",)]


async def test_what_the_rules_of_the_schema_refuse_is_raised_as_it_is(database: Database) -> None:
    def orphan(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO cash_tender VALUES (1, 77, 100, 100, 'now')")

    with pytest.raises(sqlite3.IntegrityError):
        await database.run(orphan)
    assert database.failure is None


# A full disk (T2).


async def fill(database: Database, limit: int) -> None:
    """From now on the file may not grow: SQLite answers as on a full disk."""

    def cap(connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count={limit}")

    await database.run(cap)


async def test_on_a_full_disk_a_new_charge_is_refused_and_the_reserve_released(path: Path, database: Database) -> None:
    reserve = path.with_name("till.db.reserve")
    assert reserve.stat().st_size == 4 * 1024 * 1024
    await fill(database, 1)
    with pytest.raises(DiskFullError, match="disk is full"):
        await database.run(add_product("Bread", 100_000), may_use_reserve=False)  # type: ignore[arg-type]
    assert (reserve.exists(), database.low_space, database.failure) == (False, True, None)
    await fill(database, 1_000_000)
    await database.run(add_product("Bread", 100_000))  # type: ignore[arg-type]
    assert await database.has_room()
    assert reserve.exists()


async def test_what_has_happened_is_written_on_a_full_disk_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(path)
    await database.open()
    await fill(database, 1)
    released = database._release_reserve

    def release_and_grow() -> None:
        released()
        database._writing.execute("PRAGMA max_page_count=1000000")  # type: ignore[union-attr]  # there is room again

    monkeypatch.setattr(database, "_release_reserve", release_and_grow)
    await database.run(add_product("Bread", 100_000))  # type: ignore[arg-type]
    assert await database.read(count_products) == 1
    await database.close()


async def test_with_the_reserve_gone_a_full_disk_is_said_once(database: Database, path: Path) -> None:
    path.with_name("till.db.reserve").unlink()
    await fill(database, 1)
    with pytest.raises(DiskFullError):
        await database.run(add_product("Bread", 100_000))  # type: ignore[arg-type]


async def test_a_reserve_that_cannot_be_written_means_no_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        database = Database(path)
        await database.open()
        assert not await database.has_room()
    assert await database.has_room()
    await database.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 12 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("only the superuser of a Linux can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_really_full_disk_loses_nothing_and_takes_no_new_charge(small_disk: Path) -> None:
    database = Database(small_disk / "till.db")
    await database.open()
    with (small_disk / "photographs").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
    with pytest.raises(DiskFullError):
        await database.run(add_product("A charge", 200_000), may_use_reserve=False)  # type: ignore[arg-type]
    assert not await database.has_room(), "the released reserve is no room for another charge"
    await database.run(add_product("A callback", 200_000))  # type: ignore[arg-type]
    assert database.failure is None
    (small_disk / "photographs").unlink()
    assert await database.has_room()
    assert await database.read(count_products) == 1
    await database.close()


async def test_the_first_thing_written_on_a_full_disk_uses_the_reserve_by_itself(small_disk: Path) -> None:
    database = Database(small_disk / "till.db")
    await database.open()
    with (small_disk / "photographs").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
    await database.run(add_product("A callback", 200_000))  # type: ignore[arg-type]
    assert (database.low_space, await database.read(count_products)) == (True, 1)
    await database.close()


# A broken file (T3).


async def broken(path: Path) -> Database:
    """Opened while whole; then every page but the first is overwritten."""
    database = Database(path)
    await database.open()
    for number in range(200):
        await database.run(add_product(f"Product {number}", 2000))  # type: ignore[arg-type]
    await database.close()
    database = Database(path)
    await database.open()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    return database


async def test_a_corrupt_file_stops_every_later_write(path: Path) -> None:
    database = await broken(path)
    with pytest.raises(StoreError, match="Stop taking money"):
        await database.run(add_product("Bread"))  # type: ignore[arg-type]
    failure = database.failure
    with pytest.raises(StoreError, match="Stop taking money"):
        await database.run(lambda _connection: None)
    assert database.failure is failure
    await database.close()


async def test_a_corrupt_page_met_while_reading_stops_the_writes_too(path: Path) -> None:
    database = await broken(path)
    with pytest.raises(StoreError, match="Stop taking money"):
        await database.read(count_products)
    with pytest.raises(StoreError, match="Stop taking money"):
        await database.run(lambda _connection: None)
    await database.close()


async def test_a_file_replaced_by_something_else_stops_the_writes(path: Path) -> None:
    database = Database(path)
    await database.open()
    path.write_bytes(b"not a database at all" * 5000)
    with pytest.raises(StoreError):
        await database.run(add_product("Bread"))  # type: ignore[arg-type]
    assert database.failure is not None
    await database.close()


@pytest.mark.parametrize(
    ("code", "stops"),
    [
        (sqlite3.SQLITE_IOERR | (4 << 8), True),  # SQLITE_IOERR_FSYNC
        (sqlite3.SQLITE_CORRUPT, True),
        (sqlite3.SQLITE_NOTADB, True),
        (sqlite3.SQLITE_BUSY, False),
        (sqlite3.SQLITE_READONLY, False),
        (sqlite3.SQLITE_CANTOPEN, False),
    ],
)
async def test_after_a_failed_sync_nothing_is_written_any_more(database: Database, code: int, stops: bool) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        add_product("Milk")(connection)  # type: ignore[operator]
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        raise error

    with pytest.raises(StoreError):
        await database.run(fail)
    assert (database.failure is not None) is stops
    if not stops:
        await database.run(add_product("Bread"))  # type: ignore[arg-type]
    assert await database.read(count_products) == (0 if stops else 1)


async def test_a_checkpoint_that_fails_at_the_end_is_only_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(path)
    await database.open()
    database._writing.close()  # type: ignore[union-attr]  # nothing can be asked of it any more
    await database.close()
    assert "the next start reads it" in caplog.text


async def test_a_database_that_never_opened_can_be_closed(path: Path) -> None:
    await Database(path).close()
    assert not path.exists()


async def test_a_database_that_is_not_open_is_not_read(path: Path) -> None:
    database = Database(path)
    with pytest.raises(RuntimeError, match="not open"):
        await database.read(count_products)
    await database.close()


async def test_what_sqlite_has_rolled_back_already_is_not_rolled_back_again(database: Database) -> None:
    def given_up(connection: sqlite3.Connection) -> None:
        add_product("Bread")(connection)  # type: ignore[operator]
        connection.execute("ROLLBACK")
        raise LookupError("as after some errors")

    with pytest.raises(LookupError):
        await database.run(given_up)
    await database.run(add_product("Milk"))  # type: ignore[arg-type]
    assert await database.read(count_products) == 1
