"""The front that every floor shares with the relay: uvicorn, uvloop, httptools, set as the relay sets it.

It must not know what is served.
"""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import uvicorn
import uvloop

App = Callable[[Any, Any, Any], Awaitable[None]]


async def serve(app: App) -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=30,
    )
    sys.stdout.write(f"listening on http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    await uvicorn.Server(config).serve(sockets=[listening])


def run(made: Callable[[], App]) -> None:
    """`made` is called on the loop that serves it."""

    async def main() -> None:
        await serve(made())

    looped(main())


def looped(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
