"""The states of a refund and every step between them; which evidence may be believed is not decided here."""

from enum import StrEnum

from pos_app.domain.refund_evidence import RefundFact


class RefundState(StrEnum):
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    SUBMITTING = "SUBMITTING"
    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    DISPUTED = "DISPUTED"
    """What Safaricom says does not agree with the refund, or with itself: two people settle it."""
    DECLINED = "DECLINED"
    """Refused by a person."""

    @property
    def is_final(self) -> bool:
        return self in {RefundState.COMPLETED, RefundState.FAILED, RefundState.DECLINED}

    @property
    def counts(self) -> bool:
        return self not in {RefundState.FAILED, RefundState.DECLINED}

    @property
    def may_be_paid(self) -> bool:
        """The request has left, or may have, and nobody knows the end."""
        return self in {RefundState.SUBMITTING, RefundState.PENDING, RefundState.UNKNOWN}


_S, _F = RefundState, RefundFact
_KNOWN_TO_DARAJA = frozenset({_F.ACCEPTED, _F.STILL_OPEN, _F.UNCLEAR, _F.QUEUE_TIMEOUT, _F.REPLY_LOST})
"""Whoever says one of these has the request, or may have it: it must not leave again."""

TRANSITIONS: dict[tuple[RefundState, RefundFact], RefundState] = {
    (_S.REQUESTED, _F.APPROVED): _S.APPROVED,
    (_S.REQUESTED, _F.DECLINED): _S.DECLINED,
    (_S.APPROVED, _F.DECLINED): _S.DECLINED,
    (_S.APPROVED, _F.SUBMITTED): _S.SUBMITTING,
    (_S.APPROVED, _F.HANDED_OVER): _S.COMPLETED,
    (_S.SUBMITTING, _F.NOT_SENT): _S.APPROVED,
    (_S.SUBMITTING, _F.ACCEPTED): _S.PENDING,
    (_S.SUBMITTING, _F.REJECTED): _S.FAILED,
    (_S.SUBMITTING, _F.REPLY_LOST): _S.UNKNOWN,
    (_S.SUBMITTING, _F.INTERRUPTED): _S.UNKNOWN,
    **{(state, _F.UNCLEAR): _S.UNKNOWN for state in (_S.SUBMITTING, _S.PENDING)},
    **{(state, _F.QUEUE_TIMEOUT): _S.UNKNOWN for state in (_S.SUBMITTING, _S.PENDING)},
    **{(state, _F.SILENCE): _S.UNKNOWN for state in (_S.SUBMITTING, _S.PENDING)},
    **{(state, _F.COMPLETED): _S.COMPLETED for state in (_S.APPROVED, _S.SUBMITTING, _S.PENDING, _S.UNKNOWN)},
    **{(state, _F.FAILED): _S.FAILED for state in (_S.APPROVED, _S.SUBMITTING, _S.PENDING, _S.UNKNOWN)},
    (_S.REQUESTED, _F.FAILED): _S.FAILED,
    # Safaricom speaks of a request that this till holds for unsent: a lost record, such as an old backup put back.
    **{(_S.APPROVED, fact): _S.UNKNOWN for fact in _KNOWN_TO_DARAJA},
    **{(_S.REQUESTED, fact): _S.DISPUTED for fact in (_F.COMPLETED, *_KNOWN_TO_DARAJA)},
    **{(_S.DECLINED, fact): _S.DISPUTED for fact in (_F.COMPLETED, *_KNOWN_TO_DARAJA)},
    # Money may have been paid for what was taken as failed, and perhaps given back in another way since.
    (_S.FAILED, _F.COMPLETED): _S.DISPUTED,
    (_S.FAILED, _F.ATTESTED_PAID): _S.DISPUTED,
    **{(state, _F.ATTESTED_PAID): _S.COMPLETED for state in (_S.UNKNOWN, _S.DISPUTED)},
    **{(state, _F.ATTESTED_NOT_PAID): _S.FAILED for state in (_S.UNKNOWN, _S.DISPUTED)},
}
CONFLICTS = frozenset(
    {
        (_S.COMPLETED, _F.FAILED),
        (_S.COMPLETED, _F.REJECTED),
        (_S.COMPLETED, _F.NOT_SENT),
        (_S.COMPLETED, _F.ATTESTED_NOT_PAID),
        # Taken as failed, and its money free for another refund; so none of these may pass unseen.
        *((_S.FAILED, fact) for fact in (_F.STILL_OPEN, _F.UNCLEAR, _F.QUEUE_TIMEOUT)),
    }
)
"""Contradicts a state that stands all the same; shown to people."""
