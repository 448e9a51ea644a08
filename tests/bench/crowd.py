"""What many idle tills cost one relay: memory for each, and how fast all of them come back at once.

Each is compared with bare websockets of the very same server, which are let in unasked. With `--full` they are 9,000.
Profile: `py-spy record -t -d 10 -o crowd.svg -p PID` of the relay while `--only crowd` runs.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import shops
from clients import Load
from figures import Figure
from machine import CLIENT_CORE, WORKERS, Bench, Child
from sqlalchemy import Connection

from relay.log import new_epoch
from relay.protocol import CONNECT_PATH
from relay.stores import directory

AT_ONCE = 256
_TILLS_OF_A_SHOP = 20
_BARE = "a bare websocket of the same server"


def crowd(bench: Bench) -> Iterator[Figure]:
    count = 9_000 if bench.full else bench.count(2_000)
    found: dict[str, list[float]] = {}
    for at in range(bench.rounds):
        for once in (_tills, _bare) if at % 2 == 0 else (_bare, _tills):
            for name, value in once(bench, count):
                found.setdefault(name, []).append(value)
    for what, unit, told in (
        ("memory", "KiB", f"memory of each of {count:,} idle tills"),
        ("first", "a second", f"{count:,} tills come, {AT_ONCE} at once"),
        ("again", "a second", "all of them come again"),
    ):
        yield Figure("crowd", told, unit, found[f"till {what}"], found[f"bare {what}"], _BARE)
    yield Figure("crowd", "p99 of a callback while they come again, 8 callers", "ms", found["p99"])


def _tills(bench: Bench, count: int) -> Iterator[tuple[str, float]]:
    store = bench.fresh("relay") / "relay.db"
    shop = shops.make_shops(store)[0]
    who = [{"path": CONNECT_PATH, "token": token, "stream": stream} for token, stream in seated(store, count)]
    with shops.relay(bench, store) as server:
        yield from _waves(bench, server, "till", who, shop)


def _bare(bench: Bench, count: int) -> Iterator[tuple[str, float]]:
    store = bench.fresh("relay") / "relay.db"
    with shops.relay(bench, store, echo=True) as server:
        yield from _waves(bench, server, "bare", [{"path": "/echo"}] * count)


def _waves(
    bench: Bench, server: Child, name: str, who: list[dict[str, str]], shop: shops.Shop | None = None
) -> Iterator[tuple[str, float]]:
    url = server.listening()
    address = urlsplit(url)
    spec = {"host": address.hostname, "port": address.port, "who": who, "at_once": AT_ONCE}
    before = server.rss_mib()
    with Child.asked(WORKERS / "come.py", spec, bench.log, CLIENT_CORE) as clients:
        yield f"{name} first", len(who) / clients.answer()["seconds"]
        yield f"{name} memory", (server.rss_mib() - before) * 1024 / len(who)
        load = shop and Load(bench, url, [shop], 8, seed=2, seconds=bench.seconds(3), most=10_000, warm_up=0)
        clients.tell("again")
        yield f"{name} again", len(who) / clients.answer()["seconds"]
        if load:
            yield "p99", load.answer(server)["p99"]
        clients.tell("go")
        clients.answer()


def seated(store: Path, count: int) -> list[tuple[str, str]]:
    """Token and stream of each; paired in the store, for as many pairings over HTTP would take longer than the rest."""
    made: list[tuple[str, str]] = []
    with shops.in_store(store) as connection:
        for at in range(0, count, _TILLS_OF_A_SHOP):
            shop = directory.add_shop(connection, f"crowd {at}", new_epoch())
            tokens = tokens_of(connection, shop.name, min(_TILLS_OF_A_SHOP, count - at))
            made += [(token, shop.stream) for token in tokens]
    return made


def tokens_of(connection: Connection, shop: str, count: int) -> list[str]:
    """Of so many new tills."""
    now, tokens = int(time.time() * 1000), list[str]()
    for at in range(count):
        code = directory.invite_till(connection, shop, now).code
        paired: Any = directory.pair(connection, code, directory.Device(f"{at:032x}", "till"), now)
        tokens.append(paired.token)
    return tokens
