"""The payment panel: what is shown, what may be pressed, and what each press asks for; words live in `words`."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from pos_app.domain.attempt import Attempt
from pos_app.domain.money import ZERO, AmountError, Money, checked_charge
from pos_app.domain.msisdn import Msisdn, MsisdnError
from pos_app.domain.payment import Payment
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Sale
from pos_app.services.changes import Changes, Notice
from pos_app.ui.payment import words
from pos_app.ui.payment.charge import Charge
from pos_app.ui.payment.drawer import Drawer
from pos_app.ui.payment.received import Received, received_panel
from pos_app.ui.payment.stage import BUSY_SECONDS, Stage, age, sound_of, stage_of
from pos_app.ui.payment.state import Page, PaymentState
from pos_app.ui.payment.typing import change_words, prefix_warning, quick_amounts
from pos_app.ui.payment.words import Act, Tone
from pos_app.ui.sounds import Sound, Sounds
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.payments import Payments
    from pos_app.services.sales import Sales

T = TypeVar("T")
TICK_MS = 250
AUTO_NEXT = 4.0
SETTLE = 0.6
"""Seconds in which a fresh panel takes no press: a second Enter meant for the panel before it must not land here."""


class PaymentViewModel(QObject):
    changed = Signal()
    announced = Signal(str)
    finished = Signal()
    """The sale is settled and left behind."""
    parked = Signal()
    returned = Signal(object)
    """Back to the cart, with the sale as it now is."""
    refused = Signal(str)
    receipt_wanted = Signal(int)

    def __init__(
        self,
        payments: "Payments",
        sales: "Sales",
        changes: Changes,
        tasks: Tasks,
        *,
        sounds: Sounds,
        clock: Callable[[], datetime],
        number_label: str = "",
        monotonic: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._sales, self._changes, self._tasks, self._sounds = sales, changes, tasks, sounds
        self._clock, self._monotonic, self._started = clock, monotonic, clock()
        self.state = PaymentState(number_label=number_label)
        self._asked = ZERO
        self._since = self._busy_until = monotonic()
        self._charge = Charge(payments, sales, changes, tasks, self)
        self._drawer = Drawer(sales, tasks, self)
        self._drawer.answered.connect(self._on_drawer)
        for work in (self._charge, self._drawer):
            work.working.connect(lambda working: self._set(working=working))
        self._charge.moved.connect(self._on_moved)
        self._charge.refused.connect(self._on_refused)
        self._charge.opened.connect(self._on_opened)
        self._charge.idle.connect(self._return)
        self._charge.free.connect(self._go)
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def sale(self) -> Sale | None:
        return self._charge.sale

    @property
    def is_open(self) -> bool:
        return self.state.page is not Page.NONE

    @property
    def is_done(self) -> bool:
        """The customer has paid in full; the next scan is the next customer's."""
        settled = self.sale is not None and self.sale.is_settled
        return settled and self.state.page in {Page.CHARGE, Page.RECEIVED, Page.CHANGE}

    @property
    def is_waiting(self) -> bool:
        """Money may be moving for the sale on the screen."""
        return self.state.page is Page.CHARGE and self.state.stage is not None and self.state.stage.is_open

    def show_number(self, label: str) -> None:
        self._set(number_label=label)

    # --- opening a page -----------------------------------------------------------------------------------

    def begin_mpesa(self, sale: Sale, amount: Money | None = None) -> None:
        """Asks for the phone; a sale whose charge is still open shows that charge instead, and says why."""
        if self._charge.is_open(sale):
            self._charge.look_up(sale, words.DO_NOT_CHARGE_AGAIN)
            return
        try:
            self._asked = checked_charge(amount or sale.remaining)
        except AmountError as problem:
            self.refused.emit(str(problem))
            return
        self._open(Page.PHONE, sale, self._asked)

    def begin_cash(self, sale: Sale) -> None:
        asked = self._charge.is_open(sale)
        self._open(Page.CASH, sale, sale.remaining)
        self._set(warning=words.STILL_ASKED if asked else "")
        self.type_cash("")

    def begin_till(self, sale: Sale) -> None:
        self._open(Page.TILL, sale, sale.remaining)

    def begin_split(self, sale: Sale) -> None:
        if self._charge.is_open(sale):
            self._charge.look_up(sale, words.DO_NOT_CHARGE_AGAIN)
        else:
            self._open(Page.SPLIT, sale, sale.remaining)

    def resume(self, sale: Sale) -> None:
        """Takes up a parked sale: its charge if that matters, else the cart."""
        self._charge.look_up(sale)

    def show_received(self, sale: Sale, payment: Payment, *, confirmed: bool) -> None:
        """A payment that the customer made unasked counts for the sale."""
        self._charge.receive(sale, payment, confirmed=confirmed)
        self._open(Page.RECEIVED, sale, payment.amount)
        panel = received_panel(sale, Received(payment, confirmed))
        self._sounds.play(Sound.PAID if panel.tone is Tone.PAID else Sound.ATTENTION)
        self.announced.emit(panel.announcement)

    def leave(self) -> None:
        """Shows the cart again; whatever is under way goes on."""
        self._charge.show(None)
        self._timer.stop()
        self._replace(PaymentState(number_label=self.state.number_label))

    # --- what people type ---------------------------------------------------------------------------------

    def type_phone(self, text: str) -> None:
        self._set(error="", warning=prefix_warning(text))

    def submit_phone(self, text: str) -> None:
        msisdn = self._read(lambda: Msisdn.parse(text)) if self.state.page is Page.PHONE else None
        if msisdn is not None:
            self._ask(msisdn)

    def submit_split(self, text: str) -> None:
        sale = self.sale
        if sale is None or self.state.page is not Page.SPLIT:
            return
        amount = self._read(lambda: checked_charge(Money.typed(text), sale.remaining))
        if amount is not None:
            self.begin_mpesa(sale, amount)

    def type_cash(self, text: str) -> None:
        word, change = change_words(text, self.state.due)
        self._set(error="", quick=quick_amounts(self.state.due), change_word=word, change=change)

    def submit_cash(self, text: str) -> None:
        """An empty field is the exact amount."""
        sale = self.sale
        if sale is None or self.state.working or self.state.page is not Page.CASH:
            return
        received = self._read(lambda: Money.typed(text)) if text.strip() else self.state.due
        if received is not None:
            self._set(error="")
            self._drawer.take(sale, received)

    def _read(self, typed: Callable[[], T]) -> T | None:
        """None, and said, where it cannot be read."""
        try:
            return typed()
        except (AmountError, MsisdnError) as problem:
            self._set(error=str(problem))
            return None

    # --- what people press --------------------------------------------------------------------------------

    def offers(self, act: Act) -> bool:
        panel = self.state.panel
        if self.state.page not in {Page.CHARGE, Page.RECEIVED} or panel is None:
            return False
        return act in {panel.primary, panel.secondary, *panel.more}

    def act(self, act: Act) -> None:
        if not self.offers(act) or (act is Act.SEND_AGAIN and self.state.countdown):
            return
        settled = self._monotonic() - self._since >= SETTLE
        if settled and (act is Act.PARK or not self.state.working):
            self._do(act)

    def park(self) -> None:
        self.leave()
        self.parked.emit()

    def back(self) -> None:
        """Escape: to the cart, or on to the next sale, or, while money may be moving, to the parked ones."""
        if self.is_done:
            self.finish()
        elif self.is_waiting:
            self.park()
        elif self.offers(Act.BACK):
            self.act(Act.BACK)
        elif self.is_open and not self.state.working:
            self._return()

    def finish(self) -> None:
        sale = self.sale
        self.leave()
        if sale is not None and sale.overpaid:
            self._changes.publish(Notice(words.change_not_given(sale), urgent=True))
        if sale is not None and sale.is_settled:
            self._tasks.start(self._sales.close(sale.id), "close sale")
        self.finished.emit()

    def _do(self, act: Act) -> None:
        attempt = self._charge.attempt
        if act is Act.NEXT:
            self.finish()
        elif act is Act.PARK:
            self.park()
        elif act is Act.RECEIPT and self.sale is not None:
            self.receipt_wanted.emit(self.sale.id)
        elif act is Act.GIVE_CHANGE and self.sale is not None:
            self._drawer.give_change(self.sale)
        elif self.state.page is Page.RECEIVED:
            self._go(act)
        elif attempt is not None:
            self._do_with(attempt, act)

    def _do_with(self, attempt: Attempt, act: Act) -> None:
        if act is Act.CHECK_NOW:
            self._charge.check(attempt)
        elif words.is_resend(attempt):
            if act is Act.SEND_AGAIN:
                self._charge.resend(attempt)
            else:
                self._charge.withdraw(attempt, act)
        elif act is Act.SEND_AGAIN and self.sale is not None:
            self._asked = min(attempt.amount, self.sale.remaining)
            self._ask(attempt.msisdn)
        else:
            self._go(act)

    @Slot(object)
    def _go(self, act: Act) -> None:
        sale = self.sale
        if sale is None:
            return
        if act is Act.CASH:
            self.begin_cash(sale)
        elif act is Act.TILL:
            self.begin_till(sale)
        elif act is Act.SPLIT:
            self.begin_split(sale)
        elif act is Act.BACK:
            self._return()
        else:
            self.begin_mpesa(sale, min(self._asked, sale.remaining) if act is Act.OTHER_NUMBER else None)

    @Slot()
    def _return(self) -> None:
        sale = self.sale
        self.leave()
        self.returned.emit(sale)

    def _ask(self, msisdn: Msisdn) -> None:
        if self.sale is None:
            return
        if self._charge.ask(self._asked, msisdn):
            self._open(Page.CHARGE, self.sale, self._asked)
        elif self.state.page is Page.PHONE:
            self._set(error=words.DO_NOT_CHARGE_AGAIN)

    @Slot(int, object)
    def _on_drawer(self, sale_id: int, answer: Sale | Refused) -> None:
        if self.sale is None or self.sale.id != sale_id or self.state.page not in {Page.CASH, Page.RECEIVED}:
            return
        if isinstance(answer, Refused):
            self._set(error=answer.sentence)
        elif answer.remaining:
            self._charge.show(answer)
            self._return()
        else:
            self._show_change(answer)

    def _show_change(self, sale: Sale) -> None:
        receipt = self.state.receipt
        self._open(Page.CHANGE, sale, sale.total)
        self._set(change_word="Change", change=sale.tenders[-1].change_due, receipt=receipt)
        self._sounds.play(Sound.PAID)
        self.announced.emit(f"Paid. Change {self.state.change}.")

    # --- what the charge says -----------------------------------------------------------------------------

    @Slot()
    def _on_moved(self) -> None:
        attempt = self._charge.attempt
        is_news = self.state.page is not Page.CHARGE and not self._charge.was_paid_before
        if attempt is not None and attempt.state.is_paid and is_news and self.sale:
            self._open(Page.CHARGE, self.sale, attempt.amount)
        self._refresh()

    @Slot(str)
    def _on_refused(self, sentence: str) -> None:
        if self._charge.attempt is None and self.sale is not None and self.state.page is Page.CHARGE:
            self._open(Page.PHONE, self.sale, self._asked)
        self._set(error=sentence)

    @Slot(str)
    def _on_opened(self, saying: str) -> None:
        if self.sale is not None:
            self._asked = self._charge.attempt.amount if self._charge.attempt else self.sale.remaining
            self._open(Page.CHARGE, self.sale, self._asked)
            self._set(error=saying)

    # --- the state ----------------------------------------------------------------------------------------

    @Slot()
    def tick(self) -> None:
        self._refresh()
        panel = self.state.panel
        goes_on = panel.goes_on if panel else self.state.page is Page.CHANGE and not self.state.change
        if goes_on and self.is_done and self._monotonic() - self._since >= AUTO_NEXT:
            self.finish()

    def _open(self, page: Page, sale: Sale, due: Money) -> None:
        self._charge.show(sale)
        self._since = self._monotonic()
        if page in {Page.CHARGE, Page.RECEIVED, Page.CHANGE}:
            self._timer.start()
        before = self.state
        self.state = opened = PaymentState(page, f"Sale {sale.number}", due, number_label=before.number_label)
        self._refresh()
        if self.state is opened and opened != before:
            self.changed.emit()

    def _refresh(self) -> None:
        """Everything a charge shows, read from the attempt and the clocks."""
        received = self._charge.received
        if self.state.page is Page.RECEIVED and received is not None and self.sale is not None:
            told, paid = received.payment, received_panel(self.sale, received)
            self._set(stage=Stage.PAID, panel=paid, payer=told.first_name, receipt=told.receipt)
        if self.state.page is not Page.CHARGE:
            return
        attempt, asking = self._charge.attempt, self._charge.asking
        if attempt is not None:
            self._show_attempt(attempt)
        elif asking is not None:
            self._set(stage=Stage.SENDING, panel=words.sending_panel(asking), phone=asking.grouped)
        elif self.state.stage is not None:
            self._set(stage=Stage.UNRESOLVED, panel=words.lost_panel(), phone="")

    def _show_attempt(self, attempt: Attempt) -> None:
        now, sale = self._clock(), self.sale
        stage, waited = stage_of(attempt, now, sale, self._started), age(attempt, now)
        if stage is not self.state.stage:
            self._enter(stage, attempt, now)
        payer, receipt = self._charge.payer, attempt.receipt or self._charge.receipt
        countdown = max(0, round(self._busy_until - self._monotonic())) if stage is Stage.BUSY else 0
        state, panel = self.state, words.panel_of(stage, attempt, sale, waited)
        self._replace(
            state.of_attempt(stage, attempt, panel, waited, payer=payer, receipt=receipt, countdown=countdown)
        )

    def _enter(self, stage: Stage, attempt: Attempt, now: datetime) -> None:
        self._since = self._monotonic()
        if stage is Stage.BUSY:
            gone = (now - attempt.finished_at).total_seconds() if attempt.finished_at else 0.0
            self._busy_until = self._since + BUSY_SECONDS - max(gone, 0.0)
        sound = sound_of(stage)
        if sound is not None:
            self._sounds.play(sound)
        self.announced.emit(words.panel_of(stage, attempt, self.sale, age(attempt, now)).announcement)

    def _set(self, **changes: Any) -> None:
        self._replace(replace(self.state, **changes))

    def _replace(self, state: PaymentState) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit()
