"""The sale at the payment panel and its newest charge, kept as the services tell; it shows nothing."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.attempt import Attempt
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Sale
from pos_app.services.changes import AttemptChanged, Changes, PaymentArrived, SaleChanged
from pos_app.ui.payment.received import Received
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.payments import Payments
    from pos_app.services.sales import Sales


class Charge(QObject):
    moved = Signal()
    """The sale, the attempt or the payer is newer than before."""
    refused = Signal(str)
    opened = Signal(str)
    """A sale's charge was looked up and matters; carries what to say about it."""
    idle = Signal()
    """A sale was looked up and has no charge that matters."""
    free = Signal(object)
    """A request that never left is withdrawn; carries what was passed to `withdraw`."""
    working = Signal(bool)

    def __init__(self, payments: "Payments", sales: "Sales", changes: Changes, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._payments, self._sales, self._tasks = payments, sales, tasks
        self._asking: dict[int, Msisdn] = {}
        self._looking = 0
        self.sale: Sale | None = None
        self._overtaken = False
        self._about_to_read = False
        self.attempt: Attempt | None = None
        self.payer = self.receipt = ""
        self.received: Received | None = None
        """What the customer paid unasked, when that is what the panel shows."""
        self._paid_before: int | None = None
        changes.subscribe(AttemptChanged, self._on_attempt)
        changes.subscribe(SaleChanged, self._on_sale)
        changes.subscribe(PaymentArrived, self._on_payment)

    def show(self, sale: Sale | None) -> None:
        self._looking = 0
        self._about_to_read = False
        if sale is None or not self._shows(sale.id):
            self.attempt = None
            self.payer = self.receipt = ""
        self.sale = sale

    def receive(self, sale: Sale, payment: Payment, *, confirmed: bool) -> None:
        self.show(sale)
        self.received = Received(payment, confirmed)
        self._paid_before = self.attempt.id if self.attempt is not None and self.attempt.state.is_paid else None

    @property
    def was_paid_before(self) -> bool:
        """The charge was paid before that payment came, as of a split sale, so it is no news."""
        return self.attempt is not None and self.attempt.id == self._paid_before

    @property
    def asking(self) -> Msisdn | None:
        """The phone of a request that is on its way and has no attempt to show yet."""
        return self._asking.get(self.sale.id) if self.sale else None

    def is_open(self, sale: Sale) -> bool:
        """Whether money may still move for the sale; the attempt is fresher than the sale it was read with."""
        if sale.id in self._asking:
            return True
        known = self.attempt if self.attempt is not None and self.attempt.sale_id == sale.id else None
        return known.state.is_live if known else sale.awaiting

    def ask(self, amount: Money, msisdn: Msisdn) -> bool:
        """One attempt however often it is called: the sale is marked before anything is awaited."""
        sale = self.sale
        if sale is None or self.is_open(sale):
            return False
        self._asking[sale.id] = msisdn
        self.attempt = None
        self.payer = self.receipt = ""
        self._tasks.start(self._ask(sale, amount, msisdn), "charge")
        return True

    def resend(self, attempt: Attempt) -> None:
        self._work(self._resend(attempt), "send charge again")

    def check(self, attempt: Attempt) -> None:
        self._work(self._check(attempt), "check charge")

    def withdraw(self, attempt: Attempt, then: object) -> None:
        self._work(self._withdraw(attempt, then), "withdraw charge")

    def look_up(self, sale: Sale, saying: str = "") -> None:
        self._looking = sale.id
        self._tasks.start(self._look_up(sale, saying), "look up charge")

    async def _ask(self, sale: Sale, amount: Money, msisdn: Msisdn) -> None:
        answer: Attempt | Refused | None = None
        try:
            answer = await self._payments.charge(sale.id, amount, msisdn)
            await self._take(sale.id, answer)
        finally:
            del self._asking[sale.id]
            if answer is None:
                self._tell(sale.id)

    async def _resend(self, attempt: Attempt) -> None:
        await self._take(attempt.sale_id, await self._payments.send_again(attempt.id))

    async def _check(self, attempt: Attempt) -> None:
        await self._take(attempt.sale_id, await self._payments.check_now(attempt.id))

    async def _withdraw(self, attempt: Attempt, then: object) -> None:
        answer = await self._payments.withdraw(attempt.id)
        await self._take(attempt.sale_id, answer)
        if self._shows(attempt.sale_id) and not isinstance(answer, Refused):
            await self._reload(attempt.sale_id)
            self.free.emit(then)

    async def _look_up(self, sale: Sale, saying: str) -> None:
        self._overtaken = True
        while self._overtaken:
            # What changes while it is read is told before it is shown, so it would be missed.
            self._overtaken = False
            attempt = await self._payments.of_sale(sale.id)
            sale = await self._sales.get(sale.id)
            if self._looking != sale.id:
                return  # the cashier went on to something else in the meantime
        self.show(sale)
        self.attempt = attempt
        live_or_paid = attempt is not None and (attempt.state.is_live or attempt.state.is_paid)
        if live_or_paid or sale.id in self._asking:
            self.opened.emit(saying)
        else:
            self.idle.emit()

    async def _take(self, sale_id: int, answer: Attempt | Refused) -> None:
        if isinstance(answer, Refused):
            if self._shows(sale_id):
                self.refused.emit(answer.sentence)
            return
        await self._show_attempt(answer)

    def _on_attempt(self, change: AttemptChanged) -> None:
        self._overtaken = self._overtaken or change.attempt.sale_id == self._looking
        if not self._is_news(change.attempt):
            return
        if change.attempt.state.is_paid:
            self._about_to_read = True
            self._tasks.start(self._show_attempt(change.attempt), "show payment")
        else:
            self._show_newest(change.attempt)

    def _show_newest(self, attempt: Attempt) -> None:
        self.attempt = attempt
        if self.sale is not None:
            # The sale was read before; whether it still waits follows from its newest attempt.
            self.sale = replace(self.sale, awaiting=attempt.state.is_live)
        self.moved.emit()

    def _is_news(self, attempt: Attempt) -> bool:
        """Whether it is of this sale and not behind what is shown, as a reply can be that the callback overtook."""
        if not self._shows(attempt.sale_id):
            return False
        shown = self.attempt
        if shown is None or attempt.state.is_paid:
            return True
        if attempt.id != shown.id:
            return attempt.id > shown.id
        return shown.state.is_live or not attempt.state.is_live

    async def _show_attempt(self, attempt: Attempt) -> None:
        """The sale is read first, so that a paid charge never shows beside a sale that does not know of it."""
        try:
            if attempt.state.is_paid and self._shows(attempt.sale_id):
                self._about_to_read = False
                await self._reload(attempt.sale_id)
        finally:
            if self._is_news(attempt):
                self._show_newest(attempt)

    def _on_sale(self, change: SaleChanged) -> None:
        # One commit tells of the attempt, the payment and the sale: what is about to be read knows of all three.
        if self._shows(change.sale_id) and not self._about_to_read:
            self._about_to_read = True
            self._tasks.start(self._reload_and_tell(change.sale_id), "reload sale")

    async def _reload_and_tell(self, sale_id: int) -> None:
        self._about_to_read = False
        await self._reload(sale_id)
        self._tell(sale_id)

    async def _reload(self, sale_id: int) -> None:
        sale = await self._sales.get(sale_id)
        if self._shows(sale_id):
            self.sale = sale

    def _on_payment(self, change: PaymentArrived) -> None:
        payment = change.payment
        if self.attempt is not None and payment.attempt_id == self.attempt.id:
            self.payer = payment.payer_name or self.payer
            self.receipt = payment.receipt or self.receipt
            if not self._about_to_read:
                self.moved.emit()

    def _shows(self, sale_id: int) -> bool:
        return self.sale is not None and self.sale.id == sale_id

    def _tell(self, sale_id: int) -> None:
        if self._shows(sale_id):
            self.moved.emit()

    def _work(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.working.emit(True)
        self._tasks.start(self._until_done(work), name)

    async def _until_done(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            self.working.emit(False)
