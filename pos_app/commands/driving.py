"""Drives the till's real window as a person would, and takes its picture; it knows no step of any play."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from pos_app.domain.shop import MpesaAccess
from pos_app.ui.desk import Desk
from pos_app.ui.payment.stage import Stage
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import SETTLE

PATIENCE_SECONDS = 30.0
PHONE = "0712 345 678"
"""Of the customer who is charged."""
_KEY_SECONDS = 0.05


class DemoError(Exception):
    """A step did not come to what it should; the message is a sentence."""


@dataclass
class Driver:
    """Every step waits for what the window shows, never for a time."""

    desk: Desk
    access: MpesaAccess
    out: Path
    theme: str
    files: list[Path] = field(default_factory=list)

    async def ring(self, amount: str) -> None:
        self.desk.window.show_page(0)
        await self.until(lambda: self.desk.payment.state.page is Page.NONE, "the cart is back")
        before = len(self.desk.sale.state.cart.lines)
        await self.type(amount, Qt.Key.Key_Return)
        await self.until(lambda: len(self.desk.sale.state.cart.lines) > before, f"{amount} is in the cart")

    async def page(self, page: Page) -> None:
        await self.until(lambda: self.desk.payment.state.page is page, f"the page is {page}")

    async def stage(self, stage: Stage) -> None:
        await self.until(lambda: self.desk.payment.state.stage is stage, f"the panel says {stage}")

    async def enter_once_it_counts(self) -> None:
        """A panel takes no key in its first moments."""
        await asyncio.sleep(SETTLE)
        await self.type("", Qt.Key.Key_Return)

    async def charge(self) -> None:
        """What is in the cart, from `PHONE`."""
        await self.type("", Qt.Key.Key_F1)
        await self.page(Page.PHONE)
        await self.type(PHONE.replace(" ", ""), Qt.Key.Key_Return)

    async def act(self, customer: httpx.AsyncClient, action: str) -> None:
        """What the customer does on the phone."""
        await self.post(customer, "act", {"phone": "254" + PHONE.replace(" ", "")[1:], "action": action})

    async def post(self, customer: httpx.AsyncClient, what: str, told: dict[str, object]) -> None:
        (await customer.post(f"/simulator/{what}", json=told)).raise_for_status()

    @property
    def _focus(self) -> QWidget:
        return self.desk.window.focusWidget() or self.desk.window

    async def type(self, text: str, last: Qt.Key) -> None:
        """As a person: slower than the speed by which the till knows a scanner."""
        for character in text:
            QTest.keyClicks(self._focus, character)
            await asyncio.sleep(_KEY_SECONDS)
        self.press(last)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self._focus, key, modifier)

    async def come_back(self) -> None:
        """From another window, which had the keys of this one."""
        self.desk.window.activateWindow()
        await self.until(self.desk.window.isActiveWindow, "the till’s window has the keyboard")

    async def until(self, there: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not there():  # noqa: ASYNC110 — many things, and no one event for them all
                    await asyncio.sleep(0.02)
        except TimeoutError:
            self.save(self.desk.window, "stuck")
            raise DemoError(f"Waited {PATIENCE_SECONDS:.0f} s and it was not so that {what}.") from None

    async def settled(self) -> None:
        await self.until(lambda: not self.desk.tasks.live, "the window has nothing left to do")

    async def picture(self, name: str) -> None:
        await self._settled_paint()
        self.save(self.desk.window, name)

    async def _settled_paint(self) -> None:
        """Two turns of the loop, so that what was decided is also drawn."""
        for _ in range(2):
            await asyncio.sleep(0.05)
            QApplication.sendPostedEvents()

    def save(self, widget: QWidget, name: str) -> None:
        suffix = "" if self.theme == "light" else "-dark"
        path = self.out / f"{len(self.files) + 1:02d}-{name}{suffix}.png"
        widget.grab().save(str(path))
        self.files.append(path)
