"""A scripted Daraja, a real server that breaks its connections, and the contract's examples."""

import asyncio
import base64
import contextlib
import json
import struct
import zlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pos_app.daraja.client import DarajaClient
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.shop import AccountKind, Credentials, ShopAccount

NOW = datetime(2026, 10, 14, 12, 30, 12, tzinfo=UTC)
PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
TOKEN_PATH = "/oauth/v1/generate"
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"
EXAMPLES = {
    row["name"]: row["body"]
    for row in map(
        json.loads, Path(__file__).with_name("contract_examples.jsonl").read_text(encoding="utf-8").splitlines()
    )
}

Script = httpx.Response | Exception


class ScriptedDaraja:
    """Answers what a test scripted for each path, one after the other; without a script a token is E1."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._scripts: defaultdict[str, deque[Script]] = defaultdict(deque)

    def on(self, path: str, *answers: Script) -> None:
        self._scripts[path].extend(answers)

    def token(self, *answers: Script) -> None:
        self.on(TOKEN_PATH, *answers)

    def push(self, *answers: Script) -> None:
        self.on(PUSH_PATH, *answers)

    def query(self, *answers: Script) -> None:
        self.on(QUERY_PATH, *answers)

    def sent_to(self, path: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.url.path == path]

    @property
    def pushes(self) -> list[httpx.Request]:
        return self.sent_to(PUSH_PATH)

    @property
    def queries(self) -> list[httpx.Request]:
        return self.sent_to(QUERY_PATH)

    @property
    def tokens(self) -> list[httpx.Request]:
        return self.sent_to(TOKEN_PATH)

    def bodies(self, path: str) -> list[Any]:
        return [json.loads(request.content) for request in self.sent_to(path)]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        scripts = self._scripts[request.url.path]
        if request.url.path == TOKEN_PATH and not scripts:
            return httpx.Response(200, json=EXAMPLES["E1"])
        answer = scripts.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def example() -> Callable[[str], Any]:
    return EXAMPLES.__getitem__


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def paybill() -> ShopAccount:
    return ShopAccount(AccountKind.PAYBILL, "600966")


@pytest.fixture
def till() -> ShopAccount:
    return ShopAccount(AccountKind.BUY_GOODS, "7654321", "5512345")


@pytest.fixture
def credentials() -> Credentials:
    return Credentials("the-consumer-key-1", "the-consumer-secret-1", PASSKEY)


@pytest.fixture
def daraja() -> ScriptedDaraja:
    return ScriptedDaraja()


@pytest.fixture
async def make_client(
    daraja: ScriptedDaraja, paybill: ShopAccount, credentials: Credentials
) -> AsyncIterator[Callable[..., DarajaClient]]:
    """`make_client(base_url=…, account=…, transport=…, read_timeout=…)`; closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        def make(
            base_url: str = "https://sandbox.safaricom.co.ke",
            account: ShopAccount = paybill,
            transport: httpx.AsyncBaseTransport | None = None,
            **options: Any,
        ) -> DarajaClient:
            http = httpx.AsyncClient(transport=transport or httpx.MockTransport(daraja), trust_env=False)
            client = DarajaClient(http, base_url, account, credentials, clock=lambda: NOW, **options)
            stack.push_async_callback(http.aclose)
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
def charge() -> dict[str, Any]:
    """The push of the contract's E4."""
    return {
        "amount": Money.shillings(150),
        "msisdn": Msisdn.parse("0712345678"),
        "account_reference": "INV-1042",
        "description": "Sale 1042",
        "callback_url": "https://pay.example.co.ke/cb/stk/9f2c7d1e",
    }


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int = 3, height: int = 3) -> bytes:
    """A white picture."""
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


@pytest.fixture
def picture() -> bytes:
    return png()


@pytest.fixture
def qr_reply(picture: bytes) -> dict[str, Any]:
    """E63; the contract cuts its picture off with three points, so a whole one stands there."""
    return {**EXAMPLES["E63"], "QRCode": base64.b64encode(picture).decode()}


Handler = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Any]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Any]]:
    """`url = await serve(handler)`: a real server that reads each request whole and hands it to the handler."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler: Handler) -> str:
            connections: set[asyncio.Task[None]] = set()

            async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.current_task()
                assert task is not None
                connections.add(task)
                with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                    while not writer.is_closing():
                        await handler(await _one_request(reader), reader, writer)
                writer.close()

            async def stop() -> None:
                server.close()
                for task in connections:
                    task.cancel()
                await asyncio.gather(*connections, return_exceptions=True)

            server = await asyncio.start_server(connected, "127.0.0.1", 0)
            stack.push_async_callback(stop)
            return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        yield start


async def _one_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0)
    return head + await reader.readexactly(length)
