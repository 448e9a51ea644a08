"""The end of a day on paper: what was given back, what the accounts hold, where the record of who did what ends.

It must not count sales. The paper is kept outside the till, so that a record that was cut is found out (money-safety
§5 row 11).
"""

from dataclasses import dataclass
from datetime import datetime

from pos_app.domain.account import AccountBalances
from pos_app.domain.audit import Head
from pos_app.domain.clock import EAT, day_and_time, paper_time
from pos_app.domain.money import ZERO, Money
from pos_app.domain.receipt import COPY, TRAINING, Heading, Row, RowStyle

_SEAL_PART = 16
_NOT_TOLD = "M-Pesa did not say in time what the accounts hold"


@dataclass(frozen=True, slots=True)
class DayRefunds:
    """`in_doubt` are those of any day of which nobody knows yet, or that are disputed."""

    count: int = 0
    amount: Money = ZERO
    in_doubt: int = 0

    def __str__(self) -> str:
        doubt = f", {self.in_doubt} not known yet" if self.in_doubt else ""
        return f"{self.count} given back, {self.amount}{doubt}"


@dataclass(frozen=True, slots=True)
class DaySlip:
    """`balances` is None where Safaricom did not answer in time, or need not be asked (`by_mpesa` false)."""

    heading: Heading
    at: datetime
    closed_by: str
    refunds: DayRefunds
    head: Head
    balances: AccountBalances | None = None
    by_mpesa: bool = False
    copy: bool = False

    @property
    def training(self) -> bool:
        return self.heading.training

    @property
    def title(self) -> str:
        return f"Day {self.at.astimezone(EAT):%Y-%m-%d}"

    def rows(self) -> tuple[Row, ...]:
        marks = tuple(Row(RowStyle.BANNER, text) for text in (TRAINING * self.training, COPY * self.copy) if text)
        rule = Row(RowStyle.RULE)
        parts = (self._head(), self._refunds(), self._accounts(), self._record())
        return (*marks, *(row for part in parts if part for row in (*part, rule)), *reversed(marks))

    def _head(self) -> list[Row]:
        shop = [Row(RowStyle.TITLE, self.heading.shop_name)] if self.heading.shop_name else []
        closed = Row(RowStyle.PAIR, f"Till {self.heading.till}", f"Closed by {self.closed_by}")
        return [*shop, Row(RowStyle.BANNER, "DAY CLOSED"), Row(RowStyle.PAIR, paper_time(self.at), ""), closed]

    def _refunds(self) -> list[Row]:
        rows = [Row(RowStyle.PAIR, f"Refunds, {self.refunds.count} given back", str(self.refunds.amount))]
        if self.refunds.in_doubt:
            rows.append(Row(RowStyle.PAIR, "Refunds not known yet", str(self.refunds.in_doubt)))
        return rows

    def _accounts(self) -> list[Row]:
        if self.balances is None:
            return [Row(RowStyle.PAIR, _NOT_TOLD)] if self.by_mpesa else []
        when = Row(RowStyle.PAIR, "Can be spent at M-Pesa", day_and_time(self.balances.at, self.at))
        return [when, *(Row(RowStyle.PAIR, one.name, one.available.plain) for one in self.balances.accounts)]

    def _record(self) -> list[Row]:
        """The seal in pieces that an eye can compare."""
        seal = self.head.mac
        pieces = [seal[at : at + _SEAL_PART] for at in range(0, len(seal), _SEAL_PART)]
        lines = [" ".join(pieces[at : at + 2]) for at in range(0, len(pieces), 2)]
        about = Row(RowStyle.PAIR, "The record ends with entry", str(self.head.seq))
        return [about, *(Row(RowStyle.SMALL, line) for line in lines)]
