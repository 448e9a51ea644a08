"""Payments that customers make by themselves: from the POST of a confirmation to the chip, and what many of them cost.

P4c is measured as P4 is, among few and among many unclaimed payments; P9 is the window's frames while they are matched.
Profile: `py-spy record -t -d 10 -o p9.svg -p PID` of `workers/window.py` while `--only P9` runs.
"""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from clients import Following
from desks import Surroundings, surroundings
from figures import Figure, percentile
from machine import Bench, Child
from screen import ECHO, FRAME_MS, PACE, echo

SALES = 500
_UNCLAIMED = (100, 1_000, 5_000)
_QUEUED = 1_000
_WORST_MS = 100
_SEEN = 0.9


def p4c(bench: Bench) -> Iterator[Figure]:
    sizes = [bench.count(size) for size in _UNCLAIMED]
    painted: dict[int, list[list[float]]] = {size: [] for size in sizes}
    echoes: dict[int, list[list[float]]] = {size: [] for size in sizes}
    with surroundings(bench) as around, around.start_again(bench, bench.fresh("till")) as till:
        till.answer()
        made = _Made(bench, around, till)
        till.tell(f"ring {bench.count(SALES)}")
        till.answer()
        for size in sizes:
            made.until(size)
            made.chips(bench.count(100))
            for _ in range(bench.rounds):
                echoes[size].append(echo(bench, around))
                painted[size].append(made.chips(bench.count(200)))
    p50 = {size: [percentile(one, 0.5) for one in took] for size, took in painted.items()}
    floor = {size: [percentile(one, 0.5) for one in took] for size, took in echoes.items()}
    few, many = sizes[0], sizes[-1]
    for size in (few, many):
        what = f"confirmation POSTed → chip painted, {size:,} unclaimed, {PACE} a second, p50"
        yield Figure("P4c", what, "ms", p50[size], floor[size], ECHO, at_most=9)
        worst = [percentile(one, 0.99) for one in painted[size]]
        yield Figure("P4c", f"the same, {size:,} unclaimed, p99", "ms", worst, at_most=FRAME_MS)
    for size in sizes[1:]:
        yield Figure(
            "grow", f"POSTed → chip painted, {size:,} unclaimed, p50", "ms", p50[size], p50[few], f"with {few}"
        )


class _Made:
    """The payments made so far; each is one that no sale has."""

    def __init__(self, bench: Bench, around: Surroundings, till: Child) -> None:
        self._bench, self._around, self._till = bench, around, till
        self._count = 0

    def until(self, count: int) -> None:
        """All at once, and held by the till."""
        if count > self._count:
            self.post(count - self._count)
        self._till.tell(f"hold {self._count}")
        self._till.answer()

    def post(self, count: int) -> None:
        """So old that nobody waits to hear of them."""
        missed = self._around.confirmations(self._count, count, age=timedelta(hours=1))
        self._posting(missed, time.monotonic_ns(), pace=2_000)
        self._count += count

    def chips(self, count: int) -> list[float]:
        """The ms from each POST, at the pace, to its chip."""
        requests = self._around.confirmations(self._count, count)
        self._count += count
        self._till.tell(f"chips {json.dumps(list(requests), separators=(',', ':'))}")
        self._till.answer()
        sent = self._posting(requests, time.monotonic_ns() + 300_000_000, pace=PACE)
        painted = self._till.answer()
        took = [(at - sent_ns) / 1e6 for at, sent_ns in zip(painted, sent, strict=True) if at is not None]
        if len(took) < _SEEN * count:
            raise RuntimeError(f"{count - len(took)} of {count} payments were never painted")
        return took

    def _posting(self, requests: dict[str, bytes], start_ns: int, *, pace: int) -> list[float]:
        address = urlsplit(self._around.till.url)
        posting = {"what": "post", "host": address.hostname, "port": address.port, "start_ns": start_ns, "pace": pace}
        said = [request.decode() for request in requests.values()]
        return Following(self._bench, {**posting, "requests": said}, core=None).said()


def p9(bench: Bench) -> Iterator[Figure]:
    unclaimed, queued = bench.count(_UNCLAIMED[-1]), bench.count(_QUEUED)
    matched, applied = [], []
    with surroundings(bench) as around, around.start_again(bench, bench.fresh("till")) as till:
        till.answer()
        made = _Made(bench, around, till)
        till.tell(f"ring {bench.count(SALES)}")
        till.answer()
        made.until(unclaimed)
        for _ in range(bench.rounds):
            _away(till)
            matched.append(_back(till, unclaimed))
            _away(till)
            made.post(queued)
            applied.append(_back(till, unclaimed + queued))
    for what, rounds in (
        (f"{unclaimed:,} unclaimed payments are matched with {bench.count(SALES)} sales", matched),
        (f"{queued:,} queued events are applied among them", applied),
    ):
        yield Figure("P9", f"frames while {what}, p99", "ms", [percentile(one, 0.99) for one in rounds], at_most=16)
        yield Figure("P9", f"the longest of them, {what}", "ms", [max(one) for one in rounds], at_most=_WORST_MS)


def _away(till: Child) -> None:
    till.tell("away")
    till.answer()


def _back(till: Child, count: int) -> list[float]:
    """Who comes back reads from disk as many as it holds, the newest, and from the relay what was queued."""
    till.tell(f"back {count}")
    return [float(one) for one in till.answer()]
