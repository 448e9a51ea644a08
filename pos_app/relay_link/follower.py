"""One connection's worth of the relay's log, without a socket: frames in, deliveries and acknowledgements out."""

from dataclasses import dataclass, field

from pos_app.relay_link.delivery import Delivery, LinkStatus, Listener, delivery_of
from relay.protocol import Ack, Bye, CaughtUp, Cursor, Error, Event, FromRelay, Heartbeat, Reset, Skip, Welcome

ACK_EVERY = 200
"""Events; well under the relay's window, so that a long catch-up never waits for an acknowledgement."""


class GapError(Exception):
    """The log does not continue at our cursor; the till connects again from there and never guesses."""


@dataclass
class Follower:
    stream: str
    cursor: Cursor
    listener: Listener
    heads: dict[str, int] = field(default_factory=dict)
    retry_in: tuple[float, float] | None = None
    """Set by a `bye`: the seconds between which to come back."""
    _acknowledged: int = 0

    async def take(self, frames: list[FromRelay]) -> Ack | None:
        """Applies what came, in order and in one transaction where it can; gives the acknowledgement that is due."""
        batch: list[Delivery] = []
        live = False
        for frame in frames:
            if isinstance(frame, Event | Skip) and frame.s == self.stream:
                self._advance(frame, batch)
            elif isinstance(frame, Reset) and frame.s == self.stream:
                await self._flush(batch)
                await self._reset(frame)
            else:
                live = self._note(frame) or live
        await self._flush(batch)
        if live:
            self.listener.status(LinkStatus.LIVE)
        return self._due_ack(caught_up=live)

    def _advance(self, frame: Event | Skip, batch: list[Delivery]) -> None:
        if isinstance(frame, Skip):
            if frame.to > self.cursor.seq:
                self.cursor = Cursor(self.cursor.epoch, frame.to, frame.chain)
            return
        if frame.seq <= self.cursor.seq:
            return
        if not frame.follows(self.cursor):
            raise GapError(f"seq {frame.seq} after {self.cursor.seq}")
        batch.append(delivery_of(frame, self.cursor.epoch))
        self.cursor = batch[-1].cursor

    async def _flush(self, batch: list[Delivery]) -> None:
        if batch:
            await self.listener.deliver(list(batch))
            batch.clear()

    async def _reset(self, frame: Reset) -> None:
        self.cursor = Cursor(frame.epoch, frame.floor, frame.chain)
        self._acknowledged = frame.floor
        await self.listener.reset(self.cursor, frame.reason)

    def _note(self, frame: FromRelay) -> bool:
        """True once everything behind the head has been seen."""
        match frame:
            case Welcome():
                self.heads.update({stream.s: stream.head for stream in frame.streams})
                self._adopt_epoch(frame)
                self.listener.status(LinkStatus.CATCHING_UP)
            case Heartbeat():
                self.heads.update(frame.heads)
            case Bye():
                self.retry_in = frame.retry_in
            case CaughtUp(s=self.stream):
                return True
            case Error() | _:
                pass
        return False

    def _adopt_epoch(self, welcome: Welcome) -> None:
        ours = next((stream for stream in welcome.streams if stream.s == self.stream), None)
        if ours and ours.ok and not self.cursor.epoch:
            self.cursor = Cursor(epoch=ours.epoch)

    def _due_ack(self, *, caught_up: bool) -> Ack | None:
        behind = self.cursor.seq - self._acknowledged
        if behind <= 0 or (behind < ACK_EVERY and not caught_up and not self.is_at_head):
            return None
        self._acknowledged = self.cursor.seq
        return Ack(self.stream, self.cursor.seq)

    @property
    def is_at_head(self) -> bool:
        return self.cursor.seq >= self.heads.get(self.stream, 0)
