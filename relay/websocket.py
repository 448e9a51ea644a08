"""One till's websocket, as small as it can be: a relay has ten thousand that mostly say nothing.

It must not know what is said on it. uvicorn's own keeps what the handshake said, and three queues for one reader.
"""

import asyncio
from typing import Any, Protocol, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.protocol import Protocol as Frames

from relay.admission import Admission
from relay.http import Message
from relay.metrics import Metrics

ABORT_SECONDS = 5.0
PUSH = "relay.push"
"""The extension of the scope with which whole frames are sent at once, where the socket takes more."""


class Host(Protocol):
    """The application behind the server."""

    admission: Admission
    metrics: Metrics


class Inbox:
    """What has come, for one reader at a time; an asyncio.Queue for that takes two kilobytes."""

    __slots__ = ("_came", "_messages")

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._came: asyncio.Future[None] | None = None

    def put_nowait(self, message: Message) -> None:
        self._messages.append(message)
        if self._came is not None and not self._came.done():
            self._came.set_result(None)

    async def get(self) -> Message:
        while not self._messages:
            self._came = asyncio.get_running_loop().create_future()
            await self._came
        return self._messages.pop(0)

    def empty(self) -> bool:
        return not self._messages


class SocketProtocol(WebSocketsSansIOProtocol):
    """Lets go of a peer that takes nothing: closing would wait for it to read what is still in its buffer."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.queue = cast("asyncio.Queue[Any]", Inbox())

    def goes_on(self, transport: asyncio.Transport, client: tuple[str, int] | None, asked: Request) -> None:
        """After a handshake that was read over HTTP: written out, to be read once more, it would take twice as long."""
        self.connections.add(self)
        self.transport, self.client, self.scheme = transport, client, "ws"
        self.conn.parser = Frames.parse(self.conn)
        next(self.conn.parser)
        self.handle_connect(asked)

    @property
    def _host(self) -> Host:
        return cast(Host, self.config.app)

    def start_keepalive(self) -> None:
        """The first thing after the handshake. What it said is held by a parser that lives as long as the socket."""
        super().start_keepalive()
        self.request.headers.clear()
        self.response.headers.clear()

    def handle_ping(self) -> None:
        """Who takes no answers is not kept any."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self._host.metrics.pongs_missed.inc()
        super().keepalive_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        self._host.admission.gone()
        super().connection_lost(exc)

    def push(self, frames: bytes) -> bool:
        is_free = self.writable.is_set() and self.conn.state is OPEN and not self.transport.is_closing()
        if is_free:
            self.transport.write(frames)
        return is_free

    async def run_asgi(self) -> None:
        cast("dict[str, Any]", self.scope["extensions"])[PUSH] = self.push
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(ABORT_SECONDS, self.transport.abort)
