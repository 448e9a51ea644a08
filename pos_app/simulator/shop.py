"""The shop that Safaricom knows: its app's credentials and the numbers it may charge for.

It must not know how a request proves that it comes from that shop.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["CustomerPayBillOnline", "CustomerBuyGoodsOnline"]

# Contract §4: the public sandbox values, known to everybody and good for nothing but training.
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


@dataclass(frozen=True)
class Shortcode:
    """A number that went live. `receiver` is what PartyB must be: the PayBill itself, or the till of a store (§3)."""

    number: str
    passkey: str
    kind: Kind
    receiver: str
    name: str


def paybill(number: str, passkey: str = SANDBOX_PASSKEY, name: str = "Duka la Mfano") -> Shortcode:
    return Shortcode(number, passkey, "CustomerPayBillOnline", number, name)


def buy_goods(store: str, till: str, passkey: str = SANDBOX_PASSKEY, name: str = "Duka la Mfano") -> Shortcode:
    return Shortcode(store, passkey, "CustomerBuyGoodsOnline", till, name)


@dataclass(frozen=True)
class Shop:
    """`nominated_number` is the phone in its KYC, which Pull asks for (§2.12); empty takes any."""

    consumer_key: str
    consumer_secret: str
    shortcodes: tuple[Shortcode, ...]
    nominated_number: str = ""

    def shortcode(self, number: str) -> Shortcode | None:
        return next((code for code in self.shortcodes if code.number == number), None)

    def paid_at(self, receiver: str) -> Shortcode | None:
        """By the number that customers type: the PayBill or the till."""
        return next((code for code in self.shortcodes if code.receiver == receiver), None)

    def either(self, number: str) -> Shortcode | None:
        return self.shortcode(number) or self.paid_at(number)

    def owns(self, number: str) -> bool:
        return any(number in (code.number, code.receiver) for code in self.shortcodes)


TRAINING_SHOP = Shop(
    consumer_key="training-key",
    consumer_secret="training-secret",  # noqa: S106 - a training value, printed by --help
    shortcodes=(paybill("174379"), buy_goods("7654321", "5512345")),
)
