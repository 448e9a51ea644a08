"""How long somebody waits after wrong PINs: counted in time that the till saw pass, so that no clock shortens it.

Pure. Source: money-safety §5 row 3: five tries, then 1 to 30 minutes each, and after ten locked until somebody unlocks.
"""

from dataclasses import dataclass, replace
from typing import Self

FREE_TRIES = 5
MOST_TRIES = 10
WAITS = (60.0, 120.0, 300.0, 600.0, 1800.0)
"""Seconds after the fifth, sixth … wrong PIN."""


@dataclass(frozen=True, slots=True)
class Lockout:
    """`waits` are the seconds left, as of the last time that any were counted."""

    tries: int = 0
    waits: float = 0.0

    @property
    def is_locked(self) -> bool:
        return self.tries >= MOST_TRIES

    @property
    def may_try(self) -> bool:
        return not self.is_locked and self.waits <= 0

    @property
    def tries_left(self) -> int:
        """Before the next wait, or before it is locked."""
        return FREE_TRIES - self.tries if self.tries < FREE_TRIES else min(1, MOST_TRIES - self.tries)

    def wrong(self) -> Self:
        tries = min(self.tries + 1, MOST_TRIES)
        waits = WAITS[tries - FREE_TRIES] if FREE_TRIES <= tries < MOST_TRIES else 0.0
        return replace(self, tries=tries, waits=waits)

    def after(self, seconds: float) -> Self:
        """`seconds` by a clock that never jumps; what passed while the till was off does not count."""
        return replace(self, waits=max(0.0, self.waits - max(0.0, seconds)))

    def worse(self, other: Self) -> Self:
        """Of two records of the same person the one that forgives less: an old copy of a file wins nothing."""
        return max(self, other, key=lambda one: (one.tries, one.waits))
