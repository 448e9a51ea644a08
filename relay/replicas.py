"""What the relays of one database do together: they know of each other, serve a till at one place, ask each other's.

It must not know SQL or sockets. Where the database cannot be had, each goes on alone with the tills it has.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from relay import protocol
from relay.log import EventLog, UnavailableError
from relay.rules import ACCEPTED
from relay.stores import postgresql_replicas as told
from relay.stores.postgresql_replicas import Began, Question

LOOK_SECONDS = 0.15
"""Between two looks for verdicts while a question is open."""
_NOBODY = ""
_QUESTION, _VERDICT = "question", "verdict"

logger = logging.getLogger("relay.replicas")


class Served(Protocol):
    """A session of a till."""

    @property
    def till_id(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def began(self) -> float: ...
    def end(self, code: int | None) -> None: ...


class Tills(Protocol):
    """Those of this relay."""

    def sessions(self) -> Iterable[Served]: ...
    def can_ask(self, stream: str) -> bool: ...
    def ask(self, stream: str, body: bytes, seconds: float) -> Awaitable[str | None]: ...


class Replicas:
    def __init__(self, log: EventLog, tills: Tills) -> None:
        self._log = log
        self._tills = tills
        self._others: frozenset[str] = frozenset()
        self._noted: dict[str, str] = {}
        self._since: datetime | None = None
        self._seen: set[str] = set()
        self._working: set[asyncio.Task[object]] = set()
        self._verdict = asyncio.Event()
        log.on_hint(self._hinted)

    async def exchange(self) -> None:
        """Says who is served here, learns who is served elsewhere by now. To be called about once a second."""
        sessions = {session.till_id: session for session in self._tills.sessions()}
        now = time.monotonic()
        fresh = {
            till_id: Began(session.id, now - session.began)
            for till_id, session in sessions.items()
            if self._noted.get(till_id) != session.id
        }
        # What the others knew of this relay may have gone with a crash of the database: then it is said again.
        is_new = await self._log.run(lambda connection: self._say(connection, fresh))
        self._noted = {} if is_new else {till_id: session.id for till_id, session in sessions.items()}
        self._others, (self._since, lately) = await self._log.ask(self._hear)
        self._log.set_alone(not self._others)
        for till_id, newest in lately.items():
            if self._noted.get(till_id, newest) != newest:
                sessions[till_id].end(protocol.CLOSE_REPLACED)
        await self._look_for_questions()

    def _say(self, connection: Connection, fresh: dict[str, Began]) -> bool:
        is_new = told.be_seen(connection, self._log.name)
        if fresh:
            told.note_sessions(connection, fresh)
        return is_new

    def _hear(self, connection: Connection) -> tuple[frozenset[str], tuple[datetime, dict[str, str]]]:
        return told.others(connection, self._log.name), told.noted_lately(connection, self._since)

    async def ask(self, stream: str, body: bytes, seconds: float) -> str | None:
        """The first acceptance of any till at any relay, or the refusal of all; None where it is not so in time."""
        asking = [asyncio.ensure_future(self._ask_here(stream, body, seconds))]
        if self._others:
            asking.append(asyncio.ensure_future(self._ask_others(stream, body, seconds)))
        refusal = _NOBODY
        try:
            for answer in asyncio.as_completed(asking, timeout=seconds):
                code = await answer
                if code is None or code == ACCEPTED:
                    return code
                refusal = refusal or code
            return refusal or None
        except TimeoutError:
            return None
        finally:
            for task in asking:
                task.cancel()

    async def _ask_here(self, stream: str, body: bytes, seconds: float) -> str | None:
        """None where there are tills, and they say nothing."""
        return await self._tills.ask(stream, body, seconds) if self._tills.can_ask(stream) else _NOBODY

    async def _ask_others(self, stream: str, body: bytes, seconds: float) -> str | None:
        question = Question(secrets.token_hex(8), stream, body.decode(errors="replace"), seconds)
        try:
            await self._log.run(lambda connection: self._put(connection, question))
            return await self._heard(question.id, self._others)
        except (SQLAlchemyError, UnavailableError) as error:
            logger.warning("the other relays could not be asked: %s", type(error).__name__)
            return _NOBODY
        finally:
            self._later(self._log.run(lambda connection: told.forget(connection, question.id)))

    async def _heard(self, number: str, awaited: frozenset[str]) -> str:
        """Waits for an acceptance, or for every relay that is there."""
        while True:
            self._verdict.clear()
            said = await self._log.ask(lambda connection: told.answers(connection, number))
            if ACCEPTED in said.values():
                return ACCEPTED
            if awaited <= said.keys():
                return max(said.values(), default=_NOBODY)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._verdict.wait()

    def _put(self, connection: Connection, question: Question) -> None:
        told.ask(connection, question, self._log.name)
        self._log.hint(connection, _QUESTION)

    def _hinted(self, word: str) -> None:
        if word == _VERDICT:
            self._verdict.set()
        elif word == _QUESTION:
            self._later(self._look_for_questions())

    async def _look_for_questions(self) -> None:
        found = await self._log.ask(lambda connection: told.open_questions(connection, self._log.name))
        for question in found:
            if question.id not in self._seen:
                self._later(self._answer(question))
        self._seen = {question.id for question in found}

    async def _answer(self, question: Question) -> None:
        code = await self._ask_here(question.stream, question.body.encode(), question.seconds)
        if code is not None:
            await self._log.run(lambda connection: self._tell(connection, question.id, code))

    def _tell(self, connection: Connection, question_id: str, code: str) -> None:
        told.answer(connection, question_id, self._log.name, code)
        self._log.hint(connection, _VERDICT)

    def _later(self, work: Coroutine[Any, Any, object]) -> None:
        """What nobody waits for."""
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[object]) -> None:
        self._working.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, SQLAlchemyError | UnavailableError):
            logger.warning("another relay could not be answered: %s", type(error).__name__)
        elif error is not None:
            logger.error("another relay was not answered", exc_info=error)

    async def close(self) -> None:
        """Nobody waits for this relay any more."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        with suppress(SQLAlchemyError, UnavailableError):
            await self._log.run(lambda connection: told.leave(connection, self._log.name))
