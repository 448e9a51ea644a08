"""Moves what is in the spool into the log, each stream in its order, as soon as the log takes it.

It must not know how either keeps it. What was moved and not yet removed is moved again: the log knows it by its key.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlalchemy.exc import DataError, IntegrityError

from relay.log import EventLog, UnavailableError, UnknownStreamError
from relay.spool import Spool, packed, unpacked
from relay.stores.sealing import SealedError
from relay.stores.sequence import Incoming

LOOK_SECONDS = 0.25
LONGEST_PAUSE = 4.0
_TOGETHER = 128
_TOGETHER_BYTES = 1024 * 1024
_REFUSALS = (UnknownStreamError, IntegrityError, DataError, ArithmeticError, LookupError, TypeError, ValueError)

logger = logging.getLogger("relay.spool")


class Emptying:
    def __init__(self, spool: Spool, log: EventLog) -> None:
        self._spool = spool
        self._log = log
        self._segment: Path | None = None
        self._left: dict[str, deque[Incoming]] = {}

    async def run(self) -> None:
        pause = LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            if self._spool.depth and self._log.healthy:
                pause = LOOK_SECONDS if await self._went_well() else min(LONGEST_PAUSE, 2 * pause)

    async def _went_well(self) -> bool:
        try:
            await self.empty()
        except UnavailableError:
            return False
        except OSError as error:
            logger.error("the spool cannot be emptied: %s", error.strerror)
            return False
        return True

    async def empty(self) -> None:
        """Until nothing is left, or UnavailableError. It goes on where it was."""
        while self._segment is not None or await self._take():
            while self._left:
                for stream in list(self._left):
                    await self._move_some(stream)
            if self._segment is not None:
                moved, self._segment = self._segment, None
                await self._spool.remove(moved)

    async def _take(self) -> bool:
        found = await self._spool.oldest()
        if found is None:
            return False
        path, records = found
        left: dict[str, deque[Incoming]] = {}
        unread = []
        for record in records:
            try:
                incoming = unpacked(record, self._spool.seals)
            except (msgspec.MsgspecError, SealedError):
                unread.append(record)
            else:
                left.setdefault(incoming.stream, deque()).append(incoming)
        if unread:
            await self._set_aside(unread, "cannot be read")
        self._segment, self._left = path, left
        return True

    async def _move_some(self, stream: str) -> None:
        """The streams take turns, and the callbacks that come in meanwhile are stored between two of these."""
        left = self._left[stream]
        some = _some(left)
        await self._move(stream, some)
        for _ in some:
            left.popleft()
        if not left:
            del self._left[stream]
        self._spool.moved(stream, len(some))

    async def _move(self, stream: str, some: Sequence[Incoming]) -> None:
        try:
            await self._log.append_all(stream, some)
        except _REFUSALS as refused:
            # One that cannot be stored must not take the others with it.
            if len(some) == 1:
                await self._set_aside(
                    [packed(some[0], self._spool.seals)], f"is refused by the log: {type(refused).__name__}"
                )
                return
            for one in some:
                await self._move(stream, [one])

    async def _set_aside(self, records: Sequence[bytes], why: str) -> None:
        logger.error("%d of the spool set aside: %s", len(records), why)
        await self._spool.set_aside(records)


def _some(left: deque[Incoming]) -> list[Incoming]:
    some: list[Incoming] = []
    size = 0
    for incoming in left:
        size += len(incoming.body)
        if some and (size > _TOGETHER_BYTES or len(some) == _TOGETHER):
            break
        some.append(incoming)
    return some
