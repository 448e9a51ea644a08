"""Who is let in now: websockets, and when the others are to come again, for ten thousand tills return in one moment.

It must not know tokens or tills. A handshake costs a thousand times what turning one away does, so the crowd is let in
at a steady pace (relay.md §9), and each of it is told a time of its own.
"""

import secrets
import time
from collections import Counter
from collections.abc import Container, Iterable

from relay.overload import CALM_SECONDS, Level, Overload

AT_ONCE = 150
"""That many more are let in than the pace allows, where fewer came before."""
SOONEST_SECONDS = 1.0
"""Nobody is told less: Retry-After is in whole seconds, and whoever is told some comes within the one after them."""
FULL_SECONDS = (30.0, 60.0)
LONGEST_SECONDS = 60.0
CONNECTIONS = 256
"""Over HTTP of one address, unless it is known."""

_random = secrets.SystemRandom()


class Admission:
    def __init__(self, overload: Overload, pace: float, most: int) -> None:
        """`pace` is handshakes a second, `most` how many may be here."""
        self._overload = overload
        self._each = 1 / pace
        self._most = most
        self._due = 0.0
        self._told = 0.0
        self.here = 0

    def turned_away(self) -> float | None:
        """In how many seconds to come again; None where it is let in, and is one of those here until `gone`."""
        now = time.monotonic()
        if self.here >= self._most:
            return _random.uniform(*FULL_SECONDS)
        if self._overload.sheds(Level.SOCKETS):
            return max(CALM_SECONDS, self._a_time_of_its_own(now))
        due = max(self._due, now)
        if due - now > AT_ONCE * self._each:
            return self._a_time_of_its_own(now)
        self._due = due + self._each
        self.here += 1
        return None

    def _a_time_of_its_own(self, now: float) -> float:
        """Behind everybody who was told one; a crowd of more than a minute's is told to ask again within it."""
        self._told = max(self._told, now + max(SOONEST_SECONDS, AT_ONCE * self._each)) + self._each
        wait = self._told - now
        if wait > LONGEST_SECONDS:
            self._told -= self._each
            return _random.uniform(LONGEST_SECONDS / 2, LONGEST_SECONDS)
        return wait

    def gone(self) -> None:
        self.here -= 1


class Callers:
    """How many connections over HTTP each address has; websockets are counted by shop."""

    def __init__(self, known: Iterable[Container[str]]) -> None:
        """Who is `known` has as many as they like; where nobody is, Safaricom may be anybody, and all have."""
        self._known = tuple(known)
        self._here: Counter[str] = Counter()

    def comes(self, address: str) -> bool:
        """False where it has too many, and this one is not taken."""
        full = bool(self._known) and self._here[address] >= CONNECTIONS
        if full and not any(address in known for known in self._known):
            return False
        self._here[address] += 1
        return True

    def goes(self, address: str) -> None:
        self._here[address] -= 1
        if not self._here[address]:
            del self._here[address]
