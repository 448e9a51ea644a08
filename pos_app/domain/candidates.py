"""The sales and the free payments that may belong together, found by amount and by reference without a search.

Knows who could be meant, not who is: that is `matching`. A question costs the same among 5,000 payments as among 5.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.reference import TypedReference, compacted, read_reference, sale_reference

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)
Name = int | str
"""What names a sale for certain: its number beside this till's code, or the whole reference of one of its charges."""


@dataclass(frozen=True, slots=True)
class Matchable:
    """A sale of this till that money may be for. A settled or closed one has nothing remaining: money for it is late.

    `charge_references` and `attempt_ids` are those of its charges.
    """

    sale_id: int
    number: int
    remaining: Money
    opened_at: datetime
    charge_references: tuple[str, ...] = ()
    attempt_ids: frozenset[int] = frozenset()

    @property
    def names(self) -> set[Name]:
        return {self.number, *self.charge_references}


@dataclass(slots=True)
class _Index(Generic[K, V]):
    """Several values under one key, in the order they came."""

    buckets: defaultdict[K, dict[V, None]] = field(default_factory=lambda: defaultdict(dict))

    def change(self, key: K, value: V, *, gone: bool) -> None:
        bucket = self.buckets[key]
        if gone:
            del bucket[value]
        else:
            bucket[value] = None
        if not bucket:
            del self.buckets[key]

    def under(self, key: K) -> Collection[V]:
        return self.buckets.get(key, {}).keys()


class Candidates:
    def __init__(self, till_code: str) -> None:
        self.till_code = till_code
        self.sales: dict[int, Matchable] = {}
        self.payments: dict[str, Payment] = {}
        self._sales_of_amount: _Index[Money, int] = _Index()
        self._sales_named: _Index[Name, int] = _Index()
        self._sales_spelled: _Index[str, int] = _Index()
        self._loose: _Index[Money, str] = _Index()
        self._naming: _Index[tuple[Money, Name], str] = _Index()
        self._spelling: _Index[tuple[Money, str], str] = _Index()
        self._newest_first: dict[Money, tuple[int, ...]] = {}

    def put_sale(self, sale: Matchable) -> None:
        """Adds it, or replaces what was known of it."""
        self.drop_sale(sale.sale_id)
        self.sales[sale.sale_id] = sale
        self._index_sale(sale)

    def drop_sale(self, sale_id: int) -> None:
        held = self.sales.pop(sale_id, None)
        if held is not None:
            self._index_sale(held, gone=True)

    def put_payment(self, payment: Payment) -> None:
        self.drop_payment(payment.id)
        self.payments[payment.id] = payment
        self._index_payment(payment)

    def drop_payment(self, payment_id: str) -> None:
        held = self.payments.pop(payment_id, None)
        if held is not None:
            self._index_payment(held, gone=True)

    def read(self, payment: Payment) -> TypedReference:
        return read_reference(payment.bill_reference, self.till_code)

    # Sales

    def named(self, reading: TypedReference) -> set[int]:
        return {sale_id for name in _names_in(reading) for sale_id in self._sales_named.under(name)}

    def spelled(self, reading: TypedReference) -> Collection[int]:
        """Those whose reference reads so without separators."""
        return self._sales_spelled.under(reading.compact)

    def of_amount(self, amount: Money) -> tuple[int, ...]:
        """The newest first. Kept until one of that amount comes or goes, or each payment would sort the same sales."""
        known = self._newest_first.get(amount)
        if known is None:
            known = self._newest_first[amount] = self.newest_first(self._sales_of_amount.under(amount))
        return known

    def newest_first(self, sale_ids: Collection[int]) -> tuple[int, ...]:
        return tuple(sorted(sale_ids, key=lambda sale_id: (self.sales[sale_id].opened_at, sale_id), reverse=True))

    # Payments of exactly what remains of a sale

    def naming(self, sale: Matchable) -> list[Collection[str]]:
        return [self._naming.under((sale.remaining, name)) for name in sale.names]

    def spelling(self, sale: Matchable) -> list[Collection[str]]:
        return [self._spelling.under((sale.remaining, spelling)) for spelling in self._spellings_of(sale)]

    def loose(self, amount: Money) -> Collection[str]:
        """Those that name neither a sale of this till for certain nor another till."""
        return self._loose.under(amount)

    # Indexes

    def _spellings_of(self, sale: Matchable) -> set[str]:
        whole = (sale_reference(self.till_code, sale.number), *sale.charge_references)
        return {str(sale.number), *(compacted(reference) for reference in whole)}

    def _index_sale(self, sale: Matchable, *, gone: bool = False) -> None:
        if sale.remaining:
            self._sales_of_amount.change(sale.remaining, sale.sale_id, gone=gone)
            self._newest_first.pop(sale.remaining, None)
        for name in sale.names:
            self._sales_named.change(name, sale.sale_id, gone=gone)
        for spelling in self._spellings_of(sale):
            self._sales_spelled.change(spelling, sale.sale_id, gone=gone)

    def _index_payment(self, payment: Payment, *, gone: bool = False) -> None:
        reading = self.read(payment)
        if reading.names_another_till:
            return
        names = _names_in(reading)
        for name in names:
            self._naming.change((payment.amount, name), payment.id, gone=gone)
        if not names:
            self._loose.change(payment.amount, payment.id, gone=gone)
        if not names and reading.compact:
            self._spelling.change((payment.amount, reading.compact), payment.id, gone=gone)


def _names_in(reading: TypedReference) -> tuple[Name, ...]:
    return reading.charge_references if reading.sale_number is None else (reading.sale_number,)
