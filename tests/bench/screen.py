"""P4: from the POST of a callback, 50 a second, until PAID is painted by the real window, with the till at FULL.

Its floor is a websocket echo of the same relay at the same pace: at a pace both pay for waking an idle core.
Profile: `py-spy record -t -d 5 -o p4.svg -p PID` of `workers/window.py` while `--only P4 --rounds 10` runs.
"""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from clients import Following
from desks import Surroundings, surroundings
from figures import Figure, percentile
from machine import Bench, Child

PACE = 50
FRAME_MS = 16.7
ECHO = f"websocket echo of the relay, {PACE} a second"


def p4(bench: Bench) -> Iterator[Figure]:
    painted, echoes = [], []
    with surroundings(bench) as around, around.start_again(bench, bench.fresh("till")) as till:
        till.answer()
        play(bench, around, till, bench.count(100), 0)
        for at in range(bench.rounds):
            echoes.append(echo(bench, around))
            painted.append(play(bench, around, till, bench.count(200), 1000 * (at + 1)))
    ours, floor = ([percentile(one, 0.5) for one in took] for took in (painted, echoes))
    yield Figure("P4", f"callback POSTed → PAID painted, {PACE} a second, p50", "ms", ours, floor, ECHO, at_most=9)
    worst = [percentile(one, 0.99) for one in painted]
    yield Figure("P4", f"callback POSTed → PAID painted, {PACE} a second, p99", "ms", worst, at_most=FRAME_MS)


def play(bench: Bench, around: Surroundings, till: Child, count: int, first: int) -> list[float]:
    """Charges, calls back at the pace, and gives the ms from each POST to its paint."""
    till.tell(f"prepare {count}")
    requests = around.callbacks(till.answer(), first)
    start_ns = time.monotonic_ns() + 1_000_000_000
    till.tell(f"show {start_ns} {1000 / PACE}")
    address = urlsplit(around.till.url)
    posting = {"what": "post", "host": address.hostname, "port": address.port, "start_ns": start_ns, "pace": PACE}
    sent = Following(bench, {**posting, "requests": [one.decode() for one in requests]}, core=None).said()
    painted = till.answer()
    return [(painted[at] - at_ns) / 1e6 for at, at_ns in enumerate(sent)]


def echo(bench: Bench, around: Surroundings) -> list[float]:
    address = urlsplit(around.till.url)
    spec = {"what": "echo", "host": address.hostname, "port": address.port, "pace": PACE}
    took = Following(bench, {**spec, "count": bench.count(200)}, core=None).said()
    return [one / 1000 for one in took]
