"""Follows the cart and the payment panel, and tells of them what a customer may see; it decides nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn, MsisdnError
from pos_app.domain.reference import sale_reference
from pos_app.ui.customer_display.state import DisplayState, Scene
from pos_app.ui.payment.stage import Stage
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import PaymentViewModel
from pos_app.ui.payment.words import Tone
from pos_app.ui.sale.view_model import SaleViewModel
from pos_app.ui.shop_header import ShopHeader
from pos_app.ui.tasks import Tasks

FOLLOW_MS = 30
"""The cashier's window is painted first, and many changes at once are drawn once."""
PAID_MS = 5000
"""PAID stays this long, though the next customer's goods are scanned already."""
_NAME_MAX = 20
_PAID_OTHERWISE = frozenset({Page.PHONE, Page.SPLIT, Page.CASH})
"""Pages on which nobody waits for a code."""
Ask = Callable[[Money, str], Awaitable[bytes | None]]


class DisplayViewModel(QObject):
    """Follows nothing until it is attended to: most counters have no second screen."""

    changed = Signal()

    def __init__(
        self,
        sale: SaleViewModel,
        payment: PaymentViewModel,
        tasks: Tasks,
        *,
        shop: Callable[[], ShopHeader],
        till_code: Callable[[], str],
        ask_code: Ask,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._sale, self._payment, self._tasks = sale, payment, tasks
        self._shop, self._till_code, self._ask_code = shop, till_code, ask_code
        self.state = DisplayState()
        self._attended = False
        self._wanted: tuple[Money, str, str] | None = None
        """Amount, reference and the shop's number."""
        self._picture = b""
        self._soon = QTimer(self, interval=FOLLOW_MS, singleShot=True)
        self._soon.timeout.connect(self.follow)
        self._paid = QTimer(self, interval=PAID_MS, singleShot=True)
        self._paid.timeout.connect(self.follow)
        sale.changed.connect(self.follow_soon)
        payment.changed.connect(self.follow_soon)

    def attend(self, attended: bool) -> None:
        """Whether anybody can see it."""
        self._attended = attended
        if attended:
            self.follow()

    @Slot()
    def follow_soon(self) -> None:
        if self._attended and not self._soon.isActive():
            self._soon.start()

    @Slot()
    def follow(self) -> None:
        now = self._read()
        if now.scene is not Scene.PAID and self.state.scene is Scene.PAID and self._paid.isActive():
            return
        if now.scene is Scene.PAID and now != self.state:
            self._paid.start()
        self._show(self._with_code(now))

    # --- what there is to see -----------------------------------------------------------------------------

    def _read(self) -> DisplayState:
        shop, panel = self._shop(), self._payment.state
        idle = DisplayState(shop_name=shop.shop_name, number_label=shop.number_label)
        scene = self._scene()
        if scene is Scene.PHONE:
            return replace(idle, scene=scene, amount=panel.due, phone=_masked(panel.phone))
        if scene is Scene.PAID:
            return replace(idle, scene=scene, amount=panel.due, first_name=_first(panel.payer), change=panel.change)
        return replace(idle, scene=scene, amount=self._due()) if scene is not Scene.IDLE else idle

    def _scene(self) -> Scene:
        panel = self._payment.state
        if panel.page is Page.NONE:
            return Scene.TOTAL if self._sale.state.cart.lines else Scene.IDLE
        if panel.page is Page.CHANGE:
            return Scene.PAID
        return self._of_charge() if panel.panel is not None else Scene.TOTAL

    def _of_charge(self) -> Scene:
        """A charge that failed is the total again: why it failed is the customer's own affair."""
        panel = self._payment.state
        tone = panel.panel.tone if panel.panel is not None else Tone.FAILED
        if tone is Tone.WAITING:
            return Scene.PHONE
        if tone is Tone.CHECKING:
            return Scene.CHECKING if panel.stage in {Stage.CHECKING, Stage.UNRESOLVED} else Scene.ASK
        return Scene.PAID if tone is Tone.PAID and self._payment.is_done else Scene.TOTAL

    def _due(self) -> Money:
        sale = self._payment.sale
        return sale.remaining if self._payment.is_open and sale is not None else self._sale.state.due

    # --- the code -----------------------------------------------------------------------------------------

    def _with_code(self, now: DisplayState) -> DisplayState:
        """One of Safaricom's for a sale that has a number; a cart that is still filled would need one per scan."""
        sale = self._payment.sale or self._sale.open_sale
        if now.scene is not Scene.TOTAL or sale is None:
            return now
        reference = sale_reference(self._till_code(), sale.number)
        told = replace(now, account=reference if now.pays_by_account else "")
        wanted = (now.amount, reference, now.number_label)
        if self._wanted == wanted:
            return replace(told, picture=self._picture)
        if self._payment.state.page not in _PAID_OTHERWISE:
            self._wanted, self._picture = wanted, b""
            self._tasks.start(self._ask(wanted), "ask for a qr code")
        return told

    async def _ask(self, wanted: tuple[Money, str, str]) -> None:
        amount, reference, _number = wanted
        picture = await self._ask_code(amount, reference)
        if picture is not None and self._wanted == wanted:
            self._picture = picture
            self.follow_soon()

    def _show(self, state: DisplayState) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit()


def _masked(phone: str) -> str:
    try:
        return Msisdn.parse(phone).masked
    except MsisdnError:
        return ""


def _first(name: str) -> str:
    return next(iter(name.split()), "")[:_NAME_MAX]
