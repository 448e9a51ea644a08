"""Tells the relay where this till's audit record ends, and asks where it last did."""

from dataclasses import dataclass

import httpx
import msgspec

from pos_app.domain.audit import Head
from pos_app.domain.shop import Pairing
from relay import protocol
from relay.protocol import Anchor, AnchorRequest

PATIENCE_SECONDS = 10.0
_READ_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NO_ANCHOR = "no anchor yet"


@dataclass(frozen=True, slots=True)
class AnchorDesk:
    http: httpx.AsyncClient
    pairing: Pairing

    async def put(self, head: Head) -> bool:
        """Whether the relay has it on disk."""
        answer = await self._ask("POST", msgspec.json.encode(AnchorRequest(head.seq, head.mac)))
        return answer is not None and _anchor(answer) == head

    async def last(self) -> Head | None:
        """The beginning where the relay knows none; None where it cannot be asked."""
        answer = await self._ask("GET")
        if answer is None:
            return None
        if answer.status_code == httpx.codes.NOT_FOUND and protocol.error_of(answer.content) == _NO_ANCHOR:
            return Head()
        return _anchor(answer)

    async def _ask(self, method: str, content: bytes = b"") -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self.pairing.token}", "content-type": "application/json"}
        url = self.pairing.relay_url.rstrip("/") + protocol.ANCHORS_PATH
        try:
            return await self.http.request(method, url, content=content, headers=headers, timeout=PATIENCE_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None


def _anchor(answer: httpx.Response) -> Head | None:
    """None where something else than the relay answers."""
    if answer.status_code != httpx.codes.OK:
        return None
    try:
        said = msgspec.json.decode(answer.content, type=Anchor)
    except _READ_ERRORS:
        return None
    return Head(said.seq, said.mac)
