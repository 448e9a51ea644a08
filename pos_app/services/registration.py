"""Registers the shop with Safaricom: where its payments are told, and that it may fetch missed ones; keeps each answer.

Production takes addresses once (contract §2.3), so what Safaricom would refuse is said before anything is sent.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import httpx

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.errors import AddressError
from pos_app.daraja.obstacles import SANDBOX_HOST
from pos_app.daraja.registration import DefaultAction, MsisdnStyle, Registered, Registration
from pos_app.domain.audit import Event
from pos_app.domain.callback_address import CallbackAddressError, checked_callback_base, is_this_computer
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.refused import Refused
from pos_app.domain.shop import MpesaAccess, ShopAccount
from pos_app.domain.staff import Action
from pos_app.services.clock import utc_now
from pos_app.services.guard import Guard
from pos_app.store import registrations
from pos_app.store.database import Database
from pos_app.store.registrations import RegistrationRecord

__all__ = ["DefaultAction", "MsisdnStyle", "Product", "Registered", "RegistrationRecord", "Registrations", "Standing"]

_HISTORY = 20
_CONFIRM, _VALIDATE = "/c2b/confirm", "/c2b/validate"
Ask = Callable[[DarajaClient], Awaitable[Registration]]


class Product(StrEnum):
    C2B = "c2b"
    PULL = "pull"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one product. `done` is the last answer that said it is registered."""

    last: RegistrationRecord | None
    done: RegistrationRecord | None
    is_for_this_relay: bool
    """Whether `done` was for the address that the relay has now; “already registered” may be of an older one."""


class Registrations:
    def __init__(
        self,
        database: Database,
        http: Callable[[], httpx.AsyncClient],
        guard: Guard,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._http = http
        self._guard = guard
        self._clock = clock

    def is_final(self, access: MpesaAccess) -> bool:
        """Whether addresses are taken once: everywhere but in the sandbox and at a simulator beside the till."""
        host = httpx.URL(access.daraja_url).host
        return host != SANDBOX_HOST and not is_this_computer(host)

    def address(self, access: MpesaAccess) -> str:
        """Where payments would be told, without the shop’s callback key."""
        return _shown(access.pairing.callback_base) + _CONFIRM

    def check(self, access: MpesaAccess) -> Refused | None:
        """Why Safaricom could not deliver to the relay’s address; asks nobody."""
        try:
            here = is_this_computer(httpx.URL(access.daraja_url).host)
            checked_callback_base(access.pairing.callback_base, allow_this_computer=here)
        except CallbackAddressError as error:
            return Refused(str(error))
        return None

    async def register_urls(
        self,
        access: MpesaAccess,
        *,
        style: MsisdnStyle = MsisdnStyle.MASKED,
        default_action: DefaultAction = DefaultAction.COMPLETED,
    ) -> RegistrationRecord | Refused:
        """Refused: nothing was sent. The record’s sentence says what Safaricom answered."""
        base = access.pairing.callback_base

        async def ask(daraja: DarajaClient) -> Registration:
            return await daraja.register_urls(
                confirmation_url=base + _CONFIRM,
                validation_url=base + _VALIDATE,
                default_action=default_action,
                style=style,
            )

        return await self._register(Product.C2B, access, style.value, ask)

    async def register_pull(self, access: MpesaAccess, nominated: Msisdn) -> RegistrationRecord | Refused:
        """`nominated`: the phone number in the organisation’s papers at Safaricom."""

        async def ask(daraja: DarajaClient) -> Registration:
            url = access.pairing.callback_base + _CONFIRM
            return await daraja.pull_register(nominated=nominated, callback_url=url)

        return await self._register(Product.PULL, access, "", ask)

    async def _register(
        self, product: Product, access: MpesaAccess, style: str, ask: Ask
    ) -> RegistrationRecord | Refused:
        by = self.check(access) or self._guard.check(Action.CHANGE_SETTINGS)
        if isinstance(by, Refused):
            return by
        try:
            daraja = DarajaClient(self._http(), access.daraja_url, access.account, access.credentials)
        except AddressError as error:
            return Refused(str(error))
        try:
            answer = await ask(daraja)
        finally:
            await daraja.aclose()
        await self._guard.told(Event.SETTINGS_CHANGED, by, f"registration {product}", answer.state.value)
        return await self._keep(product, access, style, answer)

    async def _keep(
        self, product: Product, access: MpesaAccess, style: str, answer: Registration
    ) -> RegistrationRecord:
        base = access.pairing.callback_base
        record = RegistrationRecord(
            product=product.value,
            short_code=access.account.short_code,
            style=style,
            address=self.address(access),
            fingerprint=_fingerprint(base),
            state=answer.state.value,
            sentence=answer.sentence,
            code=answer.code,
            at=self._clock(),
        )
        await self._database.run(lambda connection: registrations.add(connection, record))
        return record

    async def standing(self, product: Product, account: ShopAccount, callback_base: str) -> Standing:
        kept = await self._database.read(
            lambda connection: registrations.newest(connection, product.value, account.short_code, _HISTORY)
        )
        done = next((record for record in kept if record.state == Registered.REGISTERED), None)
        fits = done is not None and done.fingerprint == _fingerprint(callback_base)
        return Standing(kept[0] if kept else None, done, fits)


def _shown(base: str) -> str:
    """Without the shop’s callback key, which is the address’s last part and a secret."""
    return base.rpartition("/")[0] + "/•••"


def _fingerprint(base: str) -> str:
    return hashlib.sha256(base.encode()).hexdigest()[:16]
