"""A charge attempt: one STK push, from the intent on disk to its final state, moved by evidence and nothing else."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.shop import ShopAccount

ACCOUNT_REFERENCE_MAX = 12
_REFERENCE = re.compile(r"[A-Z0-9]+([-.])[A-Z0-9]+\1[A-Z0-9]+", re.ASCII)


class AttemptState(StrEnum):
    CREATED = "CREATED"
    SUBMITTING = "SUBMITTING"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"
    PAID = "PAID"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    PAID_LATE = "PAID_LATE"

    @property
    def is_live(self) -> bool:
        """Money may still move by this attempt, so its sale takes no other."""
        return self in LIVE

    @property
    def is_paid(self) -> bool:
        return self in {AttemptState.PAID, AttemptState.PAID_LATE}


LIVE = frozenset({AttemptState.CREATED, AttemptState.SUBMITTING, AttemptState.PENDING, AttemptState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Attempt:
    id: int
    sale_id: int
    nonce: str
    amount: Money
    msisdn: Msisdn
    account: ShopAccount
    account_reference: str
    created_at: datetime
    state: AttemptState = AttemptState.CREATED
    reason: Reason | None = None
    code: str = ""
    merchant_request_id: str = ""
    checkout_request_id: str = ""
    receipt: str = ""
    submitted_at: datetime | None = None
    finished_at: datetime | None = None

    def apply(self, evidence: Evidence) -> tuple[Self, Disposition]:
        """The only place a charge changes state. Success outranks everything; a final state never regresses."""
        if contradiction(self, evidence):
            return self, Disposition.QUARANTINED
        if not evidence.trusted:
            return self._apply_unconfirmed(evidence)
        known = replace(
            self,
            merchant_request_id=self.merchant_request_id or evidence.merchant_request_id,
            checkout_request_id=self.checkout_request_id or evidence.checkout_request_id,
        )
        if evidence.fact is Fact.PAID:
            return known._apply_paid(evidence)
        target = _TRANSITIONS.get((self.state, evidence.fact))
        if target is not None:
            return known._moved(target, evidence), Disposition.APPLIED
        contradicts = self.state.is_paid and evidence.fact in _DENIALS
        return known, Disposition.CONFLICT if contradicts else Disposition.NOTED

    def _apply_paid(self, evidence: Evidence) -> tuple[Self, Disposition]:
        if not self.state.is_paid:
            late = self.state in {AttemptState.FAILED, AttemptState.EXPIRED}
            return self._moved(AttemptState.PAID_LATE if late else AttemptState.PAID, evidence), Disposition.APPLIED
        if evidence.receipt and not self.receipt:
            return replace(self, receipt=evidence.receipt), Disposition.APPLIED
        another = bool(evidence.receipt) and evidence.receipt != self.receipt
        return self, Disposition.CONFLICT if another else Disposition.NOTED

    def _apply_unconfirmed(self, evidence: Evidence) -> tuple[Self, Disposition]:
        """An unconfirmed success only lends its receipt to a charge that a confirmed source has proved.

        It must name the charge: an account reference is easily guessed, a checkout request id is not.
        """
        same_charge = bool(evidence.checkout_request_id) and evidence.checkout_request_id == self.checkout_request_id
        lends = evidence.fact is Fact.PAID and self.state.is_paid and self.receipt in {"", evidence.receipt}
        if lends and same_charge:
            return self._apply_paid(evidence)
        return self, Disposition.QUARANTINED

    def _moved(self, state: AttemptState, evidence: Evidence) -> Self:
        return replace(
            self,
            state=state,
            reason=_reason(state, evidence),
            code=evidence.code,
            receipt=evidence.receipt or self.receipt,
            submitted_at=evidence.at if evidence.fact is Fact.SUBMITTED else self.submitted_at,
            finished_at=None if state.is_live else evidence.at,
        )

    @property
    def in_doubt(self) -> bool:
        return self.state is AttemptState.UNKNOWN


def contradiction(attempt: Attempt, evidence: Evidence) -> bool:
    """Whether the evidence names another charge, amount or shop, or claims success without saying of what."""
    pairs = (attempt.checkout_request_id, evidence.checkout_request_id)
    if all(pairs) and pairs[0] != pairs[1]:
        return True
    if evidence.amount is not None and evidence.amount != attempt.amount:
        return True
    if evidence.short_code and not attempt.account.owns(evidence.short_code):
        return True
    needs_particulars = evidence.fact is Fact.PAID and evidence.source is not Source.QUERY
    return needs_particulars and not (evidence.receipt and evidence.amount)


def _reason(state: AttemptState, evidence: Evidence) -> Reason | None:
    """The evidence says why a charge ended; while one is open, no evidence may invite the cashier to charge again."""
    if state in _REASONS:
        return _REASONS[state]
    return evidence.reason or (Reason.NOT_SENT if evidence.fact in _NEVER_LEFT else Reason.UNKNOWN)


def account_reference(till: str, sale_number: int, attempt_number: int) -> str:
    """`{till}-{sale}-{attempt}`, at most 12 characters: printed in the customer's SMS, so it names nobody."""
    reference = f"{till}-{sale_number}-{attempt_number}"
    if len(reference) > ACCOUNT_REFERENCE_MAX:
        # Other separators, so that a short form never reads like the long form of another sale.
        reference = f"{till}.{_base36(sale_number)}.{_base36(attempt_number)}"
    if len(reference) > ACCOUNT_REFERENCE_MAX:
        raise ValueError(f"account reference over {ACCOUNT_REFERENCE_MAX} characters: {reference}")
    return reference


