"""How the shop is known to M-Pesa: a PayBill, or a Buy Goods till under its store number (contract §3)."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

_SHORT_CODE = re.compile(r"\d{5,7}", re.ASCII)


class AccountKind(StrEnum):
    PAYBILL = "paybill"
    BUY_GOODS = "buy_goods"


class ShortCodeError(ValueError):
    """The numbers cannot be a shop's; its message is a sentence for the owner."""


@dataclass(frozen=True, slots=True)
class ShopAccount:
    """`short_code` is Daraja's BusinessShortCode: the PayBill, or the store (Go Live) number of a till."""

    kind: AccountKind
    short_code: str
    till_number: str = ""

    def __post_init__(self) -> None:
        if not _SHORT_CODE.fullmatch(self.short_code):
            raise ShortCodeError("The PayBill or store number has 5 to 7 digits.")
        if self.kind is AccountKind.BUY_GOODS and not _SHORT_CODE.fullmatch(self.till_number):
            raise ShortCodeError(
                "The till number has 5 to 7 digits. It is the number customers type, not the store number."
            )

    @property
    def party_b(self) -> str:
        """Where the money goes; also the number customers type."""
        return self.till_number if self.kind is AccountKind.BUY_GOODS else self.short_code

    @property
    def customer_label(self) -> str:
        return f"Till {self.party_b}" if self.kind is AccountKind.BUY_GOODS else f"PayBill {self.party_b}"

    def owns(self, short_code: str) -> bool:
        """Whether a confirmation names this shop; a till’s may carry the till or the store number (contract §2.6)."""
        return short_code in {self.short_code, self.party_b}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The Daraja app's key and secret, and the shop's passkey (contract §1, §4)."""

    consumer_key: str
    consumer_secret: str
    passkey: str

    def __repr__(self) -> str:
        return "Credentials(…)"


@dataclass(frozen=True, slots=True)
class Pairing:
    """What the relay gave this till. All but the names is secret: `callback_base` holds the shop's callback key."""

    relay_url: str
    shop: str
    stream: str
    till_id: str
    till_code: str
    """Begins every account reference of this till; the relay gave it to no other till of the shop."""
    token: str
    callback_base: str
    nonce_key: str

    def __repr__(self) -> str:
        return f"Pairing(shop={self.shop!r}, till_id={self.till_id!r})"


@dataclass(frozen=True, slots=True)
class TillIdentity:
    """What this till says of itself when it pairs, and the shop and stream that it is paired with now, if any.

    `device` is 32 hex digits, for ever its own; `till_code` is the one that it has used so far.
    """

    device: str
    name: str
    till_code: str = ""
    shop: str = ""
    stream: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Initiator:
    """The API operator.

    `credential` is ciphertext, and yet as good as the password: whoever has it can pay (money-safety §5 row 7).
    `short_code` pays B2C refunds and answers queries; it may be another than the one that customers pay.
    """

    name: str
    credential: str
    short_code: str

    def __repr__(self) -> str:
        return "Initiator(…)"


@dataclass(frozen=True, slots=True)
class MpesaAccess:
    """All that this till needs to reach Safaricom and to hear from it; in training, the simulator and its own relay."""

    daraja_url: str
    account: ShopAccount
    credentials: Credentials
    pairing: Pairing
    initiator: Initiator | None = None
    """None for a shop that gives money back in cash only."""
    password_since: date | None = None
    """When the password of the initiator was set on the portal, as its owner says."""
    phone_page: str = ""
    """Training only: where a learner plays the customer."""

    @property
    def pays_out(self) -> str:
        """The short code that refunds to a number leave from; empty where there are none."""
        return self.initiator.short_code if self.initiator else ""
