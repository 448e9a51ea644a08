"""The load generator: N callers in a closed loop post unique callbacks until the time is over; run as a process.

Asked by one line of JSON; says "begun" and then its answer, a line of JSON each.
It must not know which server it talks to.
"""

import asyncio
import json
import sys
import time
from itertools import islice
from typing import Any

import uvloop
from figures import percentile
from shops import Shop, callbacks
from wire import Caller


class Load:
    def __init__(self, requests: list[bytes]) -> None:
        self._requests = requests
        self._next = self._under_way = 0
        self._begin = self._end = 0.0
        self.took: list[float] = []
        self.failed = self.answers = 0
        self.first = self.last = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self, callers: list[Caller], warm_up: float, seconds: float) -> None:
        self._begin = time.perf_counter() + warm_up
        self._end = self._begin + seconds
        for caller in callers:
            self.go_on(caller)

    def answered(self, caller: Caller, is_ok: bool) -> None:
        now = time.perf_counter()
        self._under_way -= 1
        self.answers += 1
        if not is_ok:
            self.failed += 1
        elif now >= self._begin:
            self.first = self.first or now
            self.took.append(now - caller.sent)
            self.last = now
        self.go_on(caller)

    def go_on(self, caller: Caller) -> None:
        if self._next < len(self._requests) and time.perf_counter() < self._end:
            self._next += 1
            self._under_way += 1
            caller.send(self._requests[self._next - 1])
        elif not self._under_way and not self.done.done():
            self.done.set_result(None)


async def run(spec: dict[str, Any]) -> dict[str, float]:
    shops = [Shop(**shop) for shop in spec["shops"]]
    requests = list(islice(callbacks(shops, spec["seed"]), spec["most"]))
    load, loop = Load(requests), asyncio.get_running_loop()
    callers = [
        (await loop.create_connection(lambda: Caller(load.answered), spec["host"], spec["port"]))[1]
        for _ in range(spec["callers"])
    ]
    sys.stdout.write('"begun"\n')
    sys.stdout.flush()
    load.begin(callers, spec["warm_up"], spec["seconds"])
    await load.done
    if not load.took:
        return {"done": 0, "all": load.answers, "failed": load.failed, "rate": 0.0, "p50": 0.0, "p99": 0.0}
    span = load.last - load.first
    return {
        "done": len(load.took),
        "all": load.answers,
        "failed": load.failed,
        "rate": (len(load.took) - 1) / span if span else 0.0,
        "p50": percentile(load.took, 0.5) * 1000,
        "p99": percentile(load.took, 0.99) * 1000,
    }


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(json.dumps(runner.run(run(json.loads(sys.stdin.readline())))) + "\n")
