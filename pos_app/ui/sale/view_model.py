"""The cart at the counter: what is in it, which sales wait beside it, and how it goes to the payment panel."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from pos_app.domain.catalogue import Product, ProductError
from pos_app.domain.money import AmountError, Money
from pos_app.domain.reference import read_printed
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.services.changes import AttemptChanged, CatalogueChanged, Changes, SaleChanged
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import PaymentViewModel
from pos_app.ui.payment.words import Act
from pos_app.ui.sale.meaning import Barcode, Code, is_code, meaning
from pos_app.ui.sale.state import AMOUNT_NAME, NOTHING_TO_PAY, NewProduct, SellState, Way
from pos_app.ui.sale.tabs import BesideSales
from pos_app.ui.tasks import OneAtATime, Soon, Tasks

if TYPE_CHECKING:
    from pos_app.services.catalogue import Catalogue
    from pos_app.services.sales import Sales

REFRESH_MS = 40
"""Many changes at once are read once."""
_ACTS = {Way.MPESA: Act.MPESA, Way.CASH: Act.CASH, Way.TILL: Act.TILL, Way.SPLIT: Act.SPLIT}


class SaleViewModel(QObject):
    changed = Signal()
    code_given = Signal(str)
    """An M-Pesa code was typed or scanned where a product was looked for."""

    def __init__(
        self,
        sales: "Sales",
        catalogue: "Catalogue",
        changes: Changes,
        tasks: Tasks,
        *,
        payment: PaymentViewModel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._sales, self._catalogue = sales, catalogue
        self._tasks, self._payment = tasks, payment
        self.state = SellState()
        self._sale: Sale | None = None
        self._beside = BesideSales(sales)
        self._changed: set[int] = set()
        self._once = OneAtATime(tasks)
        self._refreshing = Soon(tasks, self._refresh, "read sales", REFRESH_MS, self)
        payment.finished.connect(self._clear)
        payment.parked.connect(self._clear)
        payment.returned.connect(self._on_returned)
        payment.refused.connect(self.say)
        changes.subscribe(SaleChanged, lambda change: self._look_again(change.sale_id))
        changes.subscribe(AttemptChanged, lambda change: self._look_again(change.attempt.sale_id))
        changes.subscribe(CatalogueChanged, lambda _change: self.search(self.state.search))

    def start(self) -> None:
        """Reads what the screen needs; call it once the loop runs."""
        self.search("")
        self._refreshing.now()

    @Slot(str)
    def say(self, sentence: str) -> None:
        self._set(notice=sentence)

    # --- finding ------------------------------------------------------------------------------------------

    def search(self, text: str) -> None:
        self._set(search=text, notice="")
        self._tasks.start(self._search(text), "search products")

    def enter(self, text: str) -> None:
        """Enter in the search field: an amount, a barcode, or the first product found."""
        typed = text.strip()
        if typed:
            self._tasks.start(self._enter(typed), "enter")

    def scan(self, code: str) -> None:
        """A scan is never lost: it goes to this sale, or to the next one where this one is paid or waiting."""
        if not (is_code(code) or read_printed(code)):
            self._make_room()
        self._tasks.start(self._scan(code), "scan")

    def pick(self, product: Product) -> None:
        self._make_room()
        self._add(SaleLine(product.name, product.price))
        self.search("")

    def _make_room(self) -> None:
        payment = self._payment
        if payment.is_done:
            payment.finish()
        elif payment.is_waiting:
            payment.park()
        elif payment.is_open:
            payment.back()
            if payment.is_open:
                payment.park()
        if self._sale is not None and self._sale.awaiting:
            self._clear()

    async def _search(self, text: str) -> None:
        found = await self._catalogue.products(text.strip())
        if text == self.state.search:
            self._set(products=found)

    async def _enter(self, typed: str) -> None:
        meant = await meaning(self._catalogue, typed)
        if isinstance(meant, Product):
            self.pick(meant)
        elif isinstance(meant, Money):
            self._enter_amount(meant)
        elif isinstance(meant, Barcode):
            self.begin_adding(meant.digits)
        elif isinstance(meant, Code):
            self.search("")
            self.code_given.emit(meant.text)
        else:
            self.say(f"Nothing matches “{typed}”. Press Ctrl+N to add it as a new product.")

    def _enter_amount(self, amount: Money) -> None:
        self.search("")
        if amount:
            self._make_room()
            self._add(SaleLine(AMOUNT_NAME, amount))
        else:
            self.say("Type an amount above zero.")

    async def _scan(self, code: str) -> None:
        product = await self._catalogue.by_barcode(code)
        if product is None and is_code(code):
            self.code_given.emit(code)
            return
        if product is None and read_printed(code):
            self.say("That is a receipt. Press F6 and scan it there to see its sale, or to give money back.")
            return
        self._make_room()
        if product is not None:
            self._add(SaleLine(product.name, product.price))
        else:
            self.begin_adding(code)

    # --- a new product ------------------------------------------------------------------------------------

    def begin_adding(self, barcode: str = "") -> None:
        self._set(adding=NewProduct(barcode), search="", notice="")

    def cancel_adding(self) -> None:
        self._set(adding=None)

    def save_product(self, name: str, price: str) -> None:
        adding = self.state.adding
        if adding is None:
            return
        try:
            amount = Money.typed(price)
        except AmountError as problem:
            self._set(adding=replace(adding, error=str(problem)))
            return
        self._once.start(self._save(adding, name, amount), "add product")

    async def _save(self, adding: NewProduct, name: str, price: Money) -> None:
        answer = await self._catalogue.add(name, price, adding.barcode)
        if isinstance(answer, Refused):
            self._set(adding=replace(adding, error=answer.sentence))
            return
        self._set(adding=None)
        self.pick(answer)

    # --- the lines ----------------------------------------------------------------------------------------

    def select(self, position: int) -> None:
        if 0 <= position < len(self.state.cart.lines):
            self._set(selected=position)

    def move(self, step: int) -> None:
        last = len(self.state.cart.lines) - 1
        self.select(min(max(self.state.selected + step, 0), last))

    def change_quantity(self, step: int) -> None:
        position = self.state.selected
        if position < 0:
            return
        quantity = self.state.cart.lines[position].quantity + step
        if quantity > 0:
            self._edit(lambda cart: cart.with_quantity(position, quantity), position)
        else:
            self.remove(position)

    def set_quantity(self, position: int, text: str) -> None:
        if not text.strip().isdecimal() or not 0 <= position < len(self.state.cart.lines):
            self.say("Type a quantity, for example 3.")
            return
        quantity = int(text)
        if quantity:
            self._edit(lambda cart: cart.with_quantity(position, quantity), position)
        else:
            self.remove(position)

    def remove(self, position: int) -> None:
        if 0 <= position < len(self.state.cart.lines):
            self._edit(lambda cart: cart.without_line(position), min(position, len(self.state.cart.lines) - 2))

    def _add(self, line: SaleLine) -> None:
        before = self.state.cart
        self._edit(lambda cart: cart.with_line(line), len(before.lines))
        lines = self.state.cart.lines
        if lines != before.lines:
            self._set(selected=[(held.name, held.price) for held in lines].index((line.name, line.price)))

    def _edit(self, change: Callable[[Cart], Cart], selected: int) -> None:
        if self.state.locked:
            self.say("Part of this sale is paid or asked for. Its lines cannot change any more.")
            return
        try:
            cart = change(self.state.cart)
        except (AmountError, ProductError) as problem:
            self.say(str(problem))
            return
        self._set(cart=cart, due=cart.total, selected=min(selected, len(cart.lines) - 1), notice="")

    # --- paying -------------------------------------------------------------------------------------------

    def pay(self, way: Way) -> None:
        if self._payment.is_open:
            self._switch(way)
        elif not self.state.cart.lines:
            self.say(NOTHING_TO_PAY)
        else:
            self.with_sale(partial(self._begin_paying, way))

    def _switch(self, way: Way) -> None:
        """Another key while a payment page is open: the other page, or the panel's own button."""
        payment, sale = self._payment, self._payment.sale
        if payment.state.page is Page.CHARGE:
            payment.act(_ACTS[way])
        elif sale is not None and not payment.state.working and payment.state.page is not Page.CHANGE:
            self._begin(way, sale)

    async def _begin_paying(self, way: Way, sale: Sale) -> None:
        self._begin(way, sale)

    @property
    def held_id(self) -> int | None:
        """The sale at the counter; None while the cart has no number yet."""
        return self._sale.id if self._sale else None

    @property
    def open_sale(self) -> Sale | None:
        """The same, while what is on disk is what is in the cart: only then is its total what the customer owes."""
        return self._sale if self._sale is not None and self._sale.cart == self.state.cart else None

    def with_sale(self, work: Callable[[Sale], Awaitable[None]]) -> None:
        """Opens the cart as a sale, or takes the one it is, and works with it; nothing else opens one meanwhile."""
        self._once.start(self._with_sale(work), "open sale")

    async def _with_sale(self, work: Callable[[Sale], Awaitable[None]]) -> None:
        sale = await self._on_disk()
        if sale is not None:
            await work(sale)

    def _begin(self, way: Way, sale: Sale) -> None:
        begin = {
            Way.MPESA: self._payment.begin_mpesa,
            Way.CASH: self._payment.begin_cash,
            Way.TILL: self._payment.begin_till,
            Way.SPLIT: self._payment.begin_split,
        }
        begin[way](sale)

    async def _on_disk(self) -> Sale | None:
        """The cart as a sale with a number; None, and said, where that is refused."""
        held, cart = self._sale, self.state.cart
        if held is None:
            answer = await self._sales.open(cart)
        elif held.cart != cart:
            answer = await self._sales.update(held.id, cart)
        else:
            answer = await self._sales.get(held.id)
        if isinstance(answer, Refused):
            self.say(answer.sentence)
            return None
        self._hold(answer)
        return answer

    # --- parked sales -------------------------------------------------------------------------------------

    def park(self) -> None:
        if self._payment.is_done:
            self._payment.finish()
        elif self._payment.is_open:
            self._payment.park()
        elif self.state.cart.lines:
            self._once.start(self._park(), "park sale")

    def take_up(self, sale_id: int) -> None:
        self._once.start(self._take_up(sale_id), "take up sale")

    async def _park(self) -> None:
        if await self._on_disk() is not None:
            self._clear()

    async def _take_up(self, sale_id: int) -> None:
        if self._payment.is_open:
            self._payment.park()
        elif self.state.cart.lines:
            await self._park()
        if self.state.cart.lines:
            return
        sale = await self._sales.get(sale_id)
        self._hold(sale)
        self._payment.resume(sale)
        self._refreshing.now()

    def ask_to_clear(self) -> None:
        if self.state.cart.lines and not self._payment.is_open:
            self._set(asking_to_clear=True)

    def answer_clear(self, yes: bool) -> None:
        self._set(asking_to_clear=False)
        if not yes:
            return
        if self._sale is None:
            self._clear()
        else:
            self._once.start(self._void(self._sale), "cancel sale")

    async def _void(self, sale: Sale) -> None:
        answer = await self._sales.void(sale.id)
        if isinstance(answer, Refused):
            self.say(answer.sentence)
        else:
            self._clear()

    # --- the state ----------------------------------------------------------------------------------------

    @Slot()
    def _clear(self) -> None:
        self._sale = None
        new = SellState()
        self._set(cart=new.cart, selected=new.selected, title=new.title, due=new.due, paid=new.paid, locked=new.locked)
        self._set(notice="", asking_to_clear=False)
        self._look_again()

    @Slot(object)
    def _on_returned(self, sale: Sale | None) -> None:
        if sale is None or sale.is_settled:
            self._clear()
            if sale is not None:
                self._tasks.start(self._sales.close(sale.id), "close sale")
        else:
            self._hold(sale)

    def _hold(self, sale: Sale) -> None:
        self._sale = sale
        kept = self.state.selected if 0 <= self.state.selected < len(sale.cart.lines) else len(sale.cart.lines) - 1
        self._set(
            cart=sale.cart,
            selected=kept,
            title=f"Sale {sale.number}",
            due=sale.remaining,
            paid=sale.paid,
            locked=bool(sale.tenders) or sale.awaiting,
        )

    def _look_again(self, *changed: int) -> None:
        """Soon, not now: the payment panel shows what became of its own charge first."""
        self._changed.update(changed)
        self._refreshing.call()

    async def _refresh(self) -> None:
        changed, self._changed = self._changed, set()
        await self._beside.read(changed)
        held = self.held_id
        self._set(tabs=self._beside.tabs(held))
        current = self._beside.sale(held) if held is not None else None
        if current is not None and not self._payment.is_open:
            self._follow(current)

    def _follow(self, sale: Sale) -> None:
        """The sale in the cart changed elsewhere, as when its charge ended; lines being edited stay."""
        if self._sale is not None and (sale.awaiting, sale.tenders) != (self._sale.awaiting, self._sale.tenders):
            self._hold(sale)

    def _set(self, **changes: Any) -> None:
        state = replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self.changed.emit()