def as_account_reference(typed: str) -> str:
    """What a customer typed, when it has the form of one of our references; else empty."""
    reference = typed.strip().upper()
    return reference if _REFERENCE.fullmatch(reference) else ""


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
    return digits or "0"


_S, _F = AttemptState, Fact
_TRANSITIONS: dict[tuple[AttemptState, Fact], AttemptState] = {
    (_S.CREATED, _F.SUBMITTED): _S.SUBMITTING,
    (_S.CREATED, _F.WITHDRAWN): _S.FAILED,
    (_S.CREATED, _F.INTERRUPTED): _S.FAILED,
    (_S.SUBMITTING, _F.NOT_SENT): _S.CREATED,
    (_S.SUBMITTING, _F.ACCEPTED): _S.PENDING,
    (_S.SUBMITTING, _F.REJECTED): _S.FAILED,
    (_S.SUBMITTING, _F.REPLY_LOST): _S.UNKNOWN,
    (_S.SUBMITTING, _F.INTERRUPTED): _S.UNKNOWN,
    (_S.UNKNOWN, _F.GIVEN_UP): _S.EXPIRED,
    # Daraja answers for a request that we thought had not left: it must not leave a second time.
    (_S.CREATED, _F.FAILED_IN_DOUBT): _S.UNKNOWN,
    **{(state, _F.SILENCE): _S.UNKNOWN for state in (_S.SUBMITTING, _S.PENDING)},
    **{(state, _F.UNCLEAR): _S.UNKNOWN for state in (_S.CREATED, _S.SUBMITTING, _S.PENDING)},
    **{(state, _F.FAILED): _S.FAILED for state in LIVE},
}
_DENIALS = frozenset({_F.FAILED, _F.FAILED_IN_DOUBT, _F.REJECTED, _F.NOT_SENT})
_NEVER_LEFT = frozenset({_F.NOT_SENT, _F.WITHDRAWN, _F.INTERRUPTED})
_REASONS: dict[AttemptState, Reason | None] = {
    _S.SUBMITTING: None,
    _S.PENDING: Reason.WAIT,
    _S.UNKNOWN: Reason.UNKNOWN,
    _S.EXPIRED: Reason.UNKNOWN,
    _S.PAID: Reason.PAID,
    _S.PAID_LATE: Reason.PAID,
}
