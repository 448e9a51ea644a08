"""Questions that tills are asked on their websockets, and the first answer to each.

It must not know sockets or what is asked: it says frames and is told verdicts.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Protocol

import msgspec

from relay.protocol import FromRelay, Validate, Verdict


class Asked(Protocol):
    def say(self, frame: FromRelay) -> None: ...


class Questions:
    def __init__(self) -> None:
        self._open: dict[str, asyncio.Future[str]] = {}

    async def put(self, tills: Sequence[Asked], body: bytes, seconds: float) -> str | None:
        """The first code that comes within `seconds`; None where none does or nobody is there."""
        if not tills:
            return None
        number = secrets.token_hex(8)
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._open[number] = answered
        for till in tills:
            till.say(Validate(number, int(seconds * 1000), msgspec.Raw(body)))
        try:
            async with asyncio.timeout(seconds):
                return await answered
        except TimeoutError:
            return None
        finally:
            del self._open[number]

    def heard(self, verdict: Verdict) -> None:
        answered = self._open.get(verdict.id)
        if answered is not None and not answered.done():
            answered.set_result(verdict.code)
