"""The manual's client, as a process against a relay process: killed, cut off, restored over, it has everything once.

In the log's order, with a cursor that the relay agrees with.
"""

import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from relay.stores import directory

pytestmark = pytest.mark.anyio

CLIENT = Path(__file__).parents[2] / "resources" / "guide" / "relay" / "client.py"
FULL = os.environ.get("TILL_TEST_FULL") == "1"
KILLS = 60 if FULL else 4
PATIENCE = 60.0


class ClientProcess:
    def __init__(self, database: Path) -> None:
        self.database = database
        self._process: subprocess.Popen[str] | None = None

    def start(self, url: str, code: str = "") -> None:
        command = [sys.executable, str(CLIENT), url, code, str(self.database)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def kill(self) -> None:
        """-9, wherever it is."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=PATIENCE)
            self._process = None

    def ended(self) -> tuple[int, str]:
        assert self._process is not None
        _, said = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, said

    def _rows(self, statement: str) -> list[Any]:
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database, timeout=20)) as connection:
            try:
                return connection.execute(statement).fetchall()
            except sqlite3.OperationalError:  # it has not made its tables yet
                return []

    def receipts(self) -> list[str]:
        return [key.rsplit(":", 1)[1] for (key,) in self._rows("SELECT key FROM event ORDER BY rowid")]

    def cursor(self) -> tuple[str, int, str]:
        (found,) = self._rows("SELECT epoch, seq, chain FROM till") or [("", 0, "")]
        return found

    def headers(self) -> dict[str, str]:
        ((token,),) = self._rows("SELECT token FROM till")
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[ClientProcess]:
    made = ClientProcess(tmp_path / "shop.db")
    yield made
    made.kill()


class Shop:
    """A relay with one shop; what was answered 200 is in `accepted`."""

    def __init__(self, start_relay: Any) -> None:
        self._start = start_relay
        self.relay = start_relay()
        self._shop = self.relay.add_shop("Duka")
        self.accepted: list[str] = []

    @property
    def store(self) -> Path:
        return Path(self.relay.file)

    def invite(self) -> str:
        return str(self.relay.invite("Duka"))

    def revoke_all(self) -> None:
        for till in self.relay.in_store(directory.tills):
            self.relay.revoke(till.id)

    def start_again(self) -> None:
        self.relay = self._start("--port", self.relay.url.rsplit(":", 1)[1])

    async def pay(self, bodies: Any, *receipts: str) -> None:
        async with httpx.AsyncClient() as http:
            for receipt in receipts:
                url = f"{self.relay.url}/h/{self._shop.callback_key}/c2b/confirm"
                (await http.post(url, content=bodies.c2b(receipt))).raise_for_status()
                self.accepted.append(receipt)

    async def agrees(self, client: ClientProcess) -> None:
        """A cursor of this log, at its end: the relay resets every other."""
        epoch, seq, chain = client.cursor()
        asked = {"epoch": epoch, "after": seq, "chain": chain, "wait": 0}
        async with httpx.AsyncClient(headers=client.headers()) as http:
            frames = (await http.get(f"{self.relay.url}/v1/events/{self._shop.stream}", params=asked)).json()
        assert [frame["t"] for frame in frames] == ["welcome", "caught_up"]


@pytest.fixture
def shop(start_relay: Any) -> Shop:
    return Shop(start_relay)


async def test_killed_at_any_time_it_has_everything_once(
    shop: Shop, client: ClientProcess, bodies: Any, eventually: Any
) -> None:
    client.start(shop.relay.url, shop.invite())
    await eventually(lambda: client.cursor()[0] != "")
    for kill in range(KILLS):
        paying = asyncio.create_task(shop.pay(bodies, *(f"K{kill}N{number}" for number in range(60))))
        so_far = len(client.receipts())
        await eventually(lambda before=so_far, more=kill * 7 % 40: len(client.receipts()) > before + more)
        client.kill()
        await paying
        if kill % 3 == 1:
            shop.relay.kill()
            shop.start_again()
        client.start(shop.relay.url)
    await eventually(lambda: len(client.receipts()) >= len(shop.accepted))
    assert client.receipts() == shop.accepted
    await shop.agrees(client)


async def test_over_a_restored_log_it_goes_on_and_keeps_what_it_had(
    shop: Shop, client: ClientProcess, bodies: Any, eventually: Any
) -> None:
    client.start(shop.relay.url, shop.invite())
    await shop.pay(bodies, "A1", "A2", "A3")
    await eventually(lambda: client.receipts() == ["A1", "A2", "A3"])
    backup = shop.store.with_name("backup.db")
    with closing(sqlite3.connect(shop.store)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    await shop.pay(bodies, "B1", "B2")
    await eventually(lambda: len(client.receipts()) == 5)
    first_epoch = client.cursor()[0]
    shop.relay.kill()
    for beside in ("-wal", "-shm"):
        shop.store.with_name(shop.store.name + beside).unlink(missing_ok=True)
    shutil.copy(backup, shop.store)
    shop.start_again()
    await shop.pay(bodies, "C1")
    await eventually(lambda: len(client.receipts()) == 6)
    assert client.receipts() == ["A1", "A2", "A3", "B1", "B2", "C1"]
    assert client.cursor()[0] != first_epoch
    await shop.agrees(client)
    shop.revoke_all()
    code, said = await asyncio.to_thread(client.ended)
    assert code == 1
    assert re.search("closed with 4503|revoked", said)


@asynccontextmanager
async def losing(url: str, seq: int, seen: list[int]) -> AsyncIterator[str]:
    """A path to the relay on which one frame is lost, once; `seen` is told the cursor of each connection."""
    lost = False

    async def pass_on(till: ServerConnection) -> None:
        assert till.request is not None
        headers = {"Authorization": till.request.headers["Authorization"]}
        protocols = [websockets.Subprotocol("tillrelay.v1")]
        hello = await till.recv()
        seen.append(json.loads(hello)["streams"][0]["seq"])
        async with connect(url + "/v1/connect", subprotocols=protocols, additional_headers=headers) as relay:
            await relay.send(hello)
            passing = asyncio.create_task(pass_frames(relay, till))
            await till.wait_closed()
            passing.cancel()

    async def pass_frames(relay: ClientConnection, till: ServerConnection) -> None:
        nonlocal lost
        async for frame in relay:
            if not lost and json.loads(frame).get("seq") == seq:
                lost = True
            else:
                await till.send(frame)

    async with serve(pass_on, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("tillrelay.v1")]) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_after_a_gap_it_comes_back_from_its_cursor(
    shop: Shop, client: ClientProcess, bodies: Any, eventually: Any
) -> None:
    client.start(shop.relay.url, shop.invite())
    await eventually(lambda: client.cursor()[0] != "")
    client.kill()
    await shop.pay(bodies, "A1", "A2", "A3", "A4")
    seen: list[int] = []
    async with losing(shop.relay.url.replace("http", "ws"), 3, seen) as url:
        client.start(url)
        await eventually(lambda: len(client.receipts()) == 4)
        client.kill()
    assert client.receipts() == shop.accepted
    assert seen == [0, 2]
    await shop.agrees(client)


@asynccontextmanager
async def without_websockets(url: str, refused: list[bytes]) -> AsyncIterator[str]:
    """A path to the relay that lets no upgrade through."""
    host, port = url.removeprefix("http://").split(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A poll may still be held when the test is at its end.
        with closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            if re.search(rb"(?i)upgrade: websocket", head):
                refused.append(head)
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            else:
                writer.write(await answered(head))

    async def answered(head: bytes) -> bytes:
        from_relay, to_relay = await asyncio.open_connection(host, int(port))
        with closing(to_relay):
            to_relay.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            return await from_relay.read()

    async with await asyncio.start_server(pass_on, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_where_no_websocket_comes_through_it_polls(
    shop: Shop, client: ClientProcess, bodies: Any, eventually: Any
) -> None:
    client.start(shop.relay.url, shop.invite())
    await eventually(lambda: client.cursor()[0] != "")
    client.kill()
    await shop.pay(bodies, "A1", "A2")
    refused: list[bytes] = []
    async with without_websockets(shop.relay.url, refused) as url:
        client.start(url)
        await eventually(lambda: len(client.receipts()) == 2)
        await shop.pay(bodies, "A3")
        await eventually(lambda: len(client.receipts()) == 3)
        client.kill()
    assert client.receipts() == shop.accepted
    assert len(refused) == 2
