"""The printed slip as a value: what it says, in which order; it knows nothing of paper, screens or files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from textwrap import wrap
from typing import Protocol

from pos_app.domain.attempt import Attempt
from pos_app.domain.clock import paper_time
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.reference import printed_reference
from pos_app.domain.sale import Sale, SaleLine, SaleState
from pos_app.domain.tender import Tender, TenderKind

COLUMNS = 48
"""Of an 80 mm roll in the printers' standard font."""
CODE_TO_FOLLOW = "code to follow"
NOT_A_TAX_INVOICE = "Not a tax invoice"
TRAINING = "TRAINING – NOT A RECEIPT"
COPY = "COPY"
THANKS = "Asante! Thank you."


@dataclass(frozen=True, slots=True)
class Heading:
    """Who issues the receipt. `number_label` is what customers pay to, `PayBill 600966`, or empty."""

    shop_name: str
    till: str
    number_label: str = ""
    cashier: str = ""
    training: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptTender:
    """`code` is the M-Pesa receipt or `code to follow`; it and `phone` (masked) are empty for cash."""

    kind: TenderKind
    amount: Money
    received: Money
    change_due: Money
    code: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    heading: Heading
    sale_number: int
    at: datetime
    lines: tuple[SaleLine, ...]
    subtotal: Money
    rounding: Money
    total: Money
    tenders: tuple[ReceiptTender, ...]
    remaining: Money
    overpaid: Money
    cancelled: bool = False
    copy: bool = False

    @property
    def training(self) -> bool:
        return self.heading.training

    @property
    def title(self) -> str:
        return f"Sale {self.sale_number}"

    def rows(self) -> "tuple[Row, ...]":
        return _rows(self)


def receipt_of(
    sale: Sale, attempts: Sequence[Attempt], payments: Sequence[Payment], heading: Heading, *, copy: bool = False
) -> Receipt:
    """Carries the phone masked only, whatever the charge knows."""
    return Receipt(
        heading=heading,
        sale_number=sale.number,
        at=max((tender.at for tender in sale.tenders), default=sale.opened_at),
        lines=sale.cart.lines,
        subtotal=sale.cart.subtotal,
        rounding=sale.cart.rounding,
        total=sale.total,
        tenders=tuple(_tender(tender, attempts, payments) for tender in sale.tenders),
        remaining=sale.remaining,
        overpaid=sale.overpaid,
        cancelled=sale.state is SaleState.VOID,
        copy=copy,
    )


def _tender(tender: Tender, attempts: Sequence[Attempt], payments: Sequence[Payment]) -> ReceiptTender:
    if tender.kind is TenderKind.CASH:
        return ReceiptTender(tender.kind, tender.amount, tender.received, tender.change_due)
    payment = next((held for held in payments if held.id == tender.payment_id), None)
    attempt = next((held for held in attempts if payment and held.id == payment.attempt_id), None)
    code = tender.receipt or (payment.receipt if payment else "") or (attempt.receipt if attempt else "")
    phone = attempt.msisdn.masked if attempt else payment.payer_phone if payment else ""
    return ReceiptTender(
        tender.kind, tender.amount, tender.amount, tender.change_due, code or CODE_TO_FOLLOW, phone=phone
    )


class RowStyle(StrEnum):
    TITLE = "title"
    BANNER = "banner"
    """Says what kind of slip this is, where nobody can miss it."""
    CENTRED = "centred"
    PAIR = "pair"
    """Left and right on one line."""
    TOTAL = "total"
    SMALL = "small"
    """A remark that belongs to the row above."""
    RULE = "rule"
    BARS = "bars"
    """A text for the scanner, with itself in letters below."""


@dataclass(frozen=True, slots=True)
class Row:
    style: RowStyle
    left: str = ""
    right: str = ""


_RULE = Row(RowStyle.RULE)


class Slip(Protocol):
    """Whatever goes on the roll: a sale, or what was given back of one."""

    @property
    def training(self) -> bool: ...

    @property
    def copy(self) -> bool: ...

    @property
    def title(self) -> str: ...

    def rows(self) -> tuple[Row, ...]: ...


def rows_of(slip: Slip) -> tuple[Row, ...]:
    """From top to bottom; the screen, the PDF and the plain text all show these rows."""
    return slip.rows()


