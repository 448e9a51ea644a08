"""A payment that M-Pesa asks about before it takes the money (contract §2.5), which is no payment yet.

It must not know by which rule the shop decides, nor how much time is left.
"""

from dataclasses import dataclass

from pos_app.daraja.wire import c2b_confirmation
from pos_app.domain.money import Money


@dataclass(frozen=True, slots=True)
class Intended:
    """No money has moved, and none may: never evidence. `receipt` is that of the payment if it is accepted."""

    transaction_type: str
    receipt: str
    amount: Money
    short_code: str
    bill_reference: str
    payer_name: str
    payer_phone: str


def c2b_validation(body: object) -> Intended | None:
    """None when it does not say which receipt, how much and to whom; then the shop’s default decides."""
    told = c2b_confirmation(body)  # The same body but for an empty OrgAccountBalance.
    if told is None:
        return None
    return Intended(
        transaction_type=told.transaction_type,
        receipt=told.receipt,
        amount=told.amount,
        short_code=told.short_code,
        bill_reference=told.bill_reference,
        payer_name=told.payer_name,
        payer_phone=told.payer_phone,
    )
