"""P10: what each of many idle tills costs the relay's memory, and how long a callback takes to reach the last of them.

Its floor is a bare server of the `websockets` package, which sends one text to all. With `--full` the tills are 10,000.
Profile: `py-spy record -t -d 10 -o p10.svg -p PID` of the relay while `--only P10` runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import crowd
import shops
from clients import Following
from figures import Figure, percentile
from ingest import turns
from machine import CLIENT_CORE, FLOORS, SERVER_CORE, WORKERS, Bench, Child

from relay.protocol import CONNECT_PATH

_OURS, _BARE = "the relay", "a bare `websockets` server"
_TURNS = 20


def p10(bench: Bench) -> Iterator[Figure]:
    count, heard_by = 10_000 if bench.full else bench.count(2_000), bench.count(1_000)
    memory: dict[str, list[float]] = {_OURS: [], _BARE: []}
    took: dict[str, list[float]] = {_OURS: [], _BARE: []}
    for at in range(bench.rounds):
        for name in turns(at, [_OURS, _BARE]):
            memory[name].append(_memory(bench, name, count))
            took[name].append(_broadcast(bench, name, heard_by))
    what = f"memory of each of {count:,} idle tills"
    yield Figure("P10", what, "KiB", memory[_OURS], at_most=22)
    yield Figure("P10", "the same against a bare websocket", "KiB", memory[_OURS], memory[_BARE], _BARE)
    what = f"callback POSTed → frame at the last of {heard_by:,} tills, p50"
    yield Figure("P10", what, "ms", took[_OURS], took[_BARE], f"{_BARE}, one text to all", at_most=1.6)


@contextmanager
def _bare(bench: Bench) -> Iterator[Child]:
    with Child([str(FLOORS / "bare_websockets.py")], bench.log, SERVER_CORE) as server:
        yield server


def _memory(bench: Bench, name: str, count: int) -> float:
    store = bench.fresh("relay") / "relay.db"
    if name == _BARE:
        who = [{"path": "/"}] * count
    else:
        seats = crowd.seated(store, count)
        who = [{"path": CONNECT_PATH, "token": token, "stream": stream} for token, stream in seats]
    with _bare(bench) if name == _BARE else shops.relay(bench, store) as server:
        spec: dict[str, Any] = {**_where(server.listening()), "who": who, "at_once": crowd.AT_ONCE}
        before = server.rss_mib()
        with Child.asked(WORKERS / "come.py", spec, bench.log, CLIENT_CORE) as clients:
            clients.answer()
            return (server.rss_mib() - before) * 1024 / count


def _broadcast(bench: Bench, name: str, count: int) -> float:
    """The ms until the last has it."""
    if name == _BARE:
        with _bare(bench) as server:
            spec: dict[str, Any] = {"what": "broadcast", **_where(server.listening()), "clients": count}
            return _p50_ms(bench, spec)
    store = bench.fresh("relay") / "relay.db"
    shop = shops.make_shops(store)[0]
    with shops.in_store(store) as connection:
        tokens = crowd.tokens_of(connection, "shop 0", count)
    with shops.relay(bench, store) as server:
        where = {**_where(server.listening()), "path": CONNECT_PATH}
        tills = [{**where, "token": token} for token in tokens]
        return _p50_ms(bench, {"what": "frames", "tills": tills, "shop": asdict(shop), "seed": 1})


def _p50_ms(bench: Bench, spec: dict[str, Any]) -> float:
    return percentile(Following(bench, {**spec, "count": _TURNS}).said(), 0.5) / 1000


def _where(url: str) -> dict[str, Any]:
    address = urlsplit(url)
    return {"host": address.hostname, "port": address.port}
