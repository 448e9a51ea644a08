"""A relay as a process whose database or disk goes away under load: nothing that it answered is lost or doubled."""

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from relay_process import PATIENCE, RelayProcess, faulty, frozen, with_children

from relay import protocol
from relay.protocol import Event, PairResponse

pytestmark = pytest.mark.anyio

FULL = os.environ.get("TILL_TEST_FULL") == "1"
SENDERS = 6
GONE_SECONDS = 60.0 if FULL else 2.0
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="faults are injected with strace")
at_full_size = pytest.mark.skipif(not FULL, reason="at full size only")
Away = Callable[[], AbstractContextManager[None]]


class Senders:
    """Safaricom: each calls back without an end, one after the other, and remembers what was answered with 200."""

    def __init__(self, relay: RelayProcess, till: PairResponse, body: Callable[[str], bytes]) -> None:
        self._url = relay.url + "/h/" + till.callback_base.rsplit("/", 1)[1] + "/c2b/confirm"
        self._body = body
        self.accepted: list[list[str]] = [[] for _ in range(SENDERS)]
        self.refused = 0
        self.slowest = 0.0

    @property
    def count(self) -> int:
        return sum(map(len, self.accepted))

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            sending = [asyncio.create_task(self._send(client, sender)) for sender in range(SENDERS)]
            try:
                yield
            finally:
                for task in sending:
                    task.cancel()
                await asyncio.gather(*sending, return_exceptions=True)

    async def _send(self, client: httpx.AsyncClient, sender: int) -> None:
        with suppress(httpx.TransportError):
            for number in range(1_000_000):
                receipt = f"S{sender}N{number}T{time.time_ns()}"
                began = time.monotonic()
                status = (await client.post(self._url, content=self._body(receipt))).status_code
                self.slowest = max(self.slowest, time.monotonic() - began)
                if status == 200:
                    self.accepted[sender].append(receipt)
                else:
                    assert status == 503
                    self.refused += 1
                await asyncio.sleep(0.01)


def padded(body: bytes, size: int) -> bytes:
    return body[:-1] + b', "FirstName": "' + b"x" * size + b'"}'


def figures(relay: RelayProcess) -> str:
    return httpx.get(relay.url + "/metrics", trust_env=False).text


def figure(relay: RelayProcess, name: str) -> float:
    told = figures(relay).splitlines()
    return float(next(line for line in told if line.startswith(f"relay_{name} ")).split()[1])


def is_ready(relay: RelayProcess) -> bool:
    return httpx.get(relay.url + "/readyz", trust_env=False).status_code == 200


def receipts(relay: RelayProcess, till: PairResponse) -> list[str]:
    """All of the log, contiguous, in its order."""
    found: list[str] = []
    headers = {"Authorization": f"Bearer {till.token}"}
    with httpx.Client(base_url=relay.url, headers=headers, timeout=PATIENCE, trust_env=False) as client:
        epoch, chain, seq = "", protocol.GENESIS, 0
        while True:
            asked = f"{protocol.EVENTS_PATH}{till.stream}?epoch={epoch}&after={seq}&chain={chain}&wait=0"
            frames = protocol.decode_frames(client.get(asked).content)
            epoch = frames[0].streams[0].epoch  # type: ignore[union-attr]
            events = [frame for frame in frames if isinstance(frame, Event)]
            if not events:
                return found
            assert [event.seq for event in events] == list(range(seq + 1, seq + 1 + len(events)))
            seq, chain = events[-1].seq, events[-1].chain
            found += [str(event.receipt) for event in events]


def check(found: list[str], senders: Senders) -> None:
    """Once each, and what one sender had answered before it sent the next comes before that."""
    assert len(found) == len(set(found))
    place = {receipt: at for at, receipt in enumerate(found)}
    for accepted in senders.accepted:
        places = [place[receipt] for receipt in accepted]
        assert places == sorted(places)


async def is_empty(relay: RelayProcess, eventually: Any) -> None:
    await eventually(lambda: figure(relay, "spool_depth") == 0)


