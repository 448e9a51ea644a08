"""The composition root of the relay: builds every part once, sends each request to its part, keeps the clock.

It must not know what any part does inside.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from relay import protocol
from relay.anchors import Anchors
from relay.callbacks import Callbacks
from relay.claims import Claims
from relay.feed import Feed
from relay.http import Answer, BodyReader, Receive, Scope, Send, answer, prepared
from relay.log import EventLog, UnavailableError
from relay.pairing import Pairing
from relay.reports import Reports
from relay.session import close
from relay.settings import Settings
from relay.stores.lock import StoreLock
from relay.till_api import Handler, TillApi
from relay.validation import Validation

if TYPE_CHECKING:
    from relay.console.app import Console

_NOT_FOUND = prepared(404, b'{"error":"not found"}', api=True)
_LIVE = prepared(200, b'{"alive":true}', api=True)
_READY = prepared(200, b'{"ready":true}', api=True)
_NOT_READY = prepared(503, b'{"ready":false}', api=True)
_UNAVAILABLE = prepared(503, b'{"error":"not possible now"}', api=True)

logger = logging.getLogger("relay.app")


class Relay:
    """The ASGI application; `open` it, serve it, `drain` it before the sockets close, then `close` it."""

    def __init__(self, settings: Settings, log: EventLog, lock: StoreLock) -> None:
        self._settings = settings
        self._log = log
        self._lock = lock
        self._bodies = BodyReader(settings.body_seconds)
        self._pairing = Pairing(log, settings, self._bodies)
        self._feed = Feed(log, settings)
        validation = Validation(log, self._bodies, self._feed.ask)
        self._callbacks = Callbacks(log, settings, self._bodies, validation)
        claims, reports, anchors = Claims(log), Reports(log), Anchors(log)
        asked: dict[tuple[str, str], Handler] = {
            ("POST", protocol.CLAIMS_PATH): claims.claim,
            ("POST", protocol.RELEASES_PATH): claims.release,
            ("POST", protocol.PULLED_PATH): reports.pulled,
            ("POST", protocol.PROMOTIONS_PATH): reports.promote,
            ("POST", protocol.ANCHORS_PATH): anchors.put,
            ("GET", protocol.ANCHORS_PATH): anchors.get,
            ("PUT", protocol.RULES_PATH): validation.put_rules,
            ("GET", protocol.RULES_PATH): validation.get_rules,
        }
        self._till_api = TillApi(log, self._bodies, asked)
        self._draining = False
        self._began_at = int(time.time() * 1000)
        self._clock = asyncio.create_task(self._keep_the_clock())

    @classmethod
    async def open(cls, settings: Settings) -> "Relay":
        """StoreInUseError if another relay serves the store; SQLAlchemyError or OSError if it cannot be used."""
        settings.store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = StoreLock(settings.store.with_name(settings.store.name + ".lock"))
        try:
            return cls(settings, await EventLog.open(settings.store, settings.high_water), lock)
        except BaseException:
            lock.release()
            raise

    def reached_at(self, url: str) -> None:
        """The address that the server took: callbacks come there where nobody set a public one."""
        self._pairing.public_url = self._settings.public_url or url

    def console(self) -> "Console":
        """The pages for operators, to be served where they alone can reach it."""
        from relay.console.app import Console  # a relay without one does not load it
        from relay.console.parts import Parts

        def public_url() -> str:
            return self._pairing.public_url

        parts = Parts(self._log, self._feed, self._settings, public_url, lambda: self._draining, self._began_at)
        return Console(parts, self._settings.console_url)

    async def drain(self) -> None:
        self._draining = True
        await self._feed.drain()

    async def close(self) -> None:
        self._clock.cancel()
        await asyncio.gather(self._clock, return_exceptions=True)
        await self._log.close()
        self._lock.release()

    def take(self, scope: Scope, body: bytes, answered: Callable[[Answer], None]) -> bool:
        """The short way for a callback that came whole; see `front`."""
        return self._callbacks.take(scope, body, answered)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"].startswith("/h/"):
                await self._callbacks(scope, receive, send)
            else:
                await self._api(scope, receive, send)
        elif scope["path"] == protocol.CONNECT_PATH:
            await self._feed.connect(receive, send, scope)
        else:
            await receive()
            await close(send, protocol.CLOSE_FAILED)

    async def _api(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            match scope["method"], scope["path"]:
                case "POST", protocol.PAIR_PATH:
                    await self._pairing(scope, receive, send)
                case "GET", path if path.startswith(protocol.EVENTS_PATH):
                    await self._feed.poll(scope, send)
                case asked if asked in self._till_api:
                    await self._till_api(scope, receive, send)
                case "GET", "/livez":
                    await answer(send, _LIVE)
                case "GET", "/readyz":
                    await answer(send, _READY if self._log.healthy and not self._draining else _NOT_READY)
                case _:
                    await answer(send, _NOT_FOUND)
        except (UnavailableError, SQLAlchemyError) as error:
            logger.error("%s failed: %s", scope["path"], type(error).__name__)
            await answer(send, _UNAVAILABLE)

    async def _keep_the_clock(self) -> None:
        while True:
            await asyncio.sleep(self._settings.housekeeping_seconds)
            self._bodies.look_at_the_clock()
            self._log.expire_waiting()
            self._feed.look_at_the_clock()
            try:
                await self._feed.close_revoked()
                await self._log.save_high_water()
                await self._feed.note_acks()
                await self._feed.read_again()
                await self._callbacks.note_senders()
            except (UnavailableError, SQLAlchemyError, OSError) as error:
                logger.error("housekeeping failed: %s", type(error).__name__)
