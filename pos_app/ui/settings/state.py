"""What the settings screen shows, as one frozen value, and which typed values cannot be kept; it knows no widget."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from pos_app.domain.shop import AccountKind, ShopAccount, ShortCodeError
from pos_app.settings import SecretName, Settings
from pos_app.settings.values import till_code_problem, url_problem

_SAMPLE = "600966"


class Probe(StrEnum):
    ACCESS = "access"
    PASSKEY = "passkey"
    RELAY = "relay"


class Standing(StrEnum):
    RUNNING = "running"
    WORKS = "works"
    UNSURE = "unsure"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`word` where the standing’s own says too little."""

    standing: Standing
    sentence: str = ""
    code: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class SettingsState:
    """`typed` are secrets waiting to be saved, `stored` those already kept; their values are never here.

    `practice_code` is the till code that training's own relay gave.
    """

    draft: Settings
    saved: Settings
    training: bool
    where: str
    overridden: frozenset[str] = frozenset()
    typed: frozenset[SecretName] = frozenset()
    stored: frozenset[SecretName] = frozenset()
    errors: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    results: Mapping[Probe, ProbeResult] = field(default_factory=lambda: MappingProxyType({}))
    saving: bool = False
    pairing: bool = False
    practice_code: str = ""
    note: str = ""
    problem: str = ""

    @property
    def given_code(self) -> str:
        """The till code that the relay decided; empty where this till still chooses its own."""
        return self.practice_code or (self.saved.relay_till_code if self.saved.is_paired else "")

    @property
    def has_unsaved(self) -> bool:
        return self.draft != self.saved or bool(self.typed)


def problems_of(draft: Settings) -> dict[str, str]:
    """Field to sentence. A shop without M-Pesa numbers may still sell for cash."""
    found = {"till_code": till_code_problem(draft.till_code)}
    if draft.base_url:
        found["base_url"] = url_problem(draft.base_url)
    buys_goods = draft.kind is AccountKind.BUY_GOODS
    if draft.short_code or (buys_goods and draft.till_number):
        found["short_code"] = _refusal(AccountKind.PAYBILL, draft.short_code, "")
        if buys_goods:
            found["till_number"] = _refusal(AccountKind.BUY_GOODS, _SAMPLE, draft.till_number)
    return {name: sentence for name, sentence in found.items() if sentence}


def _refusal(kind: AccountKind, short_code: str, till_number: str) -> str:
    try:
        ShopAccount(kind, short_code, till_number)
    except ShortCodeError as error:
        return str(error)
    return ""
