"""The settings page's tests and the pairing: each says exactly what is wrong, and moves no money."""

from collections.abc import Callable

import httpx

from pos_app.daraja.access_check import AccessCheck as Check
from pos_app.daraja.client import DarajaClient
from pos_app.daraja.errors import AddressError
from pos_app.domain.refused import Refused
from pos_app.domain.shop import Credentials, Pairing, ShopAccount
from pos_app.relay_link import pairing as relay_pairing

__all__ = ["Check", "Connections"]


class Connections:
    def __init__(self, http: Callable[[], httpx.AsyncClient]) -> None:
        self._http = http

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

    async def pair(self, relay_url: str, code: str, till_name: str) -> Pairing | Refused:
        return await relay_pairing.pair(self._http(), relay_url, code, till_name)
