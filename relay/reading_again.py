"""Tills that an operator has asked to read their stream again: each is reset to where it is to begin, and no other is.

It must not know how frames travel. A till owns its cursor, so nothing shows that it took a reset but its next hello:
what was asked stands until the till comes with a cursor that is not behind that place. A reset is never forward.
"""

from relay.log import EventLog
from relay.placing import Place, place
from relay.protocol import GENESIS, RESET_REPLAY, Reset, StreamCursor
from relay.stores import reading_again
from relay.stores.reading_again import Again


class ReadingAgain:
    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._asked: dict[str, Again] = {}
        self._done: set[Again] = set()

    async def look(self) -> None:
        """To be called about once a second: it may have been asked at another replica."""
        found = await self._log.ask(reading_again.all_of_them)
        # What was read may be from before it was forgotten.
        self._asked = {till_id: again for till_id, again in found.items() if again not in self._done}
        self._done.intersection_update(found.values())

    @property
    def tills(self) -> set[str]:
        return set(self._asked)

    async def place(self, till_id: str, cursor: StreamCursor) -> Place:
        """As `placing.place`, but back at the place that was asked for, as long as the till has not been there."""
        found = await place(self._log, cursor)
        # A cursor of no epoch is that of a till which only asks whether it is connected.
        if till_id not in self._asked or not cursor.epoch:
            return found
        reset = await self.due(till_id, cursor.seq) if found.reset is None else None
        if reset is None:
            await self._forget(till_id)
            return found
        return found._replace(seq=reset.floor, reset=reset)

    async def due(self, till_id: str, seq: int) -> Reset | None:
        """What to tell a till that has been sent everything up to `seq`; None where it is not past that place."""
        again = self._asked.get(till_id)
        if again is None:
            return None
        head = await self._log.head(again.stream)
        after = max(again.after, head.floor)
        if again.epoch != head.epoch or seq <= after:
            return None
        chain = await self._log.chain_at(again.stream, after)
        return Reset(again.stream, RESET_REPLAY, head.epoch, after, chain or GENESIS)

    async def _forget(self, till_id: str) -> None:
        done = self._asked.pop(till_id, None)
        if done is not None:
            self._done.add(done)
        await self._log.run(lambda connection: reading_again.forget(connection, till_id))
