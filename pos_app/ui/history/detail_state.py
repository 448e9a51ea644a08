"""One sale as its detail page shows it: amounts, tenders and the story of each charge, all in words; pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pos_app.domain.attempt import Attempt
from pos_app.domain.payment import Payment
from pos_app.domain.reason import Reason
from pos_app.domain.receipt import CODE_TO_FOLLOW
from pos_app.domain.refund import Refund
from pos_app.domain.sale import Sale, SaleState
from pos_app.domain.tender import Tender, TenderKind
from pos_app.ui.history.words import Mark, TimelineRow, attempt_mark, exact_time, full_time, sale_mark, timeline
from pos_app.ui.refund.words import mark as refund_mark

if TYPE_CHECKING:
    from pos_app.services.sales import AttemptDetail, SaleDetail


@dataclass(frozen=True, slots=True)
class LineWords:
    name: str
    remark: str
    amount: str


@dataclass(frozen=True, slots=True)
class TenderWords:
    """`code` can be copied; empty for cash and while it is to follow."""

    name: str
    amount: str
    remark: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    attempt_id: int
    title: str
    mark: Mark
    sentence: str
    rows: tuple[TimelineRow, ...]
    is_live: bool


@dataclass(frozen=True, slots=True)
class Detail:
    sale_id: int
    title: str
    time: str
    mark: Mark
    lines: tuple[LineWords, ...]
    total: str
    tenders: tuple[TenderWords, ...]
    notice: str
    change_due: str
    """What was paid too much and may be given back from the drawer; else empty."""
    charges: tuple[Charge, ...]
    refunds: tuple[LineWords, ...] = ()
    can_be_refunded: bool = False

    @property
    def live_charge(self) -> int | None:
        return next((charge.attempt_id for charge in self.charges if charge.is_live), None)

    @property
    def code(self) -> str:
        return next((tender.code for tender in self.tenders if tender.code), "")


def detail_of(found: "SaleDetail", now: datetime) -> Detail:
    sale = found.sale
    attempts = tuple(held.attempt for held in found.attempts)
    charges = [_charge(number, held, now) for number, held in enumerate(found.attempts, start=1)]
    return Detail(
        sale_id=sale.id,
        title=f"Sale {sale.number}",
        time=full_time(sale.opened_at),
        mark=sale_mark(sale.state, sale.total, sale.paid),
        lines=tuple(_line(sale, position) for position in range(len(sale.cart.lines))),
        total=str(sale.total),
        tenders=tuple(_tender(tender, found.payments, attempts, now) for tender in sale.tenders),
        notice=_notice(sale),
        change_due=str(sale.overpaid) if sale.overpaid else "",
        charges=tuple(reversed(charges)),
        refunds=tuple(_refund(one, now) for one in found.refunds),
        can_be_refunded=bool(sale.tenders),
    )


def _line(sale: Sale, position: int) -> LineWords:
    line = sale.cart.lines[position]
    remark = f"{line.quantity} × {line.price.plain}" if line.quantity > 1 else ""
    return LineWords(line.name, remark, line.total.plain)


def _tender(tender: Tender, payments: tuple[Payment, ...], attempts: tuple[Attempt, ...], now: datetime) -> TenderWords:
    time = exact_time(tender.at, now)
    if tender.kind is TenderKind.CASH:
        change = f", change {tender.change_due.plain}" if tender.change_due else ""
        return TenderWords("Cash", tender.amount.plain, f"{time} · given {tender.received.plain}{change}")
    payment = next((held for held in payments if held.id == tender.payment_id), None)
    attempt = next((held for held in attempts if payment and held.id == payment.attempt_id), None)
    code = tender.receipt or (payment.receipt if payment else "")
    phone = attempt.msisdn.masked if attempt else payment.payer_phone if payment else ""
    name = payment.payer_name if payment else ""
    remark = " · ".join(part for part in (time, name, phone, "" if code else CODE_TO_FOLLOW) if part)
    return TenderWords("M-Pesa", tender.amount.plain, remark, code)


def _refund(refund: Refund, now: datetime) -> LineWords:
    """Beside the sale, which stays as it was."""
    words = f"{refund_mark(refund)} · {exact_time(refund.requested_at, now)} · {refund.why.english}"
    code = f", M-Pesa {refund.receipt}" if refund.receipt else ""
    return LineWords(f"Refund {refund.number}{code}", words, f"−{refund.amount.plain}")


def _notice(sale: Sale) -> str:
    if sale.overpaid:
        return (
            f"{sale.overpaid} more than the total was received and is kept with this sale. "
            "Give it back as change when the customer is here."
        )
    if sale.state is SaleState.AWAITING:
        return "It is not known yet whether this was paid. Do not charge again: the till keeps asking Safaricom."
    return ""


def _charge(number: int, held: "AttemptDetail", now: datetime) -> Charge:
    attempt = held.attempt
    phone = attempt.msisdn.grouped if attempt.state.is_live else attempt.msisdn.masked
    told = tuple((row.evidence, row.disposition, row.recorded_at) for row in held.evidence)
    return Charge(
        attempt_id=attempt.id,
        title=f"M-Pesa request {number}: {attempt.amount} from {phone}",
        mark=attempt_mark(attempt),
        sentence=_sentence(attempt),
        rows=timeline(told, now),
        is_live=attempt.state.is_live,
    )


def _sentence(attempt: Attempt) -> str:
    if attempt.state.is_paid:
        return f"M-Pesa code {attempt.receipt}" if attempt.receipt else f"M-Pesa {CODE_TO_FOLLOW}."
    return (attempt.reason or Reason.WAIT).english
