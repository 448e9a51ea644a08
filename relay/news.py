"""Events that were just committed, for whoever has all before them: made into frames once, however many tills listen.

It must not know tills or the log.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from websockets.frames import Frame, Opcode

from relay.protocol import Event, FromRelay, encode


def wire(frames: Iterable[FromRelay]) -> bytes:
    """As they go over a websocket."""
    return b"".join(Frame(Opcode.TEXT, encode(frame)).serialize(mask=False) for frame in frames)


class News:
    def __init__(self, epoch: str, events: Sequence[Event]) -> None:
        """At least one, without a gap."""
        self.epoch = epoch
        self.events = events

    @cached_property
    def wire(self) -> bytes:
        return wire(self.events)


Hear = Callable[[News], bool]
"""False where whoever listens must read the log instead."""


def reads_the_log(_news: News) -> bool:
    return False
