"""Frames of a relay's log, a listener that keeps what it is given, a scripted websocket server, and the real relay."""

import asyncio
import contextlib
import hashlib
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from pos_app.commands import children
from pos_app.domain.shop import Pairing
from pos_app.relay_link.delivery import Cursor, Delivery, LinkStatus
from relay.protocol import (
    GENESIS,
    SUBPROTOCOL,
    Event,
    FromRelay,
    FromTill,
    StreamState,
    Welcome,
    chain_next,
    decode_from_till,
    encode,
)

STREAM = "st_1"


def event(seq: int, cursor: Cursor, **changes: Any) -> Event:
    body = changes.pop("body", b'{"n":%d}' % seq)
    digest = hashlib.sha256(body).hexdigest()
    values: dict[str, Any] = {
        "s": STREAM,
        "seq": seq,
        "chain": chain_next(cursor.chain, seq, f"key-{seq}", digest),
        "kind": "stk",
        "key": f"key-{seq}",
        "trust": "trusted",
        "src": "daraja",
        "at": "2026-10-14T12:30:20Z",
        "body_sha256": digest,
        "nonce": "ab" * 16,
        "short_code": "174379",
        "body": msgspec.Raw(body),
    }
    return Event(**{**values, **changes})


def run_of(count: int, start: Cursor | None = None) -> list[Event]:
    """This many events that follow the cursor."""
    cursor, events = start or Cursor("e1"), []
    for _ in range(count):
        made = event(cursor.seq + 1, cursor)
        events.append(made)
        cursor = Cursor(cursor.epoch, made.seq, made.chain)
    return events


def welcome(head: int = 0, epoch: str = "e1", *, ok: bool = True) -> Welcome:
    return Welcome("sid", "2026-10-14T12:30:20Z", 25, 500, [StreamState(STREAM, epoch, head, ok=ok)])


@dataclass
class Kept:
    """The services' end, on no disk: what was delivered, and the cursor as of the last delivery."""

    held: Cursor = field(default_factory=Cursor)
    deliveries: list[Delivery] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    statuses: list[LinkStatus] = field(default_factory=list)
    resets: list[tuple[Cursor, str]] = field(default_factory=list)
    failing: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def cursor(self) -> Cursor:
        return self.held

    async def deliver(self, deliveries: list[Delivery]) -> None:
        if self.failing:
            self.failing -= 1
            raise RuntimeError("the disk is busy")
        self.deliveries += deliveries
        self.batches.append(len(deliveries))
        self.held = deliveries[-1].cursor
        self.changed.set()

    async def reset(self, cursor: Cursor, reason: str) -> None:
        self.held = cursor
        self.resets.append((cursor, reason))
        self.changed.set()

    def status(self, status: LinkStatus) -> None:
        self.statuses.append(status)
        self.changed.set()

    @property
    def seqs(self) -> list[int]:
        return [delivery.cursor.seq for delivery in self.deliveries]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():
                self.changed.clear()
                await self.changed.wait()


class Talk:
    """One connection at the scripted relay."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def hear(self) -> FromTill | None:
        return decode_from_till(await self._socket.recv())

    async def say(self, *frames: FromRelay) -> None:
        for frame in frames:
            await self._socket.send(encode(frame), text=True)

    async def say_text(self, text: str) -> None:
        await self._socket.send(text)

    async def close(self, code: int = 1000) -> None:
        await self._socket.close(code)

    async def wait(self) -> None:
        await self._socket.wait_closed()

    @property
    def authorization(self) -> str:
        assert self._socket.request is not None
        return self._socket.request.headers["Authorization"]


Script = Callable[[Talk], Awaitable[None]]


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def frames() -> dict[str, Any]:
    return {"event": event, "run_of": run_of, "welcome": welcome, "genesis": GENESIS}


@pytest.fixture
async def scripted() -> AsyncIterator[Callable[..., Awaitable[Pairing]]]:
    """`pairing = await scripted(first, second, …)`: each connection is one script; the last one repeats."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*scripts: Script) -> Pairing:
            waiting = list(scripts)

            async def connected(socket: ServerConnection) -> None:
                script = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                await script(Talk(socket))

            server = await stack.enter_async_context(
                serve(connected, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)], close_timeout=1)
            )
            port = next(iter(server.sockets)).getsockname()[1]
            return pairing_at(f"http://127.0.0.1:{port}")

        yield start


def pairing_at(url: str) -> Pairing:
    return Pairing(url, "Duka", STREAM, "till_1", "T1", "token", f"{url}/h/k", "nonce key")


@pytest.fixture
def make_pairing() -> Callable[[str], Pairing]:
    return pairing_at


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


class RealRelay:
    """`python -m relay serve` as its own process, on its own store."""

    def __init__(self, folder: Path) -> None:
        self.store = f"sqlite:///{folder / 'relay.db'}"
        self._server = children.Server("relay", ["serve", "--port", "0", "--store", self.store], folder / "relay.log")
        self.url = self._server.wait_ready().url
        self.run("shop", "add", "Duka")

    def run(self, *arguments: str) -> Any:
        command = [*children.program("relay"), *arguments, "--store", self.store, "--json"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    def invite(self) -> str:
        return str(self.run("till", "invite", "--shop", "Duka")["code"])

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RealRelay]:
    relay = RealRelay(tmp_path)
    yield relay
    relay.close()
