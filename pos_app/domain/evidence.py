"""One fact about a charge or a payment, with its source; appended, never edited: nothing else moves a state."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pos_app.domain.money import Money
from pos_app.domain.reason import Reason


class Source(StrEnum):
    REPLY = "reply"
    """Daraja's synchronous answer to our own request."""
    CALLBACK = "callback"
    QUERY = "query"
    CONFIRMATION = "confirmation"
    """A C2B confirmation, which an STK payment also causes."""
    PULL = "pull"
    """A row of Pull Transactions, of a confirmation that may never have come."""
    CLOCK = "clock"
    RESTART = "restart"
    CASHIER = "cashier"


class Fact(StrEnum):
    SUBMITTED = "submitted"
    """The intent is on disk and the request may leave."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    """Certainly no byte of the request left."""
    REPLY_LOST = "reply_lost"
    """The request may have arrived; nobody can tell."""
    PAID = "paid"
    FAILED = "failed"
    FAILED_IN_DOUBT = "failed_in_doubt"
    """A failure whose code the contract says to query first (§5.1, Retry)."""
    STILL_OPEN = "still_open"
    NO_ANSWER = "no_answer"
    """A query that says nothing about the charge."""
    UNCLEAR = "unclear"
    """A final answer with a code the contract does not list."""
    SILENCE = "silence"
    """180 s without an answer."""
    INTERRUPTED = "interrupted"
    """The till stopped while the request was on its way."""
    WITHDRAWN = "withdrawn"
    """The cashier gave up a request that never left."""
    GIVEN_UP = "given_up"
    """48 h and two clean sweeps found nothing."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`trusted` is False for a callback whose sender could not be confirmed; alone it never moves money."""

    fact: Fact
    source: Source
    at: datetime
    reason: Reason | None = None
    code: str = ""
    text: str = ""
    merchant_request_id: str = ""
    checkout_request_id: str = ""
    receipt: str = ""
    amount: Money | None = None
    short_code: str = ""
    paid_at: datetime | None = None
    trusted: bool = True


class Disposition(StrEnum):
    """What became of a piece of evidence; stored beside it."""

    APPLIED = "applied"
    NOTED = "noted"
    """Kept; it changes nothing, or says again what is known."""
    QUARANTINED = "quarantined"
    """Does not agree with the charge, or its sender is not confirmed: kept, shown, not believed."""
    CONFLICT = "conflict"
    """Contradicts a final state, which stands."""
