"""A caller's connection over a real socket: heads that drip or never end, crowds, a greedy address."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from relay import server
from relay.connection import HEAD_BYTES
from relay.protocol import CONNECT_PATH, PairResponse

pytestmark = pytest.mark.anyio
PATIENCE = 20

UPGRADE = (
    f"GET {CONNECT_PATH} HTTP/1.1\r\nHost: r\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
ALIVE = b"GET /livez HTTP/1.1\r\nHost: r\r\n\r\n"


class Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def rest(self) -> bytes:
        """All until the relay closes."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def head(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()


@contextlib.asynccontextmanager
async def serving(relay: Any) -> AsyncIterator[Any]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    served = server._Server(server._config(relay))
    task = asyncio.create_task(served.serve(sockets=[listening]))
    await served.listening.wait()
    wires: list[Wire] = []

    async def connect() -> Wire:
        wires.append(Wire(*await asyncio.open_connection(*listening.getsockname())))
        return wires[-1]

    yield connect
    for wire in wires:
        wire.writer.close()
    served.should_exit = True
    await asyncio.wait_for(task, PATIENCE)


@pytest.fixture
async def connect(bench: Any) -> AsyncIterator[Any]:
    async with serving(bench.relay) as made:
        yield made


@pytest.mark.parametrize("said", [b"", b"GET /livez HTTP/1.1\r\nHost"])
async def test_a_head_that_does_not_come_in_time_ends_the_connection(
    connect: Any, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr("relay.connection.HEAD_SECONDS", 0.1)
    wire = await connect()
    wire.send(said)
    assert await wire.rest() == b""


async def test_dripping_buys_no_time_also_for_a_later_request(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.connection.HEAD_SECONDS", 0.2)
    wire = await connect()
    wire.send(ALIVE)
    assert (await wire.head()).startswith("http/1.1 200")
    ended = asyncio.create_task(wire.rest())
    wire.send(ALIVE[:10])
    while not ended.done():
        with contextlib.suppress(ConnectionError):
            wire.send(b"x")
        await asyncio.sleep(0.02)
    assert b"HTTP/1.1" not in await ended


async def test_a_head_without_an_end_is_refused(connect: Any) -> None:
    wire = await connect()
    wire.send(b"GET /livez HTTP/1.1\r\nHost: r\r\n")
    for _ in range(HEAD_BYTES // 1000 + 2):
        wire.send(b"x-more: " + b"y" * 1000 + b"\r\n")
    assert (await wire.head()).startswith("http/1.1 431")


async def test_a_websocket_that_must_wait_is_told_for_how_long_before_anything_is_made_for_it(
    settings: Any, running: Any, changed: Any, eventually: Any
) -> None:
    async with running(changed(settings, sockets=1)) as bench, serving(bench.relay) as connect:
        first, second = await connect(), await connect()
        first.send(UPGRADE)
        assert (await first.head()).startswith("http/1.1 101")
        second.send(UPGRADE)
        head = await second.head()
        assert head.startswith("http/1.1 503")
        assert 30 <= int(head.partition("retry-after: ")[2].partition("\r")[0]) <= 60
        first.writer.close()
        await eventually(lambda: not bench.relay.admission.here)
        third = await connect()
        third.send(UPGRADE)
        assert (await third.head()).startswith("http/1.1 101")


async def test_an_address_that_has_too_many_connections_gets_no_more(
    bench: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr("relay.admission.CONNECTIONS", 2)
    monkeypatch.setattr(bench.relay.callers, "_known", (frozenset({"196.201.214.200"}),))
    wires = [await connect() for _ in range(2)]
    for wire in wires:
        wire.send(ALIVE)
        assert (await wire.head()).startswith("http/1.1 200")
    greedy = await connect()
    with contextlib.suppress(ConnectionError):
        assert await greedy.rest() == b""
    wires[0].writer.close()
    await eventually(lambda: bench.relay.callers._here["127.0.0.1"] == 1)
    again = await connect()
    again.send(ALIVE)
    assert (await again.head()).startswith("http/1.1 200")


async def test_a_websocket_is_no_connection_over_http_any_more(bench: Any, connect: Any, till: PairResponse) -> None:
    wire = await connect()
    wire.send(UPGRADE)
    assert (await wire.head()).startswith("http/1.1 101")
    assert not bench.relay.callers._here


async def pinged(wire: Wire) -> None:
    """Many times more than a socket takes."""
    for _ in range(1000):
        wire.send((b"\x89\xfd" + bytes(4) + b"x" * 125) * 200)
        await asyncio.wait_for(wire.writer.drain(), PATIENCE)


async def test_who_asks_with_pings_and_takes_no_answers_is_let_go(settings: Any, running: Any, changed: Any) -> None:
    async with running(changed(settings, hello_seconds=600.0)) as bench, serving(bench.relay) as connect:
        bench.add_shop("Duka")
        token = (await bench.pair("Duka")).token
        wire = await connect()
        wire.send(UPGRADE.replace(b"Host: r", f"Host: r\r\nAuthorization: Bearer {token}".encode()))
        assert (await wire.head()).startswith("http/1.1 101")
        with pytest.raises(ConnectionError):
            await pinged(wire)


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        (UPGRADE.replace(b"GET", b"POST"), "http/1.1 405"),
        (UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"), "http/1.1 505"),
        (UPGRADE.replace(b"Version: 13", b"Version: 12"), "http/1.1 400"),
        (UPGRADE.replace(b"Sec-WebSocket-Key", b"X-Key"), "http/1.1 400"),
        (UPGRADE.replace(b"dGhl", b"!!!!"), "http/1.1 400"),
        (UPGRADE.replace(b"Host: r", b"Host: r\r\nX-Name: caf\xe9\r\nX-Empty:"), "http/1.1 101"),
        (UPGRADE.replace(b"/connect", b"/conn\xc3\xa9ct"), "http/1.1 40"),
        (UPGRADE.replace(b"/connect", b"/nowhere"), "http/1.1 403"),
        (UPGRADE.replace(b"Connection: Upgrade", b"Connection: keep-alive"), "http/1.1 404"),
        (UPGRADE.replace(b"Upgrade: websocket", b"Upgrade: h2c"), "http/1.1 404"),
    ],
)
async def test_a_handshake_is_judged_as_websockets_are_wherever_it_was_read(
    bench: Any, connect: Any, eventually: Any, *, said: bytes, answered: str, caplog: pytest.LogCaptureFixture
) -> None:
    wire = await connect()
    wire.send(said)
    assert (await wire.head()).startswith(answered)
    wire.writer.close()
    await eventually(lambda: not bench.relay.admission.here)
    assert "Traceback" not in caplog.text
