"""The raw ASGI front of every floor that takes callbacks: it reads the id of one, has it stored, and answers 200.

It must not know where it is stored.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

_ACCEPTED = b'{"ResultCode":0,"ResultDesc":"Accepted"}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_ACCEPTED)).encode())]
_OK = (
    {"type": "http.response.start", "status": 200, "headers": _HEADERS},
    {"type": "http.response.body", "body": _ACCEPTED},
)
Store = Callable[[str, bytes], Awaitable[object]]
"""Given the id and the body; awaited until they are durable."""


class Front:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
        await self._store(msgspec.json.decode(body)["Body"]["stkCallback"]["CheckoutRequestID"], body)
        await send(_OK[0])
        await send(_OK[1])
