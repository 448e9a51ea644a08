"""The callbacks Safaricom owes the shop: planned, ready to go, and what became of each.

It must not know what they say.
"""

from collections.abc import Iterator, Mapping

from pos_app.simulator.messages import Callback, CallbackKind, Delivery
from pos_app.simulator.timeline import Timeline


class Outbox:
    def __init__(self, timeline: Timeline, numbers: Iterator[int]) -> None:
        self._timeline = timeline
        self._numbers = numbers
        self._ready: list[Callback] = []
        self.deliveries: list[Delivery] = []

    def plan(self, when: float, kind: CallbackKind, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The number of the callback."""
        callback = Callback(next(self._numbers), kind, url, headers, body, when)
        self._timeline.at(when, lambda _when: self._ready.append(callback))
        return callback.number

    def take(self) -> tuple[Callback, ...]:
        """Each callback once: nothing is ever sent again (§7)."""
        ready, self._ready = tuple(self._ready), []
        return ready

    @property
    def waiting(self) -> bool:
        return bool(self._ready)

    def delivered(self, callback: Callback, status: int | None, error: str = "") -> None:
        self.deliveries.append(Delivery(callback, status, error))
