"""What the answer to a push or a query, or the lack of one, proves about the charge (money-safety §1.2, contract §5.4).

It must not send anything. Whatever is not listed proves nothing: the outcome is unknown.
"""

from datetime import datetime

from pos_app.daraja import wire
from pos_app.daraja.access_token import FIREWALL, TokenRefused
from pos_app.daraja.exchange import Broken, Reply
from pos_app.daraja.redaction import scrubbed
from pos_app.daraja.result_codes import (
    ACCEPTED,
    UNLISTED,
    Moved,
    Refusal,
    SyncError,
    push_response,
    stk_result,
    sync_error,
)
from pos_app.domain.evidence import Evidence, Fact, Source
from pos_app.domain.reason import Reason

Answer = Reply | Broken | TokenRefused
_UNREADABLE = "M-Pesa's answer could not be read."


def refusal(reply: Reply) -> tuple[wire.ErrorEnvelope, SyncError] | None:
    """The error envelope of a reply, on any HTTP status, and what it means."""
    envelope = wire.error_envelope(reply.body)
    if envelope is None:
        return None
    return envelope, sync_error(reply.status, envelope.code, envelope.message)


def is_token_refused(answer: Answer) -> bool:
    """Then the request was not processed and may be sent again, unless the same answer says that it was."""
    if not isinstance(answer, Reply) or wire.stk_reply(answer.body).response_code:
        return False
    found = refusal(answer)
    return found is not None and found[1].refusal is Refusal.TOKEN


def push_evidence(answer: Answer, at: datetime) -> Evidence:
    """ACCEPTED, REJECTED, NOT_SENT or REPLY_LOST."""
    if isinstance(answer, TokenRefused):
        fact = Fact.NOT_SENT if answer.broken else Fact.REJECTED
        return Evidence(fact, Source.REPLY, at, reason=answer.reason, code=answer.code, text=answer.text)
    if isinstance(answer, Broken):
        return _push_broken(answer, at)
    if answer.is_firewall:
        text = "M-Pesa's firewall refused the request."
        return Evidence(Fact.REJECTED, Source.REPLY, at, reason=Reason.DOWN, code=FIREWALL, text=text)
    found = refusal(answer)
    return _push_refused(answer, *found, at) if found else _push_answered(answer, at)


def _push_broken(broken: Broken, at: datetime) -> Evidence:
    if broken.may_have_left:
        text = "The request was sent and no answer came."
        return Evidence(Fact.REPLY_LOST, Source.REPLY, at, reason=Reason.UNKNOWN, code=broken.cause, text=text)
    text = "M-Pesa could not be reached."
    return Evidence(Fact.NOT_SENT, Source.REPLY, at, reason=Reason.NOT_SENT, code=broken.cause, text=text)


def _push_refused(reply: Reply, envelope: wire.ErrorEnvelope, error: SyncError, at: datetime) -> Evidence:
    contradicts_itself = bool(wire.stk_reply(reply.body).response_code)
    refused = error.refusal in {Refusal.NOT_PROCESSED, Refusal.TOKEN} and not contradicts_itself
    return Evidence(
        Fact.REJECTED if refused else Fact.REPLY_LOST,
        Source.REPLY,
        at,
        reason=error.reason if refused else Reason.UNKNOWN,
        code=envelope.code,
        text=scrubbed(envelope.message),
    )


def _push_answered(reply: Reply, at: datetime) -> Evidence:
    said = wire.stk_reply(reply.body)
    code = said.response_code
    if reply.status != 200 or not code:
        return _push_unreadable(reply, at)
    if code == ACCEPTED:
        return _push_accepted(said, at)
    meaning = push_response(code)
    refused = meaning.is_definite_failure and not meaning.query_first
    return Evidence(
        Fact.REJECTED if refused else Fact.REPLY_LOST,
        Source.REPLY,
        at,
        reason=meaning.reason if refused else Reason.UNKNOWN,
        code=code,
        text=said.text,
        merchant_request_id=said.merchant_request_id,
        checkout_request_id=said.checkout_request_id,
    )


