"""The till's side of Daraja: pushes, queries, registrations, Pull, QR codes; every outcome is returned, not thrown.

It must not know what becomes of an outcome, and sends a push again in one case only: its token was refused.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from pos_app.daraja import access_check, outcome, pull, qr_code, registration, wire
from pos_app.daraja.access_check import AccessCheck
from pos_app.daraja.access_token import AccessTokens, TokenRefused
from pos_app.daraja.exchange import Broken, Exchange, Reply
from pos_app.daraja.initiator_api import InitiatorApi
from pos_app.daraja.obstacles import Obstacle
from pos_app.daraja.pull import Pulled
from pos_app.daraja.registration import DefaultAction, MsisdnStyle, Registered, Registration
from pos_app.domain.callback_address import CallbackAddressError, checked_callback_base, is_this_computer
from pos_app.domain.evidence import Evidence
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.shop import Credentials, Initiator, ShopAccount

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

    async def register_urls(
        self,
        *,
        confirmation_url: str,
        validation_url: str,
        default_action: DefaultAction = DefaultAction.COMPLETED,
        style: MsisdnStyle = MsisdnStyle.MASKED,
    ) -> Registration:
        """Production takes this once (contract §2.3), so an address it would refuse is not sent."""
        here = is_this_computer(self._exchange.host)
        try:
            confirmation = checked_callback_base(confirmation_url, allow_this_computer=here)
            validation = checked_callback_base(validation_url, allow_this_computer=here)
        except CallbackAddressError as error:
            return Registration(Registered.REFUSED, str(error))
        fields = registration.register_urls_request(self._account, confirmation, validation, default_action)
        answer = await self._ask(registration.register_urls(style), fields)
        return registration.urls_registration(answer, self._exchange.host)

    async def pull_register(self, *, nominated: Msisdn, callback_url: str) -> Registration:
        """`nominated`: the number in the organisation’s KYC, not the short code (contract §2.12)."""
        fields = registration.pull_register_request(self._account, nominated, callback_url)
        answer = await self._ask(registration.PULL_REGISTER, fields)
        return registration.pull_registration(answer, self._exchange.host)

    async def pull(self, start: datetime, end: datetime, offset: int = 0) -> Pulled:
        """All pages from the row `offset`. M-Pesa remembers `pull.REMEMBERED`. Raises RequestError."""

        async def page(first: int) -> outcome.Answer:
            return await self._ask(pull.PULL, pull.pull_request(self._account, start, end, first))

        return await pull.pull_all(page, self._exchange.host, offset, start)

    async def dynamic_qr(
        self, *, merchant_name: str, reference: str, amount: Money, size: int = 300
    ) -> bytes | Obstacle:
        """A PNG, `size` pixels square. Raises AmountError."""
        fields = qr_code.qr_request(
            self._account, merchant_name=merchant_name, reference=reference, amount=amount, size=size
        )
        return qr_code.qr_picture(await self._ask(qr_code.QR_CODE, fields), self._exchange.host)

    def operated_by(self, operator: Initiator) -> InitiatorApi:
        """The same app, for what only an API operator may do; the credential is cut out of every answer from now on."""
        self._exchange.hide(operator.credential)
        return InitiatorApi(self._ask, operator, self._clock)

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
