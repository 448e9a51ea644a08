"""Serving the relay over TCP with uvicorn: one process, an announced address, an end in order.

It must not know what is served.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import uvicorn

from relay import admin
from relay.admin import Admin
from relay.app import Relay
from relay.front import CallbackProtocol
from relay.settings import Settings
from relay.websocket import SocketProtocol

if TYPE_CHECKING:
    from relay.console.app import Console

PING_SECONDS = 25.0
PONG_SECONDS = 10.0
GRACE_SECONDS = 10
BESIDE_CONNECTIONS = 64
BESIDE_GRACE_SECONDS = 2

logger = logging.getLogger("relay.server")


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would close every socket at once, before the tills are told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Sockets(NamedTuple):
    """Where Safaricom and the tills call, and where operators and commands on this computer do, if they may."""

    public: socket.socket
    console: socket.socket | None
    admin: socket.socket | None


Announce = Callable[[str, str | None], None]
"""Told the relay's address and the console's, once both answer."""


async def serve(settings: Settings, announce: Announce) -> None:
    """Until SIGTERM, SIGINT or, if so set, the end of standard input. OSError if an address cannot be had."""
    with ExitStack() as opened:
        public = opened.enter_context(closing(_listen(settings.host, settings.port)))
        console = None
        if settings.console:
            console = opened.enter_context(closing(_listen(settings.console_host, settings.console_port)))
        relay = await Relay.open(settings)
        try:
            # Not before: the file of a relay that serves this store already is not to be taken from it.
            file = opened.enter_context(_admin_file(settings.admin)) if settings.admin else None
            await _serve(relay, settings, Sockets(public, console, file), announce)
        finally:
            await relay.close()


def leave_no_core() -> None:
    """A crash must not put the memory of the process on disk: it holds the shops' keys and their payers."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def _serve(relay: Relay, settings: Settings, sockets: Sockets, announce: Announce) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    if settings.stdin_closes:
        _stop_when_stdin_closes(stop)
    url = _url(settings.host, sockets.public.getsockname()[1])
    relay.reached_at(url)
    server = _Server(_config(relay))
    running = asyncio.create_task(server.serve(sockets=[sockets.public]))
    await _first_of(running, server.listening)
    async with (
        _beside(sockets.admin, Admin(relay.drain)),
        _console_beside(relay, settings, sockets.console) as console_url,
    ):
        _spare_the_collector()
        announce(url, console_url)
        logger.info("listening on %s", url)
        await _first_of(running, stop)
    await relay.drain()
    server.should_exit = True
    await running


@asynccontextmanager
async def _console_beside(
    relay: Relay, settings: Settings, listening: socket.socket | None
) -> AsyncIterator[str | None]:
    """Its address on this computer; None where there is no console. It is the first to go when the relay ends."""
    if listening is None:
        yield None
        return
    with closing(relay.console()) as console:
        async with _beside(listening, console):
            yield _url(settings.console_host, listening.getsockname()[1]) + "/console"


@asynccontextmanager
async def _beside(listening: socket.socket | None, app: "Admin | Console") -> AsyncIterator[None]:
    """Serves another application in the same process, if it is to listen anywhere."""
    if listening is None:
        yield
        return
    server = _Server(_beside_config(app))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await _first_of(running, server.listening)
        yield
    finally:
        server.should_exit = True
        await running


@contextmanager
def _admin_file(path: Path) -> Iterator[socket.socket]:
    with closing(admin.listen(path)) as listening:
        yield listening
    path.unlink(missing_ok=True)


def _spare_the_collector() -> None:
    """What is loaded by now stays: going over it again and again would stop every caller, each time longer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _first_of(running: asyncio.Task[None], event: asyncio.Event) -> None:
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _config(relay: Relay) -> uvicorn.Config:
    return uvicorn.Config(
        relay,
        http=CallbackProtocol,
        ws=SocketProtocol,
        ws_max_size=65536,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _beside_config(app: "Admin | Console") -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=BESIDE_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=BESIDE_GRACE_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)


def _stop_when_stdin_closes(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def watch() -> None:
        # Not through sys.stdin: its lock, held by a thread that waits, would abort the interpreter's end.
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="relay-stdin", daemon=True).start()
