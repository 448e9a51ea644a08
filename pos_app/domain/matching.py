"""Which sale an arrived payment is for. It decides nothing alone but what is certain, and never goes by the phone.

Only the account reference with this till's code and exactly what remains is certain. A fitting amount alone is
offered; whatever could be two sales, or two payments for one sale, is for a person to pick.
"""

from collections.abc import Collection
from dataclasses import dataclass

from pos_app.domain.candidates import Candidates, Matchable
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment

_CUSTOMER_TYPES = frozenset({"", "pay bill", "customer merchant payment", "buy goods", "od payment transfer"})
_PULLED = "c2b-"


def is_from_customer(transaction_type: str) -> bool:
    """Whether such money may pay a sale by itself (contract §2.6, traps 17 and 44; Pull's own words, §2.12)."""
    told = transaction_type.strip().casefold()
    return told in _CUSTOMER_TYPES or (told.startswith(_PULLED) and "revers" not in told)


@dataclass(frozen=True, slots=True)
class Matched:
    """Certain: claimed without asking anybody."""

    sale_id: int


@dataclass(frozen=True, slots=True)
class Offered:
    """The cashier accepts it with one key, or does not."""

    sale_id: int


@dataclass(frozen=True, slots=True)
class PartOf:
    """Its reference says which sale; `remaining` is what it would leave open."""

    sale_id: int
    remaining: Money


@dataclass(frozen=True, slots=True)
class Over:
    """Its reference says which sale; `over` is what it would be too much."""

    sale_id: int
    over: Money


@dataclass(frozen=True, slots=True)
class Late:
    """Its reference says which sale, and that one is settled or closed."""

    sale_id: int


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The cashier picks. Sales of which it is exactly what remains come first, of those the newest.

    With one sale there are other payments that fit it as well: `Matcher.fitting` lists them.
    """

    sale_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unmatched:
    pass


Fit = Matched | Offered | PartOf | Over | Late | Ambiguous | Unmatched


@dataclass(frozen=True, slots=True)
class Warned:
    """It may be the money of a charge (architecture §8); `fit` is what it would be otherwise."""

    attempt_id: int
    fit: Fit


Verdict = Fit | Warned


class Matcher:
    """For one till. The caller puts in what may still be matched, so it says how old a payment may be to compete."""

    def __init__(self, till_code: str) -> None:
        self._candidates = Candidates(till_code)
        self.put_sale = self._candidates.put_sale
        self.drop_sale = self._candidates.drop_sale
        self.drop_payment = self._candidates.drop_payment

    def put_payment(self, payment: Payment) -> None:
        """Adds it or replaces it; one that a sale has, and one that is no customer's, competes for nothing."""
        if _may_match(payment):
            self._candidates.put_payment(payment)
        else:
            self._candidates.drop_payment(payment.id)

    def verdict(self, payment: Payment) -> Verdict:
        """For a payment that was put in or not; it never competes with itself."""
        fit = self._fit(payment) if _may_match(payment) else Unmatched()
        likely = payment.likely_attempt_id
        return fit if likely is None or self._has_charge(fit, likely) else Warned(likely, fit)

    def fitting(self, sale_id: int) -> tuple[str, ...]:
        """The payments that are exactly what remains of this sale: those that name it first, then as they came."""
        sale = self._candidates.sales.get(sale_id)
        if sale is None or not sale.remaining:
            return ()
        groups = (*self._candidates.naming(sale), *self._candidates.spelling(sale))
        found = [*sorted({payment for group in groups for payment in group}), *self._candidates.loose(sale.remaining)]
        return tuple(dict.fromkeys(found))

    def number(self, sale_id: int) -> int | None:
        """As people call the sale; None for one that was not put in."""
        sale = self._candidates.sales.get(sale_id)
        return sale.number if sale is not None else None

    def _fit(self, payment: Payment) -> Fit:
        reading = self._candidates.read(payment)
        if reading.names_another_till:
            return Unmatched()
        named = self._candidates.named(reading)
        if named:
            return self._fit_of_named(payment, named)
        if reading.sale_number is not None:
            return Unmatched()  # It names a sale that is not here; no other has a right to it.
        spelled = self._candidates.spelled(reading)
        if spelled:
            return self._fit_of_spelled(payment, spelled)
        return Unmatched() if reading.charge_references else self._fit_of_amount(payment)

    def _fit_of_named(self, payment: Payment, named: set[int]) -> Fit:
        if len(named) > 1:
            return self._ambiguous(payment.amount, named)
        sale = self._sale(named)
        if payment.amount != sale.remaining:
            return _difference(sale, payment.amount)
        competes = _has_another(payment, self._candidates.naming(sale))
        return Ambiguous((sale.sale_id,)) if competes else Matched(sale.sale_id)

    def _fit_of_spelled(self, payment: Payment, spelled: Collection[int]) -> Fit:
        """The reference is a guess: with the amount it makes an offer, without it one of several candidates."""
        exact = [sale_id for sale_id in spelled if self._candidates.sales[sale_id].remaining == payment.amount]
        if len(exact) == 1:
            sale = self._sale(exact)
            groups = [*self._candidates.naming(sale), *self._candidates.spelling(sale)]
            return Ambiguous((sale.sale_id,)) if _has_another(payment, groups) else Offered(sale.sale_id)
        of_amount = self._candidates.of_amount(payment.amount)
        if exact or len(spelled) > 1 or of_amount:
            return self._ambiguous(payment.amount, spelled, () if exact else of_amount)
        return _difference(self._sale(spelled), payment.amount)

    def _fit_of_amount(self, payment: Payment) -> Fit:
        of_amount = self._candidates.of_amount(payment.amount)
        if len(of_amount) != 1:
            return Ambiguous(of_amount) if of_amount else Unmatched()
        sale = self._sale(of_amount)
        groups = [self._candidates.loose(payment.amount), *self._candidates.naming(sale)]
        return Ambiguous(of_amount) if _has_another(payment, groups) else Offered(sale.sale_id)

    def _ambiguous(self, amount: Money, sale_ids: Collection[int], first: tuple[int, ...] = ()) -> Ambiguous:
        newest_first = self._candidates.newest_first(sale_ids)
        by_amount = sorted(newest_first, key=lambda sale_id: self._candidates.sales[sale_id].remaining != amount)
        return Ambiguous((*first, *by_amount))

    def _sale(self, only: Collection[int]) -> Matchable:
        return self._candidates.sales[next(iter(only))]

    def _has_charge(self, fit: Fit, attempt_id: int) -> bool:
        """Money of a charge, for the sale of that very charge, needs no warning."""
        if isinstance(fit, Ambiguous | Unmatched):
            return False
        return attempt_id in self._candidates.sales[fit.sale_id].attempt_ids


def _may_match(payment: Payment) -> bool:
    return payment.is_free and payment.from_customer


def _has_another(payment: Payment, groups: list[Collection[str]]) -> bool:
    return any(len(group) > (payment.id in group) for group in groups)


def _difference(sale: Matchable, amount: Money) -> Fit:
    if not sale.remaining:
        return Late(sale.sale_id)
    if amount < sale.remaining:
        return PartOf(sale.sale_id, sale.remaining - amount)
    return Over(sale.sale_id, amount - sale.remaining)