@pytest.fixture
def lent(start_relay: Any, tmp_path: Path) -> Callable[..., RelayProcess]:
    """A relay whose spool and high water are in a folder of the test's own."""

    def start(*options: str, **where: Any) -> RelayProcess:
        beside = ("--high-water", str(tmp_path / "high.water"), "--spool", str(tmp_path / "spool"))
        made: RelayProcess = start_relay(*beside, *options, **where)
        return made

    return start


@pytest.fixture
def away(request: pytest.FixtureRequest, server: Any) -> Away:
    """How the database goes away, for as long as the context."""
    info = server._server.get_postmaster_info()

    @contextmanager
    def killed() -> Iterator[None]:
        """Any backend that dies takes all with it: the server starts again by itself, and replays its log."""
        with psycopg.connect(server._server.get_uri(), autocommit=True) as admin:
            os.kill(admin.info.backend_pid, signal.SIGKILL)
            yield
        with suppress(psycopg.Error):
            server._admin.execute("SELECT 1")
        server._admin = server._connected()

    return {"stopped": server.stopped, "frozen": lambda: frozen(with_children(info.pid)), "killed": killed}[
        request.param
    ]


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("away", ["stopped", "frozen", pytest.param("killed", marks=at_full_size)], indirect=True)
@pytest.mark.timeout(300)
async def test_while_the_database_is_away_everybody_is_answered_and_nothing_is_lost(
    lent: Any, store: str, away: Away, bodies: Any, eventually: Any
) -> None:
    relay = lent(url=store)
    relay.add_shop("Duka")
    till = relay.pair("Duka")
    senders = Senders(relay, till, bodies.c2b)
    async with senders.at_work():
        await eventually(lambda: senders.count > 50)
        with away():
            before, since = senders.count, time.monotonic()
            await eventually(lambda: senders.count > before + 100)
            assert is_ready(relay)
            await asyncio.sleep(since + GONE_SECONDS - time.monotonic())
        after = senders.count
        await eventually(lambda: senders.count > after + 50)
    await is_empty(relay, eventually)
    assert senders.refused == 0
    assert senders.slowest < 4
    check(receipts(relay, till), senders)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program has the store open and writes for long."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.timeout(300)
async def test_what_was_answered_out_of_the_spool_survives_kill_9(lent: Any, bodies: Any, eventually: Any) -> None:
    """Killed while it spools, and when the store is free again."""
    relay = lent()
    relay.add_shop("Duka")
    till = relay.pair("Duka")
    rounds: list[Senders] = []
    for kill in range(12 if FULL else 2):
        rounds.append(Senders(relay, till, bodies.c2b))
        async with rounds[-1].at_work():
            with locked(relay.file):
                await eventually(lambda senders=rounds[-1], least=100 + 37 * kill: senders.count > least)
                if kill % 2:
                    relay.kill()
            if not kill % 2:
                relay.kill()
        relay = lent()
    await is_empty(relay, eventually)
    found = receipts(relay, till)
    for senders in rounds:
        check(found, senders)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a disk of its own needs the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Somebody else's file takes all the room that is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is of Linux")
@pytest.mark.timeout(120)
async def test_when_the_disk_of_the_store_is_full_the_spool_takes_over(
    lent: Any, small_disk: Path, bodies: Any, eventually: Any
) -> None:
    relay = lent(store=small_disk / "relay.db")
    relay.add_shop("Duka")
    till = relay.pair("Duka")
    senders = Senders(relay, till, bodies.c2b)
    async with senders.at_work():
        await eventually(lambda: senders.count > 20)
        filler = fill(small_disk)
        await eventually(lambda: figure(relay, "spool_depth") > 50)
        assert is_ready(relay)
        filler.unlink()
    await is_empty(relay, eventually)
    assert senders.refused == 0
    check(receipts(relay, till), senders)


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is of Linux")
@pytest.mark.timeout(120)
async def test_with_store_and_spool_on_one_full_disk_callers_are_refused_and_readiness_says_so(
    start_relay: Any, small_disk: Path, bodies: Any, eventually: Any
) -> None:
    relay = start_relay(store=small_disk / "relay.db")
    relay.add_shop("Duka")
    till = relay.pair("Duka")
    senders = Senders(relay, till, lambda receipt: padded(bodies.c2b(receipt), 2000))
    async with senders.at_work():
        await eventually(lambda: senders.count > 20)
        filler = fill(small_disk)
        await eventually(lambda: senders.refused > 5 and not is_ready(relay))
        filler.unlink()
        before = senders.count
        await eventually(lambda: senders.count > before + 20 and is_ready(relay))
    await is_empty(relay, eventually)
    check(receipts(relay, till), senders)


