"""The sales that wait beside the cart, kept by reading what changed; a sale is gone from here once it is closed."""

from collections.abc import Set
from typing import TYPE_CHECKING

from pos_app.domain.sale import Sale
from pos_app.ui.sale.state import Tab, tab_of

if TYPE_CHECKING:
    from pos_app.services.sales import Sales

MOST = 50
"""As many as the services tell of at once."""
_MANY = 8
"""So many changes at once, as after an hour offline, cost more one by one than to read everything."""


class BesideSales:
    def __init__(self, sales: "Sales") -> None:
        self._sales = sales
        self._open: dict[int, tuple[Sale, Tab]] = {}
        self._whole = False

    def sale(self, sale_id: int) -> Sale | None:
        """As it was last read; None once it is closed."""
        kept = self._open.get(sale_id)
        return kept[0] if kept else None

    def tabs(self, held: int | None) -> tuple[Tab, ...]:
        """Oldest first, without the sale that is held in the cart."""
        return tuple(self._open[sale_id][1] for sale_id in sorted(self._open) if sale_id != held)

    async def read(self, changed: Set[int]) -> None:
        by_one = self._whole and len(changed) <= _MANY
        self._whole = False  # and stays so where a read fails, so that the next one reads everything
        # A tab that was left may be free for a sale that had none.
        left = [sale_id for sale_id in changed if not await self._is_still_open(sale_id)] if by_one else []
        if not by_one or (left and len(self._open) >= MOST - 1):
            self._open = {sale.id: (sale, tab_of(sale)) for sale in await self._sales.parked()}
        self._whole = True

    async def _is_still_open(self, sale_id: int) -> bool:
        sale = await self._sales.get(sale_id)
        if sale.closed_at or sale.voided_at:
            self._open.pop(sale_id, None)
            return False
        self._open[sale_id] = sale, tab_of(sale)
        if len(self._open) > MOST:
            del self._open[max(self._open)]
        return True
