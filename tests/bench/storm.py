"""All tills of a relay lose it in one moment, and come back: after kill -9, and after a restart in good order.

They come as the product's tills do, and callbacks are posted meanwhile. The plan is that of the relay's design: a crowd
is let in within max(5 s, tills/300), and after a restart in good order within the half minute that the relay asks for.
With `--full` they are 10,000. Profile: `py-spy record -t -d 10 -o storm.svg -p PID` of the relay that comes back.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import crowd
import shops
from clients import Following
from figures import Figure, percentile
from machine import CLIENT_CORE, WORKERS, Bench, Child

from relay.protocol import CONNECT_PATH

PACE = 50
"""Callbacks a second, more than a thousand shops have."""
_ASKED_SECONDS = 30.0


class Storm(NamedTuple):
    seconds: float
    """From when the relay listens again until all are there."""
    refused: float
    busy: float
    """Seconds of CPU of the relay that came back, until all were there."""
    answered: list[float]
    """The ms of each callback."""


def storm(bench: Bench) -> Iterator[Figure]:
    count = 10_000 if bench.full else bench.count(2_000)
    found: dict[str, list[Storm]] = {"kill -9": [], "a restart in good order": []}
    for _ in range(bench.rounds):
        for storms, one in zip(found.values(), _storms(bench, count), strict=True):
            storms.append(one)
    plan = max(5.0, count / 300)
    for (after, storms), most in zip(found.items(), (plan, max(_ASKED_SECONDS, plan)), strict=True):
        what = f"{count:,} tills are back after {after}"
        yield Figure("storm", what, "s", [one.seconds for one in storms], at_most=most)
        yield Figure("storm", "tries that were not let in meanwhile", "", [one.refused for one in storms])
        share = [one.busy / one.seconds * 100 for one in storms]
        yield Figure("storm", "CPU of the relay meanwhile", "% of a core", share, at_most=50)
        p99 = [percentile(one.answered, 0.99) for one in storms]
        yield Figure("storm", f"p99 of a callback meanwhile, {PACE} a second", "ms", p99)


def _storms(bench: Bench, count: int) -> Iterator[Storm]:
    store = bench.fresh("relay") / "relay.db"
    shop = shops.make_shops(store)[0]
    who = [{"path": CONNECT_PATH, "token": token, "stream": stream} for token, stream in crowd.seated(store, count)]
    with shops.relay(bench, store, paced=True) as killed:
        address = urlsplit(killed.listening())
        where: dict[str, Any] = {"host": address.hostname, "port": address.port}
        with Child.asked(WORKERS / "storm.py", {**where, "who": who}, bench.log, CLIENT_CORE) as tills:
            tills.answer()
            _brace(tills)
            killed.process.kill()
            killed.process.wait()
            with shops.relay(bench, store, port=where["port"], paced=True) as drained:
                yield _back(bench, tills, drained, where, shop)
                _brace(tills)
            with shops.relay(bench, store, port=where["port"], paced=True) as back:
                yield _back(bench, tills, back, where, shop)


def _brace(tills: Child) -> None:
    tills.tell("again")
    tills.answer()


def _back(bench: Bench, tills: Child, relay: Child, where: dict[str, Any], shop: shops.Shop) -> Storm:
    relay.listening()
    begun, before, count = time.perf_counter(), relay.cpu_seconds(), PACE * int(bench.seconds(12))
    asked = {"what": "answers", "pace": PACE, "count": count, "shop": asdict(shop), "seed": time.monotonic_ns()}
    posting = Following(bench, where | asked, core=None)
    refused = tills.answer()["refused"]
    seconds, busy = time.perf_counter() - begun, relay.cpu_seconds() - before
    return Storm(seconds, refused, busy, [took / 1000 for took in posting.said()])
