"""A TCP proxy that spoils what a server answers: `fault_proxy.py HOST PORT` prints where it listens.

It reads one JSON line per fault on standard input, for all requests of that `path` until the next line:
`{"path": "/x", "cut": 17}`, with `"reset": true` to break instead of ending, `"drip": 0.01` seconds between bytes,
`"delay": 1` seconds before the first. It must not know what is said.
"""

import asyncio
import json
import socket
import struct
import sys
from typing import Any


class Proxy:
    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._fault: dict[str, Any] = {}
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sys.stdout.write(f"listening on http://127.0.0.1:{port}\n")
        sys.stdout.flush()
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            self._fault = json.loads(line)
            sys.stdout.write("set\n")
            sys.stdout.flush()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(near, back))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forth = await asyncio.open_connection(*self._upstream)
        try:
            await self._exchange(near, back, far, forth)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            back.close()
            forth.close()

    async def _exchange(
        self,
        near: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
    ) -> None:
        """One request and its answer after the other, as HTTP/1.1 without pipelining goes."""
        while not near.at_eof():
            request = await self._whole(near)
            fault = self._fault if self._fault.get("path", "none").encode() in request else {}
            forth.write(request)
            answer = await self._whole(far)
            if not await self._answer(back, answer, fault):
                return

    async def _whole(self, side: asyncio.StreamReader) -> bytes:
        head = await side.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return head + await side.readexactly(int(lengths[0].partition(b":")[2]) if lengths else 0)

    async def _answer(self, back: asyncio.StreamWriter, answer: bytes, fault: dict[str, Any]) -> bool:
        """False once the connection is spoilt."""
        await asyncio.sleep(fault.get("delay", 0))
        sent = answer[: fault.get("cut", len(answer))]
        for piece in [bytes([byte]) for byte in sent] if "drip" in fault else [sent]:
            back.write(piece)
            await back.drain()
            await asyncio.sleep(fault.get("drip", 0))
        if "cut" not in fault:
            return True
        if fault.get("reset"):
            linger = struct.pack("ii", 1, 0)
            back.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            back.transport.abort()
        return False


if __name__ == "__main__":
    asyncio.run(Proxy(sys.argv[1], int(sys.argv[2])).serve())
