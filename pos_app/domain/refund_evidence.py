"""One fact about a refund, with its source; appended, never edited: nothing else moves its state.

Knows neither Daraja's codes nor its messages, only what they mean.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pos_app.domain.money import Money
from pos_app.domain.reason import Reason

SWITCHES_OFF = frozenset({"2001", "8006", "21", "18", "TP40153"})
"""Result codes (contract §5.2) by which the shop's own operator is refused: repeats lock it, so refunds stop."""


class RefundSource(StrEnum):
    REPLY = "reply"
    """Daraja's synchronous answer to our own request."""
    RESULT = "result"
    QUEUE_TIMEOUT = "queue_timeout"
    STATUS = "status"
    """The result of a Transaction Status query."""
    CLOCK = "clock"
    RESTART = "restart"
    PERSON = "person"


class RefundFact(StrEnum):
    SUBMITTED = "submitted"
    """The intent is on disk and the request may leave."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    """Certainly no byte of the request left."""
    REPLY_LOST = "reply_lost"
    """The request may have arrived; nobody can tell."""
    COMPLETED = "completed"
    FAILED = "failed"
    UNCLEAR = "unclear"
    """An answer that the contract does not list as final, a duplicate id among them."""
    QUEUE_TIMEOUT = "queue_timeout"
    """It waited too long at Safaricom's, and may still be paid (contract §2)."""
    STILL_OPEN = "still_open"
    NO_ANSWER = "no_answer"
    """A query that says nothing about the refund; “not found” is one."""
    SILENCE = "silence"
    INTERRUPTED = "interrupted"
    """The till stopped while the request was on its way."""
    ATTESTED_PAID = "attested_paid"
    """Two people saw it in the portal's statement."""
    ATTESTED_NOT_PAID = "attested_not_paid"
    APPROVED = "approved"
    """All approvals that it needs are there."""
    DECLINED = "declined"
    HANDED_OVER = "handed_over"
    """The cash, or the credit note, is in the customer's hand."""


@dataclass(frozen=True, slots=True)
class RefundEvidence:
    """`trusted` is False where the sender could not be confirmed; the nonce in its address is right in any case.

    The two ids are those of the refund, never those of a query about it. `receiver` is text as Daraja told it,
    `254712345678 - JOHN DOE` or `0712345678 - John Doe` (contract §2.7): for comparison, not for a log.
    """

    fact: RefundFact
    source: RefundSource
    at: datetime
    reason: Reason | None = None
    code: str = ""
    text: str = ""
    originator_id: str = ""
    conversation_id: str = ""
    receipt: str = ""
    original: str = ""
    """The code of the payment that a reversal says it gave back."""
    amount: Money | None = None
    receiver: str = ""
    completed_at: datetime | None = None
    trusted: bool = True

    @property
    def switches_refunds_off(self) -> bool:
        """The operator's credential or role failed: no other refund may leave until an owner says it is mended."""
        return self.trusted and self.fact in _REFUSALS and self.code in SWITCHES_OFF


_REFUSALS = frozenset({RefundFact.FAILED, RefundFact.REJECTED, RefundFact.NO_ANSWER})
