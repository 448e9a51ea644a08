"""The floor of P10: a bare server of the `websockets` package, without compression. It keeps whoever comes.

A hello is sent back; any other text goes to everybody.
"""

import asyncio
import sys

import serving
from websockets.asyncio.server import ServerConnection, broadcast, serve


async def main() -> None:
    async def keep(socket: ServerConnection) -> None:
        async for text in socket:
            if str(text).startswith('{"t":"hello"'):
                await socket.send(text)
            else:
                broadcast(server.connections, text)

    async with serve(keep, "127.0.0.1", 0, compression=None, backlog=2048) as server:
        sys.stdout.write(f"listening on http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    serving.looped(main())
