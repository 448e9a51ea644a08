"""What a till asks of the relay by HTTP besides its feed: who may ask, and where each request goes.

It must not know what a request means.
"""

import logging
from collections.abc import Awaitable, Callable

import msgspec

from relay.http import (
    BodyReader,
    BodyRefusedError,
    CallerGoneError,
    Receive,
    Scope,
    Send,
    answer,
    answer_json,
    prepared,
)
from relay.pace import Pace
from relay.protocol import ERROR_TOO_OFTEN, error_body
from relay.stores.directory import Credential
from relay.tokens import Tokens

_UNAUTHORISED = prepared(401, b'{"error":"bad token"}', api=True)
_REVOKED = prepared(403, b'{"error":"revoked"}', api=True)
TOO_OFTEN = prepared(429, error_body(ERROR_TOO_OFTEN), api=True, retry_after=1)
_MALFORMED = prepared(400, b'{"error":"the body cannot be read"}', api=True)

Handler = Callable[[Credential, bytes], Awaitable[tuple[int, object]]]
"""Status and JSON of the reply. Raises msgspec.DecodeError for a body that is no such request."""

logger = logging.getLogger("relay.till_api")


class TillApi:
    def __init__(
        self, tokens: Tokens, bodies: BodyReader, handlers: dict[tuple[str, str], Handler], pace: Pace
    ) -> None:
        """`handlers` by method and path; `pace` by till."""
        self._tokens = tokens
        self._pace = pace
        self._bodies = bodies
        self._handlers = handlers

    def __contains__(self, asked: tuple[str, str]) -> bool:
        return asked in self._handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opened = await self._tokens.credential(scope)
        if opened is None or opened.revoked:
            return await answer(send, _UNAUTHORISED if opened is None else _REVOKED)
        if not self._pace.lets(opened.till_id):
            return await answer(send, TOO_OFTEN)
        try:
            body = await self._bodies.read(receive)
            status, reply = await self._handlers[scope["method"], scope["path"]](opened, body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BodyRefusedError):
            return await answer(send, _MALFORMED)
        except CallerGoneError:
            return None
        return await answer_json(send, status, msgspec.json.encode(reply))
