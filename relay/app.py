"""The composition root of the relay: builds every part once, sends each request to its part, keeps the clock.

It must not know what any part does inside.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Container
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from relay import protocol, request_id
from relay.admission import Admission, Callers
from relay.anchors import Anchors
from relay.callbacks import Callbacks
from relay.claims import Claims
from relay.disks import Disks
from relay.emptying import Emptying
from relay.feed import Feed
from relay.health import Health
from relay.http import Answer, BodyReader, Receive, Scope, Send, answer, prepared
from relay.log import EventLog, UnavailableError
from relay.overload import Overload
from relay.pace import Pace
from relay.pairing import Pairing
from relay.reports import Reports
from relay.request_id import RequestIds
from relay.retention import Retention
from relay.session import close
from relay.settings import LOOPBACK, Settings
from relay.shops import Shops
from relay.spool import Spool
from relay.stores.lock import StoreLock
from relay.stores.store import opened
from relay.till_api import Handler, TillApi
from relay.tokens import Tokens
from relay.validation import Validation
from relay.watching import Watch

if TYPE_CHECKING:
    from relay.console.app import Console
    from relay.replicas import Replicas

_NOT_FOUND = prepared(404, b'{"error":"not found"}', api=True)
_UNAVAILABLE = prepared(503, b'{"error":"not possible now"}', api=True)

_EXPIRE_SECONDS = 0.25
_SAME_STORE = "another relay is serving this store"
_SAME_HIGH_WATER = "another relay on this computer has the same high-water file: give each its own (--high-water)"

logger = logging.getLogger("relay.app")


class Relay:
    """The ASGI application; `open` it, serve it, `drain` it before the sockets close, then `close` it."""

    def __init__(self, settings: Settings, log: EventLog, spool: Spool, lock: StoreLock) -> None:
        self._settings = settings
        self._log = log
        self._spool = spool
        self._lock = lock
        self.metrics = log.metrics
        self._requests = RequestIds(settings.trusted_proxies)
        self._bodies = BodyReader(settings.body_seconds)
        self._pairing = Pairing(log, settings, self._bodies)
        self._shops = Shops(log)
        self._overload, tokens, pace = Overload(self.metrics), Tokens(log), Pace(settings.till_pace)
        self.admission = Admission(self._overload, settings.socket_pace, settings.sockets)
        self.callers = Callers(_known(settings))
        self._feed = Feed(log, settings, tokens, self._overload, pace)
        self._replicas = _replicas(log, self._feed)
        validation = Validation(log, self._bodies, (self._replicas or self._feed).ask)
        self._callbacks = Callbacks(log, settings, self._bodies, validation, self._shops, requests=self._requests)
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
        self._till_api = TillApi(tokens, self._bodies, asked, pace)
        self._draining = False
        self._drain: asyncio.Future[None] | None = None
        self._health = Health(self.metrics, settings, self._is_ready)
        self.metrics.at_scrape(self._feed.measure)
        self.metrics.at_scrape(Disks(self.metrics, settings).measure)
        self.metrics.at_scrape(self._measure_spool)
        self._began_at = int(time.time() * 1000)
        keeping = (
            self._keep_the_clock(),
            self._look_after_the_spool(),
            self._keep_the_mark(),
            self._keep_house(),
            Watch(log).run(),
            Emptying(spool, log).run(),
            Retention(settings.store, settings.body_days).run(),
        )
        self._keeping = [asyncio.create_task(what) for what in keeping]

    @classmethod
    async def open(cls, settings: Settings) -> "Relay":
        """StoreInUseError if another relay serves the store; SQLAlchemyError or OSError if it cannot be used."""
        store = opened(settings.store, settings.seals)
        settings.lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = StoreLock(settings.lock, _SAME_HIGH_WATER if store.is_shared else _SAME_STORE)
        try:
            spool = Spool(settings.spool_folder, settings.spool_bytes, settings.seals)
        except BaseException:
            lock.release()
            raise
        try:
            log = await EventLog.open(store, settings.high_water, spool, settings.shop_pace)
            relay = cls(settings, log, spool, lock)
            await relay._look_around()
            return relay
        except BaseException:
            await spool.close()
            lock.release()
            raise

    async def _look_around(self) -> None:
        """Before it is ready it knows all shops, and the other relays know of it."""
        await self._shops.look_again()
        if self._replicas is not None:
            await self._replicas.exchange()

    def reached_at(self, url: str) -> None:
        """The address that the server took: callbacks come there where nobody set a public one."""
        self._pairing.public_url = self._settings.public_url or url

    def console(self) -> "Console":
        """The pages for operators, to be served where they alone can reach it."""
        from relay.console.app import Console  # a relay without one does not load it
        from relay.console.parts import Parts

        def public_url() -> str:
            return self._pairing.public_url

        parts = Parts(
            self._log,
            self._feed,
            self._settings,
            public_url,
            lambda: self._draining,
            self._began_at,
            self._spool,
            self._overload,
        )
        return Console(parts, self._settings.console_url)

    async def drain(self) -> None:
        """Whoever asks for it again waits for the same one."""
        if self._drain is None:
            self._draining = True
            logger.info("draining")
            self._drain = asyncio.ensure_future(self._feed.drain())
        await asyncio.shield(self._drain)

    async def close(self) -> None:
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        if self._replicas is not None:
            await self._replicas.close()
        await self._log.close()
        await self._spool.close()
        self._lock.release()

    def take(self, scope: Scope, body: bytes, answered: Callable[[Answer], None]) -> bool:
        """The short way for a callback that came whole; see `front`."""
        return self._callbacks.take(scope, body, answered)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = self._requests.name(scope)
        with request_id.during(request):
            if scope["type"] == "http":
                await self._http(scope, receive, request_id.naming(send, request))
            else:
                await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/h/"):
            await self._callbacks(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != protocol.CONNECT_PATH:
            await receive()
            return await close(send, protocol.CLOSE_FAILED)
        try:
            return await self._feed.connect(receive, send, scope)
        except SQLAlchemyError as error:
            logger.error("a till could not be let in: %s", type(error).__name__)
            self.metrics.ended(protocol.CLOSE_FAILED)
            return await close(send, protocol.CLOSE_FAILED)

    async def _api(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            match scope["method"], scope["path"]:
                case "POST", protocol.PAIR_PATH:
                    await self._pairing(scope, receive, send)
                case "GET", path if path.startswith(protocol.EVENTS_PATH):
                    await self._feed.poll(scope, send)
                case asked if asked in self._till_api:
                    await self._till_api(scope, receive, send)
                case "GET", path if path in self._health:
                    await self._health(scope, send)
                case _:
                    await answer(send, _NOT_FOUND)
        except (UnavailableError, SQLAlchemyError) as error:
            # Of a path only what is ours: the rest is the caller's text.
            door = protocol.EVENTS_PATH if scope["path"].startswith(protocol.EVENTS_PATH) else scope["path"]
            logger.error("%s failed: %s", door, type(error).__name__)
            await answer(send, _UNAVAILABLE)

    def _is_ready(self) -> bool:
        """Callbacks are durable in the spool too."""
        return (self._log.healthy or self._spool.healthy) and not self._draining

    def _measure_spool(self) -> None:
        self.metrics.spool_depth.set(self._spool.depth)
        self.metrics.spool_oldest_seconds.set(self._spool.oldest_seconds(time.time()))

    async def _keep_the_clock(self) -> None:
        """It waits for nothing else: who has waited too long is told so also while the database hangs."""
        while True:
            due = time.monotonic() + self._settings.housekeeping_seconds
            await asyncio.sleep(self._settings.housekeeping_seconds)
            self.metrics.loop_lag_seconds.observe(max(0.0, time.monotonic() - due))
            self._bodies.look_at_the_clock()
            self._feed.look_at_the_clock()

    async def _look_after_the_spool(self) -> None:
        """Often: a caller of a store that hangs is to be answered in time."""
        while True:
            due = time.monotonic() + _EXPIRE_SECONDS
            await asyncio.sleep(_EXPIRE_SECONDS)
            self._overload.look(max(time.monotonic() - due, self._log.waited()))
            self._log.expire_waiting()
            await self._spool.probe()

    async def _keep_the_mark(self) -> None:
        """By itself: it needs no database, which may be lost in this very second, and its disk may fail or hang."""
        while True:
            await asyncio.sleep(self._settings.housekeeping_seconds)
            try:
                await self._log.save_high_water()
            except OSError as error:
                logger.error("the high water cannot be marked: %s", error.strerror)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self._settings.housekeeping_seconds)
            try:
                await self._feed.close_revoked()
                await self._feed.note_acks()
                await self._shops.look_again()
                await self._feed.read_again()
                await self._callbacks.note_senders()
                if self._replicas is not None:
                    await self._replicas.exchange()
            except (UnavailableError, SQLAlchemyError, OSError) as error:
                logger.error("housekeeping failed: %s", type(error).__name__)


def _known(settings: Settings) -> tuple[Container[str], ...]:
    """Who is never refused a connection; nobody in particular where nobody said where callbacks come from."""
    return (LOOPBACK, settings.trusted_proxies, settings.source_ips) if settings.source_ips else ()


def _replicas(log: EventLog, feed: Feed) -> "Replicas | None":
    """None where there are no others. What it says to them only a shared store can keep, and needs its driver."""
    if not log.is_shared:
        return None
    from relay.replicas import Replicas

    return Replicas(log, feed)
