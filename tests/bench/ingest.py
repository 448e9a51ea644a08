"""P1, P2 and P2b: callbacks a second, durable before the 200, and what they cost a websocket meanwhile.

Server on one core, load on the other; ours and the floors take turns within every round.
Profile: `py-spy record --native -d 5 -o p1.svg -p PID` of the relay while `--only P1` runs, or with `-t` by thread.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import shops
from clients import Following, Load
from figures import Figure, percentile
from machine import FLOORS, SERVER_CORE, SHIM_MS, Bench, Child, flush_ms, shim

T = TypeVar("T")
Serving = tuple[Child, str, shops.Shop]
"""A server, its address, and whose callbacks it takes."""
Answers = dict[tuple[str, int], list[Any]]
"""Of a server to so many callers."""
NOBODY = shops.Shop("0" * 32, "0" * 32, "")
_TURNS = 3
_OURS, _GROUP, _EACH, _SESSION = "relay", "group commit alone", "commit per request", "SQLModel session per request"


@contextmanager
def _floor(bench: Bench, name: str, environment: Mapping[str, str] = {}) -> Iterator[Serving]:
    script = "session_per_request.py" if name == _SESSION else "group_commit.py"
    store = bench.fresh("floor") / "floor.db"
    more = ["--batch", "1"] if name == _EACH else []
    with Child([str(FLOORS / script), "--store", str(store), *more], bench.log, SERVER_CORE, environment) as server:
        yield server, server.listening(), NOBODY


@contextmanager
def on_sqlite(bench: Bench, *, echo: bool = False, environment: Mapping[str, str] = {}) -> Iterator[Serving]:
    store = bench.fresh("relay") / "relay.db"
    shop = shops.make_shops(store)[0]
    with shops.relay(bench, store, echo=echo, environment=environment) as server:
        yield server, server.listening(), shop


def p1(bench: Bench) -> Iterator[Figure]:
    servers = {_OURS: lambda: on_sqlite(bench), _GROUP: lambda: _floor(bench, _GROUP)}
    answers = side_by_side(bench, servers, (1, 32, 256))
    for callers in (32, 256):
        what = f"callbacks durable, {callers} callers"
        yield _rate("P1", what, answers[_OURS, callers], answers[_GROUP, callers], _GROUP, at_least=0.8)
    ours, floor = ([one["p50"] for one in answers[name, 1]] for name in (_OURS, _GROUP))
    yield Figure("P1", "one caller must not pay for the group: p50", "ms", ours, floor, _GROUP, at_most=1.4)
    ours, floor = ([one["cpu"] for one in answers[name, 256]] for name in (_OURS, _GROUP))
    yield Figure("P1", "CPU of the server for one callback, 256 callers", "µs", ours, floor, _GROUP)


def side_by_side(
    bench: Bench, servers: Mapping[str, Callable[[], AbstractContextManager[Serving]]], loads: Sequence[int]
) -> Answers:
    """All are up at once, and asked for a second in turn: what the machine does to one meanwhile it does to all.

    What each answers first does not count, while its files grow and its caches fill.
    """
    answers: Answers = {}
    with ExitStack() as up:
        serving = [(name, *up.enter_context(started())) for name, started in servers.items()]
        for at in range(1 + _TURNS * bench.rounds):
            for callers in loads:
                for name, server, url, shop in turns(at, serving):
                    seed, most = at * 1000 + callers, 30_000 if callers > 1 else 5_000
                    asked = Load(
                        bench, url, [shop], callers, seed=seed, seconds=bench.seconds(1), most=most, warm_up=0.2
                    )
                    answer = asked.answer(server)
                    if at:
                        answers.setdefault((name, callers), []).append(answer)
    return answers


def p2(bench: Bench) -> Iterator[Figure]:
    answers: dict[str, list[Any]] = {}
    for at in range(bench.rounds):
        for name in turns(at, [_OURS, _EACH, _SESSION]):
            with on_sqlite(bench) if name == _OURS else _floor(bench, name) as (server, url, shop):
                most = 80_000 if name == _OURS else 30_000
                asked = Load(bench, url, [shop], 256, seed=at, seconds=bench.seconds(3), most=most)
                answers.setdefault(name, []).append(asked.answer(server))
    what = "callbacks durable, 256 callers"
    yield _rate("P2", what, answers[_OURS], answers[_EACH], _EACH, at_least=4)
    yield _rate("P2", what, answers[_OURS], answers[_SESSION], f"{_SESSION} (Starlette)", at_least=40)


def p2b(bench: Bench) -> Iterator[Figure]:
    library = shim(bench.folder)
    if library is None:
        yield Figure("P2b", f"not measured: no C compiler to build the {SHIM_MS} ms disk with", "", [0.0])
        return
    slow = {"LD_PRELOAD": library, "SLOW_FLUSH_US": str(SHIM_MS * 1000)}
    flush = SHIM_MS + percentile(flush_ms(bench.folder, 50), 0.5)
    ours, floor, idle, busy = [], [], [], []
    for at in range(bench.rounds):
        with on_sqlite(bench, echo=True, environment=slow) as (server, url, shop):
            idle.append(_echoing(bench, url).p99_ms())
            asked = Load(bench, url, [shop], 256, seed=at, seconds=bench.seconds(3), most=80_000)
            echoing = _echoing(bench, url)
            ours.append(asked.answer(server))
            busy.append(echoing.p99_ms())
        with _floor(bench, _EACH, slow) as (server, url, shop):
            floor.append(Load(bench, url, [shop], 256, seed=at, seconds=bench.seconds(4), most=30_000).answer(server))
    what = "callbacks durable, 256 callers"
    yield _rate("P2b", what, ours, floor, f"{_EACH}, both on a {SHIM_MS} ms disk", at_least=60)
    for name, most in (("p50", 4), ("p99", 12)):
        flushes = [one[name] / flush for one in ours]
        yield Figure("P2b", f"{name} of a callback, in flushes of {flush:.1f} ms", "flushes", flushes, at_most=most)
    yield Figure("P2b", "p99 of a websocket echo meanwhile", "ms", busy, idle, "the same without load", at_most=3)


def _echoing(bench: Bench, url: str) -> Following:
    """Echoes at 100 a second for as long as a load lasts, on whichever core is free."""
    address = urlsplit(url)
    spec = {"what": "echo", "host": address.hostname, "port": address.port, "pace": 100}
    return Following(bench, {**spec, "count": int(100 * bench.seconds(3))}, core=None)


def turns(at: int, names: list[T]) -> list[T]:
    """Who goes first changes from round to round."""
    return names if at % 2 == 0 else names[::-1]


def _rate(name: str, what: str, ours: list[Any], floor: list[Any], floor_name: str, *, at_least: float) -> Figure:
    of_ours, of_floor = ([one["rate"] for one in answers] for answers in (ours, floor))
    return Figure(name, what, "a second", of_ours, of_floor, floor_name, at_least=at_least)
