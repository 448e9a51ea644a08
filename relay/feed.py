"""The door for tills: `GET /v1/connect` (websocket) and `GET /v1/events/{stream}` (long poll), both raw ASGI.

It must not know what is in an event. A token opens its own shop's stream and no other.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

from relay import protocol
from relay.attendance import Attendance
from relay.http import Receive, Scope, Send, answer, answer_json, prepared
from relay.log import EventLog
from relay.overload import Overload
from relay.pace import Pace
from relay.placing import Place, reset
from relay.pressed import Pressed
from relay.protocol import Bye, CaughtUp, Error, FromRelay, Hello, Reset, StreamCursor
from relay.questions import Questions
from relay.reading_again import ReadingAgain
from relay.session import Session, Unknown, close, read_frame, send_frame, welcome
from relay.settings import Settings
from relay.stores import directory
from relay.stores.directory import Credential
from relay.till_api import TOO_OFTEN
from relay.tokens import Tokens
from relay.websocket import PUSH

MAX_WAIT_SECONDS = 55.0
BYES_TOGETHER, BYES_SECONDS = 25, 0.05
"""Ten thousand tills are sent away in twenty seconds."""

_UNAUTHORISED = prepared(401, protocol.error_body(protocol.ERROR_BAD_TOKEN), api=True)
_REVOKED = prepared(403, protocol.error_body(protocol.ERROR_REVOKED), api=True)
_NO_STREAM = prepared(404, protocol.error_body(protocol.ERROR_NO_SUCH_STREAM), api=True)
_MALFORMED = prepared(400, b'{"error":"bad cursor"}', api=True)

logger = logging.getLogger("relay.feed")


class Feed:
    def __init__(self, log: EventLog, settings: Settings, tokens: Tokens, overload: Overload, pace: Pace) -> None:
        """`pace` of the polls, by till."""
        self._log = log
        self._tokens = tokens
        self._pace = pace
        self._settings = settings
        self._pressed = Pressed(overload)
        self._sessions: dict[str, Session] = {}
        self._by_stream: dict[str, dict[str, Session]] = {}
        self._serving: set[asyncio.Future[int | None]] = set()
        self._polls: dict[asyncio.Event, str] = {}
        self._bye: Bye | None = None
        self._attendance = Attendance()
        self._questions = Questions()
        self.again = ReadingAgain(log)

    async def connect(self, receive: Receive, send: Send, scope: Scope) -> None:
        await receive()
        if protocol.SUBPROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            return await self._refuse(send, protocol.CLOSE_UPGRADE_REQUIRED)
        await send({"type": "websocket.accept", "subprotocol": protocol.SUBPROTOCOL})
        opened = await self._tokens.credential(scope)
        scope["headers"] = ()  # they would stay for as long as the till
        if opened is None or opened.revoked:
            return await self._refuse(send, protocol.CLOSE_BAD_TOKEN if opened is None else protocol.CLOSE_REVOKED)
        here = self._by_stream.get(opened.stream, {})
        if len(here) >= self._settings.shop_tills and opened.till_id not in here:
            return await self._refuse(send, protocol.CLOSE_RATE)
        hello = await self._hello(receive, send, opened)
        if isinstance(hello, int):
            return await self._refuse(send, hello)
        if hello is not None:
            heard, find_place = self._questions.heard, self.again.place
            session = Session(
                self._log,
                self._settings,
                opened.till_id,
                hello,
                heard,
                find_place=find_place,
                pressed=self._pressed,
                push=scope["extensions"][PUSH],
            )
            await self._serve(session, receive, send)
        return None

    def sessions(self) -> list[Session]:
        """One for each till that is connected here."""
        return list(self._sessions.values())

    def can_ask(self, stream: str) -> bool:
        return bool(self._validating(stream))

    async def _refuse(self, send: Send, code: int) -> None:
        self._log.metrics.ended(code)
        await close(send, code)

    async def ask(self, stream: str, body: bytes, seconds: float) -> str | None:
        """What the tills of the stream that are there make of it; None where they say nothing in time."""
        return await self._questions.put(self._validating(stream), body, seconds)

    def _validating(self, stream: str) -> list[Session]:
        return [session for session in self._by_stream.get(stream, {}).values() if session.validates]

    async def _hello(self, receive: Receive, send: Send, opened: Credential) -> Hello | int | None:
        """What the till said; or the code with which to close; None where the till has gone."""
        frame: object = Unknown()
        try:
            async with asyncio.timeout(self._settings.hello_seconds):
                while isinstance(frame, Unknown):
                    frame = read_frame(await receive())
        except TimeoutError:
            return protocol.CLOSE_HELLO_TIMEOUT
        if isinstance(frame, int | None):
            return frame
        if not isinstance(frame, Hello):
            return protocol.CLOSE_BAD_FRAME
        if frame.v != protocol.VERSION:
            return protocol.CLOSE_UPGRADE_REQUIRED
        if [cursor.s for cursor in frame.streams] != [opened.stream]:
            await send_frame(send, Error("no_such_stream", retry=False))
            return protocol.CLOSE_NO_SUCH_STREAM
        return frame

    async def _serve(self, session: Session, receive: Receive, send: Send) -> None:
        replaced = self._sessions.get(session.till_id)
        if replaced is not None:
            replaced.end(protocol.CLOSE_REPLACED)
        self._sessions[session.till_id] = session
        self._by_stream.setdefault(session.stream, {})[session.till_id] = session
        if self._bye is not None:
            session.say_bye(self._bye)
        logger.debug("%s connected", session.till_id)
        try:
            self._serving.add(session.over)
            code = await session.run(receive, send)
            seconds = time.monotonic() - session.began
            logger.info("%s disconnected after %.0f s: %s", session.till_id, seconds, code or "by itself")
            self._log.metrics.ended(code)
        finally:
            self._serving.discard(session.over)
            if self._sessions.get(session.till_id) is session:
                del self._sessions[session.till_id]
                self._leave(session)
                self._attendance.was_here(session.till_id, self._reached(session.stream, session.acked))

    def _leave(self, session: Session) -> None:
        here = self._by_stream[session.stream]
        del here[session.till_id]
        if not here:
            del self._by_stream[session.stream]

    def look_at_the_clock(self) -> None:
        now = time.monotonic()
        for session in list(self._sessions.values()):
            session.look_at_the_clock(now)

    async def note_acks(self) -> None:
        now = time.monotonic()
        here = {till_id: self._reached(held.stream, held.acked) for till_id, held in self._sessions.items()}
        fresh = self._attendance.due(here, now)
        if fresh:
            at = int(time.time() * 1000)
            await self._log.run(lambda connection: directory.note_acks(connection, fresh, at))
            self._attendance.noted(fresh, now)

    def _reached(self, stream: str, seq: int) -> int:
        """A till's word for it is good as far as the log goes: what it says at first may be any number."""
        return max(0, min(seq, self._log.known_seq(stream)))

    def measure(self) -> None:
        """For who looks at the figures now."""
        sessions, metrics, now = self._sessions.values(), self._log.metrics, time.time()
        metrics.tills_connected.set(len(sessions) + len(self._polls))
        metrics.replay_active.set(sum(session.is_behind for session in sessions))
        metrics.lagging(
            [session.lag_events for session in sessions], [session.lag_seconds(now) for session in sessions]
        )

    def session_of(self, till_id: str) -> Session | None:
        return self._sessions.get(till_id)

    def __len__(self) -> int:
        """How many tills are connected."""
        return len(self._sessions)

    async def read_again(self) -> None:
        """Tells the tills that are there; those that are not are told when they come."""
        await self.again.look()
        for till_id in self.again.tills & self._sessions.keys():
            session = self._sessions.get(till_id)
            told = await self.again.due(till_id, session.sent) if session is not None else None
            if session is not None and told is not None:
                session.read_again(told)

    async def close_revoked(self) -> None:
        """Who waits in a long poll is woken, and told when its token is looked at again."""
        if not self._sessions and not self._polls:
            return
        revoked = await self._log.ask(directory.revoked)
        for till_id in revoked & self._sessions.keys():
            self._sessions[till_id].end(protocol.CLOSE_REVOKED)
        for flag, till_id in self._polls.items():
            if till_id in revoked:
                flag.set()

    async def drain(self) -> None:
        """Says bye to every till and closes; those who take nothing are dropped after `drain_seconds`.

        A few at a time: so many that come back at once would keep the callbacks waiting at the relay that they come to.
        """
        bye = self._bye = Bye("drain", self._settings.retry_in)
        for flag in self._polls:
            flag.set()
        for count, session in enumerate(self.sessions(), 1):
            session.say_bye(bye)
            if count % BYES_TOGETHER == 0:
                await asyncio.sleep(BYES_SECONDS)
        if self._serving:
            await asyncio.wait(self._serving, timeout=self._settings.drain_seconds)
        for session in list(self._sessions.values()):
            session.end(protocol.CLOSE_GOING_AWAY)

    async def poll(self, scope: Scope, send: Send) -> None:
        opened = await self._tokens.credential(scope)
        if opened is None or opened.revoked:
            return await answer(send, _UNAUTHORISED if opened is None else _REVOKED)
        if not self._pace.lets(opened.till_id):
            return await answer(send, TOO_OFTEN)
        if scope["path"].removeprefix(protocol.EVENTS_PATH) != opened.stream:
            return await answer(send, _NO_STREAM)
        try:
            cursor, wait = _asked(scope, opened.stream)
        except ValueError:
            return await answer(send, _MALFORMED)
        frames = await self._frames(opened.till_id, cursor, wait)
        self._attendance.was_here(opened.till_id, self._reached(cursor.s, _acknowledged(cursor, frames)))
        again = await self._tokens.credential(scope)
        if again is None or again.revoked:
            return await answer(send, _REVOKED)
        return await answer_json(send, 200, protocol.encode_frames(frames))

    async def _frames(self, till_id: str, cursor: StreamCursor, wait: float) -> list[FromRelay]:
        """What a websocket would say first: welcome, a reset if there is one, then events or `caught_up`."""
        found = await self.again.place(till_id, cursor)
        with self._polling(till_id) as flag, self._log.wakeups(cursor.s, flag):
            events = await self._log.read(cursor.s, found.seq)
            if not events and found.reset is None and self._bye is None:
                try:
                    async with asyncio.timeout(wait):
                        await flag.wait()
                except TimeoutError:
                    pass
                events = await self._log.read(cursor.s, found.seq)
        head = await self._log.head(cursor.s)
        frames: list[FromRelay] = [welcome(self._settings, cursor.s, found)]
        if head.epoch != found.head.epoch or found.seq < head.floor:
            is_turned = head.epoch != found.head.epoch
            reason = self._log.reset_reason(cursor.s) if is_turned else protocol.RESET_TRIMMED
            return [*frames, await reset(self._log, cursor.s, reason, head)]
        return frames + self._behind(cursor.s, found, list(events))

    def _behind(self, stream: str, found: Place, events: list[FromRelay]) -> list[FromRelay]:
        frames: list[FromRelay] = [] if found.reset is None else [found.reset]
        if found.reset is None or found.reset.reason != protocol.RESET_REPLAY:
            frames += events or [CaughtUp(stream, found.seq)]
        return frames if self._bye is None else [*frames, self._bye]

    @contextmanager
    def _polling(self, till_id: str) -> Iterator[asyncio.Event]:
        flag = asyncio.Event()
        self._polls[flag] = till_id
        try:
            yield flag
        finally:
            del self._polls[flag]


def _acknowledged(cursor: StreamCursor, frames: list[FromRelay]) -> int:
    """As on a websocket: a till that is reset has yet to read all that is behind the reset, whatever it said."""
    return next((frame.floor for frame in frames if isinstance(frame, Reset)), cursor.seq)


def _asked(scope: Scope, stream: str) -> tuple[StreamCursor, float]:
    """ValueError for numbers that are none."""
    said = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
    cursor = StreamCursor(stream, said.get("epoch", ""), int(said.get("after", "0")), said.get("chain", ""))
    return cursor, min(max(0.0, float(said.get("wait", "25"))), MAX_WAIT_SECONDS)
