"""One caller's connection, guarded: how many its address has, how large and late a head may be, how long it idles.

It must not know what a request asks for. uvicorn's own protocol limits none of this but the idling.
"""

import asyncio
import math
from functools import lru_cache
from typing import Protocol, cast

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request

from relay.admission import Admission, Callers
from relay.http import prepared
from relay.protocol import ERROR_BUSY, error_body
from relay.websocket import SocketProtocol

HEAD_SECONDS = 5.0
HEAD_BYTES = 16 * 1024

_TOO_LARGE = prepared(431, b'{"error":"head too large"}', close=True)


@lru_cache(maxsize=128)
def _busy(retry_after: int) -> bytes:
    return prepared(503, error_body(ERROR_BUSY), close=True, api=True, retry_after=retry_after).wire


class Guard(Protocol):
    """The application behind the server."""

    admission: Admission
    callers: Callers


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's own, with one timer for a connection that stays: setting one for each request costs as much as judging
    its body. A connection on which nothing is asked or answered for `timeout_keep_alive` seconds is closed, and so is
    one whose head is not whole after HEAD_SECONDS, however it drips.
    """

    _stirred_at = 0.0
    _head_since = math.inf
    _head_bytes = 0
    _counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Not uvicorn's, which asks the system for both sides' addresses: it takes longer than reading a head."""
        self.connections.add(self)
        self.transport = cast(asyncio.Transport, transport)
        self.flow = FlowControl(self.transport)
        peer = transport.get_extra_info("peername")
        self.client = (peer[0], peer[1]) if isinstance(peer, tuple) else None
        self.scheme = "http"
        self._counted = self._guard.callers.comes(self._address)
        if not self._counted:
            self.transport.abort()
            return
        self.head_begins()
        self._look_again()

    @property
    def _guard(self) -> Guard:
        return cast(Guard, self.config.app)

    @property
    def _address(self) -> str:
        return self.client[0].removeprefix("::ffff:") if self.client else ""

    def head_begins(self) -> None:
        """With the connection, and with the first byte of each request on it."""
        self._stirred_at = self._head_since = self.loop.time()
        self._head_bytes = 0

    def head_is_whole(self) -> None:
        self._head_since = math.inf

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_since is not math.inf:
            self.head_is_cut(data)

    def head_is_cut(self, data: bytes) -> None:
        """It is not whole yet, and these were the last bytes of it."""
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE.wire)
            self.transport.close()

    def handle_websocket_upgrade(self) -> None:
        """Turns one away before anything is made for it."""
        seconds = self._guard.admission.turned_away()
        if seconds is not None:
            self.transport.write(_busy(int(seconds)))
            self.transport.close()
            return
        self._leave()
        self.connections.discard(self)
        socket = SocketProtocol(self.config, self.server_state, self.app_state)
        self.transport.set_protocol(socket)
        socket.goes_on(self.transport, self.client, self._asked())

    def _asked(self) -> Request:
        """What is no ASCII is no path of ours, and must not be an error."""
        headers = Headers()
        for name, value in self.headers:
            headers[name.decode("latin-1")] = value.decode("latin-1")
        return Request(
            self.url.decode("ascii", "backslashreplace"),
            headers,
            self.parser.get_method().decode("latin-1"),
            f"HTTP/{self.parser.get_http_version()}",
        )

    def on_response_complete(self) -> None:
        if self.pipeline:
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._stirred_at = self.loop.time()

    def _look_again(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        """Called by uvicorn whenever something happens: the timer runs on, and finds out itself."""

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        now = self.loop.time()
        answered = self.cycle is not None and self.cycle.response_complete
        if now - self._head_since >= HEAD_SECONDS:
            self.transport.close()
        elif answered and now - self._stirred_at >= self.timeout_keep_alive:
            super().timeout_keep_alive_handler()
        else:
            self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        """As a caller over HTTP."""
        super()._unset_keepalive_if_required()
        if self._counted:
            self._counted = False
            self._guard.callers.goes(self._address)