@needs_strace
@pytest.mark.parametrize(
    ("fault", "keeps"),
    [
        ("fdatasync:error=EIO", True),
        pytest.param("pwrite64:error=EROFS", True, marks=at_full_size),
        ("fdatasync:delay_enter=5000000", True),
        ("fsync,fdatasync:error=EIO", False),
    ],
    ids=["the store's flush fails", "read-only", "the store's flush hangs for 5 s", "every flush fails"],
)
@pytest.mark.timeout(120)
async def test_a_disk_that_fails_never_makes_an_answer_that_is_not_true(
    lent: Any, bodies: Any, eventually: Any, fault: str, keeps: bool
) -> None:
    """SQLite flushes with fdatasync, the spool with fsync: so the two fail apart."""
    relay = lent()
    relay.add_shop("Duka")
    till = relay.pair("Duka")
    senders = Senders(relay, till, bodies.c2b)
    async with senders.at_work():
        await eventually(lambda: senders.count > 20)
        with faulty(relay.process.pid, fault):
            before = senders.count
            if keeps:
                await eventually(lambda: senders.count > before + 40)
                assert is_ready(relay)
            else:
                await eventually(lambda: senders.refused > 5 and not is_ready(relay))
        before = senders.count
        await eventually(lambda: senders.count > before + 20 and is_ready(relay))
    await is_empty(relay, eventually)
    assert (senders.refused == 0) == keeps
    assert senders.slowest < 4
    check(receipts(relay, till), senders)


@pytest.mark.timeout(120)
async def test_a_till_that_reads_a_byte_a_second_is_closed_and_the_others_notice_nothing(
    lent: Any, bodies: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_SLOW_SECONDS", "2")
    relay = lent()
    relay.add_shop("Duka")
    slow, quick = relay.pair("Duka"), relay.pair("Duka", "till two")
    peer = _crawling(relay, slow)
    senders = Senders(relay, quick, lambda receipt: padded(bodies.c2b(receipt), 10_000))
    reading = asyncio.create_task(_read_a_byte_a_second(peer))
    async with senders.at_work():
        await eventually(lambda: 'reconnects_total{code="4008"} 1.0' in figures(relay))
    reading.cancel()
    peer.close()
    assert senders.refused == 0
    assert senders.slowest < 2
    check(receipts(relay, quick), senders)


async def _read_a_byte_a_second(peer: socket.socket) -> None:
    while True:
        await asyncio.sleep(1)
        with suppress(BlockingIOError, ConnectionError):
            peer.recv(1)


def _crawling(relay: RelayProcess, till: PairResponse) -> socket.socket:
    """A till's websocket, up to its hello, with as little room for what it has not read as there can be."""
    host, port = relay.url.removeprefix("http://").split(":")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    made.connect((host, int(port)))
    lines = [
        f"GET {protocol.CONNECT_PATH} HTTP/1.1",
        "Host: relay",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"Sec-WebSocket-Protocol: {protocol.SUBPROTOCOL}",
        f"Authorization: Bearer {till.token}",
    ]
    made.sendall("\r\n".join([*lines, "", ""]).encode())
    answered = b""
    while not answered.endswith(b"\r\n\r\n"):
        answered += made.recv(1)
    hello = protocol.encode(protocol.Hello([protocol.StreamCursor(till.stream, "", 0, protocol.GENESIS)]))
    # A client's frame is masked; with zeros it is what it was.
    assert 126 <= len(hello) < 65536
    made.sendall(b"\x81\xfe" + len(hello).to_bytes(2, "big") + bytes(4) + hello)
    made.setblocking(False)
    return made
