"""Shops that are paid and claim while their relays suffer: what every till was told, held against what was answered.

It must not know what happens to the relays meanwhile.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
from racing import PATIENCE, Racer, race
from safaricom import Post, Safaricom, calling

from pos_app.domain.claim import Claim
from pos_app.domain.shop import Pairing
from pos_app.relay_link.delivery import KIND_CLAIM, Delivery

CLAIMED = 5
"""One of so many payments, by two tills at once."""
_LAST = 99_999_999
"""No payment that is claimed."""
_PAUSE_SECONDS = 0.1


class Recorder(Racer):
    """A till that keeps all it was told, in the order in which it was."""

    def __init__(self, pairing: Pairing) -> None:
        super().__init__(pairing)
        self._log: list[Delivery] = []
        self._ends: dict[str, int] = {}
        self._more = asyncio.Event()

    async def deliver(self, deliveries: list[Delivery]) -> None:
        await super().deliver(deliveries)
        for delivery in deliveries:
            self._log.append(delivery)
            self._ends[delivery.body_sha256] = len(self._log)
        self._more.set()

    async def until(self, bodies: set[str]) -> list[Delivery]:
        """What it was told up to the last of them, once it was told all."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not bodies <= self._ends.keys():
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            lost = bodies - self._ends.keys()
            raise AssertionError(f"{len(lost)} of {len(bodies)} callbacks that got their 200 are lost") from None
        return self._log[: max(self._ends[body] for body in bodies)]


@dataclass
class Trade:
    """What became of the callbacks: by status, and of those without a 200 how many the tills have, and how many not."""

    answers: Counter[int]
    claims: int
    came_back: int
    kept: int = 0
    lost: int = 0

    def __str__(self) -> str:
        others = ", ".join(
            f"{count} × {status or 'cut off'}" for status, count in self.answers.items() if status != 200
        )
        said = f"{self.answers[200]} of {self.answers.total()} answered with 200, none of them lost or doubled"
        without = f"without one: {others or 'none'}; of their payments {self.kept} stored, {self.lost} not"
        return f"{said}; {without}; {self.claims} claims; tills came back {self.came_back} times"


class Market:
    def __init__(self, tills: Sequence[Pairing], rng: random.Random) -> None:
        """Two tills at least of each shop."""
        self._tills: dict[str, list[Recorder]] = {}
        for pairing in tills:
            self._tills.setdefault(pairing.stream, []).append(Recorder(pairing))
        self._rng = rng
        self._races: dict[tuple[str, str], asyncio.Task[Claim]] = {}
        self.safaricom = Safaricom(self._accepted)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for till in self._all:
            await self._stack.enter_async_context(till)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        for racing in self._races.values():
            racing.cancel()
        await self._stack.aclose()

    @property
    def _all(self) -> list[Recorder]:
        return [till for tills in self._tills.values() for till in tills]

    def _accepted(self, post: Post) -> None:
        name = (post.at.stream, post.receipt)
        if not post.nonce and post.number % CLAIMED == 0 and name not in self._races:
            pair = self._rng.sample(self._tills[post.at.stream], 2)
            self._races[name] = asyncio.create_task(race(pair, post.receipt))

    async def judge(self) -> Trade:
        """Raises AssertionError unless what got its 200 reached every till once, and in one order."""
        answers = Counter(self.safaricom.answers)
        winners = await asyncio.gather(*self._races.values())
        came_back = sum(till.lives - 1 for till in self._all)
        trade = Trade(answers, len(winners), came_back)
        for stream, tills in self._tills.items():
            await self._pay_last(tills[0].pairing)
            logs = [await till.until(self.safaricom.safe[stream]) for till in tills]
            for till, log in zip(tills, logs, strict=True):
                assert log == logs[0], "two tills were told another story"
                assert till.told == self._won(stream), "a claim has two winners, or none"
            self._hold(stream, logs[0], trade)
        return trade

    def _hold(self, stream: str, log: list[Delivery], trade: Trade) -> None:
        assert [told.cursor.seq for told in log] == list(range(1, len(log) + 1))
        bodies = [told.body_sha256 for told in log if told.kind != KIND_CLAIM]
        sent, safe = self.safaricom.sent[stream], self.safaricom.safe[stream]
        assert len(set(bodies)) == len(bodies), "a callback came twice"
        assert set(bodies) <= sent, "the tills were told what nobody sent"
        trade.kept += len(set(bodies) - safe)
        trade.lost += len(sent - set(bodies))

    def _won(self, stream: str) -> dict[str, list[Claim]]:
        return {receipt: [racing.result()] for (of, receipt), racing in self._races.items() if of == stream}

    async def _pay_last(self, at: Pairing) -> None:
        """A payment behind every claim, posted until it is taken: the relays are well again."""
        async with asyncio.timeout(PATIENCE), calling() as http:
            while await self.safaricom.post(http, Post(at, _LAST, 1)) != httpx.codes.OK:  # noqa: ASYNC110
                await asyncio.sleep(_PAUSE_SECONDS)
