"""What of a sale can be given back, and by which way: read from disk, decided by the domain."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from pos_app.domain.claim import Claims
from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.phone_match import PhoneMatch, phone_match
from pos_app.domain.refund_route import Sought
from pos_app.domain.sale import Sale
from pos_app.domain.tender import TenderKind
from pos_app.store import attempts, claims, payments, refunds, sales


@dataclass(frozen=True, slots=True)
class Refundable:
    """One M-Pesa payment of the sale; `left` is not given back, and not on its way back."""

    payment: Payment
    left: Money
    payer: str = ""
    """The number that paid, as far as this till was told: whole where it was charged here, else masked or hashed."""
    is_confirmed: bool = True


@dataclass(frozen=True, slots=True)
class RefundOptions:
    sale: Sale
    payments: tuple[Refundable, ...]
    cash_left: Money
    lines_given_back: dict[int, int]

    @property
    def left(self) -> Money:
        """Of all its payments and its cash."""
        return sum((one.left for one in self.payments), self.cash_left)

    def is_other_number(self, payment_id: str, payee: Msisdn) -> bool:
        """Also where nobody can tell: then a second person looks at it (money-safety B9)."""
        payer = next((one.payer for one in self.payments if one.payment.id == payment_id), "")
        return phone_match(payee, payer) is not PhoneMatch.SAME

    def problem(self, payment_id: str, lines: Iterable[tuple[int, int]]) -> str:
        """A sentence where the payment is none of this sale's, or more of a line would come back than was sold."""
        if payment_id and all(one.payment.id != payment_id for one in self.payments):
            return "The payment does not count for this sale any more. Look at the sale again."
        sold = self.sale.cart.lines
        for position, quantity in lines:
            left = sold[position].quantity - self.lines_given_back.get(position, 0) if position < len(sold) else 0
            if not 0 < quantity <= left:
                return f"Only {max(left, 0)} of that line can still come back. Look at the sale again."
        return ""

    def sought(self, amount: Money, payment_id: str) -> Sought:
        """Of one of its payments, or of its cash where none is named."""
        found = next((one for one in self.payments if one.payment.id == payment_id), None)
        if found is None:
            return Sought(amount, cash_left=self.cash_left)
        paid = found.payment
        at = paid.paid_at or paid.received_at
        return Sought(amount, paid.amount, paid.receipt, at, found.left, self.cash_left, found.is_confirmed)


def options_of(connection: sqlite3.Connection, sale_id: int) -> RefundOptions:
    sale = sales.by_id(connection, sale_id)
    held = payments.of_sale(connection, sale_id)
    # Change that was given for too much M-Pesa is back already: a payment gives no more than the sale still has.
    received = sum((tender.amount for tender in sale.tenders), ZERO)
    of_sale = max(received - refunds.sale_given_back(connection, sale_id), ZERO)
    lefts = (one.amount - refunds.given_back(connection, one.id) for one in held)
    known = claims.of_receipts(connection, [one.receipt for one in held if one.receipt])
    refundable = tuple(
        Refundable(one, min(left, of_sale), _payer(connection, one), is_confirmed=not _is_asked(known.get(one.receipt)))
        for one, left in zip(held, lefts, strict=True)
    )
    cash = sum((tender.amount for tender in sale.tenders if tender.kind is TenderKind.CASH), ZERO)
    left = min(max(cash - refunds.cash_given_back(connection, sale_id), ZERO), of_sale)
    return RefundOptions(sale, refundable, left, refunds.lines_given_back(connection, sale_id))


def _is_asked(known: Claims | None) -> bool:
    return known is not None and known.asked is not None


def _payer(connection: sqlite3.Connection, payment: Payment) -> str:
    charge = None if payment.attempt_id is None else attempts.by_id(connection, payment.attempt_id)
    return payment.payer_phone if charge is None else charge.msisdn.digits
