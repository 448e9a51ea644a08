"""Who really paid: a double-entry ledger that no callback and no till can change.

It must not know how a payment was asked for. Amounts are whole shillings.
"""

import math
from collections import defaultdict
from dataclasses import dataclass


class ReceiptUsedTwiceError(Exception):
    """The simulator itself would have moved the same money twice."""


@dataclass(frozen=True)
class Payment:
    """`receiver` is the PayBill or the till; `paid_at` is seconds since 1970; `type` as a confirmation names it."""

    receipt: str
    amount: int
    payer: str
    shortcode: str
    receiver: str
    reference: str
    checkout_request_id: str
    paid_at: float
    name: str = ""
    type: str = ""

    @property
    def account(self) -> str:
        """What Safaricom tells of the reference: nothing where the money went to a till (§3)."""
        return self.reference if self.receiver == self.shortcode else ""


@dataclass(frozen=True)
class Entry:
    """One half of a payment: negative leaves the account, positive enters it."""

    receipt: str
    account: str
    amount: int
    payer: str
    shortcode: str
    reference: str
    paid_at: float


class Ledger:
    def __init__(self) -> None:
        self._payments: dict[str, Payment] = {}
        self._entries: list[Entry] = []
        self._balances: defaultdict[str, int] = defaultdict(int)

    def pay(self, payment: Payment) -> None:
        if payment.receipt in self._payments:
            raise ReceiptUsedTwiceError(payment.receipt)
        if payment.amount < 1:
            raise ValueError("a payment moves at least one shilling")
        self._payments[payment.receipt] = payment
        self._enter(payment, customer(payment.payer), -payment.amount)
        self._enter(payment, shop(payment.shortcode), payment.amount)
        if self.total() != 0:
            raise AssertionError("the ledger does not balance")

    @property
    def payments(self) -> tuple[Payment, ...]:
        return tuple(self._payments.values())

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries)

    @property
    def balances(self) -> dict[str, int]:
        return dict(self._balances)

    def payment(self, receipt: str) -> Payment | None:
        return self._payments.get(receipt)

    def find(self, *, since: float = -math.inf, before: float = math.inf, **asked: str) -> tuple[Payment, ...]:
        """The payments of that time whose named fields are as asked; nothing asked is everything, in order of time."""
        wanted = {name: value for name, value in asked.items() if value}
        return tuple(
            payment
            for payment in self._payments.values()
            if since <= payment.paid_at < before
            and all(getattr(payment, name) == value for name, value in wanted.items())
        )

    def balance(self, account: str) -> int:
        return self._balances.get(account, 0)

    def balance_before(self, account: str, moment: float) -> int:
        return sum(entry.amount for entry in self._entries if entry.account == account and entry.paid_at < moment)

    def total(self) -> int:
        """The sum of all accounts: zero, or the simulator is broken."""
        return sum(self._balances.values())

    def _enter(self, payment: Payment, account: str, amount: int) -> None:
        self._balances[account] += amount
        self._entries.append(
            Entry(
                payment.receipt,
                account,
                amount,
                payment.payer,
                payment.shortcode,
                payment.reference,
                payment.paid_at,
            )
        )


def customer(phone: str) -> str:
    return f"customer:{phone}"


def shop(shortcode: str) -> str:
    return f"shop:{shortcode}"
