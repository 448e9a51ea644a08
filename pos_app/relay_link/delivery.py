"""What the relay delivers, as values for the services; the only place that translates the relay's frames."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from relay.protocol import (
    GENESIS,
    KIND_ANCHOR,
    KIND_C2B_CONFIRMATION,
    KIND_C2B_PULLED,
    KIND_CLAIM,
    KIND_RELEASE,
    KIND_RESULT,
    KIND_STK,
    KIND_TIMEOUT,
    KIND_UNPARSED,
    TRUSTED,
    Cursor,
    Event,
)

__all__ = [
    "GENESIS",
    "KIND_ANCHOR",
    "KIND_C2B_CONFIRMATION",
    "KIND_C2B_PULLED",
    "KIND_CLAIM",
    "KIND_RELEASE",
    "KIND_RESULT",
    "KIND_STK",
    "KIND_TIMEOUT",
    "KIND_UNPARSED",
    "Cursor",
    "Delivery",
    "LinkStatus",
    "Listener",
]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event that the relay has on disk. `body` is the decoded JSON, or None where it was none."""

    cursor: Cursor
    kind: str
    key: str
    trusted: bool
    received_at: datetime
    nonce: str
    short_code: str
    receipt: str
    """As the relay read it, to look it up ahead; what counts is what the body says."""
    body: object
    body_sha256: str

    @property
    def event_key(self) -> str:
        """Names this very message for ever, on any relay and after any restore; a revision’s number does not."""
        return f"{self.key}#{'t' if self.trusted else 'q'}#{self.body_sha256[:32]}"


def delivery_of(event: Event, epoch: str) -> Delivery:
    return Delivery(
        cursor=Cursor(epoch, event.seq, event.chain),
        kind=event.kind,
        key=event.key,
        trusted=event.trust == TRUSTED,
        received_at=instant(event.at),
        nonce=event.nonce or "",
        short_code=event.short_code or "",
        receipt=event.receipt or "",
        body=_decoded(event.body),
        body_sha256=event.body_sha256,
    )


def _decoded(body: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)


class LinkStatus(StrEnum):
    CONNECTING = "connecting"
    CATCHING_UP = "catching_up"
    LIVE = "live"
    OFFLINE = "offline"
    INTERCEPTED = "intercepted"
    """Something on the way answers in the relay's place: a page to sign in on, a firewall. The link goes on trying."""
    REFUSED = "refused"
    """The relay does not accept this till any more; a person must pair it again."""


class Listener(Protocol):
    """The services' end. `deliver` and `reset` return only after their commit.

    A reset to a cursor behind the beginning means that the relay no longer has what came up to there, unless its
    reason is "replay": then an operator of the relay has the till read again from there.
    """

    async def cursor(self) -> Cursor: ...

    async def deliver(self, deliveries: list[Delivery]) -> None: ...

    async def reset(self, cursor: Cursor, reason: str) -> None: ...

    def status(self, status: LinkStatus) -> None: ...
