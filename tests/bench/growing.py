"""How cost grows: ingest with the length of the log and with the number of shops, the feed with the number of tills.

Each is compared with the smallest of its own kind in the same run; flat is 1. With `--full` the log grows to a million.
"""

from collections.abc import Iterator
from dataclasses import asdict

import shops
from clients import Following, Load
from figures import Figure, percentile
from machine import Bench


def grow(bench: Bench) -> Iterator[Figure]:
    yield from _with_the_log(bench)
    yield from _with_shops(bench)
    yield from _with_tills(bench)


def _with_the_log(bench: Bench) -> Iterator[Figure]:
    lengths = [bench.count(each) for each in (10_000, 100_000, *([1_000_000] if bench.full else []))]
    store = bench.fresh("relay") / "relay.db"
    shop = shops.make_shops(store)[0]
    cost: dict[int, float] = {}
    with shops.relay(bench, store) as server:
        url, stored = server.listening(), 0
        Load(bench, url, [shop], 64, seed=0, seconds=1, most=10_000, warm_up=0).answer(server)
        for length in lengths:
            if stored < length:
                filling = Load(bench, url, [shop], 256, seed=length, seconds=600, most=length - stored, warm_up=0)
                filling.answer(server)
            answer = Load(bench, url, [shop], 64, seed=-length, seconds=bench.seconds(2.5), most=60_000).answer(server)
            stored, cost[length] = length + answer["all"], answer["cpu"]
    for length in lengths[1:]:
        what, than = f"CPU for a callback, {length:,} events in the log", f"with {lengths[0]:,}"
        yield Figure("grow", what, "µs", [cost[length]], [cost[lengths[0]]], than)


def _with_shops(bench: Bench) -> Iterator[Figure]:
    cost: dict[int, list[float]] = {1: [], 10: [], 100: []}
    for _ in range(bench.rounds):
        for count, values in cost.items():
            store = bench.fresh("relay") / "relay.db"
            made = shops.make_shops(store, count)
            with shops.relay(bench, store) as server:
                url = server.listening()
                asked = Load(bench, url, made, 64, seed=count, seconds=bench.seconds(2), most=60_000)
                values.append(asked.answer(server)["cpu"])
    for count in (10, 100):
        yield Figure("grow", f"CPU for a callback, {count} shops in turn", "µs", cost[count], cost[1], "with one")


def _with_tills(bench: Bench) -> Iterator[Figure]:
    took: dict[int, list[float]] = {1: [], 10: [], 50: []}
    store = bench.fresh("relay") / "relay.db"
    shop = shops.make_shops(store, tills=50)[0]
    with shops.relay(bench, store) as server:
        url = server.listening()
        paired = [shops.connect_spec(shops.pair(url, code)) for code in shop.codes]
        for at in range(bench.rounds):
            for count, values in took.items():
                spec = {"what": "frames", "tills": paired[:count], "shop": asdict(shop), "seed": 100 * at + count}
                said = Following(bench, {**spec, "count": bench.count(300)}).said()
                values.append(percentile(said, 0.5))
    for count in (10, 50):
        what = f"callback POSTed → frame at the last of {count} tills, p50"
        yield Figure("grow", what, "µs", took[count], took[1], "with one")
