"""Bare clients on raw sockets, so that what is measured is the server: one HTTP connection, one websocket.

They must not know what is measured, and read only what our servers write.
"""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from typing import Any, Self

_OK = b"HTTP/1.1 200"
_LENGTH = b"content-length: "


class Caller(asyncio.Protocol):
    """One HTTP connection that is kept open. `answered(is_ok)` is called for each answer."""

    def __init__(self, answered: Callable[["Caller", bool], None]) -> None:
        self._answered = answered
        self._said = b""
        self.sent = 0.0
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes) -> None:
        self.sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        said = self._said = self._said + data if self._said else data
        head = said.find(b"\r\n\r\n")
        at = said.lower().find(_LENGTH)
        if head < 0 or at < 0:
            return
        length = int(said[at + len(_LENGTH) : said.index(b"\r", at)])
        if len(said) >= head + 4 + length:
            self._said = b""
            self._answered(self, said.startswith(_OK))


async def posted(host: str, port: int) -> tuple[Caller, Callable[[bytes], "asyncio.Future[bool]"]]:
    """A connection, and a call that posts and gives a future of whether the answer was 200."""
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[bool]] = []
    _, caller = await loop.create_connection(lambda: Caller(lambda _, ok: waiting.pop(0).set_result(ok)), host, port)

    def post(request: bytes) -> asyncio.Future[bool]:
        waiting.append(loop.create_future())
        caller.send(request)
        return waiting[-1]

    return caller, post


class RefusedError(ConnectionError):
    """Not let in. `retry_in` is what the server asked for, or None."""

    def __init__(self, status: str, retry_in: tuple[float, float] | None) -> None:
        super().__init__(status)
        self.retry_in = retry_in


def _refused(head: bytes) -> RefusedError:
    status, *lines = head.decode().lower().split("\r\n")
    said = dict(line.split(": ", 1) for line in lines).get("retry-after")
    return RefusedError(status, (float(said), float(said) + 1) if said else None)


class Socket(asyncio.Protocol):
    """A websocket with frames up to 64 KiB, masked with zeros; `frame(text)` is called for each text that comes."""

    def __init__(self, frame: Callable[[bytes], None]) -> None:
        self._frame = frame
        self._said = b""
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: Any = None

    @classmethod
    async def connect(
        cls, frame: Callable[[bytes], None], host: str, port: int, path: str, *, token: str = "", protocol: str = ""
    ) -> Self:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: cls(frame), host, port)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *([f"Authorization: Bearer {token}"] if token else []),
            *([f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []),
        ]
        made._transport.write("\r\n".join([*lines, "", ""]).encode())
        await made.open
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        self.closed.set_result(None)
        if not self.open.done():
            self.open.set_exception(ConnectionError("closed before it was open"))

    def send(self, text: bytes, opcode: int = 1) -> None:
        size = len(text)
        length = bytes([0x80 | size]) if size < 126 else bytes([0xFE, size >> 8, size & 255])
        self._transport.write(bytes([0x80 | opcode]) + length + bytes(4) + text)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._said += data
        if not self.open.done():
            head, found, rest = self._said.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.open.set_exception(_refused(head))
                return
            self._said = rest
            self.open.set_result(None)
        at = 0
        while (end := self._one(at)) is not None:
            at = end
        self._said = self._said[at:]

    def _one(self, at: int) -> int | None:
        """Handles the frame at `at`, and gives where the next one begins; None where it is not whole yet."""
        said = self._said
        if len(said) < at + 2:
            return None
        opcode, size, begin = said[at] & 15, said[at + 1] & 127, at + 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, begin = int.from_bytes(said[begin : begin + wide]), begin + wide
        if len(said) < begin + size:
            return None
        payload = said[begin : begin + size]
        if opcode == 1:
            self._frame(payload)
        elif opcode == 9:
            self.send(payload, 10)
        elif opcode == 8:
            self.close()
        return begin + size