def _push_accepted(said: wire.StkReply, at: datetime) -> Evidence:
    """Accepted, never paid. Without its id nobody can ask about the charge, so then its outcome is unknown."""
    known = bool(said.checkout_request_id)
    return Evidence(
        Fact.ACCEPTED if known else Fact.REPLY_LOST,
        Source.REPLY,
        at,
        reason=Reason.WAIT if known else Reason.UNKNOWN,
        code=said.response_code,
        text=said.text if known else _UNREADABLE,
        merchant_request_id=said.merchant_request_id,
        checkout_request_id=said.checkout_request_id,
    )


def _push_unreadable(reply: Reply, at: datetime) -> Evidence:
    code = f"HTTP {reply.status}"
    return Evidence(Fact.REPLY_LOST, Source.REPLY, at, reason=Reason.UNKNOWN, code=code, text=_UNREADABLE)


def query_evidence(answer: Answer, checkout_request_id: str, at: datetime) -> Evidence:
    """PAID, FAILED, STILL_OPEN, NO_ANSWER or UNCLEAR. A query knows no receipt and no amount (contract §2.2)."""
    if isinstance(answer, TokenRefused):
        reason = Reason.UNKNOWN if answer.broken else answer.reason
        return _no_answer(reason, answer.code, answer.text, checkout_request_id, at)
    if isinstance(answer, Broken):
        return _no_answer(Reason.UNKNOWN, answer.cause, "No answer to the query.", checkout_request_id, at)
    if answer.is_firewall:
        text = "M-Pesa's firewall refused the query."
        return _no_answer(Reason.DOWN, FIREWALL, text, checkout_request_id, at)
    found = refusal(answer)
    if found:
        return _query_refused(*found, checkout_request_id, at)
    said = wire.stk_reply(answer.body)
    if answer.status != 200 or said.response_code != ACCEPTED or not said.result_code:
        code = said.response_code or f"HTTP {answer.status}"
        return _no_answer(Reason.UNKNOWN, code, said.text or _UNREADABLE, checkout_request_id, at)
    return _query_answered(said, checkout_request_id, at)


def _query_refused(envelope: wire.ErrorEnvelope, error: SyncError, checkout_request_id: str, at: datetime) -> Evidence:
    text = scrubbed(envelope.message)
    if error.refusal is not Refusal.STILL_OPEN:
        return _no_answer(error.reason, envelope.code, text, checkout_request_id, at)
    return Evidence(
        Fact.STILL_OPEN,
        Source.QUERY,
        at,
        reason=error.reason,
        code=envelope.code,
        text=text,
        checkout_request_id=checkout_request_id,
    )


def _query_answered(said: wire.StkReply, checkout_request_id: str, at: datetime) -> Evidence:
    """The reply's own id goes along, so that an answer about another charge is held back as a contradiction."""
    meaning = stk_result(said.result_code)
    if meaning is UNLISTED:
        fact = Fact.UNCLEAR
    elif meaning.moved is Moved.YES:
        fact = Fact.PAID
    else:
        fact = Fact.FAILED if meaning.is_definite_failure else Fact.STILL_OPEN
    return Evidence(
        fact,
        Source.QUERY,
        at,
        reason=meaning.reason,
        code=said.result_code,
        text=said.text,
        merchant_request_id=said.merchant_request_id,
        checkout_request_id=said.checkout_request_id or checkout_request_id,
    )


def _no_answer(reason: Reason, code: str, text: str, checkout_request_id: str, at: datetime) -> Evidence:
    return Evidence(
        Fact.NO_ANSWER,
        Source.QUERY,
        at,
        reason=reason,
        code=code,
        text=text,
        checkout_request_id=checkout_request_id,
    )
