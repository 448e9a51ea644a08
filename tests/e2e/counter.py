"""A real till with its real window in the test's own process, and the hands of the person at it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QElapsedTimer, QObject, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.exceptions import TimeoutError
from pytestqt.qtbot import QtBot
from staffing import signed_in

from pos_app.devices.scanner import Scanner
from pos_app.domain.shop import AccountKind, Credentials, MpesaAccess, Pairing, ShopAccount
from pos_app.ui.desk import Desk
from pos_app.ui.main_window import native_window
from pos_app.ui.payment.stage import Stage
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import SETTLE

T = TypeVar("T")
PATIENCE_MS = 20_000
PERSON, SCANNER = 0.2, 0.01
"""Seconds between two keys, by the clock that tells a scanner from a person."""


def access_of(till: Any) -> MpesaAccess:
    """What a till process of these tests would be told, for a desk."""
    account = till.account
    return MpesaAccess(
        till.daraja_url,
        ShopAccount(AccountKind(account["kind"]), account["short_code"], account["till_number"]),
        Credentials(**till.credentials),
        Pairing(**till.pairing),
    )


class Counter:
    def __init__(self, app: QApplication, qtbot: QtBot, folder: Path, *, training: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.qtbot = qtbot
        self.desk = Desk(app, folder, training=training)
        self.window = self.desk.window
        self.failed: list[str] = []
        self.desk.tasks.failed.connect(lambda name, error: self.failed.append(f"{name}: {error!r}"))
        self._seconds = 0.0
        self.window.show()
        self.window.activateWindow()
        self.is_closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(work)
        self.until(task.done)
        return task.result()

    def until(self, met: Callable[[], object], what: str = "") -> None:
        try:
            self.qtbot.waitUntil(lambda: bool(met()), timeout=PATIENCE_MS)
        except TimeoutError:
            raise AssertionError(f"it was never so that {what or met}; the window reads {self.words}") from None

    def open(self, access: MpesaAccess | None = None) -> None:
        self.run(self.desk.open(access))
        signed_in(self.desk.till)
        self.take_clock()
        self.until(lambda: self.desk.sale.state.products or access is None, "the shelf is stocked")

    def take_clock(self) -> None:
        scanner = self.window.findChild(Scanner)
        assert isinstance(scanner, Scanner)
        setattr(scanner, "_clock", lambda: self._seconds)  # noqa: B010 (the test's hands are as slow as they say)

    def is_live(self) -> bool:
        return self.desk.till.health.current.relay == "ok"

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.run(self.desk.close())
        assert self.failed == []

    # --- hands ---------------------------------------------------------------------------------------------

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self._seconds += PERSON
        QTest.keyClick(native_window(self.window), key, modifier)

    def keys(self, text: str) -> None:
        for character in text:
            self._seconds += PERSON
            QTest.keyClick(native_window(self.window), character)

    def enter(self) -> None:
        self.key(Qt.Key.Key_Return)

    def scan(self, code: str) -> None:
        self._seconds += PERSON
        for character in code:
            self._seconds += SCANNER
            QTest.keyClick(native_window(self.window), character)
        self._seconds += SCANNER
        QTest.keyClick(native_window(self.window), Qt.Key.Key_Return)

    def click_at(self, point: QPoint) -> None:
        """Whatever is there by now gets it, as with a real mouse."""
        target = self.window.childAt(point) or self.window
        QTest.mouseClick(target, Qt.MouseButton.LeftButton, pos=target.mapFrom(self.window, point))

    def double_click_at(self, point: QPoint) -> None:
        self.click_at(point)
        target = self.window.childAt(point) or self.window
        at = target.mapFrom(self.window, point)
        QTest.mouseDClick(target, Qt.MouseButton.LeftButton, pos=at)
        QTest.mouseRelease(target, Qt.MouseButton.LeftButton, pos=at)

    def take_up(self) -> None:
        """The first of the sales that wait beside the cart."""
        self.until(lambda: self.desk.sale.state.tabs, "a sale waits beside the cart")
        self.key(Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)

    def ring_up(self, amount: str) -> None:
        lines = len(self.desk.sale.state.cart.lines)
        self.keys(amount)
        self.enter()
        self.until(lambda: len(self.desk.sale.state.cart.lines) > lines, "the amount is in the cart")

    def next_sale(self) -> None:
        """Enter on PAID, once the panel takes presses."""
        self.until(lambda: time.monotonic() - self.desk.payment._since >= SETTLE, "Enter is for this panel")
        self.enter()
        self.page(Page.NONE)

    def judge(self, till: Any) -> None:
        """The simulator's ledger is the judge; meanwhile the window goes on."""

        def agrees() -> bool:
            try:
                till.judge(patience=0)
            except AssertionError:
                return False
            return True

        self.until(agrees, "the ledger agrees")

    def ask_for_phone(self) -> None:
        self.key(Qt.Key.Key_F1)
        self.page(Page.PHONE)

    def charge(self, amount: str, phone: str) -> None:
        """The commonest sale: amount, F1, phone, Enter."""
        self.ring_up(amount)
        self.ask_for_phone()
        self.keys(local(phone))
        self.enter()

    # --- eyes ----------------------------------------------------------------------------------------------

    def has_lines(self, count: int) -> None:
        self.until(lambda: len(self.desk.sale.state.cart.lines) == count, f"{count} lines are in the cart")

    def page(self, page: Page) -> None:
        self.until(lambda: self.desk.payment.state.page is page, f"the page is {page}")

    def stage(self, stage: Stage) -> None:
        self.until(lambda: self.desk.payment.state.stage is stage, f"the stage is {stage}")

    @property
    def words(self) -> list[str]:
        """Every word that can be read in the window now."""
        return [label.text() for label in self.window.findChildren(QLabel) if label.isVisible() and label.text()]

    def reads(self, words: str) -> bool:
        return any(words in seen for seen in self.words)


def local(phone: str) -> str:
    return "0" + phone.removeprefix("254")


class Frames(QObject):
    """The longest time for which the window’s thread did not come round."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self._clock = QElapsedTimer()
        self._timer = QTimer(self, interval=5, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._frame)

    def start(self) -> None:
        self._clock.start()
        self._timer.start()

    def _frame(self) -> None:
        self.longest = max(self.longest, self._clock.nsecsElapsed() / 1e9)
        self._clock.restart()

    def stop(self) -> float:
        """Seconds."""
        self._frame()
        self._timer.stop()
        return self.longest
