"""What the answer to an operator's request, or none, proves about the refund (money-safety §1.2, contract §5.4).

A refund cannot be called back, so only refusals that Safaricom documents as not processed are believed; whatever else
comes leaves it unknown. It must not send anything.
"""

from dataclasses import dataclass
from datetime import datetime

from pos_app.daraja.access_token import FIREWALL, TokenRefused
from pos_app.daraja.exchange import Broken, Reply
from pos_app.daraja.initiator_codes import initiator_meaning, is_certain_failure
from pos_app.daraja.outcome import Answer, refusal
from pos_app.daraja.redaction import scrubbed
from pos_app.daraja.result_codes import ACCEPTED, NO_SUCH_MERCHANT, WRONG_CREDENTIALS, Refusal, SyncError
from pos_app.daraja.values import fields_of, text_of
from pos_app.domain.reason import Reason
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource

_CODE_MAX, _ID_MAX = 64, 128
# “Not processed” of these is documented, not guessed (contract §5.4; the rows marked G are not among them).
_CERTAIN_FAMILIES = ("400.", "401", "403.002.", "404.", "405.")
_CERTAIN_ROWS = (WRONG_CREDENTIALS, NO_SUCH_MERCHANT)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The reply to any operator's request. `fact` is ACCEPTED, REJECTED, NOT_SENT or REPLY_LOST."""

    fact: RefundFact
    reason: Reason
    code: str
    text: str
    originator_id: str = ""
    conversation_id: str = ""


def acknowledged(answer: Answer) -> Acknowledged:
    if isinstance(answer, TokenRefused):
        fact = RefundFact.NOT_SENT if answer.broken else RefundFact.REJECTED
        return Acknowledged(fact, answer.reason, answer.code, answer.text)
    if isinstance(answer, Broken):
        return _broken(answer)
    if answer.is_firewall:
        text = "M-Pesa's firewall refused the request."
        return Acknowledged(RefundFact.REJECTED, Reason.DOWN, FIREWALL, text)
    found = refusal(answer)
    if found is None:
        return _answered(answer)
    envelope, error = found
    certain = _is_certain(envelope.code, error) and not _response_code(answer)
    fact, reason = (RefundFact.REJECTED, error.reason) if certain else (RefundFact.REPLY_LOST, Reason.UNKNOWN)
    return Acknowledged(fact, reason, envelope.code, scrubbed(envelope.message))


def submitted_evidence(answer: Answer, at: datetime) -> RefundEvidence:
    """What a refund's own request came to."""
    told = acknowledged(answer)
    return RefundEvidence(
        told.fact,
        RefundSource.REPLY,
        at,
        reason=Reason.NOT_SENT if told.fact is RefundFact.NOT_SENT else told.reason,
        code=told.code,
        text=told.text,
        originator_id=told.originator_id,
        conversation_id=told.conversation_id,
    )


def query_evidence(answer: Answer, at: datetime) -> RefundEvidence | None:
    """What a status query's own reply says of the refund: nothing, or why it was refused. None once accepted."""
    told = acknowledged(answer)
    if told.fact is RefundFact.ACCEPTED:
        return None
    return RefundEvidence(
        RefundFact.NO_ANSWER, RefundSource.STATUS, at, reason=told.reason, code=told.code, text=told.text
    )


def _broken(broken: Broken) -> Acknowledged:
    if broken.may_have_left:
        text = "The request was sent and no answer came."
        return Acknowledged(RefundFact.REPLY_LOST, Reason.UNKNOWN, broken.cause, text)
    return Acknowledged(RefundFact.NOT_SENT, Reason.NOT_SENT, broken.cause, "M-Pesa could not be reached.")


def _is_certain(code: str, error: SyncError) -> bool:
    if error.refusal is Refusal.TOKEN or error in _CERTAIN_ROWS:
        return True
    return error.refusal is Refusal.NOT_PROCESSED and code.startswith(_CERTAIN_FAMILIES)


def _response_code(reply: Reply) -> str:
    return text_of(fields_of(reply.body).get("ResponseCode"), _CODE_MAX)


def _answered(reply: Reply) -> Acknowledged:
    fields, code = fields_of(reply.body), _response_code(reply)
    if reply.status != 200 or not code:
        text = "M-Pesa's answer could not be read."
        return Acknowledged(RefundFact.REPLY_LOST, Reason.UNKNOWN, f"HTTP {reply.status}", text)
    if code == ACCEPTED:
        fact, reason = RefundFact.ACCEPTED, Reason.WAIT
    elif is_certain_failure(code):
        fact, reason = RefundFact.REJECTED, initiator_meaning(code).reason
    else:
        fact, reason = RefundFact.REPLY_LOST, Reason.UNKNOWN
    return Acknowledged(
        fact,
        reason,
        code,
        scrubbed(text_of(fields.get("ResponseDescription"))),
        text_of(fields.get("OriginatorConversationID") or fields.get("OriginatorCoversationID"), _ID_MAX),
        text_of(fields.get("ConversationID"), _ID_MAX),
    )
