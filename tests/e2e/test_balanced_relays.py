"""Relays behind a load balancer are killed, and their database is: what got its 200 reaches every till once (R1, R7).

The same of one relay on a file. A callback that got no 200 is not sent again, for Safaricom would not either: how many
of them were lost is told, not judged.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any

import pytest
from balancing import Balanced
from database_server import DatabaseServer
from market import Market, Trade
from safaricom import drawn

from pos_app.domain.shop import Pairing, TillIdentity
from relay.stores.store import opened

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]
SHOPS, TILLS = 3, 3
SENDERS = 32
REPLICAS = 3
_numbers = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[DatabaseServer]:
    made = DatabaseServer(lambda url: opened(url).prepare())
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    """Three relays on one database."""
    made = Balanced(server.fresh(), REPLICAS, tmp_path_factory.mktemp("shared"))
    yield made
    made.close()


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    """One relay on a file."""
    folder = tmp_path_factory.mktemp("alone")
    made = Balanced(f"sqlite:///{folder / 'relay.db'}", 1, folder)
    yield made
    made.close()


@pytest.fixture
def relays(request: pytest.FixtureRequest) -> Balanced:
    found: Balanced = request.getfixturevalue(request.param)
    return found


def tills_of(relays: Balanced) -> list[Pairing]:
    """Of shops that nobody had before."""
    made = []
    for number in (next(_numbers) for _ in range(SHOPS)):
        relays.command("shop", "add", f"Duka {number}")
        for at in range(TILLS):
            till = TillIdentity(f"{1000 * number + at:032x}", f"Till {at}", f"T{at}")
            made.append(relays.pair(f"Duka {number}", till))
    return made


async def traded(
    relays: Balanced,
    rng: random.Random,
    meanwhile: Callable[[Market], Awaitable[None]],
    *,
    posts: int,
    senders: int,
    pace: float,
) -> tuple[Trade, float]:
    tills = await asyncio.to_thread(tills_of, relays)
    async with Market(tills, rng) as market:
        sent = drawn(tills[::TILLS], posts, rng)
        seconds, _ = await asyncio.gather(market.safaricom.post_all(sent, senders, pace), meanwhile(market))
        return await market.judge(), seconds


@pytest.mark.parametrize(("relays", "kills", "all_kills"), [("shared", 3, 30), ("alone", 1, 12)], indirect=["relays"])
async def test_what_got_its_200_reaches_every_till_once_while_relays_are_killed(
    relays: Balanced, kills: int, all_kills: int, *, is_full: bool, figure: Any, seed: int
) -> None:
    kills, posts, pace = (all_kills, 20_000, 250) if is_full else (kills, 300, 120)

    async def killing(market: Market) -> None:
        for at in range(kills):
            await market.safaricom.after((at + 1) * posts // (kills + 1))
            replica = relays.replicas[at % len(relays.replicas)]
            replica.kill()
            await asyncio.to_thread(replica.start)

    trade, seconds = await traded(relays, random.Random(seed), killing, posts=posts, senders=SENDERS, pace=pace)
    assert trade.claims > posts // 50
    assert trade.came_back >= kills
    figure(f"{len(relays.replicas)} relays, {kills} kills, seed={seed}: {trade} ({posts / seconds:.0f} a second)")


@pytest.mark.parametrize(("gone", "least"), [(DatabaseServer.standing_still, 6.0), (DatabaseServer.killed, 0.5)])
async def test_the_same_while_the_database_is_gone(
    shared: Balanced, server: DatabaseServer, gone: Any, least: float, *, is_full: bool, figure: Any, seed: int
) -> None:
    """One that stands still answers nobody; one that was killed is not there."""
    outage, pace = (60.0, 50) if is_full else (least, 30)
    begin = pace

    async def stopping(market: Market) -> None:
        await market.safaricom.after(begin)
        with gone(server):
            await asyncio.sleep(outage)

    posts = begin + int((outage + 4) * pace)
    trade, _ = await traded(shared, random.Random(seed), stopping, posts=posts, senders=400, pace=pace)
    assert trade.answers.keys() == {200}
    figure(f"the database {gone.__name__.replace('_', ' ')} for {outage:.1f} s, seed={seed}: {trade}")
