"""Answers the relay's question whether a payment may come in, beside the log that it delivers meanwhile.

It must not know by what a verdict is reached. A payment that is asked about is none yet: it goes nowhere else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from relay import protocol
from relay.protocol import Validate, Verdict

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Questions under way; the relay answers any more by the rules' default."""

Judge = Callable[[object], Awaitable[str]]
"""The code for a payment, as its decoded JSON; empty where this till cannot say, and then nothing is answered."""


class Verdicts:
    """Those of one connection; `close` with it."""

    def __init__(self, judge: Judge, say: Callable[[bytes], Awaitable[None]]) -> None:
        self._judge = judge
        self._say = say
        self._open: set[asyncio.Task[None]] = set()

    def ask(self, question: Validate) -> None:
        """Returns at once."""
        if len(self._open) < AT_ONCE:
            task = asyncio.create_task(self._answer(question), name="verdict")
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _answer(self, question: Validate) -> None:
        try:
            async with asyncio.timeout(question.deadline_ms / 1000):
                code = await self._judge(_decoded(question.body))
                if code:
                    await self._say(protocol.encode(Verdict(question.id, code)))
        except TimeoutError:
            log.warning("a question of the relay was not answered in time")
        except Exception:  # the relay answers by the default then; the link must live on
            log.exception("a question of the relay could not be answered")

    def close(self) -> None:
        for task in self._open:
            task.cancel()


def _decoded(body: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
