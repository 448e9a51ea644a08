"""The hands that refund, and that sign in, at the till's real window; they know no step of any play."""

from dataclasses import dataclass
from typing import TypeVar

import httpx
from PySide6.QtCore import Qt

from pos_app.commands.driving import DemoError, Driver
from pos_app.domain.money import Money
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.domain.staff import Person
from pos_app.services.training_staff import PRACTICE_PINS
from pos_app.ui.history.view import HistoryPage
from pos_app.ui.main_window import OFFICE
from pos_app.ui.office.part import Part
from pos_app.ui.office.view import OfficePage
from pos_app.ui.payment.stage import Stage
from pos_app.ui.refund.part import RefundsPart
from pos_app.ui.refund.prepare_view import PrepareView
from pos_app.ui.staff.entrance import SignInPage

P = TypeVar("P", bound=Part)


@dataclass(frozen=True)
class Hands:
    """What needs no customer."""

    driver: Driver

    @property
    def office(self) -> OfficePage:
        page = self.driver.desk.window.stack.widget(OFFICE)
        if not isinstance(page, OfficePage):
            raise DemoError("The office is not there yet.")
        return page

    @property
    def part(self) -> RefundsPart:
        return self.office.refunds

    async def begin(self, code: str) -> PrepareView:
        """From the history, where the code of its receipt or of M-Pesa finds the sale, to the start of its refund."""
        await self.driver.type("", Qt.Key.Key_F6)
        await self.driver.until(lambda: self._history is not None, "the history is shown")
        if (history := self._history) is None:
            raise DemoError("The history is gone again.")
        history.scan(code)
        await self.driver.until(history.detail.refund.isVisible, f"the sale of {code} is shown")
        await self.driver.settled()
        await self.driver.type("", Qt.Key.Key_F3)
        await self.driver.until(self._is_office, "the office is shown")
        page = self.part.prepare
        await self.driver.until(page.isVisible, "a refund begins")
        await self.driver.until(lambda: self._chosen(page) is not None, "a way is offered")
        return page

    def _is_office(self) -> bool:
        return isinstance(self.driver.desk.window.stack.currentWidget(), OfficePage)

    @property
    def _history(self) -> HistoryPage | None:
        page = self.driver.desk.window.stack.currentWidget()
        return page if isinstance(page, HistoryPage) else None

    def _chosen(self, page: PrepareView) -> Route | None:
        return next((route for route, way in page.ways.items() if way.button.isChecked()), None)

    async def part_of_it(self, page: PrepareView, amount: str, phone: str, again: str = "") -> None:
        """By M-Pesa, to a number."""
        page.amount.selectAll()
        page.amount.setFocus()
        await self.driver.type(amount, Qt.Key.Key_Tab)
        await self.driver.until(lambda: self._chosen(page) is Route.B2C, "a part goes by M-Pesa")
        for field, number in ((page.phone, phone), (page.again, again or phone)):
            field.clear()
            field.setFocus()
            await self.driver.type(number, Qt.Key.Key_Tab)

    async def prepare(self, page: PrepareView, why: RefundReason) -> Refund:
        page.whys[why].click()
        await self.driver.type("", Qt.Key.Key_F10)
        return await self.becomes(RefundState.REQUESTED)

    async def release(self, name: str) -> None:
        """Whoever it is types the own PIN, and Enter."""
        releaser = self.part.detail.releaser
        releaser.people.setCurrentIndex(releaser.people.findData((await self.person(name)).id))
        releaser.pin.setFocus()
        await self.driver.type(PRACTICE_PINS[name], Qt.Key.Key_Return)

    async def becomes(self, state: RefundState) -> Refund:
        def is_there() -> bool:
            return self.part.refund is not None and self.part.refund.state is state

        await self.driver.until(is_there, f"the refund is {state}")
        await self.driver.settled()
        if self.part.refund is None:
            raise DemoError("The refund is gone from the window.")
        return self.part.refund

    async def refused(self) -> None:
        await self.driver.until(lambda: bool(self.part.detail.problem.text()), "it is refused")
        await self.driver.settled()

    async def person(self, name: str) -> Person:
        return next(one for one in await self.driver.desk.till.staff.people() if one.name == name)

    async def lock(self) -> SignInPage:
        self.driver.press(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
        window = self.driver.desk.window
        await self.driver.until(lambda: isinstance(window.locked_by, SignInPage), "the till is locked")
        await self.driver.settled()
        page = window.locked_by
        if not isinstance(page, SignInPage):
            raise DemoError("Nobody can sign in.")
        return page

    async def sign_in(self, name: str) -> None:
        page = await self.lock() if self.driver.desk.window.locked_by is None else self.driver.desk.window.locked_by
        if isinstance(page, SignInPage):
            page.tiles[(await self.person(name)).id].click()
        await self.driver.type(PRACTICE_PINS[name], Qt.Key.Key_Return)
        await self.driver.until(lambda: self.driver.desk.window.locked_by is None, f"{name} is signed in")

    async def show(self, kind: type[P]) -> P:
        """A part of the office."""
        self.driver.press(Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
        await self.driver.until(self._is_office, "the office is shown")
        part = next(part for part in self.office.parts if isinstance(part, kind))
        self.office.show_part(part)
        await self.driver.settled()
        return part

    async def given_back(self) -> Money:
        """By M-Pesa, as this till counts it."""
        all_of_them = await (await self.driver.desk.till.office()).refunds.newest()
        done = [one for one in all_of_them if one.state is RefundState.COMPLETED and one.route.is_by_mpesa]
        return sum((one.amount for one in done), Money(0))


@dataclass(frozen=True)
class Refunding(Hands):
    customer: httpx.AsyncClient

    async def sold(self, amount: str) -> str:
        """Paid by the customer's phone; its M-Pesa code."""
        await self.driver.ring(amount)
        await self.driver.charge()
        await self.driver.stage(Stage.ON_PHONE)
        await self.driver.act(self.customer, "approve")
        await self.driver.stage(Stage.PAID)
        await self.driver.until(lambda: bool(self.driver.desk.payment.state.receipt), "the M-Pesa code is shown")
        code = self.driver.desk.payment.state.receipt
        await self.driver.type("", Qt.Key.Key_Return)
        return code

    async def plays(self, scenario: object) -> None:
        """What Safaricom makes of the next refund."""
        told: dict[str, object] = {"of": "payments", "scenario": scenario, "next": 1}
        await self.driver.post(self.customer, "operator/scenario", told)
