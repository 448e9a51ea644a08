"""Trouble with the whole gateway, whatever is asked: an endpoint refuses, hangs or drops its next requests.

It must not know what the endpoints do.
"""

from dataclasses import dataclass, field
from typing import get_args

from pos_app.simulator.messages import Fate
from pos_app.simulator.refusals import REFUSALS

ENDPOINTS = (
    *("token", "push", "query", "register", "simulate", "pull_register", "pull", "qr"),
    *("b2c", "reversal", "status", "balance"),
)


@dataclass
class Faults:
    """A fault is `lost`, `hangs` or the name of a refusal; `times` None lasts until cleared."""

    _active: dict[str, tuple[str, int | None]] = field(default_factory=dict)

    def set(self, endpoint: str, fault: str, times: int | None = None) -> None:
        if endpoint not in ENDPOINTS:
            raise ValueError(f"no endpoint is named {endpoint!r}")
        if fault not in REFUSALS and fault not in get_args(Fate)[1:]:
            raise ValueError(f"no fault is named {fault!r}")
        if times is not None and times < 1:
            raise ValueError("a fault happens at least once")
        self._active[endpoint] = (fault, times)

    def clear(self, endpoint: str) -> None:
        self._active.pop(endpoint, None)

    def take(self, endpoint: str) -> str:
        """The fault that this request meets, or nothing."""
        fault, times = self._active.get(endpoint, ("", None))
        if times == 1:
            self.clear(endpoint)
        elif times is not None:
            self._active[endpoint] = (fault, times - 1)
        return fault

    def active(self) -> dict[str, str]:
        return {endpoint: fault for endpoint, (fault, _) in self._active.items()}
