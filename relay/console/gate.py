"""The door of the console: signing in and out, and the password asked for again before anything secret or lasting.

It must not know HTTP or pages. A wrong name and a wrong password get one answer, in one time, after the same waits; a
browser that its operator has signed in from before has tries of its own, so that strangers cannot keep him out.
"""

import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from relay.addresses import network_of
from relay.console.passwords import BusyError, Passwords
from relay.console.sessions import (
    BROWSER_MS,
    MOST_MS,
    NOTE_EVERY_MS,
    Session,
    hashed,
    is_alive,
    new_id,
)
from relay.console.words import duration
from relay.log import EventLog
from relay.stores import operator_record, operators, tries
from relay.stores.operator_record import Act

MAX_NAME = 32
_WRONG = "That name and password do not belong together."
_BUSY = "Too many people are signing in just now. Try again in a few seconds."
_WRONG_AGAIN = "That is not your password. Nothing was done."
_OUT = "Too many wrong passwords: you are signed out. Nothing was done."

logger = logging.getLogger("relay.console")


class Caller(NamedTuple):
    """`browser` is the id that the browser was given when it first came, `session` that of a session it still has."""

    address: str
    browser: str
    session: str = ""


class Admitted(NamedTuple):
    session: str
    browser: str


class Refused(NamedTuple):
    sentence: str
    status: int


class _Attempt(NamedTuple):
    """`who` is what its wrong tries are counted against; `known` says that it is the browser, and nothing wider."""

    caller: Caller
    name: str
    who: Sequence[str]
    known: bool


class Gate:
    def __init__(self, log: EventLog, passwords: Passwords) -> None:
        self._log = log
        self._passwords = passwords

    async def somebody_may_sign_in(self) -> bool:
        return bool(await self._log.ask(operators.all_of_them))

    async def session(self, session_id: str, address: str, *, stirs: bool) -> Session | None:
        """The session of that id, if it is alive. `stirs` says that a person did something, and not a script."""
        id_sha256, now = hashed(session_id), _now()
        held = await self._log.ask(lambda connection: operators.held_session(connection, id_sha256))
        if held is None or not is_alive(held, now):
            return None
        if stirs and now - held.seen_at >= NOTE_EVERY_MS:
            await self._log.run(lambda connection: operators.see_session(connection, id_sha256, now))
        return Session(session_id, held.operator, address)

    async def sign_in(self, caller: Caller, name: str, password: str) -> Admitted | Refused:
        name, since = name.strip().casefold()[:MAX_NAME], _now() - BROWSER_MS
        browser = hashed(caller.browser)
        known = await self._log.ask(lambda connection: operators.knows(connection, name, browser, since))
        wide = [tries.of_name(name), f"address {network_of(caller.address)}"]
        attempt = _Attempt(caller, name, [f"browser {browser}"] if known else wide, known)
        try:
            with self._passwords.place(known=known):
                return await self._try(attempt, password)
        except BusyError:
            return Refused(_BUSY, 503)

    async def _try(self, attempt: _Attempt, password: str) -> Admitted | Refused:
        seconds = await self._log.run(lambda connection: tries.begin(connection, attempt.who, _now()))
        if seconds:
            return Refused(_wait(seconds), 429)
        kept = await self._log.ask(lambda connection: operators.password(connection, attempt.name))
        if not await self._passwords.are_right(password, kept):
            # What was typed as a name may be a password: only a name that exists is written down.
            act = Act(attempt.name if kept is not None else "", attempt.caller.address, "wrong password")
            await self._log.run(lambda connection: operator_record.note(connection, act, _now()))
            logger.warning("a wrong password at the console")
            return Refused(_WRONG, 403)
        admitted = Admitted(new_id(), attempt.caller.browser if attempt.known else new_id())
        done = await self._log.run(lambda connection: _begin(connection, attempt, kept, admitted))
        return admitted if done else Refused(_WRONG, 403)

    async def is_it_you(self, session: Session, password: str) -> Refused | None:
        """The password once more, of somebody who is signed in. None if it is right."""
        who = [f"session {session.id_sha256}"]
        try:
            with self._passwords.place(known=True):
                seconds = await self._log.run(lambda connection: tries.begin(connection, who, _now()))
                kept = await self._log.ask(lambda connection: operators.password(connection, session.operator))
                if not seconds and await self._passwords.are_right(password, kept):
                    await self._log.run(lambda connection: tries.forgive(connection, who))
                    return None
        except BusyError:
            return Refused(_BUSY, 503)
        out = await self._log.run(lambda connection: _wrong_again(connection, session, who[0]))
        return Refused(_OUT if out else _WRONG_AGAIN, 403)

    async def sign_out(self, session: Session) -> None:
        def out(connection: Connection) -> None:
            operators.end_session(connection, session.id_sha256)
            _note(connection, session, "signed out")

        await self._log.run(out)

    async def sign_out_everywhere(self, session: Session) -> None:
        def out(connection: Connection) -> None:
            operators.sign_out_everywhere(connection, session.operator)
            _note(connection, session, "signed out everywhere")

        await self._log.run(out)


def _begin(connection: Connection, attempt: _Attempt, kept: str | None, admitted: Admitted) -> bool:
    """False where the operator was removed, or given another password, meanwhile."""
    if kept is None or operators.password(connection, attempt.name) != kept:
        return False
    now, address = _now(), attempt.caller.address
    tries.forgive(connection, attempt.who)
    operators.drop_sessions(connection, now - MOST_MS)
    operators.end_session(connection, hashed(attempt.caller.session))
    operators.begin_session(connection, hashed(admitted.session), attempt.name, address, now)
    operators.know(connection, attempt.name, hashed(admitted.browser), now)
    operator_record.note(connection, Act(attempt.name, address, "signed in"), now)
    return True


def _wrong_again(connection: Connection, session: Session, who: str) -> bool:
    """True where the session is over: whoever sits there does not know the password."""
    _note(connection, session, "wrong password")
    if tries.are_used_up(connection, who):
        operators.end_session(connection, session.id_sha256)
        return True
    return False


def _note(connection: Connection, session: Session, action: str) -> None:
    operator_record.note(connection, Act(session.operator, session.address, action), _now())


def _wait(seconds: int) -> str:
    return f"Too many wrong tries. Wait {duration(seconds)}, then try again."


def _now() -> int:
    return int(time.time() * 1000)
