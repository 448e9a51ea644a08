"""One till on its websocket: replay and live are one loop that reads the log behind the till's cursor.

What is committed while that loop waits at the end of the log is sent without it. It must not know other tills. Nothing
is queued: a slow till costs its socket's buffer only.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from relay import protocol
from relay.http import Message, Receive, Send
from relay.log import TURN_BYTES, TURN_EVENTS, EventLog, UnavailableError, UnknownStreamError, utc_text
from relay.news import News, wire
from relay.placing import Place, reset
from relay.pressed import Pressed
from relay.protocol import (
    RESET_TRIMMED,
    Ack,
    Bye,
    CaughtUp,
    FromRelay,
    Heartbeat,
    Hello,
    Reset,
    StreamCursor,
    Verdict,
    Welcome,
    encode,
)
from relay.settings import Settings

AT_ONCE = (0.0, 1.0)
_CLOSE_SECONDS = 3.0

Push = Callable[[bytes], bool]
"""Sends whole frames at once; false where the socket takes no more now."""
FindPlace = Callable[[str, StreamCursor], Awaitable[Place]]
"""Where the till of that id goes on."""

logger = logging.getLogger("relay.feed")


async def send_frame(send: Send, frame: FromRelay) -> None:
    await send({"type": "websocket.send", "text": encode(frame).decode()})


async def close(send: Send, code: int) -> None:
    """Gives up on a peer that takes nothing; the server then drops the connection."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await send({"type": "websocket.close", "code": code})
    except (TimeoutError, OSError, RuntimeError):
        logger.debug("a peer was gone before it could be told %d", code)


def welcome(settings: Settings, stream: str, found: Place) -> Welcome:
    return Welcome(
        sid=secrets.token_hex(4),
        now=utc_text(int(time.time() * 1000)),
        hb=settings.heartbeat_seconds,
        window=protocol.WINDOW,
        streams=[found.state(stream)],
    )


