"""The part of the demo in which customers pay by themselves: offered, accepted, in part, too much, and of no sale."""

import asyncio
from dataclasses import dataclass

import httpx
from PySide6.QtCore import Qt

from pos_app.commands.driving import Driver
from pos_app.domain.money import Money
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import SETTLE

_PAYER = {"phone": "254722000126", "name": "WANJIKU NJERI"}


@dataclass(frozen=True)
class OwnPayments:
    driver: Driver
    customer: httpx.AsyncClient

    async def everything(self) -> None:
        await self._offered()
        await self._in_part()
        await self._too_much()
        await self._of_no_sale()
        await self._customer_display()

    async def _offered(self) -> None:
        await self._waits_at_till("320")
        await self._pays(320)
        await self.driver.picture("offered")
        await self._accepted("own-payment")
        await self.driver.enter_once_it_counts()

    async def _in_part(self) -> None:
        await self._waits_at_till("450")
        await self._pays(330)
        await self._take(330)
        await self._accepted("paid-in-part")
        await self.driver.enter_once_it_counts()
        await self.driver.page(Page.CASH)
        await self.driver.type("", Qt.Key.Key_Return)
        await self.driver.page(Page.CHANGE)
        await self.driver.enter_once_it_counts()

    async def _too_much(self) -> None:
        await self._waits_at_till("200")
        await self._pays(250)
        await self._take(250)
        await self._accepted("too-much")
        await self.driver.enter_once_it_counts()
        await self.driver.page(Page.CHANGE)
        await self.driver.enter_once_it_counts()

    async def _of_no_sale(self) -> None:
        await self.driver.page(Page.NONE)
        await self._pays(99)
        await self.driver.type("", Qt.Key.Key_F10)
        await self.driver.settled()
        await self.driver.picture("unclaimed")
        await self.driver.type("", Qt.Key.Key_Escape)

    async def _customer_display(self) -> None:
        from pos_app.ui.customer_display.view import CustomerDisplay

        await self._waits_at_till("75")
        shown = CustomerDisplay(self.driver.desk.facing, training=True)
        shown.resize(self.driver.desk.window.size())
        shown.show()
        await self.driver.until(lambda: bool(self.driver.desk.facing.state.picture), "the customer sees a QR code")
        await self.driver.settled()
        self.driver.save(shown, "customer-display")
        shown.close()
        shown.deleteLater()
        await self.driver.come_back()
        await self.driver.type("", Qt.Key.Key_F9)
        await self.driver.until(lambda: bool(self.driver.desk.sale.state.tabs), "the sale is parked")

    async def _waits_at_till(self, amount: str) -> None:
        await self.driver.ring(amount)
        await self.driver.type("", Qt.Key.Key_F3)
        await self.driver.page(Page.TILL)

    async def _pays(self, amount: int) -> None:
        account = self.driver.access.account
        before = self.driver.desk.till.matching.offers.count
        to = account.till_number or account.short_code
        await self.driver.post(self.customer, "c2b/pay", {"to": to, "amount": amount, **_PAYER})
        offers = self.driver.desk.till.matching.offers
        await self.driver.until(lambda: offers.count > before, f"the payment of KES {amount} is there")
        await self.driver.settled()

    async def _take(self, amount: int) -> None:
        """A press on its chip, once the chips stand still."""
        rail = self.driver.desk.rail
        await asyncio.sleep(SETTLE)
        chip = next(chip for chip in rail.state.chips if chip.payment and chip.amount == Money.shillings(amount))
        rail.press(chip)
        await self.driver.settled()

    async def _accepted(self, picture: str) -> None:
        await self.driver.enter_once_it_counts()
        await self.driver.page(Page.RECEIVED)
        await self.driver.picture(picture)
