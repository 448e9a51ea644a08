"""Reads what Safaricom posts about an operator's request: a result, or a queue timeout. Spellings, no decisions.

Sources: contract §2 (the common envelope), §2.7 to §2.10, traps 12, 15, 20, 21. Any type may stand anywhere, and
reading never raises. A queue timeout brings back our own SecurityCredential: it is never looked at here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pos_app.daraja.redaction import scrubbed
from pos_app.daraja.values import EAT, fields_of, folded, moment_of, text_of

_CODE_MAX = 64
_ID_MAX = 128
_DOTTED = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class InitiatorResult:
    """`parameters` by their key in small letters without spaces; those without a value are left out."""

    code: str
    is_last: bool
    text: str
    originator_id: str
    conversation_id: str
    transaction_id: str
    """The receipt of this operation, or a placeholder, or a real-looking one of a failure: no proof of anything."""
    parameters: dict[str, object] = field(default_factory=dict)

    def text_of(self, *names: str) -> str:
        """Of the first of these parameters that is there."""
        return next((found for name in names if (found := text_of(self.parameters.get(name)))), "")


@dataclass(frozen=True, slots=True)
class QueueTimeout:
    originator_id: str
    """Of the request that waited too long, where it had one of ours."""


def initiator_result(body: object) -> InitiatorResult | None:
    """None when it does not say how something ended."""
    result = folded(fields_of(body).get("Result"))
    code = text_of(result.get("resultcode"), _CODE_MAX)
    if not code:
        return None
    return InitiatorResult(
        code=code,
        is_last=text_of(result.get("resulttype")) != "1",
        text=scrubbed(text_of(result.get("resultdesc"))),
        originator_id=text_of(result.get("originatorconversationid"), _ID_MAX),
        conversation_id=text_of(result.get("conversationid"), _ID_MAX),
        transaction_id=text_of(result.get("transactionid"), _CODE_MAX),
        parameters=dict(_parameters(result)),
    )


def queue_timeout(body: object) -> QueueTimeout:
    """Whatever the body: its address says what it is."""
    return QueueTimeout(text_of(folded(body).get("originatorconversationid"), _ID_MAX))


def completed_at(text: str) -> datetime | None:
    """`14.10.2026 16:22:41` (B2C) or fourteen digits (all others), East Africa Time, as UTC."""
    dotted = _DOTTED.fullmatch(text)
    if dotted is None:
        return moment_of(text)
    day, month, year, hour, minute, second = map(int, dotted.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=EAT).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _parameters(result: dict[str, object]) -> Iterator[tuple[str, object]]:
    listed = folded(result.get("resultparameters")).get("resultparameter")
    for item in listed if isinstance(listed, list) else [listed]:
        fields = folded(item)
        name, value = text_of(fields.get("key"), _CODE_MAX), fields.get("value")
        if name and value is not None:
            yield name.replace(" ", "").lower(), value
