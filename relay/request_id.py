"""What each request is called: in every line that the log has of it, and in its answer where it went wrong.

It must not know what a request asks. A name that the caller brings counts only from a proxy of ours, which made it.
"""

import itertools
import re
import secrets
from collections.abc import Container, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from relay.http import REQUEST_ID, Message, Scope, Send, header, peer_ip
from relay.masking import names_a_phone

_SHAPE = re.compile(r"[\w.:-]{8,64}", re.ASCII)

current: ContextVar[str] = ContextVar("relay_request", default="")
"""Of the request that this code runs for; empty where it runs for none, or for many together."""


class RequestIds:
    """Those of one process: its own word, so that two replicas never name two requests alike, and a number."""

    def __init__(self, trusted_proxies: Container[str]) -> None:
        self._trusted_proxies = trusted_proxies
        self._process = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def name(self, scope: Scope) -> str:
        if peer_ip(scope) in self._trusted_proxies:
            brought = header(scope, REQUEST_ID)
            if _SHAPE.fullmatch(brought) and not names_a_phone(brought):
                return brought
        return f"{self._process}-{next(self._numbers)}"


@contextmanager
def during(request: str) -> Iterator[None]:
    token = current.set(request)
    try:
        yield
    finally:
        current.reset(token)


def naming(send: Send, request: str) -> Send:
    """`send`, which names the request to its caller where it is refused or failed."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            said = [one for one in message["headers"] if one[0] != REQUEST_ID]
            message = {**message, "headers": [*said, (REQUEST_ID, request.encode())]}
        await send(message)

    return sending
