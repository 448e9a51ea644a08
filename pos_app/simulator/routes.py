"""One path of the gateway: which methods it takes, which fault is meant for it, and who serves it.

It must not know which paths there are.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pos_app.simulator.messages import Reply, Request

Handler = Callable[[Request, float], Reply]


@dataclass(frozen=True)
class Route:
    """`endpoint` is its name among the faults; `wrong_method` the name of a refusal."""

    endpoint: str
    handler: Handler
    methods: tuple[str, ...] = ("POST",)
    wrong_method: str = "wrong_method"
