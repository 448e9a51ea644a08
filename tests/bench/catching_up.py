"""P11: a till that was away reads 10,000 events from a real relay into its real database.

They are paid charges of other tills of the shop, so each becomes a payment, its evidence and a move of the cursor.
Profile: `py-spy record -t -d 10 -o p11.svg -- python tests/bench/workers/catch_up.py`, or cProfile of the same.
"""

from collections.abc import Iterator
from dataclasses import asdict

import shops
from clients import Load
from figures import Figure
from machine import FLOORS, WORKERS, Bench, Child

_FLOOR = "reading them bare from SQLite and parsing"


def p11(bench: Bench) -> Iterator[Figure]:
    wanted = bench.count(10_000)
    store = bench.fresh("relay") / "relay.db"
    shop = shops.make_shops(store)[0]
    whole, applied, bare = [], [], []
    with shops.relay(bench, store, core=None) as server:
        url = server.listening()
        till = shops.pair(url, shop.codes[0])
        Load(bench, url, [shop], 32, seed=1, seconds=300, most=wanted, warm_up=0).answer(server)
        for _ in range(bench.rounds):
            spec = {"till": asdict(till), "folder": str(bench.fresh("till"))}
            with Child.asked(WORKERS / "catch_up.py", spec, bench.log) as worker:
                ours = worker.answer()
            with Child.asked(FLOORS / "read_events.py", {"store": str(store)}, bench.log) as floor:
                read = floor.answer()
            if read["events"] != wanted:
                raise RuntimeError(f"the relay has {read['events']} events, not {wanted}")
            whole.append(ours["whole"] * 1000)
            applied.append(ours["applied"] * 1000)
            bare.append(read["took"] * 1000)
    yield Figure("P11", f"catch-up of {wanted:,} events", "ms", whole, bare, _FLOOR, at_most=5)
    yield Figure("P11", "the same frames applied without the network", "ms", applied, bare, _FLOOR)
