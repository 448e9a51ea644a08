"""The sales that wait beside the cart: the unsettled ones, and those that were paid while nobody looked."""

from typing import TYPE_CHECKING

from pos_app.domain.sale import Sale
from pos_app.ui.sale.state import Tab, tab_of

if TYPE_CHECKING:
    from pos_app.services.sales import Sales


class BesideSales:
    def __init__(self, sales: "Sales") -> None:
        self._sales = sales
        self._paid: dict[int, Sale] = {}

    def forget(self, sale_id: int) -> None:
        """Its green tab was opened."""
        self._paid.pop(sale_id, None)

    async def read(self, shown: tuple[Tab, ...], held: int | None) -> tuple[tuple[Tab, ...], dict[int, Sale]]:
        """The tabs without the sale that is held in the cart, and every unsettled sale by its id."""
        unsettled = {sale.id: sale for sale in await self._sales.parked()}
        for tab in shown:
            if tab.sale_id not in unsettled and tab.sale_id != held:
                await self._keep_if_paid(tab.sale_id)
        beside = {**self._paid, **unsettled}
        beside.pop(held or 0, None)
        return tuple(tab_of(beside[sale_id]) for sale_id in sorted(beside)), unsettled

    async def _keep_if_paid(self, sale_id: int) -> None:
        sale = await self._sales.get(sale_id)
        if sale.is_settled and sale.closed_at is None:
            self._paid[sale_id] = sale
        else:
            self.forget(sale_id)
