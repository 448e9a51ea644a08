"""What a refund by M-Pesa needs from outside: who sends it, where its result is told, and whether anybody hears it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pos_app.daraja.initiator import Addresses

if TYPE_CHECKING:
    from pos_app.daraja.initiator_api import InitiatorApi


@dataclass(frozen=True, slots=True)
class Paying:
    """Replaced as a whole when the settings change."""

    api: "InitiatorApi"
    short_code: str
    """Of the account that customers pay: a reversal takes the money back out of it."""
    callback_base: str
    make_nonce: Callable[[], str]
    make_originator_id: Callable[[], str]
    is_heard: Callable[[], bool]
    """The relay is within reach and read to its end: what was done before is known here, and what comes will be."""
    anchor: Callable[[], Awaitable[bool]]
    """Holds the record against its anchor and moves that on: an old copy put back later lacks what leaves now."""

    def addresses(self, nonce: str) -> Addresses:
        return Addresses(f"{self.callback_base}/result/{nonce}", f"{self.callback_base}/timeout/{nonce}")
