"""The spool: what it kept is read again after a cut at any byte, and comes into the log once, in its order."""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from relay import spool_files
from relay.emptying import Emptying
from relay.log import EventLog, Kept, Meta, NotStorableError, Stored, UnavailableError
from relay.protocol import Event, PairResponse
from relay.spool import KeptOrNot, Spool, packed, unpacked
from relay.spool_files import MARK_BYTES, Segments, frame, scan
from relay.stores import sqlite_batch
from relay.stores.lock import StoreInUseError
from relay.stores.sealing import SealedError, Seals
from relay.stores.sequence import Encoding, Incoming
from relay.stores.sqlite import SqliteStore
from relay.stores.streams import create_stream
from relay.waiting import MANY, Waiting

pytestmark = pytest.mark.anyio

FULL = os.environ.get("TILL_TEST_FULL") == "1"
MARK = b"m" * MARK_BYTES
PLENTY = 64 * 1024 * 1024
STREAMS = ("st", "tt")


def a_callback(key: str, stream: str = "st", body: bytes = b"{}") -> Incoming:
    return Incoming.of(stream, "stk", key, body, Meta(1_700_000_000_000, money=b"m"))


@given(st.lists(st.binary(max_size=40), max_size=5), st.data())
def test_of_a_segment_cut_at_any_byte_all_is_read_that_is_whole(records: list[bytes], data: st.DataObject) -> None:
    framed = [frame(MARK, record) for record in records]
    whole = MARK + b"".join(framed)
    cut = data.draw(st.integers(0, len(whole)))
    ends = [MARK_BYTES + sum(map(len, framed[: at + 1])) for at in range(len(framed))]
    assert scan(whole[:cut]) == (records[: sum(end <= cut for end in ends)], False)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=2, max_size=5), st.data())
def test_a_record_that_is_spoilt_takes_none_of_the_others_with_it(records: list[bytes], data: st.DataObject) -> None:
    framed = [bytearray(frame(MARK, record)) for record in records]
    spoilt = data.draw(st.integers(0, len(records) - 1))
    at = data.draw(st.integers(0, len(framed[spoilt]) - 1))
    framed[spoilt][at] ^= 0xFF
    found = scan(MARK + b"".join(framed))
    assert found.records == records[:spoilt] + records[spoilt + 1 :]
    assert found.is_damaged == (spoilt < len(records) - 1)


def test_no_body_passes_for_a_record_whatever_is_in_it() -> None:
    """Who could write a record would be trusted: the mark that a body would have to hold is another in each file."""
    forged = frame(MARK, packed(a_callback("forged"), Seals()))
    torn = frame(b"n" * MARK_BYTES, b"x" * 9 + forged)[:-1]
    assert scan(b"n" * MARK_BYTES + torn).records == []


@given(st.binary(max_size=60), st.booleans())
def test_a_callback_comes_back_as_it_was_put(body: bytes, is_json: bool) -> None:
    text = b'"' + body.hex().encode() + b'"'
    meta = Meta(7, "quarantined", b"m", "UJE", "n", "600966", Encoding.JSON if is_json else Encoding.BASE64)
    incoming = Incoming.of("st", "stk", "k", text if is_json else body, meta)
    assert unpacked(packed(incoming, Seals()), Seals()) == incoming


@given(st.text(max_size=60))
def test_with_a_key_no_body_is_in_the_spool_and_another_key_opens_none(said: str) -> None:
    ours, others = Seals([("a", b"k" * 32)]), Seals([("a", b"o" * 32)])
    incoming = a_callback("k", body=b"CANARY" + said.encode())
    record = packed(incoming, ours)
    assert b"CANARY" not in record
    assert unpacked(record, ours) == incoming
    for wrong in (others, Seals()):
        with pytest.raises(SealedError):
            unpacked(record, wrong)
    assert unpacked(packed(incoming, Seals()), ours) == incoming


@pytest.fixture
def segments(tmp_path: Path) -> Segments:
    return Segments(tmp_path / "spool", PLENTY)


def files(folder: Path, ending: str = ".spool") -> list[Path]:
    return sorted(folder.rglob(f"*{ending}"))


