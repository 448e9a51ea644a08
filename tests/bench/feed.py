"""P4b, and how the feed grows with tills: from the POST of a callback to its frame at a bare websocket client.

One at a time, on raw sockets; its floor is a websocket echo of 600 bytes on the very same server.
Profile: `py-spy record --native -t -d 5 -o p4b.svg -p PID` of the relay while `--only P4b --rounds 20` runs.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

import shops
from clients import Following
from figures import Figure, percentile
from machine import Bench

_ECHO = "websocket echo of the same server"


def p4b(bench: Bench) -> Iterator[Figure]:
    frames, echoes = [], []
    store = bench.fresh("relay") / "relay.db"
    shop = shops.make_shops(store)[0]
    with shops.relay(bench, store, echo=True) as server:
        till = shops.pair(server.listening(), shop.codes[0])
        for at in range(-1, bench.rounds):
            echoed, framed = _echo(bench, till, 1500), _frames(bench, till, shop, at + 1, 700)
            if at >= 0:
                frames.append(framed)
                echoes.append(echoed)
    for share, most in ((0.5, 5.5), (0.99, 8.0)):
        ours, floor = ([percentile(one, share) for one in took] for took in (frames, echoes))
        what = f"callback POSTed → frame at a websocket, p{share * 100:.0f}"
        yield Figure("P4b", what, "µs", ours, floor, _ECHO, at_most=most)


def _echo(bench: Bench, till: shops.Paired, count: int) -> list[float]:
    address = urlsplit(till.url)
    spec = {"what": "echo", "host": address.hostname, "port": address.port, "count": bench.count(count)}
    return Following(bench, spec).said()


def _frames(bench: Bench, till: shops.Paired, shop: shops.Shop, seed: int, count: int) -> list[float]:
    spec = {"what": "frames", "tills": [shops.connect_spec(till)], "shop": shop.spec(), "seed": seed}
    return Following(bench, {**spec, "count": bench.count(count)}).said()
