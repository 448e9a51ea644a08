"""How often each may come: so many a second, and BURST at once after a rest; a token bucket for each (relay.md §4.6).

It must not know who comes, nor what for.
"""

import time

BURST = 200


class Pace:
    def __init__(self, rate: float) -> None:
        """`rate` a second, 0 for any number."""
        self._each = 1 / rate if rate else 0.0
        self._due: dict[str, float] = {}

    def lets(self, name: str) -> bool:
        """Who is let come counts."""
        now = time.monotonic()
        due = max(self._due.get(name, 0.0), now)
        if due - now > BURST * self._each:
            return False
        self._due[name] = due + self._each
        return True
