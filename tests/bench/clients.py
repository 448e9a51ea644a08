"""The measuring clients as the benchmarks start them: each is a process of its own, from `workers/`.

They must not know what a figure is held to.
"""

from typing import Any
from urllib.parse import urlsplit

from figures import percentile
from machine import CLIENT_CORE, WORKERS, Bench, Child
from shops import Shop


class Load:
    """Callers that have begun; `answer` waits for their end."""

    def __init__(
        self,
        bench: Bench,
        url: str,
        at: list[Shop],
        callers: int,
        *,
        seed: int,
        seconds: float,
        most: int,
        warm_up: float = 0.5,
    ) -> None:
        address = urlsplit(url)
        spec = {
            "host": address.hostname,
            "port": address.port,
            "shops": [shop.spec() for shop in at],
            "callers": callers,
            "seed": seed,
            "warm_up": warm_up,
            "seconds": seconds,
            "most": most,
        }
        self._child = Child.asked(WORKERS / "load.py", spec, bench.log, CLIENT_CORE)
        self._child.answer()

    def answer(self, server: Child) -> Any:
        """Rate a second, p50 and p99 in ms, CPU µs of the server for each callback."""
        before = server.cpu_seconds()
        with self._child as child:
            answer = child.answer()
        if answer["failed"] or not answer["done"]:
            raise RuntimeError(f"{answer['failed']} of {answer['all']} callbacks were not answered with 200")
        return {**answer, "cpu": (server.cpu_seconds() - before) / answer["all"] * 1e6}


class Following:
    """Runs beside whatever else is measured."""

    def __init__(self, bench: Bench, spec: dict[str, Any], core: int | None = CLIENT_CORE) -> None:
        self._child = Child.asked(WORKERS / "follow.py", spec, bench.log, core)

    def said(self) -> list[float]:
        """One number for each; waits for the end."""
        with self._child as child:
            return [float(one) for one in child.answer()]

    def p99_ms(self) -> float:
        return percentile(self.said(), 0.99) / 1000
