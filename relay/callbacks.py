"""What Safaricom posts: stored whole before it is answered, whatever it is (raw ASGI, the relay's hot path).

It must not know tills. Its answers: 200 once durable, 404 for an unknown key, 413, 408, 503; never 429, never 5xx else.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from relay import request_id
from relay.http import (
    Answer,
    BodyReader,
    BodyRefusedError,
    CallerGoneError,
    Receive,
    Scope,
    Send,
    answer,
    client_ip,
    header,
    prepared,
)
from relay.log import Appended, Encoding, EventLog, Incoming, Kept, Meta, Outcome, Stored, UnavailableError
from relay.metrics import TOO_LARGE, TOO_SLOW, UNAVAILABLE, UNKNOWN_KEY, UNREAD
from relay.protocol import KIND_UNPARSED, QUARANTINED, TRUSTED, nonce_is_real, validation_echo
from relay.reading import Reading, nonce_text, read_confirmation, read_stk, third_party_id
from relay.reading_results import read_result, read_timeout, without_credential
from relay.request_id import RequestIds
from relay.settings import Settings
from relay.shops import Shops
from relay.stores.directory import Shop
from relay.stores.quarantine import Sender, note_senders
from relay.validation import Validation
from relay.waiting import Waiting

_ACCEPTED = prepared(200, b'{"ResultCode":0,"ResultDesc":"Accepted"}')
_NOT_FOUND = prepared(404, b'{"error":"not found"}')
_METHOD = prepared(405, b'{"error":"POST only"}', close=True)
_REFUSED = {
    408: prepared(408, b'{"error":"too slow"}', close=True),
    413: prepared(413, b'{"error":"too large"}', close=True),
}
_COUNTED = {408: TOO_SLOW, 413: TOO_LARGE}
_NOT_STORED = b'{"error":"not stored, send again"}'

_READERS: dict[str, Callable[[bytes, str, Scope], Reading]] = {
    "stk": lambda body, nonce, scope: read_stk(body, nonce, header(scope, b"businessshortcode")),
    "result": lambda body, nonce, _scope: read_result(body, nonce),
    "timeout": lambda body, nonce, _scope: read_timeout(body, nonce),
}
"""By the door at which a callback with a nonce came in."""

_SENDERS = 1000
"""Remembered between two writes of them; a flood pushes its own out."""

logger = logging.getLogger("relay.callbacks")


class _Taken(msgspec.Struct, frozen=True, gc=False):
    """A callback that came whole, until the end of its turn."""

    scope: Scope
    shop: Shop
    door: str
    nonce: str | None
    body: bytes
    answered: Callable[[Answer], None]


class Callbacks:
    def __init__(
        self,
        log: EventLog,
        settings: Settings,
        bodies: BodyReader,
        validation: Validation,
        shops: Shops,
        *,
        requests: RequestIds,
    ) -> None:
        self._log = log
        self._bodies = bodies
        self._validation = validation
        self._settings = settings
        self._shops = shops
        self._requests = requests
        self._taken: list[_Taken] = []
        self._senders: deque[Sender] = deque(maxlen=_SENDERS)

    def take(self, scope: Scope, body: bytes, answered: Callable[[Answer], None]) -> bool:
        """A whole POST. False where it must be called instead; else `answered` is called when that is decided."""
        named = _named(scope["path"])
        shop = self._shops.known(named[0]) if named is not None else None
        if named is None or shop is None:
            return False
        if not self._taken:
            self._log.at_end_of_turn(self._put_taken)
        self._taken.append(_Taken(scope, shop, named[1], named[2], body, answered))
        return True

    def _put_taken(self) -> None:
        """All that came in a turn, one step after the other: between two reads of a socket each takes half as long
        again. One that fails, which none should, must not keep the others from the disk.
        """
        taken, self._taken = self._taken, []
        arrived = [waiting for one in taken if (waiting := self._judged(one)) is not None]
        if not self._put(arrived):
            for waiting in arrived:
                waiting.tell(UnavailableError("not taken"))

    def _put(self, arrived: list[Waiting[Stored]]) -> bool:
        try:
            return self._log.put_all(arrived)
        except Exception:
            logger.exception("the log takes no callbacks")
            return False

    def _judged(self, one: _Taken) -> Waiting[Stored] | None:
        try:
            incoming = self._judge(one.scope, one.shop, one.door, one.nonce, one.body)
            return Waiting(incoming, partial(self._tell, one, incoming))
        except Exception as error:
            logger.exception("a callback could not be judged")
            one.answered(self._not_stored(one.scope, error))
            return None

    def _tell(self, one: _Taken, incoming: Incoming, stored: Stored) -> None:
        one.answered(self._told(one.scope, incoming, stored))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = _named(scope["path"])
        asking = _asking(scope["path"])
        if asking is not None:
            reply = await self._validate(scope, receive, send, asking)
        else:
            reply = _NOT_FOUND if named is None else await self._take(scope, receive, *named)
        if reply is not None:
            await answer(send, reply)

    async def _validate(self, scope: Scope, receive: Receive, send: Send, key: str) -> Answer | None:
        """None where the validation has answered."""
        try:
            shop = await self._shops.find(key)
        except SQLAlchemyError as error:
            return self._not_stored(scope, error)
        if shop is None or scope["method"] != "POST":
            return _NOT_FOUND if shop is None else _METHOD
        trust = TRUSTED if self._listed(scope) else QUARANTINED
        await self._validation(shop, scope, receive, send, trust)
        return None

    async def _take(self, scope: Scope, receive: Receive, key: str, door: str, nonce: str | None) -> Answer | None:
        """None where nobody is left to be answered."""
        try:
            shop = await self._shops.find(key)
            if shop is None:
                self._log.metrics.refused(UNKNOWN_KEY)
                logger.info("unknown callback key")
                return _NOT_FOUND
            if scope["method"] != "POST":
                return _METHOD
            incoming = self._judge(scope, shop, door, nonce, await self._bodies.read(receive))
            stored = await self._stored(incoming)
        except BodyRefusedError as refused:
            self._log.metrics.refused(_COUNTED[refused.status])
            logger.warning("body refused with %d", refused.status)
            return _REFUSED[refused.status]
        except SQLAlchemyError as error:
            return self._not_stored(scope, error)
        except CallerGoneError:
            return None
        return self._told(scope, incoming, stored)

    async def _stored(self, incoming: Incoming) -> Stored:
        told: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()

        def tell(stored: Stored) -> None:
            if not told.done():
                told.set_result(stored)

        if not self._log.put(incoming, tell):
            return UnavailableError("closing")
        return await told

    async def note_senders(self) -> None:
        """Of what was quarantined since: only a sign for an operator, so it may come after the answer, or be lost."""
        senders = [self._senders.popleft() for _ in range(len(self._senders))]
        if senders:
            await self._log.run(lambda connection: note_senders(connection, senders))

    def _judge(self, scope: Scope, shop: Shop, door: str, nonce: str | None, said: bytes) -> Incoming:
        body = without_credential(said)
        if nonce is None:
            reading = read_confirmation(body)
            trusted = self._listed(scope) or _was_validated(shop, reading, body)
        else:
            nonce, real = nonce_text(nonce), nonce_is_real(shop.nonce_key, nonce)
            reading = _READERS[door](body, nonce, scope)
            trusted = real and self._listed(scope)
        meta = Meta(
            int(time.time() * 1000),
            TRUSTED if trusted else QUARANTINED,
            reading.money,
            reading.receipt,
            nonce,
            reading.short_code,
            Encoding.JSON if reading.is_json else Encoding.BASE64,
        )
        return Incoming.of(shop.stream, reading.kind, reading.key, body, meta)

    def _listed(self, scope: Scope) -> bool:
        listed = self._settings.source_ips
        return not listed or client_ip(scope, self._settings.trusted_proxies) in listed

    def _told(self, scope: Scope, incoming: Incoming, stored: Stored) -> Answer:
        if isinstance(stored, Exception):
            return self._not_stored(scope, stored, incoming.kind)
        if isinstance(stored, Kept):
            self._log.metrics.spooled(incoming.kind)
            return _ACCEPTED
        if incoming.meta.trust != TRUSTED:
            self._senders.append(Sender(incoming.stream, stored.seq, client_ip(scope, self._settings.trusted_proxies)))
        self._note(scope, incoming, stored)
        return _ACCEPTED

    def _not_stored(self, scope: Scope, error: Exception, kind: str = UNREAD) -> Answer:
        request = self._name(scope)
        self._log.metrics.refused(UNAVAILABLE, kind)
        logger.error("not stored: %s", type(error).__name__, extra={"request": request})
        return prepared(503, _NOT_STORED, request=request)

    def _note(self, scope: Scope, incoming: Incoming, stored: Appended) -> None:
        """One line; the usual case only where somebody debugs: a line costs as much as the rest of the answer."""
        trust, kind = incoming.meta.trust, incoming.kind
        odd = stored.outcome is not Outcome.NEW or trust != TRUSTED or kind == KIND_UNPARSED
        level = logging.INFO if odd else logging.DEBUG
        if logger.isEnabledFor(level):
            logger.log(
                level,
                "%s seq %d: %s %s %s",
                incoming.stream,
                stored.seq,
                kind,
                stored.outcome,
                trust,
                extra={"request": self._name(scope)},
            )

    def _name(self, scope: Scope) -> str:
        """One that took the short way has none until somebody wants to know."""
        return request_id.current.get() or self._requests.name(scope)


def _named(path: str) -> tuple[str, str, str | None] | None:
    """Callback key, door and nonce; no nonce for a confirmation; None for any other path."""
    match path.split("/"):
        case ["", "h", key, door, nonce] if door in _READERS:
            return key, door, nonce
        case ["", "h", key, "c2b", "confirm"]:
            return key, "c2b", None
    return None


def _asking(path: str) -> str | None:
    """The callback key of a validation's path."""
    match path.split("/"):
        case ["", "h", key, "c2b", "validate"]:
            return key
    return None


def _was_validated(shop: Shop, reading: Reading, body: bytes) -> bool:
    """Whether it brings back what only the answer to a listed sender's validation said."""
    return reading.receipt is not None and third_party_id(body) == validation_echo(shop.nonce_key, reading.receipt)
