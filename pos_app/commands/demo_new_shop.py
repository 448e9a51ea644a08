"""The screens of a shop that begins: its owner, the recovery key, cash alone, and an office with nothing in it yet."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from pos_app.commands.driving import DemoError, Driver
from pos_app.commands.refunding import Hands
from pos_app.domain.reference import printed_reference
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.settings import MemorySecrets
from pos_app.ui.desk import Desk
from pos_app.ui.office.accounts import AccountsPart
from pos_app.ui.office.people import PeoplePart
from pos_app.ui.office.record import RecordPart
from pos_app.ui.payment.state import Page
from pos_app.ui.refund.part import RefundsPart
from pos_app.ui.settings.operator.section import OperatorSection
from pos_app.ui.settings.view import SettingsPage
from pos_app.ui.staff.entrance import FirstOwnerPage, RecoveryKeyPage
from pos_app.ui.theme import apply_theme

_PIN = "90736215"
P = TypeVar("P", bound=QWidget)


async def picture_new_shop(app: QApplication, play: Driver, size: tuple[int, int]) -> None:
    """In a till of its own that keeps nothing; its pictures follow those of the play."""
    with tempfile.TemporaryDirectory(prefix="till-demo-new-") as folder:
        desk = Desk(app, Path(folder), secrets=MemorySecrets())
        apply_theme(app, play.theme)
        desk.window.resize(*size)
        desk.window.show()
        desk.window.activateWindow()
        try:
            await desk.open()
            await NewShop(Driver(desk, play.access, play.out, play.theme, play.files)).everything()
        finally:
            await desk.close()


@dataclass(frozen=True)
class NewShop:
    driver: Driver

    async def everything(self) -> None:
        await self._owner()
        await self._empty_office()
        await self._cash_alone()
        await self._operator()

    async def _owner(self) -> None:
        page = await self._locked_by(FirstOwnerPage)
        await self.driver.picture("first-owner")
        await self.driver.type("Wanjiru", Qt.Key.Key_Return)
        for pin in ("1234", _PIN):
            page.pin.clear()
            page.again.clear()
            page.pin.setFocus()
            await self.driver.type(pin, Qt.Key.Key_Tab)
            await self.driver.type(pin, Qt.Key.Key_Return)
            await self.driver.settled()
            if pin != _PIN:
                await self.driver.picture("first-owner-poor-pin")
        key = await self._locked_by(RecoveryKeyPage)
        await self.driver.picture("recovery-key")
        await self.driver.type("WRONG", Qt.Key.Key_Return)
        await self.driver.picture("recovery-key-not-copied")
        key.end.clear()
        await self.driver.type(key.key.text()[-5:], Qt.Key.Key_Return)
        await self.driver.until(lambda: self.driver.desk.window.locked_by is None, "the till is open")
        await self.driver.settled()

    async def _locked_by(self, kind: type[P]) -> P:
        window = self.driver.desk.window
        await self.driver.until(lambda: isinstance(window.locked_by, kind), f"the door shows {kind.__name__}")
        await self.driver.settled()
        page = window.locked_by
        if not isinstance(page, kind):
            raise DemoError("The door shows something else.")
        return page

    async def _empty_office(self) -> None:
        hands = Hands(self.driver)
        for kind, name in ((RefundsPart, "refunds"), (AccountsPart, "accounts"), (PeoplePart, "staff")):
            await hands.show(kind)
            await self.driver.picture(f"new-shop-{name}")
        record = await hands.show(RecordPart)
        record.search.setFocus()
        await self.driver.type("nobody", Qt.Key.Key_Right)
        await self.driver.until(lambda: record.table.model().rowCount() == 0, "nothing is found")
        await self.driver.picture("new-shop-record-without-a-match")

    async def _cash_alone(self) -> None:
        hands, desk = Hands(self.driver), self.driver.desk
        await self.driver.ring("350")
        await self.driver.type("", Qt.Key.Key_F2)
        await self.driver.page(Page.CASH)
        await self.driver.type("", Qt.Key.Key_Return)
        await self.driver.page(Page.CHANGE)
        await self.driver.enter_once_it_counts()
        page = await hands.begin(printed_reference(desk.settings.code_in_force, 1))
        await self.driver.picture("prepare-of-cash")
        await hands.prepare(page, RefundReason.RETURNED)
        hands.part.detail.releaser.pin.setFocus()
        await self.driver.type(_PIN, Qt.Key.Key_Return)
        await hands.becomes(RefundState.COMPLETED)
        await self.driver.picture("refund-of-cash")

    async def _operator(self) -> None:
        await self.driver.type("", Qt.Key.Key_F7)
        page = self.driver.desk.window.stack.currentWidget()
        if not isinstance(page, SettingsPage):
            raise DemoError("F7 does not lead to the settings.")
        section = next(one for one in page.sections if isinstance(one, OperatorSection))
        page.show_part(section)
        await self.driver.settled()
        await self.driver.picture("settings-operator")
        section.keep.click()
        await self.driver.until(lambda: bool(section.problem.text()), "a name is asked for")
        await self.driver.picture("settings-operator-incomplete")
