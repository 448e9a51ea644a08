"""The little of HTTP that the raw ASGI paths share: reading a body within limits, answering, and who is calling.

It must not know what any path does.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, MutableMapping
from http import HTTPStatus
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY = 64 * 1024

REQUEST_ID = b"x-request-id"
_CLOSE = (b"connection", b"close")
_API = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class Answer(NamedTuple):
    """As ASGI says it, and as it goes over the wire: on a connection that stays, and as the last on one."""

    start: Message
    body: Message
    wire: bytes
    last_wire: bytes


class BodyRefusedError(Exception):
    """Over MAX_BODY (413) or not whole within the time allowed (408)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class CallerGoneError(Exception):
    """The connection closed before the body was whole."""


def prepared(
    status: int,
    body: bytes,
    *,
    close: bool = False,
    api: bool = False,
    kind: bytes = b"application/json",
    request: str = "",
    retry_after: int = 0,
) -> Answer:
    """An answer that is sent many times, made once; or one of its own, to the request that `request` names."""
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        *(_API if api else []),
        *([_CLOSE] if close else []),
        *([(REQUEST_ID, request.encode())] if request else []),
        *([(b"retry-after", str(retry_after).encode())] if retry_after else []),
    ]
    start = {"type": "http.response.start", "status": status, "headers": headers}
    wire = _wire(status, headers, body)
    last = wire if close else _wire(status, [*headers, _CLOSE], body)
    return Answer(start, {"type": "http.response.body", "body": body}, wire, last)


def _wire(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(),
        *(name + b": " + said for name, said in headers),
    ]
    return b"\r\n".join([*lines, b"", body])


async def answer(send: Send, message: Answer) -> None:
    await send(message.start)
    await send(message.body)


async def answer_json(send: Send, status: int, body: bytes) -> None:
    await answer(send, prepared(status, body, api=True))


class BodyReader:
    """Reads bodies, each within `seconds`. `look_at_the_clock` is to be called about once a second.

    One clock for all: a timer of its own costs a request as much as reading and judging its body does.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()

    async def read(self, receive: Receive) -> bytes:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a body is read by a task")
        self._since[task] = time.monotonic()
        try:
            return await _read(receive)
        except asyncio.CancelledError:
            if task in self._late and task.uncancel() == 0:
                raise BodyRefusedError(408) from None
            raise
        finally:
            del self._since[task]
            self._late.discard(task)

    def look_at_the_clock(self) -> None:
        limit = time.monotonic() - self._seconds
        for task, since in self._since.items():
            if since > limit:
                break
            if task not in self._late:
                self._late.add(task)
                task.cancel()


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGoneError
        body = body + message["body"] if body else bytes(message["body"])
        if len(body) > MAX_BODY:
            raise BodyRefusedError(413)
        if not message.get("more_body", False):
            return body


def header(scope: Scope, name: bytes) -> str:
    """The last one of that name, or nothing."""
    found = ""
    for key, value in scope["headers"]:
        if key == name:
            found = value.decode("latin-1")
    return found


def client_ip(scope: Scope, trusted_proxies: Container[str]) -> str:
    """The socket's peer; the last hop of X-Forwarded-For only where that peer is a proxy of ours, which wrote it."""
    peer = peer_ip(scope)
    if peer in trusted_proxies:
        return header(scope, b"x-forwarded-for").rpartition(",")[2].strip() or peer
    return peer


def peer_ip(scope: Scope) -> str:
    """Without what a socket for both kinds of addresses puts before one of IPv4; empty for who has gone."""
    return str(scope["client"][0]).removeprefix("::ffff:") if scope.get("client") else ""
