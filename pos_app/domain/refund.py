"""A refund of one M-Pesa payment, or of a sale's cash: from the wish to its final state, moved by evidence alone."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from pos_app.domain.evidence import Disposition
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.phone_match import PhoneMatch, phone_match
from pos_app.domain.reason import Reason
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import CONFLICTS, TRANSITIONS, RefundState


class Route(StrEnum):
    REVERSAL = "reversal"
    """The whole of one payment, back to whoever paid it (contract §2.8)."""
    B2C = "b2c"
    """A new payment to a number (contract §2.7); nothing undoes it."""
    CASH = "cash"
    CREDIT_NOTE = "credit_note"

    @property
    def is_by_mpesa(self) -> bool:
        return self in {Route.REVERSAL, Route.B2C}


@dataclass(frozen=True, slots=True)
class Approval:
    """`by` is the id of the person who released it with their own PIN."""

    by: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    """`payment_id` is empty for a refund of the sale's cash; `payee` is None where M-Pesa itself knows the payer."""

    id: int
    number: int
    sale_id: int
    payment_id: str
    original_receipt: str
    route: Route
    amount: Money
    payee: Msisdn | None
    other_number: bool
    """The payee is not the number that paid."""
    why: RefundReason
    note: str
    requested_by: int
    requested_at: datetime
    approvals: tuple[Approval, ...] = ()
    nonce: str = ""
    originator_id: str = ""
    """B2C: ours, made once and on disk before the call. Reversal: Daraja's, empty until its reply (contract §2.8)."""
    conversation_id: str = ""
    state: RefundState = RefundState.REQUESTED
    reason: Reason | None = None
    code: str = ""
    receipt: str = ""
    submitted_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def counts(self) -> bool:
        """Against what may still be given back, and against the caps: all that was not certainly left undone."""
        return self.state.counts

    @property
    def is_final(self) -> bool:
        return self.state.is_final

    @property
    def is_open(self) -> bool:
        return not self.state.is_final

    @property
    def in_doubt(self) -> bool:
        return self.state is RefundState.UNKNOWN

    def approved_by(self, approval: Approval) -> Self:
        """One more approval; the state follows with the evidence APPROVED. Raises ValueError for a second by one."""
        if self.state is not RefundState.REQUESTED or approval.by in {held.by for held in self.approvals}:
            raise ValueError("a refund is approved once by each person, and before it leaves")
        return replace(self, approvals=(*self.approvals, approval))

    def apply(self, evidence: RefundEvidence) -> tuple[Self, Disposition]:
        """The only place a refund changes state. COMPLETED stands for ever; what is not certain is never FAILED."""
        if not self._is_founded(evidence):
            return self, Disposition.QUARANTINED
        if not evidence.trusted:
            return self._apply_unconfirmed(evidence)
        if self._is_of_the_original(evidence):
            return self, Disposition.NOTED
        another_request = names_another_request(self, evidence)
        if another_request or names_another_payment(self, evidence):
            return self._apply_contradiction(evidence, about_us=not another_request)
        return self._known(evidence)._apply_agreeing(evidence)

    def _is_founded(self, evidence: RefundEvidence) -> bool:
        """Said by whom it is for to say, about a refund of this kind."""
        fact = evidence.fact
        if fact in _OF_A_PERSON and evidence.source is not RefundSource.PERSON:
            return False
        if fact in _OF_ANY_ROUTE:
            return fact is not RefundFact.APPROVED or bool(self.approvals)
        return self.route.is_by_mpesa is not (fact is RefundFact.HANDED_OVER)

    def _is_of_the_original(self, evidence: RefundEvidence) -> bool:
        """A status that names the payment which is given back tells its fate, and nothing of the refund's."""
        return evidence.source is RefundSource.STATUS and evidence.receipt == self.original_receipt != ""

    def _apply_unconfirmed(self, evidence: RefundEvidence) -> tuple[Self, Disposition]:
        """Only a queue timeout, which proves nothing and so can do no harm: it makes a refund on its way UNKNOWN."""
        on_its_way = self.state in {RefundState.SUBMITTING, RefundState.PENDING}
        agrees = not (names_another_request(self, evidence) or names_another_payment(self, evidence))
        if evidence.fact is RefundFact.QUEUE_TIMEOUT and on_its_way and agrees:
            return self._moved(RefundState.UNKNOWN, evidence), Disposition.APPLIED
        return self, Disposition.QUARANTINED

    def _apply_contradiction(self, evidence: RefundEvidence, *, about_us: bool) -> tuple[Self, Disposition]:
        """Money that went elsewhere, or in another amount, is a case for people (B5); it closes nothing."""
        if self.state is RefundState.COMPLETED:
            return self, Disposition.CONFLICT
        if self.state is RefundState.DISPUTED:
            return self, Disposition.NOTED
        fails = evidence.fact is RefundFact.FAILED and about_us and self.state.may_be_paid
        if evidence.fact is RefundFact.COMPLETED or fails:
            return self._moved(RefundState.DISPUTED, evidence), Disposition.APPLIED
        return self, Disposition.QUARANTINED

    def _known(self, evidence: RefundEvidence) -> Self:
        return replace(
            self,
            originator_id=self.originator_id or evidence.originator_id,
            conversation_id=self.conversation_id or evidence.conversation_id,
        )

    def _apply_agreeing(self, evidence: RefundEvidence) -> tuple[Self, Disposition]:
        if (self.state, evidence.fact) == (RefundState.COMPLETED, RefundFact.COMPLETED):
            return self._apply_again(evidence)
        target = self._target(evidence)
        if target is not None:
            return self._moved(target, evidence), Disposition.APPLIED
        contradicts = (self.state, evidence.fact) in CONFLICTS
        return self, Disposition.CONFLICT if contradicts else Disposition.NOTED

    def _target(self, evidence: RefundEvidence) -> RefundState | None:
        if evidence.fact is RefundFact.NOT_SENT and self.submitted_at and evidence.at < self.submitted_at:
            return None  # Said of an earlier try: this one may have left.
        target = TRANSITIONS.get((self.state, evidence.fact))
        reversed_before = target is RefundState.FAILED and evidence.reason is Reason.ALREADYREV
        # Somebody has this money back already: freeing it for another refund would pay it twice (contract §5.2).
        return RefundState.DISPUTED if reversed_before else target

    def _apply_again(self, evidence: RefundEvidence) -> tuple[Self, Disposition]:
        if evidence.receipt and not self.receipt:
            return replace(self, receipt=evidence.receipt), Disposition.APPLIED
        another = bool(evidence.receipt) and evidence.receipt != self.receipt
        return self, Disposition.CONFLICT if another else Disposition.NOTED

    def _moved(self, state: RefundState, evidence: RefundEvidence) -> Self:
        # A failure, too, may carry a code that looks like a receipt (contract §12, trap 20).
        paid = evidence.fact in {RefundFact.COMPLETED, RefundFact.ATTESTED_PAID}
        return replace(
            self,
            state=state,
            reason=_reason(state, evidence),
            code=evidence.code,
            receipt=(evidence.receipt if paid else "") or self.receipt,
            submitted_at=evidence.at if evidence.fact is RefundFact.SUBMITTED else self.submitted_at,
            finished_at=evidence.at if state.is_final else None,
        )


