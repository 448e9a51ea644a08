"""The slip of a refund, for the customer to read: the sale and the payment that it gives back of, and its own code."""

from dataclasses import dataclass
from datetime import datetime

from pos_app.domain.clock import paper_time
from pos_app.domain.money import Money
from pos_app.domain.receipt import COPY, NOT_A_TAX_INVOICE, THANKS, TRAINING, Heading, Row, RowStyle, code_row
from pos_app.domain.refund import Refund, Route
from pos_app.domain.sale import Sale

_WAYS = {
    Route.REVERSAL: "M-Pesa payment reversed",
    Route.B2C: "Sent by M-Pesa",
    Route.CASH: "Cash",
    Route.CREDIT_NOTE: "Credit note",
}
_REFUND, _GIVEN_BACK = "REFUND · MAREJESHO", "Pesa zilizorudishwa"


@dataclass(frozen=True, slots=True)
class RefundReceipt:
    """`original` is the M-Pesa code of the payment, empty for cash; `phone` is masked."""

    heading: Heading
    number: int
    sale_number: int
    sold_at: datetime
    at: datetime
    amount: Money
    route: Route
    why: str
    original: str = ""
    code: str = ""
    phone: str = ""
    released_by: str = ""
    copy: bool = False

    @property
    def training(self) -> bool:
        return self.heading.training

    @property
    def title(self) -> str:
        return f"Refund {self.number}"

    def rows(self) -> tuple[Row, ...]:
        marks = tuple(Row(RowStyle.BANNER, text) for text in (TRAINING * self.training, COPY * self.copy) if text)
        rule = Row(RowStyle.RULE)
        told = (Row(RowStyle.CENTRED, words) for words in (NOT_A_TAX_INVOICE, THANKS))
        foot = (*self._people(), *told, code_row(self.heading, self.sale_number))
        return (*marks, *self._head(), rule, *self._body(), rule, *foot, *reversed(marks))

    def _head(self) -> list[Row]:
        shop = [Row(RowStyle.TITLE, self.heading.shop_name)] if self.heading.shop_name else []
        return [*shop, Row(RowStyle.BANNER, _REFUND), Row(RowStyle.PAIR, self.title, paper_time(self.at))]

    def _body(self) -> list[Row]:
        rows = [Row(RowStyle.PAIR, f"Of sale {self.sale_number}", paper_time(self.sold_at))]
        if self.original:
            rows.append(Row(RowStyle.PAIR, "Paid by M-Pesa", self.original))
        rows.append(Row(RowStyle.SMALL, self.why))
        rows += [Row(RowStyle.TOTAL, "GIVEN BACK", str(self.amount)), Row(RowStyle.SMALL, _GIVEN_BACK)]
        told = "   ".join(part for part in (self.code, self.phone) if part)
        return [*rows, Row(RowStyle.PAIR, _WAYS[self.route], ""), *([Row(RowStyle.SMALL, told)] if told else [])]

    def _people(self) -> list[Row]:
        return [Row(RowStyle.PAIR, f"Released by {self.released_by}", f"Till {self.heading.till}")]


def refund_receipt_of(
    refund: Refund, sale: Sale, heading: Heading, released_by: str, *, copy: bool = False
) -> RefundReceipt:
    """Of one that was given back."""
    return RefundReceipt(
        heading=heading,
        number=refund.number,
        sale_number=sale.number,
        sold_at=sale.opened_at,
        at=refund.finished_at or refund.requested_at,
        amount=refund.amount,
        route=refund.route,
        why=f"{refund.why.english} · {refund.why.swahili}",
        original=refund.original_receipt,
        code=refund.receipt,
        phone=refund.payee.masked if refund.payee else "",
        released_by=released_by,
        copy=copy,
    )
