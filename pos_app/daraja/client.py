"""The till's side of Daraja: pushes, queries and the tests of the settings page; every outcome is returned, not thrown.

It must not know what becomes of an outcome, and sends a push again in one case only: its token was refused.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from pos_app.daraja import access_check, outcome, wire
from pos_app.daraja.access_check import AccessCheck
from pos_app.daraja.access_token import AccessTokens, TokenRefused
from pos_app.daraja.exchange import Broken, Exchange, Reply
from pos_app.domain.evidence import Evidence
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.shop import Credentials, ShopAccount

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
_NEVER_ISSUED = "ws_CO_010120200000000000700000000"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DarajaClient:
    """The HTTP client stays its owner's, who closes it after this one. Raises AddressError for an unusable address."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        account: ShopAccount,
        credentials: Credentials,
        *,
        clock: Callable[[], datetime] = _utc_now,
        connect_timeout: float = CONNECT_TIMEOUT_S,
        read_timeout: float = READ_TIMEOUT_S,
    ) -> None:
        secrets = (credentials.consumer_key, credentials.consumer_secret, credentials.passkey)
        self._exchange = Exchange(
            http, base_url, connect_timeout=connect_timeout, read_timeout=read_timeout, secrets=secrets
        )
        self._tokens = AccessTokens(self._exchange, credentials.consumer_key, credentials.consumer_secret)
        self._account = account
        self._passkey = credentials.passkey
        self._clock = clock

    async def stk_push(
        self, *, amount: Money, msisdn: Msisdn, account_reference: str, description: str, callback_url: str
    ) -> Evidence:
        """ACCEPTED, REJECTED, NOT_SENT or REPLY_LOST. At most two POSTs, the second only after a refused token.

        Raises RequestError or AmountError before anything is sent. Cancelled, the push may have left.
        """
        fields = wire.stk_push_request(
            self._account,
            self._passkey,
            self._clock(),
            amount=amount,
            msisdn=msisdn,
            account_reference=account_reference,
            description=description,
            callback_url=callback_url,
        )
        answer = await self._ask(wire.STK_PUSH, fields)
        return outcome.push_evidence(answer, self._clock())

    async def stk_query(self, checkout_request_id: str) -> Evidence:
        """PAID (without receipt and amount), FAILED, STILL_OPEN, NO_ANSWER or UNCLEAR."""
        answer = await self._query(checkout_request_id)
        return outcome.query_evidence(answer, checkout_request_id, self._clock())

    async def check_access(self) -> AccessCheck:
        """Tries the consumer key and secret, and whether their app may use STK push; asks nobody for money."""
        return access_check.access_check(await self._probe(), self._exchange.host)

    async def check_passkey(self) -> AccessCheck:
        return access_check.passkey_check(await self._probe(), self._exchange.host, self._account)

    async def warm_up(self) -> None:
        """Gets a token ahead of the first charge; without one the charge will say why."""
        await self._tokens.get()

    async def aclose(self) -> None:
        await self._tokens.aclose()

    async def _probe(self) -> outcome.Answer:
        # A token minted before a product was added keeps failing (contract §1, Caching).
        self._tokens.forget()
        return await self._query(_NEVER_ISSUED)

    async def _query(self, checkout_request_id: str) -> outcome.Answer:
        fields = wire.stk_query_request(self._account, self._passkey, self._clock(), checkout_request_id)
        return await self._ask(wire.STK_QUERY, fields)

    async def _ask(self, endpoint: wire.Endpoint, fields: dict[str, object]) -> outcome.Answer:
        answer = await self._ask_once(endpoint, fields)
        return await self._ask_once(endpoint, fields) if outcome.is_token_refused(answer) else answer

    async def _ask_once(self, endpoint: wire.Endpoint, fields: dict[str, object]) -> Reply | Broken | TokenRefused:
        token = await self._tokens.get()
        if isinstance(token, TokenRefused):
            return token
        answer = await self._exchange.send(endpoint, wire.bearer_authorization(token), fields)
        if outcome.is_token_refused(answer):
            self._tokens.invalidate(token)
        return answer
