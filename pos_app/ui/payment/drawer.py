"""Cash into the drawer and out of it, for the sale at the payment panel; it shows nothing."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.money import Money
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Sale
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.sales import Sales


class Drawer(QObject):
    working = Signal(bool)
    answered = Signal(int, object)
    """The id of the sale, and the sale as it now is or why it was refused."""

    def __init__(self, sales: "Sales", tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._sales, self._tasks = sales, tasks

    def take(self, sale: Sale, received: Money) -> None:
        self._start(sale, self._sales.pay_cash(sale.id, received), "cash")

    def give_change(self, sale: Sale) -> None:
        """For what M-Pesa paid too much."""
        self._start(sale, self._sales.give_change(sale.id), "give change")

    def _start(self, sale: Sale, work: Coroutine[Any, Any, Sale | Refused], name: str) -> None:
        self.working.emit(True)
        self._tasks.start(self._until_done(sale.id, work), name)

    async def _until_done(self, sale_id: int, work: Coroutine[Any, Any, Sale | Refused]) -> None:
        try:
            answer = await work
        finally:
            self.working.emit(False)
        self.answered.emit(sale_id, answer)
