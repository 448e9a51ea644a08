"""Keeps one access token for everybody who needs it, in memory only; knows nothing of charges.

Each new token may end the one before it (contract §1), so the token is fetched once, however many wait for it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from pos_app.daraja import wire
from pos_app.daraja.exchange import Broken, Exchange, Reply
from pos_app.daraja.redaction import scrubbed
from pos_app.domain.reason import Reason

EARLY_S = 60
FIREWALL = "WAF"


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """No token, so what needed it was not sent. `broken` says how the network failed, where it was the network."""

    reason: Reason
    code: str
    text: str
    broken: Broken | None = None


class AccessTokens:
    """`monotonic` in seconds: the computer's clock may jump."""

    def __init__(
        self,
        exchange: Exchange,
        consumer_key: str,
        consumer_secret: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exchange = exchange
        self._authorization = wire.basic_authorization(consumer_key, consumer_secret)
        self._monotonic = monotonic
        self._token = ""
        self._stale_at = 0.0
        self._flight: asyncio.Task[str | TokenRefused] | None = None

    async def get(self) -> str | TokenRefused:
        """All who ask while a fetch is under way share it, and one who stops waiting does not end it."""
        if self._token and self._monotonic() < self._stale_at:
            return self._token
        if self._flight is None:
            self._flight = asyncio.create_task(self._fetch(), name="daraja access token")
            self._flight.add_done_callback(self._landed)
        flight = self._flight
        # To wait, not to await: a client closed by new settings ends the fetch, not the charge that waits for it.
        await asyncio.wait([flight])
        return _CLOSED if flight.cancelled() else flight.result()

    def invalidate(self, token: str) -> None:
        """Daraja refused it. Another token, fetched since, stays."""
        if token == self._token:
            self._token = ""

    def forget(self) -> None:
        self._token = ""

    async def aclose(self) -> None:
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    def _landed(self, _flight: asyncio.Task[str | TokenRefused]) -> None:
        self._flight = None

    async def _fetch(self) -> str | TokenRefused:
        asked_at = self._monotonic()
        answer = await self._exchange.send(wire.TOKEN, self._authorization)
        token = wire.token_reply(answer.body) if isinstance(answer, Reply) and answer.status == 200 else None
        if token is None:
            return _refused(answer)
        self._token, self._stale_at = token.access_token, asked_at + token.lifetime_s - EARLY_S
        return token.access_token


_CLOSED = TokenRefused(
    Reason.NOT_SENT, "closed", "The settings were changed.", Broken(may_have_left=False, cause="closed")
)


def _refused(answer: Reply | Broken) -> TokenRefused:
    if isinstance(answer, Broken):
        return TokenRefused(Reason.NOT_SENT, answer.cause, "M-Pesa could not be reached.", broken=answer)
    if answer.is_firewall:
        return TokenRefused(Reason.DOWN, FIREWALL, "M-Pesa's firewall refused the request.")
    envelope = wire.error_envelope(answer.body)
    code = envelope.code if envelope else f"HTTP {answer.status}"
    text = scrubbed(envelope.message) if envelope else ""
    # A wrong key or secret is HTTP 400 with no body at all (contract §1).
    ours = 400 <= answer.status < 500 if answer.status != 200 else code.startswith("4")
    reason = Reason.SETUP if ours and answer.status != 429 else Reason.DOWN
    return TokenRefused(reason, code, text or "M-Pesa gave no access token.")
