"""The settings as one frozen value, none of it secret, and the rules that a typed value must keep."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from pos_app.domain.shop import AccountKind, ShopAccount, ShortCodeError
from pos_app.domain.spoken import Language

_TILL_CODE = re.compile(r"[A-Za-z0-9]{1,3}", re.ASCII)


class Environment(StrEnum):
    SANDBOX = "sandbox"
    PRODUCTION = "production"


class ThemeChoice(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class DisplayChoice(StrEnum):
    """The customer display: by itself on a second screen, or only when it is asked for."""

    AUTO = "auto"
    OFF = "off"


class SpokenChoice(StrEnum):
    """The language in which an amount that arrives is said."""

    SWAHILI = Language.SWAHILI.value
    ENGLISH = Language.ENGLISH.value
    OFF = "off"


_BASE_URLS = {
    Environment.SANDBOX: "https://sandbox.safaricom.co.ke",
    Environment.PRODUCTION: "https://api.safaricom.co.ke",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """`base_url` replaces the environment's own address (contract §1); empty for the real ones.

    `initiator_short_code` pays refunds out, empty where it is the number that customers pay; the day on which the
    initiator's password was set is `YYYY-MM-DD`. `till_code` is only what this till would like to be called: once
    paired, it is what its relay gave it. The `relay_` fields are written together, by `keep_pairing`.
    """

    shop_name: str = ""
    till_code: str = "1"
    kind: AccountKind = AccountKind.PAYBILL
    short_code: str = ""
    till_number: str = ""
    environment: Environment = Environment.SANDBOX
    base_url: str = ""
    initiator_name: str = ""
    initiator_short_code: str = ""
    initiator_password_since: str = ""
    relay_url: str = ""
    relay_shop: str = ""
    relay_stream: str = ""
    relay_till_id: str = ""
    relay_till_name: str = ""
    relay_till_code: str = ""
    relay_device: str = ""
    relay_generation: str = ""
    theme: ThemeChoice = ThemeChoice.SYSTEM
    sounds: bool = True
    spoken: SpokenChoice = SpokenChoice.SWAHILI
    customer_display: DisplayChoice = DisplayChoice.AUTO

    @property
    def account(self) -> ShopAccount | None:
        """None until the numbers make a shop that M-Pesa could know."""
        try:
            return ShopAccount(self.kind, self.short_code, self.till_number)
        except ShortCodeError:
            return None

    @property
    def said_in(self) -> Language | None:
        """None where amounts are not said: a till without sounds is silent altogether."""
        says = self.sounds and self.spoken is not SpokenChoice.OFF
        return Language(self.spoken.value) if says else None

    @property
    def password_since(self) -> date | None:
        try:
            return date.fromisoformat(self.initiator_password_since)
        except ValueError:
            return None

    @property
    def daraja_url(self) -> str:
        return self.base_url or _BASE_URLS[self.environment]

    @property
    def is_paired(self) -> bool:
        """Not by what was kept before relays gave codes: such a till pairs again."""
        return bool(self.relay_url and self.relay_till_code and self.relay_generation)

    @property
    def code_in_force(self) -> str:
        return self.relay_till_code if self.is_paired else self.till_code


def till_code_problem(text: str) -> str:
    """A sentence, or empty. The code begins the reference in the customer's SMS, which has 12 characters."""
    return "" if _TILL_CODE.fullmatch(text) else "The till code is 1 to 3 letters or digits, for example 1 or A2."


def url_problem(text: str) -> str:
    """A sentence, or empty. Keys travel to this address, so it is encrypted unless it is this computer."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        return "Type the whole address, for example https://relay.example.co.ke"
    if parts.scheme == "http" and not _is_this_computer(host):
        return "The address must begin with https:// so that nobody on the way can read it."
    return ""


def _is_this_computer(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
