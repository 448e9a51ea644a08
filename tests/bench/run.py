"""The benchmarks: prints each figure as a ratio to the smallest program that does the same thing, held or missed.

`python3 build/dev.py bench [--only P1,P2] [--rounds N] [--quick] [--full] [--json FILE]`. Read ratios, not absolutes;
on a busy machine read nothing. How to profile a figure is said at the head of its module.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import arriving
import catching_up
import charging
import crowd
import feed
import growing
import idle_tills
import idling
import ingest
import peers
import screen
import starting
import storm
from figures import Figure
from machine import Bench, facts

Run = Callable[[Bench], Iterator[Figure]]
ALL: dict[str, Run] = {
    "P1": ingest.p1,
    "P2": ingest.p2,
    "P2b": ingest.p2b,
    "P3": peers.p3,
    "P3s": peers.p3_slow,
    "P3b": peers.p3b,
    "P4": screen.p4,
    "P4b": feed.p4b,
    "P4c": arriving.p4c,
    "P5": charging.p5,
    "P6": starting.p6,
    "P9": arriving.p9,
    "P10": idle_tills.p10,
    "P11": catching_up.p11,
    "P12": starting.p12,
    "P13": idling.p13,
    "grow": growing.grow,
    "crowd": crowd.crowd,
    "storm": storm.storm,
}


def main() -> int:
    given = _given()
    # So that what was started is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [name.strip() for name in given.only.split(",")] if given.only else list(ALL)
    unknown = [name for name in chosen if name not in ALL]
    if unknown:
        sys.stderr.write(f"there is no {', '.join(unknown)}; there are {', '.join(ALL)}\n")
        return 2
    rounds = given.rounds or (1 if given.quick else 3)
    with Bench(Path(tempfile.mkdtemp(prefix="bench-")), rounds, quick=given.quick, full=given.full) as bench:
        said = facts(bench.folder)
        _say("  ".join(f"{name} {value}" for name, value in said.items()))
        figures = list(_all(bench, chosen))
    if given.json:
        whole = {"machine": said, "rounds": rounds, "figures": [figure.facts() for figure in figures]}
        given.json.write_text(json.dumps(whole, indent=1))
    missed = list(dict.fromkeys(figure.name for figure in figures if figure.verdict == "missed"))
    _say(f"missed: {', '.join(missed)}" if missed else "every ratio held")
    return 1 if any(figure.what == "broken" for figure in figures) else 0


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build/dev.py bench", description=__doc__)
    parser.add_argument("--only", metavar="P1,P2", help=f"of {', '.join(ALL)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="default 3, or 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="sizes that show only that it works")
    parser.add_argument(
        "--full",
        action="store_true",
        help="the sizes of the figures that take minutes: five idle minutes, 10,000 tills",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="every round of every figure")
    return parser.parse_args()


def _all(bench: Bench, chosen: list[str]) -> Iterator[Figure]:
    for name in chosen:
        begun = time.monotonic()
        try:
            for figure in ALL[name](bench):
                _say(figure.lines())
                yield figure
        except RuntimeError as broken:
            _say(f"{name:<4} broken: {broken}")
            yield Figure(name, "broken", "", [0.0], at_least=1.0)
        _say(f"       ({time.monotonic() - begun:.0f} s)")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
