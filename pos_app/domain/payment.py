"""Money received by M-Pesa; its identity is the receipt, however many messages tell of it."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from pos_app.domain.claim import Claim
from pos_app.domain.evidence import Disposition
from pos_app.domain.money import Money

_RECEIPT = re.compile(r"[A-Z0-9]{8,12}", re.ASCII)
_USUAL_RECEIPT = re.compile(r"[A-Z][A-L][1-9A-V][A-Z0-9]{7}", re.ASCII)
_PLACEHOLDER = re.compile(r"[A-Z0-9]{3}0{7}", re.ASCII)


class PaymentState(StrEnum):
    UNMATCHED = "UNMATCHED"
    MATCHED = "MATCHED"


@dataclass(frozen=True, slots=True)
class Payment:
    """`id` is the receipt, or `stk:{CheckoutRequestID}` when a query proved the charge first; `receipt` follows."""

    id: str
    amount: Money
    short_code: str
    received_at: datetime
    receipt: str = ""
    paid_at: datetime | None = None
    payer_name: str = ""
    payer_phone: str = ""
    """Masked; C2B masks or hashes it anyway, so it never identifies anybody."""
    bill_reference: str = ""
    sale_id: int | None = None
    attempt_id: int | None = None
    likely_attempt_id: int | None = None
    """A receiptless or live charge this may be the money of; such a payment is not offered to another sale unasked."""
    from_customer: bool = True
    """False for the shop's own transfers and whatever else M-Pesa confirms: no sale is paid with it by itself."""
    taken_by: Claim | None = None
    """Who holds it, when that is not this till; then no sale of this till has it."""

    @property
    def state(self) -> PaymentState:
        return PaymentState.UNMATCHED if self.sale_id is None else PaymentState.MATCHED

    @property
    def first_name(self) -> str:
        """What a customer can be asked for; empty where M-Pesa told none."""
        return next(iter(self.payer_name.split()), "").title()

    @property
    def is_free(self) -> bool:
        """No sale of any till has it, as far as this till knows."""
        return self.sale_id is None and self.taken_by is None

    def matched_to(self, sale_id: int) -> Self:
        """This till's sale holds it. Raises ValueError when another sale does: a receipt pays one sale, once."""
        if self.taken_by is not None or _differ(self.sale_id, sale_id):
            raise ValueError("the payment belongs to another sale")
        return replace(self, sale_id=sale_id)

    def held_by(self, other: Claim | None) -> Self:
        """Another till holds it, or, with None, nobody does: either way no sale of this till has it (C3, C4)."""
        return replace(self, sale_id=None, taken_by=other)

    def apply(self, told: Self) -> tuple[Self, Disposition]:
        """Another message about the same payment: fills what was missing, never changes what is known."""
        if told.amount != self.amount or (self.receipt and told.receipt and told.receipt != self.receipt):
            return self, Disposition.CONFLICT
        if _differ(self.sale_id, told.sale_id) or _differ(self.attempt_id, told.attempt_id):
            return self, Disposition.CONFLICT
        attempt_id = told.attempt_id if self.attempt_id is None else self.attempt_id
        likely = told.likely_attempt_id if self.likely_attempt_id is None else self.likely_attempt_id
        merged = replace(
            self,
            short_code=self.short_code or told.short_code,
            receipt=self.receipt or told.receipt,
            paid_at=self.paid_at or told.paid_at,
            payer_name=self.payer_name or told.payer_name,
            payer_phone=self.payer_phone or told.payer_phone,
            bill_reference=self.bill_reference or told.bill_reference,
            # What another till holds stays theirs, though our own charge asked for it: a person must settle that.
            sale_id=None if self.taken_by else told.sale_id if self.sale_id is None else self.sale_id,
            attempt_id=attempt_id,
            likely_attempt_id=likely if attempt_id is None else None,
            from_customer=self.from_customer and told.from_customer,
        )
        return merged, Disposition.NOTED if merged == self else Disposition.APPLIED


def _differ(known: int | None, told: int | None) -> bool:
    return known is not None and told is not None and known != told


def receiptless_id(checkout_request_id: str) -> str:
    return f"stk:{checkout_request_id}"


def parse_receipt(text: object) -> str:
    """The receipt in upper case, or empty when it cannot be one or is a placeholder (contract §6 Receipt, §2)."""
    receipt = text.strip().upper() if isinstance(text, str) else ""
    return receipt if _RECEIPT.fullmatch(receipt) and not _PLACEHOLDER.fullmatch(receipt) else ""


def is_usual_receipt(receipt: str) -> bool:
    """Whether it has the shape every dated sample has; a mismatch deserves a warning, not a refusal."""
    return bool(_USUAL_RECEIPT.fullmatch(receipt))
