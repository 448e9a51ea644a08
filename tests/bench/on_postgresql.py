"""P3b: callbacks a second, durable before the 200, of the relay on PostgreSQL against the same relay on SQLite.

Relay on one core, load on the other; PostgreSQL has the same disk, its own settings, and whichever core is free.
Profile: `py-spy record -t -d 5 -o p3b.svg -p PID` of the relay while `--only P3b` runs; `perf top -p PID` of a backend.
"""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import shops
from clients import Load
from figures import Figure
from machine import ROOT, Bench, Child

from relay.stores.store import opened

sys.path.insert(0, str(ROOT / "tests"))

from database_server import DatabaseServer

_OURS, _FLOOR = "on PostgreSQL", "the same on SQLite"


def p3b(bench: Bench) -> Iterator[Figure]:
    answers: dict[tuple[str, int], list[Any]] = {}
    with closing(DatabaseServer(lambda url: opened(url).prepare(), bench.fresh("postgresql"))) as server:
        for at in range(bench.rounds):
            for name in (_OURS, _FLOOR) if at % 2 == 0 else (_FLOOR, _OURS):
                with _relay(bench, server if name == _OURS else None) as (relay, shop):
                    url = relay.listening()
                    for callers in (1, 32, 256):
                        most = 80_000 if callers > 1 else 15_000
                        seconds, seed = bench.seconds(2.5), at * 1000 + callers
                        asked = Load(bench, url, [shop], callers, seed=seed, seconds=seconds, most=most)
                        answers.setdefault((name, callers), []).append(asked.answer(relay))
    for callers, at_least in ((32, None), (256, 0.8)):
        ours, floor = ([one["rate"] for one in answers[name, callers]] for name in (_OURS, _FLOOR))
        what = f"callbacks durable on PostgreSQL, {callers} callers"
        yield Figure("P3b", what, "a second", ours, floor, _FLOOR, at_least=at_least)
    ours, floor = ([one["p50"] for one in answers[name, 1]] for name in (_OURS, _FLOOR))
    yield Figure("P3b", "one caller: p50", "ms", ours, floor, _FLOOR)
    ours, floor = ([one["cpu"] for one in answers[name, 256]] for name in (_OURS, _FLOOR))
    yield Figure("P3b", "CPU of the relay for one callback, 256 callers", "µs", ours, floor, _FLOOR)


@contextmanager
def _relay(bench: Bench, server: DatabaseServer | None) -> Iterator[tuple[Child, shops.Shop]]:
    folder = bench.fresh("relay")
    store = folder / "relay.db" if server is None else server.fresh()
    shop = shops.make_shops(store)[0]
    with shops.relay(bench, store, environment={"RELAY_HIGH_WATER": str(folder / "high.water")}) as relay:
        yield relay, shop
