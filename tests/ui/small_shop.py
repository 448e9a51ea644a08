"""Sales, charges and products in memory for the screen tests, and a clock that stands still."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.catalogue import Product, ProductError, checked_name
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.reason import Reason
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.tender import Tender, TenderKind, cash_tender, change_given
from pos_app.services.changes import AttemptChanged, CatalogueChanged, Changes, PaymentArrived, SaleChanged
from pos_app.services.payments import RecentPayment


class StandingClock:
    """Both clocks of the till, moved by hand."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.seconds += seconds


ACCOUNT = ShopAccount(AccountKind.BUY_GOODS, "174379", "123456")


class SmallShop:
    """Sales, charges and products in memory, with the services' own signatures and messages."""

    def __init__(self, changes: Changes, clock: StandingClock) -> None:
        self.changes, self.clock = changes, clock
        self.sales: dict[int, Sale] = {}
        self.attempts: dict[int, Attempt] = {}
        self.stock: list[Product] = []
        self.latest: list[RecentPayment] = []
        self.asked: list[tuple[int, Money, str]] = []
        self.refusal: Refused | None = None
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.closed: list[int] = []
        self.calls: list[str] = []

    # Sales

    async def open(self, cart: Cart) -> Sale | Refused:
        self.calls.append("open")
        number = len(self.sales) + 1
        return self._keep(Sale(number, number, cart, self.clock.now()))

    async def update(self, sale_id: int, cart: Cart) -> Sale | Refused:
        self.calls.append("update")
        if self.refusal:
            return self.refusal
        if self.sales[sale_id].awaiting:
            return Refused("A charge for this sale is still open. Its lines cannot change now.")
        return self._keep(replace(self.sales[sale_id], cart=cart))

    async def get(self, sale_id: int) -> Sale:
        return self.sales[sale_id]

    async def pay_cash(self, sale_id: int, received: Money) -> Sale | Refused:
        self.calls.append("pay_cash")
        if self.refusal:
            return self.refusal
        sale = self.sales[sale_id]
        tender = cash_tender(received, sale.remaining, self.clock.now())
        return self._keep(replace(sale, tenders=(*sale.tenders, tender)))

    async def close(self, sale_id: int) -> Sale:
        self.closed.append(sale_id)
        return self._keep(replace(self.sales[sale_id], closed_at=self.clock.now()))

    async def void(self, sale_id: int) -> Sale | Refused:
        if self.sales[sale_id].tenders:
            return Refused("Part of this sale is paid. It cannot be cancelled, only refunded.")
        return self._keep(replace(self.sales[sale_id], voided_at=self.clock.now()))

    async def parked(self) -> tuple[Sale, ...]:
        return tuple(sale for sale in self.sales.values() if not sale.is_settled and not sale.voided_at)

    def _keep(self, sale: Sale) -> Sale:
        self.sales[sale.id] = sale
        self.changes.publish(SaleChanged(sale.id))
        return sale

    async def give_change(self, sale_id: int) -> Sale | Refused:
        self.calls.append("give_change")
        sale = self.sales[sale_id]
        return self._keep(replace(sale, tenders=(*sale.tenders, change_given(sale.overpaid, self.clock.now()))))

    # Payments

    async def charge(self, sale_id: int, amount: Money, msisdn: Msisdn) -> Attempt | Refused:
        self.asked.append((sale_id, amount, msisdn.local))
        if self.refusal:
            return self.refusal
        attempt = Attempt(
            id=len(self.attempts) + 1,
            sale_id=sale_id,
            nonce="0" * 32,
            amount=amount,
            msisdn=msisdn,
            account=ACCOUNT,
            account_reference=f"1-{sale_id}-{len(self.attempts) + 1}",
            created_at=self.clock.now(),
        )
        self.tell(replace(attempt, state=AttemptState.SUBMITTING, submitted_at=self.clock.now()))
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        held = self.attempts[attempt.id]
        if held.state is AttemptState.SUBMITTING:
            self.tell(replace(held, state=AttemptState.PENDING, reason=Reason.WAIT))
        return self.attempts[attempt.id]

    async def send_again(self, attempt_id: int) -> Attempt | Refused:
        self.calls.append("send_again")
        if self.refusal:
            return self.refusal
        submitted = replace(
            self.attempts[attempt_id], state=AttemptState.PENDING, reason=Reason.WAIT, submitted_at=self.clock.now()
        )
        return self.tell(submitted)

    async def withdraw(self, attempt_id: int) -> Attempt | Refused:
        self.calls.append("withdraw")
        if self.refusal:
            return self.refusal
        return self.tell(replace(self.attempts[attempt_id], state=AttemptState.FAILED, finished_at=self.clock.now()))

    async def check_now(self, attempt_id: int) -> Attempt:
        self.calls.append("check_now")
        return self.attempts[attempt_id]

    async def of_sale(self, sale_id: int) -> Attempt | None:
        newest = [attempt for attempt in self.attempts.values() if attempt.sale_id == sale_id]
        return newest[-1] if newest else None

    async def recent(self, limit: int = 5) -> tuple[RecentPayment, ...]:
        return tuple(self.latest[:limit])

    def recent_of(self, payment: Payment, taken: str = "") -> RecentPayment:
        at, name, phone = payment.received_at, payment.first_name, payment.payer_phone
        return RecentPayment(at, payment.amount, name, phone, payment.receipt, None, False, payment.id, taken)

    def tell(self, attempt: Attempt) -> Attempt:
        """What a commit does: the sale knows, then everybody hears."""
        self.attempts[attempt.id] = attempt
        sale = self.sales[attempt.sale_id]
        live = any(one.state.is_live for one in self.attempts.values() if one.sale_id == sale.id)
        self.sales[sale.id] = replace(sale, awaiting=live)
        self.changes.publish(AttemptChanged(attempt))
        self.changes.publish(SaleChanged(sale.id))
        return attempt

    def fail(self, reason: Reason, code: str = "") -> Attempt:
        newest = self.attempts[max(self.attempts)]
        over = replace(newest, state=AttemptState.FAILED, reason=reason, code=code, finished_at=self.clock.now())
        return self.tell(over)

    def pay(self, receipt: str = "UKN7BX41QP", state: AttemptState = AttemptState.PAID, name: str = "") -> Attempt:
        """The callback: the tender is in the sale before the charge is told."""
        newest = self.attempts[max(self.attempts)]
        tender = Tender(TenderKind.MPESA, newest.amount, self.clock.now(), payment_id=receipt or "stk:x")
        sale = self.sales[newest.sale_id]
        self.sales[sale.id] = replace(sale, tenders=(*sale.tenders, tender))
        paid = self.tell(
            replace(newest, state=state, reason=Reason.PAID, receipt=receipt, finished_at=self.clock.now())
        )
        self.arrive(paid, receipt, name)
        return paid

    def arrive(self, attempt: Attempt, receipt: str, name: str) -> None:
        self.changes.publish(
            PaymentArrived(
                Payment(
                    id=receipt or "stk:x",
                    amount=attempt.amount,
                    short_code="123456",
                    received_at=self.clock.now(),
                    receipt=receipt,
                    payer_name=name,
                    sale_id=attempt.sale_id,
                    attempt_id=attempt.id,
                )
            )
        )

    # Catalogue

    async def products(self, search: str = "") -> tuple[Product, ...]:
        return tuple(product for product in self.stock if search.lower() in product.name.lower())

    async def by_barcode(self, barcode: str) -> Product | None:
        return next((product for product in self.stock if product.barcode == barcode), None)

    async def add(self, name: str, price: Money, barcode: str = "") -> Product | Refused:
        try:
            product = Product(len(self.stock) + 1, checked_name(name), price, barcode)
        except ProductError as problem:
            return Refused(str(problem))
        self.stock.append(product)
        self.changes.publish(CatalogueChanged())
        return product
