"""The payments that fit the sale at the counter: offered, picked, asked about, accepted once; it decides no match."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from pos_app.domain.matching import Late, Warned
from pos_app.domain.payment import Payment
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Sale
from pos_app.services.changes import Changes, OffersChanged, PaymentArrived, PaymentMoved
from pos_app.ui.offers import words
from pos_app.ui.offers.code import CodeLookUp
from pos_app.ui.offers.lines import MOST_CHOICES, certain, line_of_fits, line_of_topic
from pos_app.ui.offers.state import Line, Tone, Topic
from pos_app.ui.offers.words import Said
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import SETTLE, PaymentViewModel
from pos_app.ui.sale.view_model import SaleViewModel
from pos_app.ui.tasks import OneAtATime, Tasks

if TYPE_CHECKING:
    from pos_app.services.matching import Accepted, Matching
    from pos_app.services.pulling import Swept
    from pos_app.services.sales import Sales

AGE_MS = 1000


class OfferViewModel(QObject):
    changed = Signal()
    announced = Signal(str)

    def __init__(
        self,
        matching: "Matching",
        sales: "Sales",
        changes: Changes,
        tasks: Tasks,
        *,
        sale: SaleViewModel,
        payment: PaymentViewModel,
        ask_safaricom: "Callable[[], Awaitable[Swept]]",
        cashier: Callable[[], str],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._matching, self._sales, self._tasks = matching, sales, tasks
        self._sale, self._payment, self._cashier = sale, payment, cashier
        self._clock, self._monotonic = clock, monotonic
        self.fits: tuple[Payment, ...] = ()
        self.line: Line | None = None
        self._sale_id: int | None = None
        self._topic: Topic | None = None
        self._picked = self._claiming = ""
        self._enters: tuple[Payment, Topic | None, int | None] | None = None
        """What Enter accepts, in answer to what, for which sale."""
        self._unconfirmed: Payment | None = None
        self._since = monotonic()
        self._once = OneAtATime(tasks)
        self._look_up = CodeLookUp(matching, changes, tasks, ask_safaricom=ask_safaricom, show=self.say)
        self._timer = QTimer(self, interval=AGE_MS)
        self._timer.timeout.connect(self.tick)
        changes.subscribe(OffersChanged, lambda _change: self._look())
        changes.subscribe(PaymentArrived, lambda change: self._on_payment(change.payment))
        changes.subscribe(PaymentMoved, lambda change: self._on_payment(change.payment))
        sale.changed.connect(self._look)
        sale.code_given.connect(self.look_up)
        payment.changed.connect(self._look)

    # --- what people do -----------------------------------------------------------------------------------

    def enter(self) -> None:
        """Enter where nothing else waits for it; one meant for what was there before must not land here."""
        if self._enters is not None and self._monotonic() - self._since >= SETTLE:
            self.accept()

    def accept(self) -> None:
        topic, chosen = self._topic, self._chosen
        if chosen is None:
            return
        if (topic is not None and topic.is_question) or (topic is None and self._asks_already(chosen)):
            self._start(chosen, asks=False)
        else:
            self.take(chosen)

    def take(self, payment: Payment) -> None:
        """Picked by a person: accepted if it fits exactly, asked about if not."""
        self._start(payment, asks=True)

    def move(self, step: int) -> bool:
        """To the next of several candidates; False where there are none, so that the key is for the cart."""
        shown = [payment.id for payment in self.fits[:MOST_CHOICES]]
        if self._topic is not None or not shown or self._certain is not None:
            return False
        at = shown.index(self._picked) + step if self._picked in shown else (0 if step > 0 else len(shown) - 1)
        self._picked = shown[min(max(at, 0), len(shown) - 1)]
        self._look()
        return True

    def close(self) -> bool:
        """Takes the question or the answer away; False where there is none."""
        if self._topic is None:
            return False
        self._look_up.forget()
        self._topic = None
        self._look()
        return True

    @Slot(str)
    def look_up(self, code: str) -> None:
        self._look_up.start(code)

    def typed(self) -> None:
        """Somebody types into the search field: what was only said goes, and the next Enter is not for an offer."""
        self._since = self._monotonic()
        if self._topic is not None and self._topic.payment is None and self._sale.state.search:
            self.close()

    # --- accepting ----------------------------------------------------------------------------------------

    def _start(self, payment: Payment, *, asks: bool) -> None:
        if not self._sale.state.cart.lines:
            self.say(Topic(Tone.NOTE, words.no_sale(payment)))
        elif not self._claiming:
            self._sale.with_sale(lambda sale: self._take(sale, payment, asks=asks))

    async def _take(self, sale: Sale, payment: Payment, *, asks: bool) -> None:
        verdict = self._matching.offers.verdict(payment)
        fits = payment in self._matching.offers.of_sale(sale.id)
        if asks and isinstance(verdict, Warned):
            self._ask(words.charge_question(payment), payment)
        elif asks and isinstance(verdict, Late):
            late_for = await self._sales.get(verdict.sale_id)
            self.say(Topic(Tone.ASK, words.late(payment, late_for)))
        elif asks and not fits:
            self._ask(words.amount_question(payment, sale), payment)
        else:
            await self._claim(sale, payment)

    async def _claim(self, sale: Sale, payment: Payment) -> None:
        self._claiming, self._topic = payment.id, None
        self._look()
        try:
            answer = await self._matching.accept(payment.id, sale.id, self._cashier())
        finally:
            self._claiming = ""
            self._look()
        if isinstance(answer, Refused):
            self.say(Topic(Tone.ASK, Said(answer.sentence)))
        else:
            await self._show_accepted(answer)

    async def _show_accepted(self, answer: "Accepted") -> None:
        self._show_received(await self._sales.get(answer.sale_id), answer.payment, confirmed=answer.confirmed)

    def _show_received(self, sale: Sale, payment: Payment, *, confirmed: bool) -> None:
        """Where the sale was parked in the meantime its tab turns green instead."""
        if self._sale.held_id == sale.id:
            self._unconfirmed = None if confirmed else payment
            self._payment.show_received(sale, payment, confirmed=confirmed)

    def _on_payment(self, payment: Payment) -> None:
        """One that named the sale at the counter was claimed for it without anybody's doing."""
        unasked = payment.attempt_id is None and payment.id != self._claiming
        if unasked and payment.sale_id is not None and payment.sale_id == self._sale.held_id:
            self._tasks.start(self._show_matched(payment, payment.sale_id), "show matched payment")

    async def _show_matched(self, payment: Payment, sale_id: int) -> None:
        unconfirmed = {claim.receipt for claim in await self._matching.unconfirmed()}
        self._show_received(await self._sales.get(sale_id), payment, confirmed=payment.receipt not in unconfirmed)

    # --- what is shown ------------------------------------------------------------------------------------

    def say(self, topic: Topic) -> None:
        self._topic = topic
        self._look()
        self.announced.emit(topic.said.english)

    def _ask(self, said: Said, payment: Payment) -> None:
        self.say(Topic(Tone.ASK, said, payment, is_question=True))

    @Slot()
    def tick(self) -> None:
        """Ages go on; and the relay may have confirmed what the panel shows as not confirmed."""
        self._look()
        if self._waits_for_relay:
            self._once.start(self._confirm(), "look for the relay's answer")

    @property
    def _waits_for_relay(self) -> bool:
        """The panel shows a payment that the relay has not confirmed yet."""
        waiting, shown = self._unconfirmed, self._payment.state
        return waiting is not None and shown.page is Page.RECEIVED and shown.receipt == waiting.receipt

    async def _confirm(self) -> None:
        payment, waiting = self._unconfirmed, await self._matching.unconfirmed()
        if payment is None or payment.receipt in {claim.receipt for claim in waiting}:
            return
        self._unconfirmed = None
        if self._sale_id is not None:
            self._show_received(await self._sales.get(self._sale_id), payment, confirmed=True)

    @Slot()
    def _look(self) -> None:
        sale = self._sale.open_sale
        sale_id = sale.id if sale else None
        if self._sale_id not in (None, sale_id):
            self._topic, self._picked = None, ""  # That was about the customer before.
        self._sale_id = sale_id
        self.fits = self._matching.offers.of_sale(sale_id) if sale_id is not None else ()
        if self._picked not in {payment.id for payment in self.fits}:
            self._picked = ""
        self._show(self._line())
        ages = bool(self.fits) or self._waits_for_relay
        if ages != self._timer.isActive():
            (self._timer.start if ages else self._timer.stop)()

    def _line(self) -> Line | None:
        if self._claiming:
            return Line(Tone.NOTE, words.CLAIMING)
        free = self._enter_is_free
        if self._topic is not None:
            return line_of_topic(self._topic, accepts=bool(self._sale.state.cart.lines), enter_is_free=free)
        if self._sale_id is None or not self.fits:
            return None
        verdict = self._matching.offers.verdict
        return line_of_fits(self.fits, self._sale_id, self._picked, self._clock(), verdict, enter_is_free=free)

    def _show(self, line: Line | None) -> None:
        chosen = self._chosen if line is not None and line.by_enter else None
        enters = (chosen, self._topic, self._sale_id) if chosen is not None else None
        if enters != self._enters:
            self._enters, self._since = enters, self._monotonic()
        if line == self.line:
            return
        before, self.line = self.line, line
        self.changed.emit()
        if line is not None and (before is None or line.tone is not before.tone) and self._topic is None:
            self.announced.emit(line.said.english)

    @property
    def _chosen(self) -> Payment | None:
        """What accepting would accept."""
        if self._topic is not None:
            return self._topic.payment
        picked = next((payment for payment in self.fits if payment.id == self._picked), None)
        if picked is None and self._warns:
            return self.fits[0]
        return picked or self._certain

    @property
    def _certain(self) -> Payment | None:
        return certain(self.fits, self._sale_id, self._matching.offers.verdict) if self._sale_id is not None else None

    @property
    def _warns(self) -> bool:
        """The one that fits may be the money of a charge: the line asks about it."""
        return len(self.fits) == 1 and isinstance(self._matching.offers.verdict(self.fits[0]), Warned)

    def _asks_already(self, payment: Payment) -> bool:
        return self._warns and payment == self.fits[0]

    @property
    def _enter_is_free(self) -> bool:
        """Neither a text, nor a field, nor a button of the payment panel waits for it."""
        sale, payment = self._sale.state, self._payment.state
        if payment.page is Page.NONE:
            return not sale.search and sale.adding is None and not sale.asking_to_clear
        if payment.page is Page.CHARGE:
            return payment.panel is not None and payment.panel.primary is None
        return payment.page is Page.TILL
