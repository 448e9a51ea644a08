"""A relay for tests: in this process behind raw ASGI, or as a process of its own; with shops, tills and callbacks."""

import asyncio
import errno
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from database_server import DatabaseServer

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

from relay_process import PATIENCE, Beside, RelayProcess
from sqlalchemy.exc import OperationalError
from websockets.frames import Frame
from websockets.protocol import Protocol, Side

from relay import protocol
from relay.app import Relay
from relay.overload import LATE_SECONDS
from relay.protocol import FromRelay, PairRequest, PairResponse, StreamCursor
from relay.settings import Settings
from relay.stores.store import opened
from relay.websocket import PUSH


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str]


def stk_body(
    checkout: str = "ws_CO_14102026153012345712345678",
    code: object = 0,
    amount: object = 150,
    receipt: str = "UJE7K2M9QX",
) -> bytes:
    callback: dict[str, Any] = {"MerchantRequestID": "b3e8", "CheckoutRequestID": checkout, "ResultCode": code}
    if code in (0, "0"):
        items = [
            {"Name": "Amount", "Value": amount},
            {"Name": "MpesaReceiptNumber", "Value": receipt},
            {"Name": "Balance"},
        ]
        callback["CallbackMetadata"] = {"Item": items}
    return json.dumps({"Body": {"stkCallback": callback}}).encode()


def c2b_body(receipt: str = "UJE7K2M9QX", amount: str = "150.00", short_code: str = "600966") -> bytes:
    said = {"TransID": receipt, "TransAmount": amount, "BusinessShortCode": short_code, "BillRefNumber": "T1-7-1"}
    return json.dumps(said).encode()


class Socket:
    """A till's websocket, spoken to the relay's ASGI side. `gate` closed means that the till reads nothing."""

    def __init__(self, relay: Relay, headers: list[tuple[bytes, bytes]], subprotocols: list[str], path: str) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.closed_with: int | None = None
        self._to_relay: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_relay: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_relay.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "path": path, "subprotocols": subprotocols, "headers": headers, "client": None}
        scope["extensions"] = {PUSH: self._push}
        self.task = asyncio.ensure_future(relay(scope, self._to_relay.get, self._send))

    async def _send(self, message: Any) -> None:
        await self.gate.wait()
        await self._from_relay.put(dict(message))

    def _push(self, frames: bytes) -> bool:
        if not self.gate.is_set():
            return False
        read = Protocol(Side.CLIENT)
        read.receive_data(frames)
        for frame in read.events_received():
            assert isinstance(frame, Frame)
            self._from_relay.put_nowait({"type": "websocket.send", "text": frame.data.decode()})
        return True

    async def raw(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return await self._from_relay.get()

    async def next(self) -> Any:
        """The next frame; an int is the code it was closed with."""
        message = await self.raw()
        if message["type"] == "websocket.close":
            return message["code"]
        return protocol.decode_from_relay(message["text"])

    async def until(self, kind: type[FromRelay] | type[int]) -> list[Any]:
        """Frames up to and with the first of that kind."""
        got = [await self.next()]
        while not isinstance(got[-1], kind):
            got.append(await self.next())
        return got

    async def until_closed(self) -> int:
        """The code, past whatever was said before."""
        while (message := await self.raw())["type"] != "websocket.close":
            pass
        return int(message["code"])

    def say(self, frame: protocol.Frame) -> None:
        self.say_text(protocol.encode(frame).decode())

    def say_text(self, text: str) -> None:
        self._to_relay.put_nowait({"type": "websocket.receive", "text": text})

    def say_bytes(self, data: bytes) -> None:
        self._to_relay.put_nowait({"type": "websocket.receive", "bytes": data})

    def go(self) -> None:
        self._to_relay.put_nowait({"type": "websocket.disconnect", "code": 1001})


@dataclass
class Bench(Beside):
    """A relay in this process, and everything that happens around it."""

    settings: Settings
    relay: Relay
    sockets: list[Socket] = field(default_factory=list)

    @property
    def store(self) -> str:
        return self.settings.store

    async def request(
        self,
        method: str,
        path: str,
        body: bytes | list[bytes] = b"",
        *,
        headers: dict[str, str] | None = None,
        client: str = "127.0.0.1",
        ending: str = "whole",
    ) -> Reply:
        """`ending`: whole, stalls (the rest never comes), or gone (the caller hangs up)."""
        chunks = [body] if isinstance(body, bytes) else body
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for number, chunk in enumerate(chunks):
            more = ending != "whole" or number < len(chunks) - 1
            incoming.put_nowait({"type": "http.request", "body": chunk, "more_body": more})
        if ending == "gone":
            incoming.put_nowait({"type": "http.disconnect"})
        path, _, query = path.partition("?")
        said = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": said}
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await self.relay(scope | {"client": (client, 4711)}, incoming.get, send)
        if not sent:
            return Reply(0, b"", {})
        named = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], sent[1]["body"], named)

    async def post(self, path: str, body: bytes | list[bytes], **more: Any) -> Reply:
        return await self.request("POST", path, body, **more)

    async def pair(self, shop: str, name: str = "till one", device: str = "", till_code: str = "") -> PairResponse:
        """Another device each time, unless one is named."""
        request = PairRequest(self.invite(shop), name, device or secrets.token_hex(16), till_code)
        reply = await self.post(protocol.PAIR_PATH, protocol.encode(request))
        assert reply.status == 200, reply
        return protocol.decode_pair_response(reply.body)

    def socket(
        self, token: str | None, *, subprotocol: str = protocol.SUBPROTOCOL, path: str = "/v1/connect"
    ) -> Socket:
        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        made = Socket(self.relay, headers, [subprotocol], path)
        self.sockets.append(made)
        return made

    async def connect(self, till: PairResponse, epoch: str = "", seq: int = 0, chain: str = protocol.GENESIS) -> Socket:
        """Up to the hello; what the relay answers is left to be read."""
        socket = self.socket(till.token)
        assert (await socket.raw()) == {"type": "websocket.accept", "subprotocol": protocol.SUBPROTOCOL}
        socket.say(protocol.Hello([StreamCursor(till.stream, epoch, seq, chain)]))
        return socket

    async def poll(self, till: PairResponse, query: str = "after=0&wait=0", stream: str | None = None) -> Reply:
        headers = {"Authorization": f"Bearer {till.token}"}
        return await self.request("GET", f"/v1/events/{stream or till.stream}?{query}", headers=headers)

    async def events(self, till: PairResponse, query: str = "after=0&wait=0") -> list[protocol.Event]:
        frames = protocol.decode_frames((await self.poll(till, query)).body)
        return [frame for frame in frames if isinstance(frame, protocol.Event)]


