"""The raw ASGI door to the core: reads a request, writes the reply, or breaks the connection where the core says so.

It must not know what is asked for.
"""

import asyncio
from collections.abc import Callable

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from pos_app.simulator.courier import Courier
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.messages import Reply, Request

_BREAK = "simulator.break"


class BreakableProtocol(H11Protocol):
    """uvicorn's HTTP, which also lets the application cut the connection without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self.app = _with(self.app, transport.abort)


def _with(app: ASGIApp, cut: Callable[[], None]) -> ASGIApp:
    async def breakable(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, _BREAK: cut}, receive, send)

    return breakable


class Door:
    def __init__(self, core: Daraja, courier: Courier) -> None:
        self._core = core
        self._courier = courier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(scope, receive)
        # Over HTTP "offline" is a connection cut before anything is looked at; the control paths stay reachable.
        reply = Reply(0, fate="lost") if self._core.offline else self._core.handle(request)
        try:
            await self._courier.carry_now(reply.first)
            await anyio.sleep(reply.delay)
            if reply.fate == "answered":
                await _write(reply, send)
                return
            if reply.fate == "lost":
                scope[_BREAK]()
            while (await receive())["type"] != "http.disconnect":
                continue
        finally:
            self._courier.wake()


async def _read(scope: Scope, receive: Receive) -> Request:
    body = bytearray()
    message: Message = {"more_body": True}
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, bytes(body))


async def _write(reply: Reply, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
