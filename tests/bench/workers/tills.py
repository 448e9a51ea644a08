"""What the workers that run parts of the till share: its access to relay and Daraja, from the driver's JSON.

It must not know what is measured.
"""

from typing import Any

from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.shop import AccountKind, Credentials, MpesaAccess, Pairing, ShopAccount
from pos_app.services.sales import Sales

ACCOUNT = ShopAccount(AccountKind.PAYBILL, "174379")
PHONE = Msisdn("254712345678")
PRICE = Money(15000)


def access_of(daraja_url: str, till: dict[str, Any]) -> MpesaAccess:
    pairing = Pairing(
        relay_url=till["url"],
        shop="bench",
        stream=till["stream"],
        till_id=till["till_id"],
        till_code=till["till_code"],
        token=till["token"],
        callback_base=till["callback_base"],
        nonce_key=till["nonce_key"],
    )
    return MpesaAccess(daraja_url, ACCOUNT, Credentials("k" * 32, "s" * 32, "p" * 64), pairing)


async def rung(sales: Sales) -> Sale:
    """A sale of two lines on disk, ready to be charged."""
    sale = await sales.open(Cart((SaleLine("Unga 2 kg", Money(12000)), SaleLine("Chumvi", Money(3000)))))
    assert isinstance(sale, Sale)
    return sale