def test_after_a_failed_flush_nothing_more_is_written_to_that_file(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments.append([b"one"])

    def fails(_descriptor: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("relay.spool_files.os.fsync", fails)
        for _ in range(3):
            with pytest.raises(OSError, match="input/output"):
                segments.append([b"two"])
    segments.append([b"three"])
    assert [segments.read(path) for path in segments] == [[b"one"], [b"three"]]
    assert len(files(tmp_path)) == 2


def test_a_full_segment_is_followed_by_another_and_a_restart_begins_its_own(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_files, "SEGMENT_BYTES", 50)
    for record in (b"a" * 40, b"b", b"c"):
        segments.append([record])
    again = Segments(tmp_path / "spool", PLENTY)
    again.append([b"d"])
    assert [again.read(path) for path in again] == [[b"a" * 40], [b"b", b"c"], [b"d"]]
    for path in again:
        again.remove(path)
    assert list(again) == files(tmp_path) == []


def test_what_is_not_its_own_in_that_folder_is_left_alone(segments: Segments, tmp_path: Path) -> None:
    (tmp_path / "spool" / "highwater.new").symlink_to("gone")
    (tmp_path / "spool" / "notes.spool").write_bytes(b"x")
    segments.append([b"one"])
    again = Segments(tmp_path / "spool", PLENTY)
    assert [again.read(path) for path in again] == [[b"one"]]


def test_a_spool_takes_no_more_room_than_it_may(tmp_path: Path) -> None:
    segments = Segments(tmp_path / "spool", 512 * 1024)
    for _ in range(7):
        segments.append([b"x" * 60_000])
    with pytest.raises(OSError, match="full"):
        segments.append([b"x" * 60_000] * 2)
    with pytest.raises(OSError, match="full"):
        segments.probe()
    segments.retire()
    segments.remove(next(iter(segments)))
    segments.probe()


def test_a_damaged_segment_is_kept_for_a_person(
    segments: Segments, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segments.append([b"one", b"two", b"three"])
    segments.retire()
    (path,) = segments
    data = bytearray(path.read_bytes())
    data[data.index(b"two")] ^= 0xFF
    path.write_bytes(data)
    assert segments.read(path) == [b"one", b"three"]
    assert "damaged" in caplog.text
    segments.remove(path)
    assert [held.read_bytes() for held in files(tmp_path, ".damaged")] == [bytes(data)]


def refuse(*_: object) -> Any:
    raise OperationalError("statement", {}, Exception("disk I/O error"))


class Parts:
    """A log with its spool, which can be killed at any moment: what is on the disk then goes on elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_down = False
        self.allowed = -1
        self._write = sqlite_batch.write
        folder.mkdir()

    async def open(self) -> None:
        self.spool = Spool(self.folder / "spool", PLENTY)
        self.log = await EventLog.open(SqliteStore(self.folder / "relay.db"), self.folder / "high.water", self.spool)
        self.emptying = Emptying(self.spool, self.log)

    async def close(self) -> None:
        await self.log.close()
        await self.spool.close()

    async def killed(self, torn: bytes) -> None:
        """As a process that is killed: nothing more is written, but for a part of what was not answered."""
        after = self.folder.with_name(f"{self.folder.name}x")
        shutil.copytree(self.folder, after)
        for path in files(after)[-1:]:
            data = path.read_bytes()
            path.write_bytes(data + frame(data[:MARK_BYTES], torn)[:-1])
        self.is_down = False
        await self.close()
        self.folder = after
        await self.open()

    def write(self, connection: Connection, rows: Any) -> None:
        """The store's, as long as it is not down."""
        if self.is_down or self.allowed == 0:
            refuse()
        self.allowed -= 1
        self._write(connection, rows)

    async def call(self, key: str, stream: str = "st", body: bytes = b"{}") -> Stored:
        told: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        incoming = Incoming.of(stream, "stk", key, body, Meta(1_700_000_000_000, money=b"m"))
        assert self.log.put(incoming, told.set_result)
        return await asyncio.wait_for(told, 10)

    async def keep(self, key: str) -> None:
        """While the store is away for it."""
        self.is_down = True
        assert isinstance(await self.call(key), Kept)
        self.is_down = False

    async def keys(self, stream: str = "st") -> list[str]:
        found: list[Event] = []
        while events := await self.log.read(stream, len(found)):
            found += events
        return [event.key for event in found]

    async def emptied_in_vain(self) -> None:
        """On a disk that is `read_only`."""
        with pytest.raises(OSError, match="read-only"):
            await self.emptying.empty()

    async def emptied(self, allowed: int = -1) -> None:
        """Of so many commits only."""
        self.allowed = allowed
        try:
            await self.emptying.empty()
        except UnavailableError:
            assert allowed >= 0 or self.is_down
        self.allowed = -1


@contextmanager
def store_of(parts: Parts) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_batch, "write", parts.write)
        yield


async def made(folder: Path) -> Parts:
    parts = Parts(folder)
    await parts.open()
    for name in STREAMS:
        await parts.log.run(lambda connection, name=name: create_stream(connection, name, f"epoch-{name}"))
    return parts


@pytest.fixture
async def parts(tmp_path: Path) -> Any:
    made_of = await made(tmp_path / "relay")
    with store_of(made_of):
        yield made_of
    await made_of.close()


async def test_what_the_store_refuses_is_kept_and_nothing_overtakes_it(parts: Parts) -> None:
    parts.is_down = True
    assert isinstance(await parts.call("a"), Kept)
    parts.is_down = False
    assert isinstance(await parts.call("b"), Kept)
    assert not isinstance(await parts.call("other", "tt"), Kept)
    assert (parts.spool.depth, await parts.keys(), await parts.keys("tt")) == (2, [], ["other"])
    await parts.emptied()
    assert not isinstance(await parts.call("c"), Kept)
    assert (parts.spool.depth, await parts.keys(), files(parts.folder)) == (0, ["a", "b", "c"], [])


async def test_an_append_that_went_to_the_spool_is_not_in_the_log(parts: Parts) -> None:
    parts.is_down = True
    with pytest.raises(UnavailableError):
        await parts.log.append("st", "stk", "a", b"{}", Meta(1))


async def test_what_was_not_removed_in_time_is_moved_again_and_known(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.is_down = True
    for at in range(300):
        await parts.call(f"k{at}", STREAMS[at % 2])
    parts.is_down = False

    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Segments, "remove", fails)
        with pytest.raises(OSError, match="input/output"):
            await parts.emptying.empty()
    await parts.killed(b"")
    assert parts.spool.depth == 300
    await parts.emptied()
    assert await parts.keys() == [f"k{at}" for at in range(0, 300, 2)]
    assert await parts.keys("tt") == [f"k{at}" for at in range(1, 300, 2)]


def read_only(*_: object) -> None:
    raise OSError(errno.EROFS, "read-only file system")


async def test_a_segment_that_cannot_be_removed_keeps_nothing_waiting_and_goes_with_the_next(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await parts.keep("a")
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", read_only)
        await parts.emptied_in_vain()
        await parts.emptied()
    assert (parts.spool.depth, await parts.keys(), len(files(parts.folder))) == (0, ["a"], 1)
    assert not isinstance(await parts.call("b"), Kept)
    await parts.keep("c")
    await parts.emptied()
    assert (parts.spool.depth, await parts.keys(), files(parts.folder)) == (0, ["a", "b", "c"], [])


async def test_a_segment_that_is_gone_already_keeps_nothing_waiting(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await parts.keep("a")
    with monkeypatch.context() as broken:
        broken.setattr(spool_files, "_flush_folder", read_only)
        await parts.emptied_in_vain()
    await parts.keep("b")
    await parts.emptied()
    assert (parts.spool.depth, await parts.keys(), files(parts.folder)) == (0, ["a", "b"], [])


async def test_while_the_spool_is_ill_and_the_store_is_well_nobody_waits_for_what_is_in_the_spool(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.is_down = True
    assert isinstance(await parts.call("a"), Kept)
    with monkeypatch.context() as broken:
        broken.setattr(Segments, "append", read_only)
        assert isinstance(await parts.call("b"), UnavailableError)
        parts.is_down = False
        assert not isinstance(await parts.call("c"), Kept | UnavailableError)
    await parts.spool.probe()
    await parts.emptied()
    assert await parts.keys() == ["c", "a"]


async def test_what_could_not_be_set_aside_is_not_removed(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.is_down = True
    await parts.call("a")
    parts.spool._segments.append([b"from the future"])
    parts.is_down = False
    await parts.killed(b"")
    with monkeypatch.context() as broken:
        broken.setattr(Segments, "set_aside", read_only)
        for _ in range(2):
            await parts.emptied_in_vain()
    await parts.emptied()
    assert (await parts.keys(), len(files(parts.folder, ".aside"))) == (["a"], 1)


async def test_of_what_comes_together_only_the_streams_that_wait_here_go_behind_it(
    parts: Parts, eventually: Any
) -> None:
    parts.is_down = True
    await parts.call("a")
    parts.is_down = False
    told: list[Stored] = []
    arrived = [Waiting(a_callback(key, stream), told.append) for key, stream in (("b", "st"), ("x", "tt"), ("c", "st"))]
    assert parts.log.put_all(arrived)
    await eventually(lambda: len(told) == len(arrived))
    assert (parts.spool.depth, await parts.keys(), await parts.keys("tt")) == (3, [], ["x"])
    await parts.emptied()
    assert await parts.keys() == ["a", "b", "c"]


async def test_what_is_gathered_while_it_is_found_empty_is_not_forgotten(
    parts: Parts, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.waiting.TOGETHER_SECONDS", 60)
    told: list[KeptOrNot] = []
    for number in range(MANY):
        parts.spool.put(a_callback(str(number)), told.append)
    await eventually(lambda: len(told) == MANY)
    await parts.emptied()
    assert parts.spool.depth == 0
    parts.spool.put(a_callback("late"), told.append)
    assert await parts.spool.oldest() is None
    assert (parts.spool.depth, len(told)) == (1, MANY)
    parts.spool._room.hand_over()
    await eventually(lambda: len(told) == MANY + 1)
    await parts.emptied()
    assert (await parts.keys())[-1] == "late"


async def test_one_that_the_log_never_takes_is_set_aside_and_the_others_go_on(
    parts: Parts, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.is_down = True
    for key in ("a", "bad", "b"):
        await parts.call(key)
    parts.spool.put(a_callback("lost", "gone"), lambda _: None)
    parts.is_down = False
    append_all = EventLog.append_all

    async def picky(log: EventLog, stream: str, some: Any) -> None:
        if any(one.key == "bad" for one in some):
            raise IntegrityError("INSERT", {}, Exception("a rule"))
        await append_all(log, stream, some)

    monkeypatch.setattr(EventLog, "append_all", picky)
    await parts.emptied()
    assert await parts.keys() == ["a", "b"]
    aside = [
        unpacked(one, Seals()) for path in files(parts.folder, ".aside") for one in scan(path.read_bytes()).records
    ]
    assert sorted(one.key for one in aside) == ["bad", "lost"]
    assert "IntegrityError" in caplog.text
    assert "UnknownStreamError" in caplog.text
    assert parts.spool.depth == 0


async def test_what_another_relay_wrote_is_set_aside(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    """Never thrown away, and nothing waits for it."""
    parts.is_down = True
    await parts.call("a")
    parts.spool._segments.append([b"from the future"])
    await parts.killed(b"")
    await parts.emptied()
    assert await parts.keys() == ["a"]
    assert "1 of the spool set aside: cannot be read" in caplog.text


async def test_one_that_is_not_storable_is_refused_and_never_kept(parts: Parts) -> None:
    assert isinstance(await parts.call("\ud800"), NotStorableError)
    assert parts.spool.depth == 0


async def test_a_spool_has_one_relay(parts: Parts) -> None:
    with pytest.raises(StoreInUseError, match="--spool"):
        Spool(parts.folder / "spool", PLENTY)


async def test_a_spool_that_fails_refuses_and_is_found_well_again(parts: Parts, broken_disks: Any) -> None:
    parts.is_down = True
    with broken_disks():
        assert isinstance(await parts.call("a"), UnavailableError)
        assert not parts.spool.healthy
        await parts.spool.probe()
        assert not parts.spool.healthy
    await parts.spool.probe()
    assert parts.spool.healthy
    # Nobody knows what a write that failed has left behind, so the stream keeps its way until all is looked through.
    assert isinstance(await parts.call("b"), Kept)
    parts.is_down = False
    await parts.emptied()
    assert (parts.spool.depth, await parts.keys()) == (0, ["b"])


async def test_a_disk_that_hangs_is_given_up_on(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr("relay.spool.GIVE_UP_SECONDS", 0.05)
    hangs, append = threading.Event(), Segments.append

    def slow(segments: Segments, records: Any) -> None:
        hangs.wait(10)
        append(segments, records)

    monkeypatch.setattr(Segments, "append", slow)
    parts.is_down = True
    calling = asyncio.create_task(parts.call("a"))
    while not calling.done():
        parts.log.expire_waiting()
        await asyncio.sleep(0.01)
    assert isinstance(await calling, UnavailableError)
    assert not parts.spool.healthy
    hangs.set()
    assert isinstance(await parts.call("b"), Kept)
    parts.is_down = False
    await parts.emptied()
    assert await parts.keys() == ["a", "b"]


async def test_a_store_that_hangs_is_not_waited_for(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.intake.SPOOL_AFTER_SECONDS", 0.05)
    import sqlite3

    other = sqlite3.connect(parts.folder / "relay.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    calling = asyncio.create_task(parts.call("a"))
    while not calling.done():
        parts.log.expire_waiting()
        await asyncio.sleep(0.01)
    assert isinstance(await calling, Kept)
    # Another stream has something there neither, and does not wait either.
    assert isinstance(await asyncio.wait_for(parts.call("b", "tt"), 1), Kept)
    other.execute("ROLLBACK")
    other.close()
    await parts.emptied()
    assert (await parts.keys(), await parts.keys("tt")) == (["a"], ["b"])


steps = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.sampled_from(STREAMS)),
        st.tuples(st.just("again"), st.integers(0, 5)),
        st.tuples(st.just("down"), st.booleans()),
        st.tuples(st.just("empty"), st.integers(0, 3)),
        st.tuples(st.just("kill"), st.binary(max_size=30)),
    ),
    min_size=4,
    max_size=25,
)


@given(steps)
@settings(
    max_examples=300 if FULL else 12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate] if not FULL else list(Phase),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_fails_and_dies_all_that_was_answered_is_there_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, script: list[Any]
) -> None:
    asyncio.run(_played(tmp_path_factory.mktemp("spool") / "relay", script))


async def _played(folder: Path, script: list[Any]) -> None:
    parts = await made(folder)
    answered: dict[str, list[str]] = {name: [] for name in STREAMS}
    called: list[tuple[str, str]] = []
    with store_of(parts):
        for act, what in script:
            if act == "call":
                called.append((f"k{len(called)}", what))
                assert not isinstance(await parts.call(*called[-1]), Exception)
                answered[what].append(called[-1][0])
            elif act == "again" and called:
                assert not isinstance(await parts.call(*called[-1 - what % len(called)]), Exception)
            elif act == "down":
                parts.is_down = what
            elif act == "empty":
                await parts.emptied(what)
            elif act == "kill":
                await parts.killed(what)
        parts.is_down = False
        await parts.emptied()
        assert {name: await parts.keys(name) for name in STREAMS} == answered
        assert (parts.spool.depth, files(parts.folder)) == (0, [])
        await parts.close()


async def test_while_the_store_is_broken_callbacks_are_answered_and_the_till_gets_them_later(
    bench: Any, till: PairResponse, bodies: Any, eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bodies.path_of(till, "/c2b/confirm")
    assert (await bench.post(path, bodies.c2b("BEFORE"))).status == 200
    with monkeypatch.context() as broken:
        broken.setattr(sqlite_batch, "write", refuse)
        for receipt in ("ONE", "TWO", "TWO"):
            assert (await bench.post(path, bodies.c2b(receipt))).status == 200
        assert (await bench.request("GET", "/readyz")).status == 200
        figures = (await bench.request("GET", "/metrics")).body.decode()
        assert "relay_spool_depth 3.0" in figures
        assert 'relay_ingest_total{kind="c2b.confirmation",result="spooled"} 3.0' in figures
    await eventually(lambda: not bench.relay._spool.depth)
    assert [event.receipt for event in await bench.events(till)] == ["BEFORE", "ONE", "TWO"]
    figures = (await bench.request("GET", "/metrics")).body.decode()
    assert 'relay_ingest_total{kind="c2b.confirmation",result="new"} 3.0' in figures
    assert "relay_spool_oldest_seconds 0.0" in figures
