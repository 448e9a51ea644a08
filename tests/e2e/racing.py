"""Tills as the relay knows them: each follows the log by its own websocket and claims by HTTP, as the product does.

They keep no records and show nothing; a race is judged by whoever starts it.
"""

import asyncio
import random
import ssl
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from pos_app.domain.claim import Claim
from pos_app.domain.shop import Pairing
from pos_app.relay_link.claims import ClaimDesk, claim_told
from pos_app.relay_link.client import RelayLink
from pos_app.relay_link.delivery import KIND_CLAIM, Cursor, Delivery, LinkStatus

PATIENCE = 120.0
"""The relays may be out of reach for a minute."""
_PAUSE_SECONDS = 0.05
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that never speak it: to make what they would verify with takes longer than all that they do."""


class Impatient(random.Random):
    """Connects again fifty times as soon as a till would."""

    def uniform(self, a: float, b: float) -> float:
        return super().uniform(a, b) / 50


class Racer:
    def __init__(self, pairing: Pairing) -> None:
        self.pairing = pairing
        self.told: defaultdict[str, list[Claim]] = defaultdict(list)
        """By receipt: every claim that the log told this till of."""
        self.lives = 0
        """How often the link went live: once, and once more for each time the relay came back."""
        self._back = asyncio.Event()
        self._heard: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._cursor = Cursor()
        self._http = httpx.AsyncClient(trust_env=False, verify=NO_TLS)
        self._desk = ClaimDesk(self._http, pairing)
        self._link = RelayLink(pairing, self, lambda: self._http, Impatient())

    async def __aenter__(self) -> Self:
        self._following = asyncio.create_task(self._link.run(), name="relay link")
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._following.cancel()
        await asyncio.wait({self._following})
        await self._http.aclose()

    async def claim(self, receipt: str, sale: str) -> Claim:
        """Who holds it, in the relay's own words; asked as often as it takes, because the relay may be dead."""
        async with asyncio.timeout(PATIENCE):
            while not isinstance(answer := await self._desk.claim(self._wish(receipt, sale)), Claim):  # noqa: ASYNC110
                await asyncio.sleep(_PAUSE_SECONDS)
        return answer

    def _wish(self, receipt: str, sale: str) -> Claim:
        return Claim(receipt, 0, self.pairing.till_id, "", sale, "", None)

    async def heard(self, receipt: str) -> list[Claim]:
        """What the log says of it, once it says something."""
        async with asyncio.timeout(PATIENCE):
            await self._heard[receipt].wait()
        return self.told[receipt]

    # What the link tells.

    async def cursor(self) -> Cursor:
        return self._cursor

    async def deliver(self, deliveries: list[Delivery]) -> None:
        self._cursor = deliveries[-1].cursor
        for delivery in deliveries:
            if delivery.kind == KIND_CLAIM and (claim := claim_told(delivery.body)) is not None:
                self.told[claim.receipt].append(claim)
                self._heard[claim.receipt].set()

    async def reset(self, cursor: Cursor, reason: str) -> None:
        raise AssertionError(f"the relay lost its log: {reason}")

    def status(self, status: LinkStatus) -> None:
        self.lives += status is LinkStatus.LIVE
        if self.lives > 1:
            self._back.set()

    async def came_back(self) -> None:
        """To a relay that it had lost."""
        async with asyncio.timeout(PATIENCE):
            await self._back.wait()


async def race(pair: Sequence[Racer], receipt: str) -> Claim:
    """Both claim at once. Raises AssertionError unless one of them has it and each is told so, twice."""
    claims = (racer.claim(receipt, str(number)) for number, racer in enumerate(pair, 1))
    winner, by_the_other = await asyncio.gather(*claims)
    assert winner == by_the_other, "each was told of another winner"
    assert winner.till_id in {racer.pairing.till_id for racer in pair}, "neither has it"
    for racer in pair:
        assert await racer.heard(receipt) == [winner], "the log tells another story than the answer"
    return winner
