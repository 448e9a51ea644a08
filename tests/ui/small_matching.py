"""Payments that customers made unasked, for the screen tests: the real rules, and claims that the test decides."""

import asyncio
from dataclasses import replace
from typing import Any

from pos_app.domain.candidates import Matchable
from pos_app.domain.claim import Claim
from pos_app.domain.matching import Matcher, Verdict
from pos_app.domain.money import ZERO, Money
from pos_app.domain.payment import Payment
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Sale
from pos_app.domain.tender import Tender, TenderKind
from pos_app.services.changes import OffersChanged, PaymentArrived, PaymentMoved, SaleChanged
from pos_app.services.matching import Accepted, ClaimedPayment
from pos_app.services.offers import Offer
from pos_app.services.pulling import Swept
from pos_app.services.whereabouts import LookedUp, Whereabouts


class SmallMatching:
    """`shop` is the SmallShop of the conftest. It is its own offers, too."""

    def __init__(self, shop: Any) -> None:
        self.shop, self.clock = shop, shop.clock
        self.matcher = Matcher("1")
        self.payments: dict[str, Payment] = {}
        self.accepted: list[tuple[str, int, str]] = []
        self.released: list[tuple[str, str]] = []
        self.refusal: Refused | None = None
        self.confirmed = True
        self.waiting: dict[str, Claim] = {}
        self.gate: asyncio.Event | None = None
        self.safaricom = Swept(frozenset(), is_complete=True)
        self.asked_safaricom = 0
        self.offers = self
        shop.changes.subscribe(SaleChanged, lambda change: self._see_sale(shop.sales[change.sale_id]))

    # What the offers say

    def of_sale(self, sale_id: int) -> tuple[Payment, ...]:
        return tuple(self.payments[one] for one in self.matcher.fitting(sale_id))

    def newest(self, limit: int) -> tuple[Offer, ...]:
        free = sorted(self._free, key=lambda payment: payment.received_at, reverse=True)
        return tuple(Offer(payment, self.verdict(payment)) for payment in free[:limit])

    def verdict(self, payment: Payment) -> Verdict:
        return self.matcher.verdict(payment)

    def sale_number(self, sale_id: int) -> int | None:
        return self.matcher.number(sale_id)

    @property
    def count(self) -> int:
        return len(self._free)

    @property
    def _free(self) -> list[Payment]:
        return [payment for payment in self.payments.values() if payment.is_free]

    # What happens

    def arrive(self, shillings: int, name: str = "WANJIKU", **told: Any) -> Payment:
        """A customer paid by himself, and the till has just heard of it."""
        receipt = told.pop("receipt", f"TJE1A2B3C{len(self.payments)}")
        now = self.clock.now()
        told = {"payer_phone": "2547*****126", "received_at": now, **told}
        payment = Payment(receipt, Money.shillings(shillings), "123456", receipt=receipt, payer_name=name, **told)
        self._put(payment)
        self.shop.changes.publish(PaymentArrived(payment))
        self.shop.changes.publish(OffersChanged())
        return payment

    def move(self, payment: Payment) -> None:
        self._put(payment)
        self.shop.changes.publish(PaymentMoved(payment))
        self.shop.changes.publish(OffersChanged())

    def _put(self, payment: Payment) -> None:
        self.payments[payment.id] = payment
        self.matcher.put_payment(payment)

    def _see_sale(self, sale: Sale) -> None:
        attempts = [one for one in self.shop.attempts.values() if one.sale_id == sale.id]
        references, ids = tuple(one.account_reference for one in attempts), frozenset(one.id for one in attempts)
        remaining = ZERO if sale.closed_at else sale.remaining
        self.matcher.put_sale(Matchable(sale.id, sale.number, remaining, sale.opened_at, references, ids))
        self.shop.changes.publish(OffersChanged())

    # What the services do

    async def accept(self, payment_id: str, sale_id: int, cashier: str = "") -> Accepted | Refused:
        self.accepted.append((payment_id, sale_id, cashier))
        if self.gate is not None:
            await self.gate.wait()
        if self.refusal is not None:
            return self.refusal
        payment = self.give(payment_id, sale_id)
        if not self.confirmed:
            self.waiting[payment.receipt] = Claim(payment.receipt, 0, "till_1", "Till 1", str(sale_id), cashier, None)
        return Accepted(payment, sale_id, self.confirmed, "")

    def give(self, payment_id: str, sale_id: int) -> Payment:
        payment, sale = self.payments[payment_id].matched_to(sale_id), self.shop.sales[sale_id]
        tender = Tender(
            TenderKind.MPESA, payment.amount, self.clock.now(), payment_id=payment.id, receipt=payment.receipt
        )
        self.shop.sales[sale_id] = replace(sale, tenders=(*sale.tenders, tender))
        self.move(payment)
        self.shop.changes.publish(SaleChanged(sale_id))
        return payment

    async def release(self, payment_id: str, reason: str) -> Payment | Refused:
        self.released.append((payment_id, reason))
        if self.refusal is not None:
            return self.refusal
        payment = self.payments[payment_id]
        self.move(payment.held_by(None))
        return self.payments[payment_id]

    async def look_up(self, code: str) -> LookedUp:
        payment = self.payments.get(code)
        if payment is None:
            return LookedUp(Whereabouts.NOT_RECEIVED, f"{code} is not received. Do not hand over goods for it.")
        if payment.taken_by is not None:
            return LookedUp(Whereabouts.TAKEN, f"{payment.taken_by.used(self.clock.now())}.", payment)
        if payment.sale_id is not None:
            return LookedUp(Whereabouts.USED, f"Used by sale {payment.sale_id} at this till, 12:30.", payment)
        return LookedUp(Whereabouts.FREE, f"{payment.amount} received, free.", payment)

    async def unclaimed(self, limit: int = 200) -> tuple[Payment, ...]:
        return tuple(offer.payment for offer in self.newest(limit))

    async def claimed(self, limit: int = 50) -> tuple[ClaimedPayment, ...]:
        held = [payment for payment in self.payments.values() if payment.sale_id is not None]
        return tuple(ClaimedPayment(payment, payment.sale_id) for payment in held if payment.sale_id is not None)

    async def unconfirmed(self) -> tuple[Claim, ...]:
        return tuple(self.waiting.values())

    async def ask_safaricom(self) -> Swept:
        self.asked_safaricom += 1
        await asyncio.sleep(0)
        return self.safaricom
