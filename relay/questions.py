"""Questions that tills are asked on their websockets, and what they make of each together.

It must not know sockets or what is asked: it says frames and is told verdicts.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from relay.protocol import FromRelay, Validate, Verdict
from relay.rules import ACCEPTED


class Asked(Protocol):
    def say(self, frame: FromRelay) -> None: ...


@dataclass
class _Question:
    """A refusal waits for the others: what one till does not know may be a sale of the next. Each has one answer."""

    silent: list[Asked]
    answered: asyncio.Future[str]

    def hear(self, till: Asked, code: str) -> None:
        if till not in self.silent:
            return
        self.silent.remove(till)
        if (code == ACCEPTED or not self.silent) and not self.answered.done():
            self.answered.set_result(code)


class Questions:
    def __init__(self) -> None:
        self._open: dict[str, _Question] = {}

    async def put(self, tills: Sequence[Asked], body: bytes, seconds: float) -> str | None:
        """The first acceptance, or the refusal of all; None where that is not so within `seconds`."""
        if not tills:
            return None
        number = secrets.token_hex(8)
        question = self._open[number] = _Question(list(tills), asyncio.get_running_loop().create_future())
        for till in tills:
            till.say(Validate(number, int(seconds * 1000), msgspec.Raw(body)))
        try:
            async with asyncio.timeout(seconds):
                return await question.answered
        except TimeoutError:
            return None
        finally:
            del self._open[number]

    def heard(self, till: Asked, verdict: Verdict) -> None:
        """Counts from a till that was asked, and from no other: that may be another shop's."""
        question = self._open.get(verdict.id)
        if question is not None:
            question.hear(till, verdict.code)
