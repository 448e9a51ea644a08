"""How cost grows: ingest with the length of the log and with the number of shops, the feed with the number of tills.

Each is compared with the smallest of its own kind in turn with it; flat is 1. Ingest is measured on both stores. With
`--full` the log grows to ten million events and the shops to ten thousand. It grows by the store's own append, without
HTTP: what is measured is posted to a relay that starts on it, and makes it longer by 60,000 at most.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import servers
import shops
from clients import Following, Load
from figures import Figure, percentile
from machine import Bench, Child

from relay.protocol import KIND_C2B_CONFIRMATION, TRUSTED
from relay.stores.sequence import Incoming, Meta
from relay.stores.store import opened

_OF_A_CONNECTION = 100_000
_PAID_AT = datetime.now(UTC)
_PAID_MS = int(_PAID_AT.timestamp() * 1000)


def grow(bench: Bench) -> Iterator[Figure]:
    with servers.postgresql(bench) as server:
        for name, fresh in (("SQLite", lambda: bench.fresh("relay") / "relay.db"), ("PostgreSQL", server.fresh)):
            yield from _with_the_log(bench, name, fresh)
            yield from _with_shops(bench, name, fresh)
    yield from _with_tills(bench)


@contextmanager
def _relay(bench: Bench, store: Path | str) -> Iterator[tuple[Child, str]]:
    beside = {"RELAY_HIGH_WATER": str(bench.fresh("beside") / "high.water")}
    with shops.relay(bench, store, environment=beside) as server:
        yield server, server.listening()


def _with_the_log(bench: Bench, name: str, fresh: Callable[[], Path | str]) -> Iterator[Figure]:
    shortest, *lengths = [
        bench.count(each) for each in (10_000, 100_000, *([1_000_000, 10_000_000] if bench.full else []))
    ]
    grown = fresh()
    shop, stored = shops.make_shops(grown)[0], 0
    for length in lengths:
        _fill(grown, shop, stored, length)
        stored = length
        short, long = [], []
        for at in range(bench.rounds):
            # Made anew each time: what is posted to it would soon make it long.
            beside = fresh()
            short.append(_posted(bench, beside, _filled(beside, shortest), seed=-1))
            long.append(_posted(bench, grown, shop, seed=-length - at))
            stored += long[-1]["all"]
        what = f"CPU for a callback, {length:,} events in the log on {name}"
        for about, unit, figure in ((what, "µs", "cpu"), ("callbacks durable there", "a second", "rate")):
            ours, floor = ([each[figure] for each in taken] for taken in (long, short))
            yield Figure("grow", about, unit, ours, floor, f"with {shortest:,}")


def _posted(bench: Bench, store: Path | str, shop: shops.Shop, seed: int) -> Any:
    with _relay(bench, store) as (server, url):
        return Load(bench, url, [shop], 64, seed=seed, seconds=bench.seconds(2.5), most=60_000).answer(server)


def _filled(store: Path | str, length: int) -> shops.Shop:
    shop = shops.make_shops(store)[0]
    _fill(store, shop, 0, length)
    return shop


def _fill(store: Path | str, shop: shops.Shop, stored: int, length: int) -> None:
    """With confirmations, up to that many events; a crowd's own receipts are of other letters."""
    kept = opened(shops.url_of(store))
    for first in range(stored, length, _OF_A_CONNECTION):
        # SQLite takes its write-ahead log in when the last one goes.
        with kept.connect() as connection:
            last = min(first + _OF_A_CONNECTION, length)
            for start in range(first, last, kept.max_batch):
                numbers = range(start, min(start + kept.max_batch, last))
                with kept.transaction(connection):
                    head = kept.hold(connection, shop.stream)
                    assert head is not None
                    kept.append(connection, [_confirmed(shop, number) for number in numbers], shop.stream, head)


def _confirmed(shop: shops.Shop, number: int) -> Incoming:
    receipt = f"T{number:09d}"
    body = shops.confirmation_body(receipt, 150, "", _PAID_AT)
    key = f"c2b:174379:{receipt}"
    return Incoming.of(shop.stream, KIND_C2B_CONFIRMATION, key, body, Meta(_PAID_MS, TRUSTED, b"m" * 16, receipt))


def _with_shops(bench: Bench, name: str, fresh: Callable[[], Path | str]) -> Iterator[Figure]:
    counts = [1, 10, 100, *([1_000, 10_000] if bench.full else [])]
    cost: dict[int, list[float]] = {count: [] for count in counts}
    rate: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(bench.rounds):
        for count in counts:
            store = fresh()
            made = shops.make_shops(store, count)
            with _relay(bench, store) as (server, url):
                asked = Load(bench, url, made, 64, seed=count, seconds=bench.seconds(2), most=60_000)
                answer = asked.answer(server)
                cost[count].append(answer["cpu"])
                rate[count].append(answer["rate"])
    for count in counts[1:]:
        what = f"CPU for a callback, {count:,} shops in turn on {name}"
        yield Figure("grow", what, "µs", cost[count], cost[1], "with one")
        yield Figure("grow", "callbacks durable there", "a second", rate[count], rate[1], "with one")


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