def names_another_request(refund: Refund, evidence: RefundEvidence) -> bool:
    """No id agrees, and one differs. One that agrees is enough: Daraja may answer with an OriginatorConversationID of
    its own (contract §2), and the ConversationID is unknown while the reply is lost.
    """
    pairs = (
        (refund.originator_id, evidence.originator_id),
        (refund.conversation_id, evidence.conversation_id),
    )
    agreements = [ours == told for ours, told in pairs if ours and told]
    return bool(agreements) and not any(agreements)


def names_another_payment(refund: Refund, evidence: RefundEvidence) -> bool:
    """Another amount, another payment than it gives back, or a receiver who can be read and is not the payee."""
    if evidence.amount is not None and evidence.amount != refund.amount:
        return True
    if evidence.original and evidence.original != refund.original_receipt:
        return True
    return refund.payee is not None and phone_match(refund.payee, evidence.receiver) is PhoneMatch.ANOTHER


def _reason(state: RefundState, evidence: RefundEvidence) -> Reason | None:
    """The evidence says why it ended; while it is in doubt, no evidence may invite anybody to pay again."""
    if state is RefundState.UNKNOWN:
        return Reason.UNKNOWN
    if evidence.fact is RefundFact.NOT_SENT:
        return Reason.NOT_SENT
    return evidence.reason if state in {RefundState.FAILED, RefundState.DISPUTED} else None


_OF_A_PERSON = frozenset(
    {
        RefundFact.APPROVED,
        RefundFact.DECLINED,
        RefundFact.HANDED_OVER,
        RefundFact.ATTESTED_PAID,
        RefundFact.ATTESTED_NOT_PAID,
    }
)
_OF_ANY_ROUTE = frozenset({RefundFact.APPROVED, RefundFact.DECLINED})
