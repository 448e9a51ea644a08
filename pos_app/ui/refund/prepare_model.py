"""Preparing a refund of one sale: of which money, how much, why and by which way; it draws nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn, MsisdnError
from pos_app.domain.phone_match import PhoneMatch, phone_match, typed_twice
from pos_app.domain.refund import Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_route import RouteOffer, first_open
from pos_app.domain.refused import Refused
from pos_app.ui.payment.typing import typed_amount
from pos_app.ui.tasks import OneAtATime, Soon, Tasks

if TYPE_CHECKING:
    from pos_app.services.refund_options import RefundOptions
    from pos_app.services.refunds import Refunds

_LOOK_MS = 60
CHOOSE_WHY = "Choose why the money is given back."
_NO_WAY = "There is no way to give that back just now; beside each way stands why."


@dataclass(frozen=True, slots=True)
class PrepareState:
    """`payment_id` is empty for the sale's cash; `chosen` is how many of each line of the sale come back."""

    options: "RefundOptions | None" = None
    payment_id: str = ""
    amount: Money = ZERO
    chosen: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    why: RefundReason | None = None
    offers: tuple[RouteOffer, ...] = ()
    route: Route | None = None
    is_own_choice: bool = False
    """Whether somebody chose the way; the till’s own choice follows the amount while it is typed."""
    payee: Msisdn | None = None
    """Once it is typed twice."""
    differ: bool = False
    """Two whole numbers were typed, and not the same."""
    problem: str = ""
    working: bool = False

    @property
    def payer(self) -> str:
        """Who paid, as far as this till was told."""
        payments = self.options.payments if self.options else ()
        return next((one.payer for one in payments if one.payment.id == self.payment_id), "")

    @property
    def fit(self) -> PhoneMatch | None:
        """Whether the payee is who paid; None until the number is typed twice."""
        return phone_match(self.payee, self.payer) if self.payee else None

    @property
    def left(self) -> Money:
        """Of the money that is chosen."""
        if self.options is None:
            return ZERO
        found = next((one.left for one in self.options.payments if one.payment.id == self.payment_id), None)
        return self.options.cash_left if found is None else found


class PrepareViewModel(QObject):
    changed = Signal()
    prepared = Signal(int)
    """The id of a refund that is on disk and waits to be released."""

    def __init__(self, refunds: "Refunds", tasks: Tasks) -> None:
        super().__init__()
        self._refunds = refunds
        self._tasks = tasks
        self._once = OneAtATime(tasks)
        self._looking = Soon(tasks, self._look, "ways of a refund", _LOOK_MS, self)
        self.state = PrepareState()

    def open(self, sale_id: int) -> None:
        self.state = PrepareState()
        self.changed.emit()
        self._tasks.start(self._open(sale_id), "what can be given back")

    def choose_money(self, payment_id: str) -> None:
        self._set(payment_id=payment_id, chosen=MappingProxyType({}), problem="")
        self._set(amount=self.state.left)
        self._looking.now()

    def tick(self, position: int, quantity: int) -> None:
        """So many of one line come back: their price is the amount, as far as it is left."""
        options = self.state.options
        if options is None:
            return
        chosen = {**self.state.chosen, position: quantity}
        chosen = {at: count for at, count in chosen.items() if count}
        worth = sum((options.sale.cart.lines[at].price * count for at, count in chosen.items()), ZERO)
        self._set(chosen=MappingProxyType(chosen), amount=min(worth, self.state.left) if chosen else ZERO, problem="")
        self._looking.now()

    def type_amount(self, text: str) -> None:
        self._set(amount=typed_amount(text) or ZERO, problem="")
        self._looking.call()

    def choose_why(self, why: RefundReason) -> None:
        self._set(why=why, problem="")

    def choose_route(self, route: Route) -> None:
        if any(offer.route is route and offer.is_open for offer in self.state.offers):
            self._set(route=route, is_own_choice=True, problem="")

    def type_number(self, phone: str, again: str) -> None:
        first, second = _number(phone), _number(again)
        same = first is not None and first == second
        self._set(payee=first if same else None, differ=bool(first and second) and not same, problem="")

    def prepare(self, note: str, phone: str, again: str) -> None:
        self._once.start(self._prepare(note, phone, again), "prepare refund")

    async def _open(self, sale_id: int) -> None:
        options = await self._refunds.options(sale_id)
        most = max(options.payments, key=lambda one: one.left, default=None)
        payment_id = most.payment.id if most is not None and most.left else ""
        self._set(options=options, payment_id=payment_id)
        self._set(amount=self.state.left)
        self._looking.now()

    async def _look(self) -> None:
        state = self.state
        if state.options is None:
            return
        offers = await self._refunds.routes(state.options, state.amount, state.payment_id)
        state = self.state
        is_open = any(offer.route is state.route and offer.is_open for offer in offers)
        stays = is_open and state.is_own_choice
        self._set(offers=offers, route=state.route if stays else first_open(offers), is_own_choice=stays)

    async def _prepare(self, note: str, phone: str, again: str) -> None:
        if not self.state.offers:
            await self._look()
        state = self.state
        problem = CHOOSE_WHY if state.why is None else _NO_WAY if state.route is None else ""
        payee = self._payee(phone, again) if state.route is Route.B2C else None
        if problem or isinstance(payee, str):
            self._set(problem=problem or payee)
            return
        self._set(working=True)
        answer = await self._send(note, payee)
        self._set(working=False, problem=answer.sentence if isinstance(answer, Refused) else "")
        if not isinstance(answer, Refused):
            self.prepared.emit(answer.id)

    def _payee(self, phone: str, again: str) -> Msisdn | str:
        try:
            return typed_twice(phone, again)
        except MsisdnError as error:
            return str(error)

    async def _send(self, note: str, payee: Msisdn | None) -> Any:
        from pos_app.services.refunds import Draft

        state = self.state
        if state.options is None or state.why is None or state.route is None:
            return Refused(_NO_WAY)
        draft = Draft(
            state.options.sale.id,
            state.payment_id,
            state.amount,
            state.route,
            state.why,
            note,
            payee,
            tuple(state.chosen.items()),
        )
        return await self._refunds.prepare(draft)

    def _set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.changed.emit()


def _number(typed: str) -> Msisdn | None:
    """None while it is not whole yet."""
    try:
        return Msisdn.parse(typed)
    except MsisdnError:
        return None
