"""Whose bearer token this is. Those who come together are looked up together: ten thousand tills may return at once.

It must not know what a till is let in for.
"""

import asyncio

from relay.http import Scope, header
from relay.log import EventLog
from relay.stores import directory
from relay.stores.directory import Credential

_AT_ONCE = 200
_TOGETHER_SECONDS = 0.02
"""The first is looked up at once; who comes within that after it waits for the others."""
_CROWD, _CROWD_SECONDS = 5, 0.06
"""Where so many came together the next wait so long: a question for each few of a crowd takes a twentieth of it all."""

_Asked = tuple[str, "asyncio.Future[Credential | None]"]


class Tokens:
    """Belongs to the event loop that it was made on."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._asked: list[_Asked] = []
        self._looking: asyncio.Task[None] | None = None

    async def credential(self, scope: Scope) -> Credential | None:
        """None for none or a wrong one. A revoked till is named, so that it can be told so."""
        kind, _, token = header(scope, b"authorization").partition(" ")
        if kind.lower() != "bearer" or not token:
            return None
        found: asyncio.Future[Credential | None] = asyncio.get_running_loop().create_future()
        # By its hash, so that the time it takes says nothing about how much of a guess is right.
        self._asked.append((directory.sha256(token.strip()), found))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_up())
        return await found

    async def _look_up(self) -> None:
        """Each after it was asked: a till that was revoked before is not let in."""
        while self._asked:
            asked, self._asked = self._asked[:_AT_ONCE], self._asked[_AT_ONCE:]
            (known,) = await asyncio.gather(self._known([hashed for hashed, _ in asked]), return_exceptions=True)
            for hashed, found in asked:
                if found.done():
                    continue
                if isinstance(known, BaseException):
                    found.set_exception(known)
                else:
                    found.set_result(known.get(hashed))
            await asyncio.sleep(_CROWD_SECONDS if len(asked) >= _CROWD else _TOGETHER_SECONDS)
        self._looking = None

    async def _known(self, hashes: list[str]) -> dict[str, Credential]:
        return await self._log.ask(lambda connection: directory.credentials(connection, hashes))
