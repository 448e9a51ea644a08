"""C2B validation: Safaricom asks whether a payment may come in, and is answered by the shop's rules within a second.

It must not know tills' sockets or wait for the log: what was decided is recorded afterwards. Source: contract §2.5.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from relay import protocol, rules
from relay.http import BodyReader, BodyRefusedError, CallerGoneError, Receive, Scope, Send, answer_json
from relay.log import Encoding, EventLog, Incoming, Meta, Stored
from relay.reading_results import without_credential
from relay.rules import ACCEPTED, BAD_ACCOUNT, Asked, Rules, RulesError
from relay.stores import directory
from relay.stores.directory import Credential, Shop

RULES_SECONDS = 0.2
BODY_SECONDS = 0.5
"""Of the second there is; who has not sent a kilobyte by then is answered by the rules' default."""
ASK_SECONDS = 3.0

Ask = Callable[[str, bytes, float], Awaitable[str | None]]
"""Asks the tills of a stream about a body within so many seconds; None where none of them answered."""

logger = logging.getLogger("relay.validation")


class Validation:
    def __init__(self, log: EventLog, bodies: BodyReader, ask: Ask) -> None:
        self._log = log
        self._bodies = bodies
        self._ask = ask
        self._rules: dict[str, Rules] = {}

    async def put_rules(self, till: Credential, document: bytes) -> tuple[int, object]:
        """Holds for the whole shop once it is answered. Not where the shop has a newer document, from another till."""
        try:
            parsed = rules.parse(document)
        except RulesError as error:
            return 400, {"error": str(error)}
        held = await self._log.run(lambda connection: _keep(connection, till.stream, parsed))
        self._rules[till.stream] = held
        if held != parsed:
            return 409, {"error": protocol.ERROR_NEWER_RULES}
        logger.info("%s changed the rules of %s", till.till_id, till.stream)
        return 200, parsed

    async def get_rules(self, till: Credential, _body: bytes) -> tuple[int, object]:
        """Those that a till set; version 0 where none did."""
        return 200, _parsed(await self._log.ask(lambda connection: directory.rules(connection, till.stream)))

    async def __call__(self, shop: Shop, scope: Scope, receive: Receive, send: Send, trust: str) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await self._bodies.read(receive)
        except (TimeoutError, BodyRefusedError):
            body = b""
        except CallerGoneError:
            return
        body = without_credential(body)
        asked = rules.read(body)
        code, path = await self._verdict(shop, asked, body)
        await answer_json(send, 200, _reply(shop, asked, code, trust))
        self._log.metrics.decided(path, time.monotonic() - began)
        self._record(shop, asked, body, code, trust)

    async def _verdict(self, shop: Shop, asked: Asked | None, body: bytes) -> tuple[str, str]:
        """The code, and who decided it: `rules`, `till`, or `default` where neither did."""
        held = await self._rules_of(shop.stream)
        if held is None:
            return rules.verdict(Rules(), asked, datetime.now(UTC)), "default"
        code = rules.verdict(held, asked, datetime.now(UTC))
        if asked is None:
            return code, "default"
        # What the hours or the amount refuse no till would let in; an account may be that of a sale it has open.
        if code not in {ACCEPTED, BAD_ACCOUNT} or not held.ask:
            return code, "rules"
        told = await self._ask(shop.stream, body, ASK_SECONDS)
        return (told, "till") if told is not None and told in rules.CODES else (rules.default(held), "default")

    async def _rules_of(self, stream: str) -> Rules | None:
        """The document as it is now, for another relay may have changed it. Where that cannot be had in time, the last
        that was known, or none: a fault of ours must not stop a shop from being paid.
        """
        try:
            async with asyncio.timeout(RULES_SECONDS):
                text = await self._log.ask(lambda connection: directory.rules(connection, stream))
        except (TimeoutError, SQLAlchemyError) as error:
            logger.error("the rules of %s could not be read: %s", stream, type(error).__name__)
            return self._rules.get(stream)
        self._rules[stream] = _parsed(text)
        return self._rules[stream]

    def _record(self, shop: Shop, asked: Asked | None, body: bytes, code: str, trust: str) -> None:
        if asked is None:
            logger.warning("%s: a validation request that cannot be read was answered %s", shop.stream, code)
            return
        meta = Meta(int(time.time() * 1000), trust, code.encode(), asked.receipt, encoding=Encoding.JSON)
        key = f"val:{asked.receipt}"
        self._log.put(Incoming.of(shop.stream, protocol.KIND_C2B_VALIDATION, key, body, meta), _noted)


def _parsed(text: str) -> Rules:
    return rules.parse(text.encode()) if text else Rules()


def _keep(connection: Connection, stream: str, wanted: Rules) -> Rules:
    """What holds from now on."""
    text = directory.held_rules(connection, stream)
    if text and (held := _parsed(text)).version >= wanted.version:
        return held
    directory.set_rules(connection, stream, msgspec.json.encode(wanted).decode())
    return wanted


def _noted(stored: Stored) -> None:
    if isinstance(stored, Exception):
        logger.warning("a validation was answered and not recorded: %s", type(stored).__name__)


def _reply(shop: Shop, asked: Asked | None, code: str, trust: str) -> bytes:
    """The echo proves a confirmation, so nobody but a listed sender is given it."""
    if code != ACCEPTED:
        return msgspec.json.encode({"ResultCode": code, "ResultDesc": "Rejected"})
    accepted = {"ResultCode": ACCEPTED, "ResultDesc": "Accepted"}
    if asked is not None and trust == protocol.TRUSTED:
        accepted["ThirdPartyTransID"] = protocol.validation_echo(shop.nonce_key, asked.receipt)
    return msgspec.json.encode(accepted)
