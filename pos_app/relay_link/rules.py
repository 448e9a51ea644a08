"""Asks the relay for the shop's rules for payments that ask to come in, and gives it new ones.

It must not know what a rule means. Only the relay's own words are an answer; all else is weather.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import httpx
import msgspec

from pos_app.domain.refused import Refused
from pos_app.domain.shop import Pairing
from relay import protocol

PATIENCE_SECONDS = 5.0
_REFUSED = Refused("The relay does not take these rules: {}. Change them, then put them in force again.")


@dataclass(frozen=True, slots=True)
class RuleDocument:
    """`version` 0 where nobody has set any. `fields` are those of `domain.validation.parse_rules`."""

    version: int
    fields: Mapping[str, object]


class Pushed(Enum):
    TAKEN = auto()
    OLDER = auto()
    """The relay has newer ones, from another till."""
    UNANSWERED = auto()
    """It may have them or not; to push them again does no harm."""


@dataclass(frozen=True, slots=True)
class RuleDesk:
    """Where this till asks, as the till that it is paired as."""

    http: httpx.AsyncClient
    pairing: Pairing

    async def read(self) -> RuleDocument | None:
        """None when the relay could not be asked."""
        answer = await self._ask("GET", b"")
        return _document(answer) if answer is not None and answer.status_code == httpx.codes.OK else None

    async def push(self, document: RuleDocument) -> Pushed | Refused:
        """Refused: the relay will never take them."""
        answer = await self._ask("PUT", msgspec.json.encode({**document.fields, "version": document.version}))
        if answer is None:
            return Pushed.UNANSWERED
        wrong = protocol.error_of(answer.content)
        if wrong == protocol.ERROR_NEWER_RULES:
            return Pushed.OLDER
        if wrong and answer.status_code == httpx.codes.BAD_REQUEST:
            return Refused(_REFUSED.sentence.format(wrong))
        taken = answer.status_code == httpx.codes.OK and _document(answer) is not None
        return Pushed.TAKEN if taken else Pushed.UNANSWERED

    async def _ask(self, method: str, body: bytes) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self.pairing.token}", "content-type": "application/json"}
        url = self.pairing.relay_url.rstrip("/") + protocol.RULES_PATH
        try:
            return await self.http.request(method, url, content=body, headers=headers, timeout=PATIENCE_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None


def _document(answer: httpx.Response) -> RuleDocument | None:
    """None for a page to sign in on, which also answers 200."""
    try:
        said: dict[str, Any] = msgspec.json.decode(answer.content, type=dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    version = said.pop("version", None)
    return RuleDocument(version, said) if type(version) is int else None