def path_of(till: PairResponse, tail: str) -> str:
    return till.callback_base.removeprefix("http://relay.test") + tail


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[Bench]:
    relay = await Relay.open(settings)
    bench = Bench(settings, relay)
    try:
        yield bench
    finally:
        for socket in bench.sockets:
            socket.go()
            socket.gate.set()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(socket.task for socket in bench.sockets), return_exceptions=True)
        await relay.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module whose `STORES` are several runs on each, where its tests use one and do not say which themselves."""
    said = (mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "store" in metafunc.fixturenames and not any(names == "store" or "store" in tuple(names) for names in said):
        metafunc.parametrize("store", getattr(metafunc.module, "STORES", ["sqlite"]), indirect=True)


@pytest.fixture(scope="session")
def server() -> Iterator[DatabaseServer]:
    made = DatabaseServer(lambda url: opened(url).prepare())
    yield made
    made.close()


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty store: of a file, or of the kind that a test is parametrized with."""
    if request.param != "postgresql":
        yield request.param if request.param == "memory" else f"sqlite:///{tmp_path / 'store' / 'relay.db'}"
        return
    server: DatabaseServer = request.getfixturevalue("server")
    url = server.lend()
    yield url
    server.give_back(url)


@pytest.fixture
def settings(store: str, tmp_path: Path) -> Settings:
    return Settings(
        store=store,
        high_water=tmp_path / "high.water",
        public_url="http://relay.test",
        body_seconds=0.1,
        hello_seconds=0.1,
        housekeeping_seconds=0.02,
        drain_seconds=0.2,
    )


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay in this process is late where the machine is busy with other tests, and must not do without anything."""
    for level, seconds in LATE_SECONDS.items():
        monkeypatch.setitem(LATE_SECONDS, level, 100 * seconds)


@pytest.fixture
def running() -> Callable[[Settings], Any]:
    """`async with running(settings) as bench:` for tests that start the relay more than once."""
    return _running


@pytest.fixture
async def bench(settings: Settings) -> AsyncIterator[Bench]:
    async with _running(settings) as made:
        yield made


@pytest.fixture
async def till(bench: Bench) -> PairResponse:
    bench.add_shop("Duka")
    return await bench.pair("Duka")


@pytest.fixture
def bodies() -> Any:
    """The makers of callback bodies, and the path of a paired till's callbacks."""

    class Bodies:
        stk = staticmethod(stk_body)
        c2b = staticmethod(c2b_body)
        path_of = staticmethod(path_of)

    return Bodies


@pytest.fixture
def broken_disks(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """`with broken_disks():` neither the store, on SQLite, nor the spool can be written."""

    def store_fails(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))

    def spool_fails(*_: object) -> None:
        raise OSError(errno.EIO, "disk I/O error")

    @contextmanager
    def broken() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr("relay.stores.sqlite_batch.write", store_fails)
            patch.setattr("relay.spool_files.Segments.append", spool_fails)
            yield

    return broken


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool | Awaitable[bool]]], Awaitable[None]]:
    """Waits until something is so, and fails if that takes too long."""

    async def wait(so: Callable[[], bool | Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = so()
                if answer if isinstance(answer, bool) else await answer:
                    return
                await asyncio.sleep(0.005)

    return wait


@contextmanager
def _starting(folder: Path) -> Iterator[Callable[..., RelayProcess]]:
    started: list[RelayProcess] = []

    def start(*options: str, store: Path | None = None, url: str = "") -> RelayProcess:
        started.append(RelayProcess(url or f"sqlite:///{store or folder / 'relay.db'}", *options))
        return started[-1]

    yield start
    for relay in started:
        relay.close()


@pytest.fixture
def start_relay(tmp_path: Path) -> Iterator[Callable[..., RelayProcess]]:
    with _starting(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def start_shared_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RelayProcess]]:
    """For all tests of a module."""
    with _starting(tmp_path_factory.mktemp("relay")) as start:
        yield start


@pytest.fixture
def relay_command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a relay command in a process of its own."""

    def run(*arguments: str, store: Path | None = None, url: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "relay", *arguments]
        command += ["--store", url or f"sqlite:///{store or tmp_path / 'relay.db'}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.fixture
def changed() -> Callable[..., Settings]:
    return replace
