"""P5: from the click on Charge until the first byte of the push reaches Daraja, the intent committed before it.

The till's loop is what a click meets; the same on asyncio's own loop says how much of it is Qt.
Profile: `python -m cProfile -s tottime workers/charge.py`, told `{"folder": …, "url": …, "count": 500, "qt": false}`
beside a `workers/sink.py`, or py-spy with `-t` for the writer's thread.
"""

from collections.abc import Iterator

from figures import Figure, percentile
from machine import CLIENT_CORE, FLOORS, WORKERS, Bench, Child

_FLOOR = "bare sqlite3 FULL commit + bare httpx POST"


def p5(bench: Bench) -> Iterator[Figure]:
    took: dict[str, list[float]] = {"qt": [], "asyncio": [], "floor": []}
    with Child([str(WORKERS / "sink.py")], bench.log, CLIENT_CORE) as sink:
        url = sink.listening()
        for _ in range(bench.rounds):
            for name, values in took.items():
                script = FLOORS / "commit_and_post.py" if name == "floor" else WORKERS / "charge.py"
                spec = {"url": url, "folder": str(bench.fresh(name)), "count": bench.count(300), "qt": name == "qt"}
                with Child.asked(script, spec, bench.log) as worker:
                    values.append(percentile(worker.answer(), 0.5))
    what = "charge click → request bytes leave, p50"
    yield Figure("P5", what, "µs", took["qt"], took["floor"], _FLOOR, at_most=1.5)
    yield Figure("P5", "the same on asyncio's loop, without Qt", "µs", took["asyncio"], took["floor"], _FLOOR)
