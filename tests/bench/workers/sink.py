"""Daraja as a benchmark needs it: takes every push at once, and notes when the first byte of each one came.

`GET /stamps` gives the monotonic nanoseconds since it was last asked. It checks nothing.
"""

import asyncio
import itertools
import json
import sys
import time
from typing import Any

import uvloop

_LENGTH = b"content-length:"
_TOKEN = {"access_token": "0123456789abcdefghijklmnopqr", "expires_in": "3599"}
_OPEN = {"ResponseCode": "0", "ResultCode": "4999", "ResultDesc": "The transaction is still under processing"}


class Sink(asyncio.Protocol):
    stamps: list[int]
    numbers = itertools.count(1)

    def __init__(self, stamps: list[int]) -> None:
        self._stamps = stamps
        self._said = b""
        self._came = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._said:
            self._came = time.monotonic_ns()
        self._said += data
        head, found, body = self._said.partition(b"\r\n\r\n")
        at = head.lower().find(_LENGTH)
        length = int(head[at + len(_LENGTH) :].split(b"\r", 1)[0]) if at >= 0 else 0
        if found and len(body) >= length:
            self._said = b""
            said = json.dumps(self._answer(head.split(b" ", 2)[1])).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n".encode()
            self._transport.write(head + said)

    def _answer(self, path: bytes) -> object:
        if path == b"/stamps":
            stamps = list(self._stamps)
            self._stamps.clear()
            return stamps
        if b"oauth" in path:
            return _TOKEN
        self._stamps.append(self._came)
        return _OPEN if b"query" in path else _accepted(next(self.numbers))


def _accepted(number: int) -> dict[str, str]:
    return {
        "MerchantRequestID": f"b3e8-4c02-97d1-{number:012d}",
        "CheckoutRequestID": f"ws_CO_14102026153012{number:012d}",
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }


async def main() -> None:
    stamps: list[int] = []
    server = await asyncio.get_running_loop().create_server(lambda: Sink(stamps), "127.0.0.1", 0)
    sys.stdout.write(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
