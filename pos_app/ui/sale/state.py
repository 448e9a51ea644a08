"""What the selling screen shows, as one frozen value, and the words that follow from it."""

from dataclasses import dataclass, field
from enum import StrEnum

from pos_app.domain.catalogue import Product
from pos_app.domain.money import ZERO, Money
from pos_app.domain.sale import Cart, Sale

NOTHING_TO_PAY = "Scan or type an amount first."
AMOUNT_NAME = "Amount"


class Way(StrEnum):
    """How a sale is settled; one key each."""

    MPESA = "mpesa"
    CASH = "cash"
    TILL = "till"
    SPLIT = "split"


class Mark(StrEnum):
    OPEN = "open"
    WAITING = "waiting"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Tab:
    sale_id: int
    number: int
    total: Money
    mark: Mark


@dataclass(frozen=True, slots=True)
class NewProduct:
    barcode: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class SellState:
    cart: Cart = field(default_factory=Cart)
    selected: int = -1
    title: str = "New sale"
    due: Money = ZERO
    paid: Money = ZERO
    locked: bool = False
    search: str = ""
    products: tuple[Product, ...] = ()
    tabs: tuple[Tab, ...] = ()
    adding: NewProduct | None = None
    notice: str = ""
    asking_to_clear: bool = False

    # What each zone of the screen shows of it, so that only the zone that shows something new is drawn.

    @property
    def of_finder(self) -> tuple[object, ...]:
        return self.search, self.products, self.adding

    @property
    def of_cart(self) -> tuple[object, ...]:
        asked = self.notice, self.asking_to_clear
        return self.tabs, self.title, self.cart, self.selected, self.due, self.paid, self.locked, *asked


def tab_of(sale: Sale) -> Tab:
    mark = Mark.PAID if sale.is_settled else Mark.WAITING if sale.awaiting else Mark.OPEN
    return Tab(sale.id, sale.number, sale.total, mark)