def _rows(receipt: Receipt) -> tuple[Row, ...]:
    marks = _marks(receipt)
    return (
        *marks,
        *_head(receipt),
        _RULE,
        *(row for line in receipt.lines for row in _line(line)),
        _RULE,
        *_sums(receipt),
        _RULE,
        *(row for tender in receipt.tenders for row in _tender_rows(tender)),
        *_outcome(receipt),
        Row(RowStyle.CENTRED, NOT_A_TAX_INVOICE),
        Row(RowStyle.CENTRED, THANKS),
        code_row(receipt.heading, receipt.sale_number),
        *reversed(marks),
    )


def code_row(heading: Heading, sale_number: int) -> Row:
    """By which the sale is found again."""
    return Row(RowStyle.BARS, printed_reference(heading.till, sale_number))


def _marks(receipt: Receipt) -> tuple[Row, ...]:
    texts = (TRAINING * receipt.training, COPY * receipt.copy, "SALE CANCELLED" * receipt.cancelled)
    return tuple(Row(RowStyle.BANNER, text) for text in texts if text)


def _head(receipt: Receipt) -> list[Row]:
    heading = receipt.heading
    rows = [Row(RowStyle.TITLE, heading.shop_name)] if heading.shop_name else []
    if heading.number_label:
        rows.append(Row(RowStyle.CENTRED, f"Lipa na M-Pesa: {heading.number_label}"))
    rows.append(Row(RowStyle.PAIR, f"Sale {receipt.sale_number}", paper_time(receipt.at)))
    rows.append(Row(RowStyle.PAIR, f"Till {heading.till}", f"Served by {heading.cashier}" if heading.cashier else ""))
    return rows


def _line(line: SaleLine) -> list[Row]:
    rows = [Row(RowStyle.PAIR, line.name, line.total.plain)]
    if line.quantity > 1:
        rows.append(Row(RowStyle.SMALL, f"{line.quantity} × {line.price.plain}"))
    return rows


def _sums(receipt: Receipt) -> list[Row]:
    rows = []
    if receipt.rounding:
        rows.append(Row(RowStyle.PAIR, "Sum", receipt.subtotal.plain))
        rows.append(Row(RowStyle.PAIR, "Rounding", receipt.rounding.plain))
    return [*rows, Row(RowStyle.TOTAL, "TOTAL", str(receipt.total))]


def _tender_rows(tender: ReceiptTender) -> list[Row]:
    if tender.kind is TenderKind.CASH:
        rows = [Row(RowStyle.PAIR, "Cash", tender.received.plain)] if tender.received else []
        return [*rows, Row(RowStyle.PAIR, "Change", tender.change_due.plain)] if tender.change_due else rows
    remark = "   ".join(part for part in (tender.code, tender.phone) if part)
    return [Row(RowStyle.PAIR, "M-Pesa", tender.amount.plain), Row(RowStyle.SMALL, remark)]


def _outcome(receipt: Receipt) -> list[Row]:
    if receipt.cancelled:
        return [_RULE]
    if receipt.remaining:
        return [Row(RowStyle.TOTAL, "STILL TO PAY", str(receipt.remaining)), _RULE]
    over = [Row(RowStyle.PAIR, "Received above the total", receipt.overpaid.plain)] if receipt.overpaid else []
    return [*over, _RULE]


def as_text(receipt: Slip) -> str:
    """The rows on 48 columns, ending in a line feed."""
    return "\n".join(line for row in rows_of(receipt) for line in _columns(row)) + "\n"


def _columns(row: Row) -> list[str]:
    if row.style is RowStyle.RULE:
        return ["-" * COLUMNS]
    if row.style is RowStyle.BANNER:
        return [f" {row.left} ".center(COLUMNS, "*")]
    if row.style in {RowStyle.TITLE, RowStyle.CENTRED, RowStyle.BARS}:
        return [part.center(COLUMNS).rstrip() for part in wrap(row.left, COLUMNS)]
    indent = "  " if row.style is RowStyle.SMALL else ""
    *above, last = wrap(row.left, COLUMNS - len(indent) - len(row.right) - 1) or [""]
    gap = COLUMNS - len(indent) - len(last)
    return [*(indent + part for part in above), (indent + last + row.right.rjust(gap)).rstrip()]
