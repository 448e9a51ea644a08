"""How one operation of the operator goes: independent knobs, and presets of them by name.

It must not know how any of it is carried out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pos_app.simulator.knobs import Vocabulary, matching, one_of
from pos_app.simulator.messages import Fate
from pos_app.simulator.refusals import REFUSALS

Shape = Literal["production", "sandbox", "bare"]
_CODE = r"[A-Z0-9_.]{1,12}"


@dataclass(frozen=True)
class OperationScenario:
    """All times are seconds.

    code: a result code of the contract §5.2; empty is what the operator, the accounts and the receiver deserve.
    pending: it is never decided. refusal, accepted: a synchronous refusal by name, and whether it is done all the same.
    reply, reply_delay: what becomes of the synchronous answer. answer_after: from the request to the outcome.
    result_*: delay after the outcome, copies (0 is lost), seconds between copies, before the reply.
    queued: a queue timeout is called at once, with our whole request in it (E54), and the outcome follows all the same.
    queue_lost: a queue timeout, and it is never carried out.
    second_code: another result, after the first, that says this. amount_added, other_receiver: lies of the result.
    shape: E50 or E58, the sandbox's strings (E59, E62), or no ResultParameters at all (old captures, §2.8).
    """

    code: str = ""
    pending: bool = False
    refusal: str = ""
    accepted: bool = True
    reply: Fate = "answered"
    reply_delay: float = 0.0
    answer_after: float = 2.0
    result_delay: float = 0.0
    result_copies: int = 1
    result_gap: float = 1.0
    result_first: bool = False
    queued: bool = False
    queue_lost: bool = False
    second_code: str = ""
    amount_added: int = 0
    other_receiver: bool = False
    shape: Shape = "production"


PRESETS: dict[str, dict[str, Any]] = {
    "usual": {},
    "pending": {"pending": True},
    "result_lost": {"result_copies": 0},
    "result_duplicated": {"result_copies": 2},
    "result_late": {"result_delay": 3600.0},
    "result_before_reply": {"result_first": True},
    "reply_lost": {"reply": "lost"},
    "reply_hangs": {"reply": "hangs"},
    "request_lost": {"reply": "lost", "accepted": False},
    "queue_timeout": {"queue_lost": True},
    "queue_timeout_paid": {"queued": True, "answer_after": 60.0},
    "contradicted": {"second_code": "17"},
    "other_amount": {"amount_added": 1},
    "other_receiver": {"other_receiver": True},
    "bare": {"shape": "bare"},
    "sandbox": {"shape": "sandbox"},
    "low_float": {"code": "1"},
    "bad_initiator": {"code": "2001"},
    "locked": {"code": "8006"},
    "no_role": {"code": "21"},
    "unregistered": {"code": "2040"},
    "cached": {"code": "100000000"},
    "not_whitelisted": {"refusal": "not_authorised", "accepted": False},
    "duplicate": {"refusal": "duplicate_originator", "accepted": False},
    "internal_error": {"refusal": "internal_error", "accepted": False},
    "internal_error_accepted": {"refusal": "internal_error"},
    "gateway_timeout": {"refusal": "gateway_timeout", "accepted": False},
    "gateway_timeout_accepted": {"refusal": "gateway_timeout"},
    "waf_html": {"refusal": "waf_403", "accepted": False},
    "busy": {"refusal": "busy", "accepted": False},
    "token_invalidated": {"refusal": "token", "accepted": False},
}
_FITS = {
    "code": matching(rf"|{_CODE}"),
    "second_code": matching(rf"|{_CODE}"),
    "refusal": one_of("", *REFUSALS),
    "reply": one_of(*get_args(Fate)),
    "shape": one_of(*get_args(Shape)),
}


def _code(name: str) -> dict[str, Any] | None:
    code = re.fullmatch(rf"code:({_CODE})", name)
    return {"code": code[1]} if code else None


_VOCABULARY = Vocabulary(OperationScenario(), PRESETS, _FITS, _code)
describe = _VOCABULARY.describe


def operation_scenario(spec: str | Mapping[str, Any] | OperationScenario) -> OperationScenario:
    """From `usual`, `code:2040`, `result_lost+reply_lost`, or knobs: `{"preset": "bare", "result_copies": 3}`."""
    return _VOCABULARY.read(spec)
