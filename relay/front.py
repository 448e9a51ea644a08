"""The short way in for callbacks: a request that is whole when it is read goes to the log without a task of its own.

It must not know what a callback says. Whatever is not plain goes the ASGI way, with its limits, unchanged: another
path or method, a body in pieces, a key not known yet, a peer that reads no answers, an old HTTP, a pipelined request.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from relay.connection import GuardedProtocol
from relay.http import MAX_BODY, Answer, Scope

_PREFIX = b"/h/"


class Taker(Protocol):
    """The application behind the server."""

    def take(self, scope: Scope, body: bytes, answered: Callable[[Answer], None]) -> bool:
        """False where it must go the long way; else `answered` is called later, once."""


class _Held(RequestResponseCycle):
    """A request that waits for the log, in uvicorn's eyes: it knows when the peer goes, and when the server ends.

    A connection has one for all of its requests, of which only one waits at a time.
    """

    message_event = asyncio.Event()
    disconnected = False
    keep_alive = True

    def __init__(self, front: "CallbackProtocol") -> None:
        self._front = front

    def answered(self, answer: Answer) -> None:
        self.response_complete = True
        transport = self._front.transport
        if self.disconnected or transport.is_closing():
            return
        transport.write(answer.wire if self.keep_alive else answer.last_wire)
        if not self.keep_alive:
            transport.close()
        self._front.on_response_complete()


class CallbackProtocol(GuardedProtocol):
    """The server's, but for whole callbacks. `_held` is the body so far of one that may become such.

    `_head` is what came before the body. What follows it is nobody's: as the last of its name it would pass for what a
    proxy of ours wrote.
    """

    _head: list[tuple[bytes, bytes]]
    _held: bytes | None = None
    _waits: _Held | None = None

    def on_message_begin(self) -> None:
        """What the long way needs beside this is made there."""
        self.head_begins()
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        self._head = self.headers
        if self._is_plain():
            self._held, self.headers = b"", []
        elif self.parser.should_upgrade() and self._should_upgrade():
            self.head_is_whole()
        else:
            self._the_long_way()

    def _is_plain(self) -> bool:
        parser = self.parser
        return (
            self.url.startswith(_PREFIX)
            and b"%" not in self.url
            and b"?" not in self.url
            and (self.cycle is None or self.cycle.response_complete)
            and not self.expect_100_continue
            and not self.flow.write_paused
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held += body

    def on_message_complete(self) -> None:
        body, self._held = self._held, None
        if body is None:
            super().on_message_complete()
        elif len(body) <= MAX_BODY and self._take(body):
            self.head_is_whole()
        else:
            self._the_long_way(body)
            super().on_message_complete()

    def head_is_cut(self, data: bytes) -> None:
        """Or a body that is held: it counts as part of its head until it is known to be whole."""
        if self._held is None:
            super().head_is_cut(data)
            return
        body, self._held = self._held, None
        if not self.transport.is_closing():
            self._the_long_way(body)

    def _take(self, body: bytes) -> bool:
        scope = {"path": self.url.decode("latin-1"), "headers": self._head, "client": self.client}
        waits = self._waits or _Held(self)
        if not cast(Taker, self.config.app).take(scope, body, waits.answered):
            return False
        self.cycle = self._waits = waits
        waits.response_complete = False
        return True

    def _the_long_way(self, body: bytes = b"") -> None:
        self.head_is_whole()
        url, expects = self.url, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, self._head, expects
        cast(Any, self.scope)["headers"] = list(self._head)
        super().on_headers_complete()
        if body:
            super().on_body(body)
