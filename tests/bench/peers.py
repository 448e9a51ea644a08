"""P3 and P3b: callbacks a second, durable before the 200, of the relay and of what others would put behind a webhook.

One harness: HTTP by raw ASGI in uvicorn on one core, the load on the other, a server behind it on whichever is free,
all on one disk. They take turns of a second, and no answer is given before it is on disk.
Profile: `py-spy record -t -d 5 -o p3.svg -p PID` of the relay while `--only P3` runs; `perf top -p PID` of a server.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, NamedTuple

import ingest
import servers
import shops
from figures import Figure
from ingest import Answers, Serving
from machine import FLOORS, SERVER_CORE, SHIM_MS, Bench, Child, shim

Slow = Mapping[str, str]
_ON_SQLITE, _ON_POSTGRESQL = "the relay on SQLite", "the relay on PostgreSQL"


class Case(NamedTuple):
    """`needs` of what `servers.lacking` may name; `at_least` is what the relay on SQLite is held to."""

    name: str
    started: Callable[[Bench, Slow], AbstractContextManager[Serving]]
    needs: tuple[str, ...] = ()
    at_least: float | None = None


@contextmanager
def _on_postgresql(bench: Bench, slow: Slow) -> Iterator[Serving]:
    """The relay itself flushes nothing that anybody waits for."""
    with servers.postgresql(bench, slow) as server:
        store = server.fresh()
        shop = shops.make_shops(store)[0]
        beside = {"RELAY_HIGH_WATER": str(bench.fresh("relay") / "high.water")}
        with shops.relay(bench, store, environment=beside) as relay:
            yield relay, relay.listening(), shop


def _hop(hop: str, server: Callable[[Bench, Slow], AbstractContextManager[str]]) -> Any:
    @contextmanager
    def started(bench: Bench, slow: Slow) -> Iterator[Serving]:
        with server(bench, slow) as address:
            arguments = [str(FLOORS / "webhook.py"), hop, address]
            with Child(arguments, bench.log, SERVER_CORE) as front:
                yield front, front.listening(), ingest.NOBODY

    return started


@contextmanager
def _database(bench: Bench, slow: Slow) -> Iterator[str]:
    with servers.postgresql(bench, slow) as server:
        yield server.fresh(empty=True)


OURS = [
    Case(_ON_SQLITE, lambda bench, slow: ingest.on_sqlite(bench, environment=slow)),
    Case(_ON_POSTGRESQL, _on_postgresql),
]
JETSTREAM = Case(
    "NATS JetStream, sync_interval always",
    _hop("jetstream", lambda bench, _slow: servers.jetstream(bench)),
    ("nats-server",),
    3,
)
PEERS = [
    Case("asyncpg, an INSERT per request", _hop("insert", _database), ("asyncpg",), 2.5),
    Case("Redis, appendfsync always, pipelined", _hop("redis", servers.redis), ("redis-server", "redis"), 1.1),
    Case("PostgreSQL, grouped inserts by unnest", _hop("unnest", _database), ("asyncpg",), 0.8),
]


def p3(bench: Bench) -> Iterator[Figure]:
    yield from _against_peers(bench, "P3", [JETSTREAM, *PEERS], {})


def p3_slow(bench: Bench) -> Iterator[Figure]:
    """JetStream is left out: it is Go, which asks the kernel for its flushes without the library that is slowed."""
    library = shim(bench.folder)
    if library is None:
        yield Figure("P3s", f"not measured: no C compiler to build the {SHIM_MS} ms disk with", "", [0.0])
        return
    slow = {"LD_PRELOAD": library, "SLOW_FLUSH_US": str(SHIM_MS * 1000)}
    yield from _against_peers(bench, "P3s", PEERS, slow)


def p3b(bench: Bench) -> Iterator[Figure]:
    answers = _measured(bench, OURS, (1, 32, 256), {})
    for callers, at_least in ((32, None), (256, 0.8)):
        what = f"callbacks durable on PostgreSQL, {callers} callers"
        yield _compared("P3b", what, "rate", answers, of=(_ON_POSTGRESQL, _ON_SQLITE, callers), at_least=at_least)
    yield _compared("P3b", "one caller: p50", "p50", answers, of=(_ON_POSTGRESQL, _ON_SQLITE, 1))
    what = "CPU of the relay for one callback, 256 callers"
    yield _compared("P3b", what, "cpu", answers, of=(_ON_POSTGRESQL, _ON_SQLITE, 256))


def _against_peers(bench: Bench, name: str, peers: Sequence[Case], slow: Slow) -> Iterator[Figure]:
    lacking = servers.lacking()
    for peer in peers:
        for need in lacking.keys() & set(peer.needs):
            yield Figure(name, f"not measured: {peer.name}; {need} is had by: {lacking[need]}", "", [0.0])
    here = [peer for peer in peers if not lacking.keys() & set(peer.needs)]
    answers = _measured(bench, [*OURS, *here], (32, 256), slow)
    disk = f", {SHIM_MS} ms disk" if slow else ""
    for callers in (32, 256):
        for peer in here:
            held = None if slow else peer.at_least
            what = f"callbacks durable, {callers} callers{disk}"
            yield _compared(name, what, "rate", answers, of=(_ON_SQLITE, peer.name, callers), at_least=held)
        for peer in here:
            what = f"the same on PostgreSQL, {callers} callers{disk}"
            yield _compared(name, what, "rate", answers, of=(_ON_POSTGRESQL, peer.name, callers))


def _measured(bench: Bench, cases: Sequence[Case], loads: Sequence[int], slow: Slow) -> Answers:
    servers = {case.name: partial(case.started, bench, slow) for case in cases}
    return ingest.side_by_side(bench, servers, loads)


def _compared(
    name: str, what: str, part: str, answers: Answers, *, of: tuple[str, str, int], at_least: float | None = None
) -> Figure:
    """`part` of the answers of one against another, at so many callers."""
    ours, peer, callers = of
    unit = {"rate": "a second", "p50": "ms", "cpu": "µs"}[part]
    values = ([one[part] for one in answers[case, callers]] for case in (ours, peer))
    return Figure(name, what, unit, *values, peer, at_least=at_least)