class Session:
    # There are ten thousand: a dictionary for each would be a twelfth of what they take.
    __slots__ = (
        "_again",
        "_bye",
        "_cursor",
        "_ended",
        "_epoch",
        "_find_place",
        "_heard",
        "_heartbeat_due",
        "_is_idle",
        "_is_put_off",
        "_log",
        "_next_heartbeat",
        "_pressed",
        "_push",
        "_sent",
        "_settings",
        "_stir",
        "_to_say",
        "_turns",
        "_waiting_since",
        "acked",
        "app",
        "began",
        "id",
        "is_behind",
        "over",
        "since",
        "stream",
        "till_id",
        "validates",
    )

    def __init__(
        self,
        log: EventLog,
        settings: Settings,
        till_id: str,
        hello: Hello,
        heard: Callable[["Session", Verdict], None],
        *,
        find_place: FindPlace,
        pressed: Pressed,
        push: Push,
    ) -> None:
        """`hello` names one stream; `heard` is told every verdict of the till, and whose it is."""
        cursor = hello.streams[0]
        self.till_id = till_id
        self.id = secrets.token_hex(8)
        self.began = time.monotonic()
        self.validates = protocol.CAP_VALIDATE in hello.caps
        self.stream = cursor.s
        self.app = hello.app
        self.since = int(time.time() * 1000)
        self._heard = heard
        self._find_place = find_place
        self._pressed = pressed
        self._push = push
        self._is_put_off = False
        self._to_say: list[FromRelay] = []
        self.acked = self._sent = max(cursor.seq, 0)
        self._log = log
        self._settings = settings
        self._cursor = cursor
        self._epoch = ""
        self._stir = asyncio.Event()
        self._ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.over: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._bye: Bye | None = None
        self._again: Reset | None = None
        self._waiting_since: float | None = None
        self._turns: list[tuple[int, str]] = []
        self.is_behind = True
        self._is_idle = False
        self._next_heartbeat = time.monotonic() + settings.heartbeat_seconds
        self._heartbeat_due = False

    def end(self, code: int | None) -> None:
        """Closes with `code`; None where the till is gone already. The first reason counts."""
        if not self._ended.done():
            self._ended.set_result(code)

    @property
    def sent(self) -> int:
        return self._sent

    def read_again(self, told: Reset) -> None:
        """Its floor is not ahead of what was sent."""
        self._again = told
        self._stir.set()

    def say_bye(self, bye: Bye) -> None:
        self._bye = bye
        self._stir.set()

    def say(self, frame: FromRelay) -> None:
        """Sends it as soon as the socket takes it, between two turns of the log."""
        self._to_say.append(frame)
        self._stir.set()

    def look_at_the_clock(self, now: float) -> None:
        """To be called about once a second: sends the heartbeat that is due, closes a till that takes nothing."""
        if self._waiting_since is not None and now - self._waiting_since > self._settings.slow_seconds:
            self.end(protocol.CLOSE_SLOW)
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + self._settings.heartbeat_seconds
            self._heartbeat_due = True
            self._stir.set()

    @property
    def lag_events(self) -> int:
        return max(0, self._log.known_seq(self.stream) - self.acked)

    def lag_seconds(self, now: float) -> float:
        """Since the first event came of the oldest turn that is not acknowledged; `now` is of UTC."""
        if not self._turns:
            return 0.0
        return max(0.0, now - datetime.fromisoformat(self._turns[0][1]).timestamp())

    async def run(self, receive: Receive, send: Send) -> int | None:
        """Serves the till until one of the two ends it; the code it was closed with, None if the till went."""
        await self._log.head(self.stream)
        try:
            with self._log.wakeups(self.stream, self._stir, self._hear):
                code = await self._until_ended(receive, send)
            if code is not None:
                await close(send, code)
            return code
        finally:
            self._pressed.forget(self._stir)
            self.over.set_result(None)

    async def _until_ended(self, receive: Receive, send: Send) -> int | None:
        workers = [asyncio.create_task(self._guarded(send)), asyncio.create_task(self._listen(receive))]
        for worker in workers:
            worker.add_done_callback(self._stopped)
        try:
            return await self._ended
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def _stopped(self, worker: asyncio.Task[None]) -> None:
        if not worker.cancelled() and worker.exception() is not None:
            logger.error("%s: the session failed", self.till_id, exc_info=worker.exception())
            self.end(protocol.CLOSE_FAILED)

    async def _guarded(self, send: Send) -> None:
        try:
            await self._serve(send)
        except OSError:
            self.end(None)
        except (SQLAlchemyError, UnavailableError, UnknownStreamError) as error:
            logger.error("%s: the log cannot be read: %s", self.stream, type(error).__name__)
            self.end(protocol.CLOSE_FAILED)

    async def _serve(self, send: Send) -> None:
        found = await self._find_place(self.till_id, self._cursor)
        self._epoch = found.head.epoch
        await self._greet(send, found)
        if found.reset is not None:
            await self._reset(send, found.reset)
        while self._bye is None:
            self._stir.clear()
            await self._say_what_is_due(send)
            head = await self._log.head(self.stream)
            if self._again is not None:
                await self._reset(send, self._again)
            elif head.epoch != self._epoch or self._sent < head.floor:
                reason = RESET_TRIMMED if head.epoch == self._epoch else self._log.reset_reason(self.stream)
                await self._reset(send, await reset(self._log, self.stream, reason, head))
                self.is_behind = True
            elif await self._turn(send, head.seq):
                if self._sent < head.seq:
                    await asyncio.sleep(0)
            elif self._sent == head.seq and self.is_behind:
                await send_frame(send, CaughtUp(self.stream, head.seq))
                self.is_behind = False
            else:
                self._is_idle = True
                await self._stir.wait()
                self._is_idle = False
        await send_frame(send, self._bye)
        self.end(protocol.CLOSE_GOING_AWAY)

    async def _greet(self, send: Send, found: Place) -> None:
        """In one write, where nothing was missed: so it is with most of a crowd that comes back."""
        frames: list[FromRelay] = [welcome(self._settings, self.stream, found)]
        if found.reset is None and found.head.seq == self._sent and self._bye is None:
            frames.append(CaughtUp(self.stream, self._sent))
            self.is_behind = False
        if not self._push(wire(frames)):
            for frame in frames:
                await send_frame(send, frame)

    def _hear(self, news: News) -> bool:
        """Sends at once what comes next, where nothing else is to be done: without a turn of its own for each till."""
        first, last = news.events[0], news.events[-1]
        if not self._is_idle or self._stir.is_set() or self.is_behind or self._pressed.is_pressed:
            return False
        if news.epoch != self._epoch or first.seq != self._sent + 1 or last.seq - self.acked > protocol.WINDOW:
            return False
        if len(news.wire) > TURN_BYTES or not self._push(news.wire):
            return False
        self._turns.append((last.seq, first.at))
        self._sent = last.seq
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()
        return True

    async def _turn(self, send: Send, head: int) -> bool:
        """Sends what the window has room for, about 256 KiB at most; false if that is nothing."""
        room = protocol.WINDOW - (self._sent - self.acked)
        if room <= 0 or self._sent >= head:
            return False
        if not self.is_behind:
            return await self._send_next(send, room)
        lease = self._pressed.replay(self.stream, self._stir)
        if lease is None:
            return False
        try:
            return await self._send_next(send, room)
        finally:
            lease.end()

    async def _send_next(self, send: Send, room: int) -> bool:
        events = await self._log.read(self.stream, self._sent, min(room, TURN_EVENTS))
        if not events or await self._put_off(send, events[0].at):
            return False
        self._turns.append((events[-1].seq, events[0].at))
        for event in events:
            if self._waiting_since is None:
                self._waiting_since = time.monotonic()
            await send_frame(send, event)
            self._sent = event.seq
        return True

    async def _put_off(self, send: Send, received_at: str) -> bool:
        """A till that knew how far the log goes would take a relay that sends nothing for dead, and come again."""
        was_put_off, self._is_put_off = self._is_put_off, self._pressed.puts_off(received_at, self._stir)
        if self._is_put_off and not was_put_off:
            await send_frame(send, Heartbeat({self.stream: self._sent}))
        return self._is_put_off

    async def _reset(self, send: Send, told: Reset) -> None:
        logger.warning("%s: %s reset: %s", self.stream, self.till_id, told.reason)
        await send_frame(send, told)
        self._epoch = told.epoch
        self._sent = self.acked = told.floor
        self._waiting_since = None
        self._turns.clear()
        if told.reason == protocol.RESET_REPLAY and self._bye is None:
            self._bye = Bye(told.reason, AT_ONCE)

    async def _say_what_is_due(self, send: Send) -> None:
        while self._to_say:
            await send_frame(send, self._to_say.pop(0))
        if self._heartbeat_due:
            self._heartbeat_due = False
            head = await self._log.head(self.stream)
            await send_frame(send, Heartbeat({self.stream: self._sent if self._is_put_off else head.seq}))

    async def _listen(self, receive: Receive) -> None:
        while True:
            frame = read_frame(await receive())
            if isinstance(frame, int | None):
                return self.end(frame)
            if isinstance(frame, Ack) and frame.s == self.stream:
                self._note(frame.seq)
            elif isinstance(frame, Verdict):
                self._heard(self, frame)

    def _note(self, seq: int) -> None:
        acked = min(seq, self._sent)
        if acked > self.acked:
            self._log.metrics.deliver_seconds.observe(self.lag_seconds(time.time()))
            self._turns = [turn for turn in self._turns if turn[0] > acked]
            self.acked = acked
            self._waiting_since = None if acked == self._sent else time.monotonic()
            self._stir.set()


class Unknown:
    """A frame of a type that this relay does not know, and leaves alone."""


def read_frame(message: Message) -> protocol.FromTill | Unknown | int | None:
    """A frame; or None where the till has gone; or the code with which to close on what is no frame."""
    if message["type"] == "websocket.disconnect":
        return None
    try:
        return protocol.decode_from_till(message.get("text") or b"") or Unknown()
    except (protocol.MalformedFrameError, UnicodeDecodeError):
        return protocol.CLOSE_BAD_FRAME
