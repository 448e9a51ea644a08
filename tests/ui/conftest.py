"""What the screen tests stand on: the theme, a loop that Qt drives, a clock that stands still, and small services."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

from small_matching import SmallMatching
from small_shop import SmallShop, StandingClock

from pos_app.devices.scanner import Scanner
from pos_app.domain.attempt import Attempt
from pos_app.domain.sale import Sale
from pos_app.services.changes import (
    Changes,
)
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.main_window import MainWindow, native_window
from pos_app.ui.offers.arrivals import Arrivals
from pos_app.ui.offers.offer_view import OfferBar
from pos_app.ui.offers.rail_model import RailViewModel
from pos_app.ui.offers.view_model import OfferViewModel
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import PaymentViewModel, Stage
from pos_app.ui.payment.words import Act
from pos_app.ui.sale.view import SalePage
from pos_app.ui.sale.view_model import SaleViewModel
from pos_app.ui.shop_header import ShopHeader
from pos_app.ui.sounds import Sound, Sounds
from pos_app.ui.tasks import Tasks
from pos_app.ui.theme import apply_theme


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every Qt warning fails a test, but for the one line the offscreen platform says of each window."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints", extend=True))


@pytest.fixture(autouse=True)
def _themed(qapp: QApplication) -> None:
    if not qapp.property("tillTheme"):
        apply_theme(qapp, "light")


class QuietSounds(Sounds):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def play(self, sound: Sound) -> None:
        self.heard.append(sound.value)


@dataclass
class Till:
    """The selling screen with everything behind it, as the tests drive it."""

    shop: SmallShop
    matching: SmallMatching
    clock: StandingClock
    sounds: QuietSounds
    changes: Changes
    tasks: Tasks
    payment: PaymentViewModel
    sale: SaleViewModel
    offers: OfferViewModel
    rail: RailViewModel
    arrivals: Arrivals
    page: SalePage
    window: MainWindow
    scanner: Scanner
    qtbot: QtBot
    said: list[str]
    failed: list[str]

    def keys(self, text: str, widget: QWidget | None = None) -> None:
        if widget is not None:
            widget.setFocus()
        for character in text:
            self.clock.pass_(0.2)
            QTest.keyClick(self.native, character)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.clock.pass_(0.2)
        QTest.keyClick(self.native, key, modifier)

    @property
    def native(self) -> QWindow:
        """Where a real key comes in."""
        return native_window(self.window)

    def scan(self, code: str) -> None:
        self.clock.pass_(0.2)
        for character in code:
            self.clock.seconds += 0.01
            QTest.keyClick(self.native, character)
        self.clock.seconds += 0.01
        QTest.keyClick(self.native, Qt.Key.Key_Return)

    def sell(self, amount: str) -> None:
        """An amount in the cart."""
        lines = len(self.sale.state.cart.lines)
        self.page.finder.search.setFocus()
        self.keys(amount)
        self.key(Qt.Key.Key_Return)
        self.qtbot.waitUntil(lambda: len(self.sale.state.cart.lines) > lines)

    def open(self, key: Qt.Key, page: Page) -> None:
        self.key(key)
        self.until(page)

    def until(self, page: Page) -> None:
        self.qtbot.waitUntil(lambda: self.payment.state.page is page)

    def stage(self, stage: Stage) -> None:
        self.qtbot.waitUntil(lambda: self.payment.state.stage is stage)

    def charge(self, amount: str = "350", phone: str = "0712345678") -> Attempt:
        """Sold, asked for, and waiting on the customer's phone."""
        self.sell(amount)
        self.open(Qt.Key.Key_F1, Page.PHONE)
        self.keys(phone)
        self.key(Qt.Key.Key_Return)
        self.stage(Stage.ON_PHONE)
        self.clock.pass_(1)
        return self.shop.attempts[max(self.shop.attempts)]

    def press(self, act: Act) -> None:
        self.clock.pass_(1)
        self.payment.act(act)

    def later(self, seconds: float) -> None:
        self.clock.pass_(seconds)
        self.payment.tick()
        self.offers.tick()

    @property
    def offer(self) -> OfferBar:
        """The bar that can be seen."""
        return self.page.payment.offer if self.payment.is_open else self.page.cart.offer

    def waits_at_till(self, amount: str) -> Sale:
        """The sale is open, and the customer reads the shop's number."""
        self.sell(amount)
        self.open(Qt.Key.Key_F3, Page.TILL)
        self.clock.pass_(1)
        return self.shop.sales[max(self.shop.sales)]

    def reads(self, sentence: str) -> None:
        """The offer bar shows these words."""
        self.qtbot.waitUntil(lambda: self.offer.isVisible() and sentence in self.offer.sentence.text())


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def till(aloop: TillLoop, qtbot: QtBot, clock: StandingClock, changes: Changes) -> Iterator[Till]:
    built = build_till(qtbot, clock, changes)
    built.window.show()
    built.window.activateWindow()
    built.scanner.watch(built.native)
    built.sale.start()
    built.rail.start()
    qtbot.waitUntil(built.page.finder.search.hasFocus)
    yield built
    built.window.release()
    qtbot.waitUntil(lambda: not built.tasks.live)
    closing = asyncio.ensure_future(built.tasks.aclose())
    qtbot.waitUntil(closing.done)
    assert built.failed == []


def build_till(qtbot: QtBot, clock: StandingClock, changes: Changes, training: bool = False) -> Till:
    shop, sounds, tasks, scanner = SmallShop(changes, clock), QuietSounds(), Tasks(), Scanner(clock.monotonic)
    label = "Till 123456"
    payment = PaymentViewModel(
        shop, shop, changes, tasks, sounds=sounds, clock=clock.now, number_label=label, monotonic=clock.monotonic
    )
    sale, matching = SaleViewModel(shop, shop, changes, tasks, payment=payment), SmallMatching(shop)
    offers = OfferViewModel(
        matching,
        shop,
        changes,
        tasks,
        sale=sale,
        payment=payment,
        ask_safaricom=matching.ask_safaricom,
        cashier=lambda: "Akinyi",
        clock=clock.now,
        monotonic=clock.monotonic,
    )
    rail = RailViewModel(shop, matching, changes, tasks, offered=offers, number_label=label, monotonic=clock.monotonic)
    arrivals = Arrivals(changes, sounds=sounds, clock=clock.now)
    page = SalePage(sale, payment, offers, rail, arrivals, clock=clock.now, scanner=scanner)
    window = MainWindow(
        sale_page=page,
        history_page=QWidget(),
        settings_page=QWidget(),
        shop=ShopHeader("Mama Njeri Shop", "Akinyi", label),
        training=training,
        changes=changes,
        clock=clock.now,
    )
    qtbot.addWidget(window)
    models = (payment, sale, offers, rail, arrivals)
    till = Till(
        shop, matching, clock, sounds, changes, tasks, *models, page, window, scanner, qtbot, said=[], failed=[]
    )
    for speaking in (payment, offers, arrivals):
        speaking.announced.connect(till.said.append)
    tasks.failed.connect(lambda name, _error: till.failed.append(name))
    return till
