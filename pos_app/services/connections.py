"""The settings page's tests and the pairing: each says exactly what is wrong, and moves no money."""

from collections.abc import Awaitable, Callable, Sequence

import httpx

from pos_app.daraja.access_check import AccessCheck as Check
from pos_app.daraja.client import DarajaClient
from pos_app.daraja.errors import AddressError
from pos_app.domain.attempt import Attempt
from pos_app.domain.audit import Event
from pos_app.domain.refund import Refund
from pos_app.domain.refused import Refused
from pos_app.domain.shop import Credentials, Pairing, ShopAccount, TillIdentity
from pos_app.domain.staff import Action
from pos_app.relay_link import pairing as relay_pairing
from pos_app.services.guard import Guard

__all__ = ["Check", "Connections"]


class Connections:
    def __init__(
        self,
        http: Callable[[], httpx.AsyncClient],
        open_attempts: Callable[[], Awaitable[Sequence[Attempt]]],
        refunds_on_their_way: Callable[[], Awaitable[Sequence[Refund]]],
        guard: Guard,
    ) -> None:
        self._http = http
        self._open_attempts = open_attempts
        self._refunds_on_their_way = refunds_on_their_way
        self._guard = guard

    async def test_access(self, base_url: str, account: ShopAccount, credentials: Credentials) -> Check:
        try:
            daraja = DarajaClient(self._http(), base_url, account, credentials)
        except AddressError as error:
            return Check(ok=False, sentence=str(error))
        try:
            return await daraja.check_access()
        finally:
            await daraja.aclose()

    async def test_passkey(self, base_url: str, account: ShopAccount, credentials: Credentials) -> Check:
        try:
            daraja = DarajaClient(self._http(), base_url, account, credentials)
        except AddressError as error:
            return Check(ok=False, sentence=str(error))
        try:
            return await daraja.check_passkey()
        finally:
            await daraja.aclose()

    async def test_relay(self, pairing: Pairing) -> Check:
        answer = await relay_pairing.ask_relay(self._http(), pairing)
        return Check(ok=answer.ok, sentence=answer.sentence)

    async def pair(self, relay_url: str, code: str, till: TillIdentity) -> Pairing | Refused:
        """Refused too where the code turns out to be another shop’s, while answers are awaited from this one."""
        by = self._guard.check(Action.CHANGE_CREDENTIALS)
        if isinstance(by, Refused):
            return by
        paired = await relay_pairing.pair(self._http(), relay_url, code, till)
        if isinstance(paired, Pairing) and _is_another_shop(till, paired):
            paired = await self._unless_open(till, paired)
        if isinstance(paired, Pairing):
            await self._guard.told(Event.CREDENTIALS_CHANGED, by, "relay", f"paired with {paired.shop}")
        return paired

    async def _unless_open(self, till: TillIdentity, paired: Pairing) -> Pairing | Refused:
        charges, refunds = len(await self._open_attempts()), len(await self._refunds_on_their_way())
        return _still_open(charges, refunds, till.shop, paired.shop) if charges or refunds else paired


def _is_another_shop(till: TillIdentity, paired: Pairing) -> bool:
    """A relay that was set up anew has new streams, but its operator names the shop as before."""
    return bool(till.stream) and paired.stream != till.stream and paired.shop != till.shop


def _still_open(charges: int, refunds: int, held: str, other: str) -> Refused:
    counted = [(charges, "charge", "charges"), (refunds, "refund", "refunds")]
    found = " and ".join(f"{count} {one if count == 1 else many}" for count, one, many in counted if count)
    return Refused(
        f"{found} {'is' if charges + refunds == 1 else 'are'} still open in {held}, and the answers come through its "
        f"relay: this till was not paired with {other}. No money moved. Wait until History shows every one settled, "
        "then ask for a new code."
    )
