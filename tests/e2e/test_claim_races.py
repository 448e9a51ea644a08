"""Two tills want one payment in the same instant: one has it, both are told which (money-safety C3, I3).

The relay is a real process; every till has a websocket and claims by HTTP, through the product's own code.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import combinations, count
from typing import Any

import httpx
import pytest
from racing import Racer, race

from pos_app.domain.claim import Claim
from pos_app.domain.shop import Pairing, TillIdentity

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]
TILLS, FEW_TILLS = 33, 23
"""Of one shop; they make 528 pairs. The few make 253."""
SHOPS = 19
"""With TILL_TEST_FULL=1: 10,032 pairs."""
_SHOP_NUMBERS = count(1)
"""Two tests of one seed may share a relay."""
AT_ONCE = 16
DEATHS = 5
"""Of the relay, among the races of one shop."""


@asynccontextmanager
async def shop_of(world: Any, number: int) -> AsyncIterator[list[Racer]]:
    name = f"Racing {number}"
    world.relay.command("shop", "add", name)
    pairings = [
        Pairing(**world.relay.pair(name, TillIdentity(f"{1000 * number + at:032x}", f"Till {at}", f"T{at}")))
        for at in range(1, (TILLS if world.full else FEW_TILLS) + 1)
    ]
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Racer(pairing)) for pairing in pairings]


class Races:
    """Every pair of a shop's tills races for a payment of its own."""

    def __init__(self, racers: list[Racer], rng: random.Random, letter: str) -> None:
        self._pairs = [rng.sample(pair, 2) for pair in combinations(racers, 2)]
        self._racers, self._letter = racers, letter
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._finished = 0
        self._finish = asyncio.Condition()

    @property
    def count(self) -> int:
        return len(self._pairs)

    async def pay(self) -> None:
        """A payment for each pair, durable before anybody claims one."""
        url = f"{self._racers[0].pairing.callback_base}/c2b/confirm"
        async with httpx.AsyncClient(trust_env=False) as safaricom:

            async def confirm(receipt: str) -> None:
                async with self._at_once:
                    assert (await safaricom.post(url, json=confirmation(receipt))).status_code == 200

            await asyncio.gather(*(confirm(self._receipt(at)) for at in range(self.count)))

    async def run(self) -> list[Claim]:
        winners = await asyncio.gather(*(self._one(at, pair) for at, pair in enumerate(self._pairs)))
        await self._all_agree(winners)
        return winners

    async def after(self, finished: int) -> None:
        async with self._finish:
            await self._finish.wait_for(lambda: self._finished >= finished)

    async def _one(self, at: int, pair: Sequence[Racer]) -> Claim:
        async with self._at_once:
            winner = await race(pair, self._receipt(at))
        async with self._finish:
            self._finished += 1
            self._finish.notify_all()
        return winner

    async def _all_agree(self, winners: list[Claim]) -> None:
        """Every till of the shop was told of each winner, once, and of nobody else."""
        for racer in self._racers:
            for winner in winners:
                assert await racer.heard(winner.receipt) == [winner]
            assert len(racer.told) == self.count

    def _receipt(self, at: int) -> str:
        return f"T{self._letter}R{at:07d}"


def confirmation(receipt: str) -> dict[str, str]:
    return {
        "TransactionType": "Pay Bill",
        "TransID": receipt,
        "TransTime": "20261014153015",
        "TransAmount": "150.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": "",
        "FirstName": "JANE",
    }


async def race_in_shops(
    world: Any, rng: random.Random, meanwhile: Callable[[Races, list[Racer]], Awaitable[None]]
) -> tuple[int, Counter[str], float]:
    """How many races there were, how often whoever asked first or second won, and how long the races took."""
    raced, seconds, firsts = 0, 0.0, Counter[str]()
    for number in range(SHOPS if world.full else 1):
        async with shop_of(world, next(_SHOP_NUMBERS)) as racers:
            races = Races(racers, rng, "ABCDEFGHIJKLMNOPQRS"[number])
            await races.pay()
            began = time.monotonic()
            winners, _ = await asyncio.gather(races.run(), meanwhile(races, racers))
            seconds += time.monotonic() - began
            firsts.update("first" if winner.sale == "1" else "second" for winner in winners)
            raced += len(winners)
    return raced, firsts, seconds


async def test_of_every_pair_of_tills_that_races_for_a_payment_one_wins_and_both_see_it(
    world: Any, figure: Any, seed: int
) -> None:
    async def nothing(_races: Races, _racers: list[Racer]) -> None:
        return

    count, firsts, seconds = await race_in_shops(world, random.Random(seed), nothing)
    assert count >= (10_000 if world.full else 250)
    assert firsts["second"], "whoever asks first always wins: they do not race"
    figure(f"{count} races, {firsts['second']} won by the second to ask, seed={seed}: {seconds:.1f} s")


async def test_the_same_while_the_relay_is_killed_and_comes_back(world: Any, figure: Any, seed: int) -> None:
    rng = random.Random(seed)
    killed = 0

    async def killing(races: Races, racers: list[Racer]) -> None:
        nonlocal killed
        for finished in sorted(rng.sample(range(races.count - AT_ONCE), DEATHS)):
            await races.after(finished)
            world.relay.kill()
            await asyncio.to_thread(world.relay.start)
            killed += 1
        await races.after(races.count)
        await asyncio.gather(*(racer.came_back() for racer in racers))

    count, _, seconds = await race_in_shops(world, rng, killing)
    assert count >= (10_000 if world.full else 250)
    figure(f"{count} races, the relay killed {killed} times among them, seed={seed}: {seconds:.1f} s")
