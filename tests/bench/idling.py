"""P13: what an idle till costs with its websocket open, and whether a day of charges leaves something behind.

A bare Qt window idles beside it. The day is played through the real panel: each charge is paid and shown as PAID.
Profile: `py-spy record -d 60 -o p13.svg -p PID` of `workers/window.py`; memory: tracemalloc in `workers/playing.py`.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from desks import bare_window, surroundings
from figures import Figure
from machine import Bench, Child
from screen import play

_BARE = "a bare Qt window"


def p13(bench: Bench) -> Iterator[Figure]:
    seconds = 300.0 if bench.full else bench.seconds(60)
    charges = bench.count(300)
    with (
        surroundings(bench) as around,
        around.start_again(bench, bench.fresh("till")) as till,
        bare_window(bench) as bare,
    ):
        bare.answer()
        till.answer()
        time.sleep(min(5.0, seconds))
        before = _cpu(till), _cpu(bare)
        time.sleep(seconds)
        share, bare_share = ((_cpu(one) - was) / seconds * 100 for one, was in zip((till, bare), before, strict=True))
        fresh, bare_mib = till.rss_mib(), bare.rss_mib()
        sizes = []
        for at in range(4):
            play(bench, around, till, charges, 10_000 * (at + 1))
            time.sleep(min(5.0, seconds))
            sizes.append(till.rss_mib())
    what = f"idle till, websocket open, {seconds:.0f} s: CPU"
    yield Figure("P13", what, "% of a core", [share], at_most=0.05)
    yield Figure("P13", "the same of the bare window", "% of a core", [bare_share])
    yield Figure("P13", "memory of the idle till", "MiB", [fresh], [bare_mib], _BARE, at_most=2.6)
    yield Figure(
        "P13", f"memory after a day of {4 * charges} charges", "MiB", [sizes[-1]], [bare_mib], _BARE, at_most=2.6
    )
    growth = (sizes[-1] - sizes[1]) / (2 * charges) * 1024
    yield Figure("P13", f"growth in the day's second half, {2 * charges} charges", "KiB a charge", [growth], at_most=1)


def _cpu(child: Child) -> float:
    """Seconds; to the nanosecond where the system tells."""
    tasks = Path(f"/proc/{child.process.pid}/task")
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
    except OSError:
        return child.cpu_seconds()
