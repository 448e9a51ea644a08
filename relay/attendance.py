"""Which tills are here, how far each has acknowledged, and what of that the store has still to be told.

It must not know sockets or the store. A till that is here is noted every few minutes even where nothing moves: so the
store can say, at any replica and after a restart, which tills have been away, and since when.
"""

AGAIN_SECONDS = 300.0


class Attendance:
    """Times are of the monotonic clock."""

    def __init__(self) -> None:
        self._noted: dict[str, tuple[int, float]] = {}
        self._left: dict[str, int] = {}

    def was_here(self, till_id: str, acked: int) -> None:
        """A till that goes now, or that asked by a long poll."""
        self._left[till_id] = acked

    def due(self, here: dict[str, int], now: float) -> dict[str, int]:
        """What is to be noted: how far the tills that are on a websocket have acknowledged is `here`."""
        moved = {till_id: acked for till_id, acked in here.items() if self._is_news(till_id, acked, now)}
        self._noted = {till_id: known for till_id, known in self._noted.items() if till_id in here}
        return self._left | moved

    def _is_news(self, till_id: str, acked: int, now: float) -> bool:
        known, at = self._noted.get(till_id, (-1, now))
        return known != acked or now - at >= AGAIN_SECONDS

    def noted(self, told: dict[str, int], now: float) -> None:
        """`told` stands in the store since `now`."""
        self._noted |= {till_id: (acked, now) for till_id, acked in told.items()}
        self._left = {till_id: acked for till_id, acked in self._left.items() if told.get(till_id) != acked}
