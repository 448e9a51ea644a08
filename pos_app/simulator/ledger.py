"""Who really paid: a double-entry ledger that no callback and no till can change.

It must not know how a payment was asked for. Amounts are whole shillings.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

BANK, SAFARICOM = "bank", "safaricom"


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
class Payout:
    """Money of the shop that went to a customer; `original` is the receipt that was reversed, empty for B2C."""

    receipt: str
    amount: int
    payee: str
    shortcode: str
    originator_id: str
    paid_at: float
    original: str = ""


@dataclass(frozen=True)
class Entry:
    """One half of a movement: negative leaves the account, positive enters it."""

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
        self._payouts: dict[str, Payout] = {}
        self._entries: list[Entry] = []
        self._balances: defaultdict[str, int] = defaultdict(int)

    def pay(self, payment: Payment) -> None:
        self._check(payment.receipt, payment.amount)
        self._payments[payment.receipt] = payment
        entry = partial(
            Entry,
            payment.receipt,
            payer=payment.payer,
            shortcode=payment.shortcode,
            reference=payment.reference,
            paid_at=payment.paid_at,
        )
        self._move(entry, customer(payment.payer), shop(payment.shortcode), payment.amount)

    def pay_out(self, payout: Payout, charge: int = 0) -> None:
        """`charge` is what Safaricom takes for it, of an account of its own."""
        self._check(payout.receipt, payout.amount)
        if payout.original and self.reversal_of(payout.original):
            raise ReceiptUsedTwiceError(payout.original)
        self._payouts[payout.receipt] = payout
        entry = partial(
            Entry,
            payout.receipt,
            payer=payout.payee,
            shortcode=payout.shortcode,
            reference=payout.original or payout.originator_id,
            paid_at=payout.paid_at,
        )
        self._move(entry, shop(payout.shortcode), customer(payout.payee), payout.amount)
        if charge:
            self._move(entry, charges(payout.shortcode), SAFARICOM, charge)

    def deposit(self, receipt: str, shortcode: str, amount: int, at: float) -> None:
        """The shop's own money: from its bank, or to it when negative."""
        entry = partial(Entry, receipt, payer="", shortcode=shortcode, reference="", paid_at=at)
        self._move(entry, BANK, shop(shortcode), amount)

    @property
    def payments(self) -> tuple[Payment, ...]:
        return tuple(self._payments.values())

    @property
    def payouts(self) -> tuple[Payout, ...]:
        return tuple(self._payouts.values())

    def payout(self, receipt: str) -> Payout | None:
        return self._payouts.get(receipt)

    def reversal_of(self, receipt: str) -> Payout | None:
        return next((one for one in self._payouts.values() if one.original == receipt), None)

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

    def _check(self, receipt: str, amount: int) -> None:
        if receipt in self._payments or receipt in self._payouts:
            raise ReceiptUsedTwiceError(receipt)
        if amount < 1:
            raise ValueError("a payment moves at least one shilling")

    def _move(self, entry: Callable[..., Entry], source: str, target: str, amount: int) -> None:
        for account, change in ((source, -amount), (target, amount)):
            self._balances[account] += change
            self._entries.append(entry(account=account, amount=change))
        if self.total() != 0:
            raise AssertionError("the ledger does not balance")


def customer(phone: str) -> str:
    return f"customer:{phone}"


def shop(shortcode: str) -> str:
    return f"shop:{shortcode}"


def charges(shortcode: str) -> str:
    return f"charges:{shortcode}"
