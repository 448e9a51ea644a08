"""What a customer, a phone and Safaricom's network do with one push: independent knobs, and presets of them by name.

It must not know how any of it is carried out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from pos_app.simulator.knobs import Script, Vocabulary, matching, one_of
from pos_app.simulator.messages import Fate
from pos_app.simulator.refusals import REFUSALS, TOKEN_REFUSALS
from pos_app.simulator.result_codes import PAID

ASK = "ask"  # the outcome is decided on the customer's phone page
PROMPT_SECONDS = 60.0

Pending = Literal["4999", "500", "200", "alternate"]
Shape = Literal["E14", "E15", "E16", "seeded"]
_FITS = {
    "outcome": matching(r"ask|[A-Z0-9_]{1,10}"),
    "reply": one_of(*get_args(Fate)),
    "pending": one_of(*get_args(Pending)),
    "callback_shape": one_of(*get_args(Shape)),
    "refusal": one_of("", *REFUSALS),
}


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


def _code(name: str) -> dict[str, Any] | None:
    code = re.fullmatch(r"code:([A-Z0-9_]{1,10})", name)
    return {"outcome": code[1]} if code else None


_VOCABULARY = Vocabulary(Scenario(), PRESETS, _FITS, _code)
describe = _VOCABULARY.describe


def scenario(spec: str | Mapping[str, Any] | Scenario) -> Scenario:
    """From `approve`, `code:E3008`, `approve+callback_lost`, or knobs: `{"preset": "ask", "callback_copies": 3}`."""
    return _VOCABULARY.read(spec)


@dataclass
class PushScript(Script[Scenario]):
    """A lasting choice refuses the token of every other push only, so that a refreshed one gets through."""

    _renewed: set[str] = field(default_factory=set)

    def pick(self, phone: str, amount: int) -> Scenario:
        lasting = not self.queue
        chosen = super().pick(phone, amount)
        if not lasting or chosen.refusal not in TOKEN_REFUSALS:
            return chosen
        if phone not in self._renewed:
            self._renewed.add(phone)
            return chosen
        self._renewed.remove(phone)
        return replace(chosen, refusal="", accepted=True)
