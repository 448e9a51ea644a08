"""What the relay is told on its own computer alone: a socket file of its own user, and how a command asks there.

It must not know what draining does. No address of the network leads here.
"""

import os
import socket
import sys
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection
from pathlib import Path

from relay.http import Receive, Scope, Send, answer, prepared

DRAIN_PATH = "/admin/drain"
WAIT_SECONDS = 90.0
"""Longer than the longest drain: until then a command waits for its answer."""

_DRAINED = prepared(200, b'{"drained":true}', api=True)
_NOT_FOUND = prepared(404, b'{"error":"not found"}', api=True)


class Admin:
    """The ASGI application of the socket file."""

    def __init__(self, drain: Callable[[], Awaitable[None]]) -> None:
        self._drain = drain

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if (scope["type"], scope.get("method"), scope["path"]) != ("http", "POST", DRAIN_PATH):
            return await answer(send, _NOT_FOUND)
        await self._drain()
        return await answer(send, _DRAINED)


def listen(path: Path) -> socket.socket:
    """OSError where that cannot be had. What a relay left there that was killed is replaced."""
    if sys.platform == "win32":
        raise OSError("there is no admin socket on Windows")
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    except OSError:
        made.close()
        raise
    finally:
        os.umask(before)
    return made


def ask_to_drain(path: Path) -> None:
    """Returns once it is done. OSError where no relay listens there, or it does not answer in time."""
    connection = _ToFile(path)
    try:
        connection.request("POST", DRAIN_PATH)
        if connection.getresponse().status != 200:
            raise OSError("something else than a relay listens there")
    finally:
        connection.close()


class _ToFile(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=WAIT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
