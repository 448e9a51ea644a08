"""What a customer, a phone and Safaricom's network do with one push: independent knobs, and presets of them by name.

It must not know how any of it is carried out.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from pos_app.simulator.messages import Fate
from pos_app.simulator.refusals import REFUSALS, TOKEN_REFUSALS
from pos_app.simulator.result_codes import PAID

ASK = "ask"  # the outcome is decided on the customer's phone page
PROMPT_SECONDS = 60.0

Pending = Literal["4999", "500", "200", "alternate"]
Shape = Literal["E14", "E15", "E16", "seeded"]
_CHOICES = {
    "reply": ("answered", "lost", "hangs"),
    "pending": ("4999", "500", "200", "alternate"),
    "callback_shape": ("E14", "E15", "E16", "seeded"),
    "refusal": ("", *REFUSALS),
}


class UnknownScenarioError(ValueError):
    """No preset, code or knob of that name; the message says which."""


@dataclass(frozen=True)
class Scenario:
    """All times are seconds. Knobs are independent: any of them may be combined.

    outcome: a result code of the contract §5.1, or `ask`; 4999 never ends.
    answer_after: from the push to the outcome. For `ask`, when the prompt gives up.
    refusal: the name of a synchronous refusal; `accepted` says whether the phone rings all the same.
    reply, reply_delay: what becomes of the synchronous answer.
    callback_*: delay after the outcome, copies (0 is lost), seconds between copies, before the reply, metadata variant,
        the older wording, and lies: another amount, another CheckoutRequestID, another BusinessShortCode header.
    confirmation_*: the same for the C2B confirmation of a paid push.
    pending: how a query spells "not yet"; query_unlucky_every: each n-th query of a finished push gets no answer.
    paid_late_after: after a failed outcome, the money moves all the same (contract, gap 2). 0 is never.
    """

    outcome: str = PAID
    answer_after: float = 3.0
    refusal: str = ""
    accepted: bool = True
    reply: Fate = "answered"
    reply_delay: float = 0.0
    callback_delay: float = 0.0
    callback_copies: int = 1
    callback_gap: float = 0.0
    callback_first: bool = False
    callback_shape: Shape = "E14"
    callback_other_words: bool = False
    callback_amount_added: int = 0
    callback_other_id: bool = False
    callback_shortcode: str = ""
    confirmation_delay: float = 1.0
    confirmation_copies: int = 1
    confirmation_gap: float = 0.0
    confirmation_first: bool = False
    pending: Pending = "4999"
    query_unlucky_every: int = 0
    paid_late_after: float = 0.0


_KNOBS = {knob.name: knob.type for knob in fields(Scenario)}

PRESETS: dict[str, dict[str, Any]] = {
    "ask": {"outcome": ASK, "answer_after": PROMPT_SECONDS},
    "approve": {"outcome": PAID},
    "decline": {"outcome": "1032"},
    "wrong_pin": {"outcome": "2001"},
    "no_money": {"outcome": "1"},
    "ignore": {"outcome": "1037", "answer_after": PROMPT_SECONDS},
    "ignore_1032": {"outcome": "1032", "answer_after": PROMPT_SECONDS},
    "ignore_1019": {"outcome": "1019", "answer_after": PROMPT_SECONDS},
    "unreachable": {"outcome": "1037", "answer_after": 26.0},
    "expired": {"outcome": "1019"},
    "fuliza_debt": {"outcome": "E3008"},
    "no_operator": {"outcome": "SFC_IC0003"},
    "stuck": {"outcome": "4999"},
    "slow": {"answer_after": 45.0, "reply_delay": 5.0},
    "callback_lost": {"callback_copies": 0},
    "callback_duplicated": {"callback_copies": 2, "callback_gap": 1.0},
    "callback_late": {"callback_delay": 3600.0},
    "callback_before_reply": {"callback_first": True},
    "callback_other_words": {"callback_other_words": True},
    "other_amount": {"callback_amount_added": 1},
    "other_id": {"callback_other_id": True},
    "other_shortcode": {"callback_shortcode": "600000"},
    "all_shapes": {"callback_shape": "seeded"},
    "confirmation_lost": {"confirmation_copies": 0},
    "confirmation_duplicated": {"confirmation_copies": 2, "confirmation_gap": 1.0},
    "confirmation_late": {"confirmation_delay": 3600.0},
    "confirmation_before_callback": {"confirmation_first": True},
    "paid_late": {"outcome": "1037", "answer_after": 26.0, "paid_late_after": 60.0},
    "reply_lost": {"reply": "lost"},
    "reply_hangs": {"reply": "hangs"},
    "request_lost": {"reply": "lost", "accepted": False},
    "pending_500": {"pending": "500"},
    "pending_200": {"pending": "200"},
    "pending_alternating": {"pending": "alternate"},
    "query_unlucky": {"query_unlucky_every": 2},
    "token_invalidated": {"refusal": "token", "accepted": False},
    "token_invalidated_401": {"refusal": "token_401", "accepted": False},
    "token_invalidated_400": {"refusal": "token_400", "accepted": False},
    "token_no_product": {"refusal": "token_no_product", "accepted": False},
    "waf_html": {"refusal": "waf_403", "accepted": False},
    "waf_html_503": {"refusal": "waf_503", "accepted": False},
    "lock_subscriber": {"refusal": "locked", "accepted": False},
    "lock_subscriber_prefixed": {"refusal": "locked_prefixed", "accepted": False},
    "no_iccid": {"refusal": "no_iccid", "accepted": False},
    "maintenance": {"refusal": "maintenance", "accepted": False},
    "spike_arrest": {"refusal": "spike_arrest", "accepted": False},
    "busy": {"refusal": "busy", "accepted": False},
    "quota": {"refusal": "quota", "accepted": False},
    "internal_error": {"refusal": "internal_error", "accepted": False},
    "internal_error_accepted": {"refusal": "internal_error", "accepted": True},
    "internal_1001": {"refusal": "internal", "accepted": False},
    "gateway_timeout": {"refusal": "gateway_timeout", "accepted": False},
    "gateway_timeout_accepted": {"refusal": "gateway_timeout", "accepted": True},
}


def scenario(spec: str | Mapping[str, Any] | Scenario) -> Scenario:
    """From `approve`, `code:E3008`, `approve+callback_lost`, or knobs: `{"preset": "ask", "callback_copies": 3}`."""
    if isinstance(spec, Scenario):
        return spec
    if isinstance(spec, str):
        return _with(Scenario(), _knobs_of(spec))
    knobs = dict(spec)
    base = scenario(str(knobs.pop("preset", "approve")))
    return _with(base, knobs)


def describe(chosen: Scenario) -> dict[str, Any]:
    """Only the knobs that differ from an approval."""
    plain = asdict(Scenario())
    return {name: value for name, value in asdict(chosen).items() if value != plain[name]}


def _knobs_of(spec: str) -> dict[str, Any]:
    knobs: dict[str, Any] = {}
    for name in spec.split("+"):
        code = re.fullmatch(r"code:([A-Z0-9_]{1,10})", name.strip())
        if code:
            knobs["outcome"] = code[1]
        elif name in PRESETS:
            knobs |= PRESETS[name]
        else:
            raise UnknownScenarioError(f"no scenario is named {name!r}")
    return knobs


def _with(base: Scenario, knobs: Mapping[str, Any]) -> Scenario:
    for name, value in knobs.items():
        if name not in _KNOBS:
            raise UnknownScenarioError(f"a scenario has no knob {name!r}")
        if not _fits(name, value):
            raise UnknownScenarioError(f"{value!r} is nothing for the knob {name!r}")
    return replace(base, **knobs)


def _fits(name: str, value: object) -> bool:
    if name == "outcome":
        return isinstance(value, str) and re.fullmatch(r"ask|[A-Z0-9_]{1,10}", value) is not None
    if name in _CHOICES:
        return value in _CHOICES[name]
    wanted = type(getattr(Scenario(), name))
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 1_000_000
    return isinstance(value, wanted)


@dataclass
class Script:
    """Who gets which scenario. The queue goes first, then the phone, then the amount, then the default."""

    default: Scenario = field(default_factory=Scenario)
    by_phone: dict[str, Scenario] = field(default_factory=dict)
    by_amount: dict[int, Scenario] = field(default_factory=dict)
    queue: list[Scenario] = field(default_factory=list)
    _renewed: set[str] = field(default_factory=set)

    def pick(self, phone: str, amount: int) -> Scenario:
        if self.queue:
            return self.queue.pop(0)
        chosen = self.by_phone.get(phone) or self.by_amount.get(amount) or self.default
        return self._token_refused_once(phone, chosen)

    def _token_refused_once(self, phone: str, chosen: Scenario) -> Scenario:
        """A lasting choice refuses the token of every other push only, so that a refreshed one gets through."""
        if chosen.refusal not in TOKEN_REFUSALS:
            return chosen
        if phone not in self._renewed:
            self._renewed.add(phone)
            return chosen
        self._renewed.remove(phone)
        return replace(chosen, refusal="", accepted=True)
