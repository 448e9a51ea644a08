"""A sale: its lines, what settles it, and the state that follows from both."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from pos_app.domain.catalogue import checked_name, checked_price
from pos_app.domain.money import ZERO, AmountError, Money
from pos_app.domain.tender import Tender, TenderKind

QUANTITY_MAX = 9999


class SaleState(StrEnum):
    OPEN = "OPEN"
    AWAITING = "AWAITING"
    PAID = "PAID"
    PART_PAID = "PART_PAID"
    OVERPAID = "OVERPAID"
    CLOSED = "CLOSED"
    VOID = "VOID"


class SaleError(ValueError):
    """The sale does not allow it; its message is a sentence for the cashier."""


@dataclass(frozen=True, slots=True)
class SaleLine:
    name: str
    price: Money
    quantity: int = 1

    def __post_init__(self) -> None:
        checked_name(self.name)
        checked_price(self.price)
        if not 1 <= self.quantity <= QUANTITY_MAX:
            raise AmountError(f"The quantity must be 1 to {QUANTITY_MAX}.")

    @property
    def total(self) -> Money:
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    """The lines before anything is paid; every change gives a new cart."""

    lines: tuple[SaleLine, ...] = ()

    def with_line(self, line: SaleLine) -> Self:
        """Adds it, or raises the quantity of the same name at the same price."""
        for position, held in enumerate(self.lines):
            if (held.name, held.price) == (line.name, line.price):
                return self.with_quantity(position, held.quantity + line.quantity)
        return replace(self, lines=(*self.lines, line))

    def with_quantity(self, position: int, quantity: int) -> Self:
        self._check_position(position)
        changed = replace(self.lines[position], quantity=quantity)
        return replace(self, lines=(*self.lines[:position], changed, *self.lines[position + 1 :]))

    def without_line(self, position: int) -> Self:
        self._check_position(position)
        return replace(self, lines=self.lines[:position] + self.lines[position + 1 :])

    def _check_position(self, position: int) -> None:
        # Qt says -1 for “no row”; as an index that would be the last line.
        if not 0 <= position < len(self.lines):
            raise IndexError(f"the cart has no line {position}")

    @property
    def subtotal(self) -> Money:
        return sum((line.total for line in self.lines), ZERO)

    @property
    def total(self) -> Money:
        """In whole shillings, so that any tender can settle it."""
        return self.subtotal.rounded()

    @property
    def rounding(self) -> Money:
        return self.total - self.subtotal


@dataclass(frozen=True, slots=True)
class Sale:
    """A cart that has a number and is on disk. `awaiting` says that a charge for it is still live."""

    id: int
    number: int
    cart: Cart
    opened_at: datetime
    tenders: tuple[Tender, ...] = ()
    awaiting: bool = False
    closed_at: datetime | None = None
    voided_at: datetime | None = None

    @property
    def total(self) -> Money:
        return self.cart.total

    @property
    def paid(self) -> Money:
        return sum((tender.amount for tender in self.tenders), ZERO)

    @property
    def remaining(self) -> Money:
        return max(self.total - self.paid, ZERO)

    @property
    def overpaid(self) -> Money:
        return max(self.paid - self.total, ZERO)

    @property
    def paid_by_mpesa(self) -> Money:
        return sum((tender.amount for tender in self.tenders if tender.kind is TenderKind.MPESA), ZERO)

    @property
    def state(self) -> SaleState:
        """Follows from the facts alone, so no message can set it (money-safety §2.2)."""
        if self.voided_at:
            return SaleState.VOID
        if self.overpaid:
            return SaleState.OVERPAID
        if self.awaiting and self.remaining:
            return SaleState.AWAITING
        if self.tenders and not self.remaining:
            return SaleState.CLOSED if self.closed_at else SaleState.PAID
        return SaleState.PART_PAID if self.tenders else SaleState.OPEN

    @property
    def is_settled(self) -> bool:
        return self.state in {SaleState.PAID, SaleState.OVERPAID, SaleState.CLOSED}

    def checked_void(self) -> Self:
        """Raises SaleError unless nothing was paid and no charge is live."""
        if self.awaiting:
            raise SaleError("A charge for this sale is still open. Wait until it is known before you cancel the sale.")
        if self.tenders:
            raise SaleError("Part of this sale is paid. It cannot be cancelled, only refunded.")
        return self
