"""What the screen tests stand on: the theme, a loop that Qt drives, a clock that stands still, and small services."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

from small_matching import SmallMatching

from pos_app.devices.scanner import Scanner
from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.catalogue import Product, ProductError, checked_name
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.reason import Reason
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.tender import Tender, TenderKind, cash_tender, change_given
from pos_app.services.changes import (
    AttemptChanged,
    CatalogueChanged,
    Changes,
    PaymentArrived,
    SaleChanged,
)
from pos_app.services.payments import RecentPayment
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


class StandingClock:
    """Both clocks of the till, moved by hand."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.seconds += seconds


class QuietSounds(Sounds):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def play(self, sound: Sound) -> None:
        self.heard.append(sound.value)


ACCOUNT = ShopAccount(AccountKind.BUY_GOODS, "174379", "123456")


class SmallShop:
    """Sales, charges and products in memory, with the services' own signatures and messages."""

    def __init__(self, changes: Changes, clock: StandingClock) -> None:
        self.changes, self.clock = changes, clock
        self.sales: dict[int, Sale] = {}
        self.attempts: dict[int, Attempt] = {}
        self.stock: list[Product] = []
        self.latest: list[RecentPayment] = []
        self.asked: list[tuple[int, Money, str]] = []
        self.refusal: Refused | None = None
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.closed: list[int] = []
        self.calls: list[str] = []

    # Sales

    async def open(self, cart: Cart) -> Sale | Refused:
        self.calls.append("open")
        number = len(self.sales) + 1
        return self._keep(Sale(number, number, cart, self.clock.now()))

    async def update(self, sale_id: int, cart: Cart) -> Sale | Refused:
        self.calls.append("update")
        if self.refusal:
            return self.refusal
        if self.sales[sale_id].awaiting:
            return Refused("A charge for this sale is still open. Its lines cannot change now.")
        return self._keep(replace(self.sales[sale_id], cart=cart))

    async def get(self, sale_id: int) -> Sale:
        return self.sales[sale_id]

    async def pay_cash(self, sale_id: int, received: Money) -> Sale | Refused:
        self.calls.append("pay_cash")
        if self.refusal:
            return self.refusal
        sale = self.sales[sale_id]
        tender = cash_tender(received, sale.remaining, self.clock.now())
        return self._keep(replace(sale, tenders=(*sale.tenders, tender)))

    async def close(self, sale_id: int) -> Sale:
        self.closed.append(sale_id)
        return self._keep(replace(self.sales[sale_id], closed_at=self.clock.now()))

    async def void(self, sale_id: int) -> Sale | Refused:
        if self.sales[sale_id].tenders:
            return Refused("Part of this sale is paid. It cannot be cancelled, only refunded.")
        return self._keep(replace(self.sales[sale_id], voided_at=self.clock.now()))

    async def parked(self) -> tuple[Sale, ...]:
        return tuple(sale for sale in self.sales.values() if not sale.is_settled and not sale.voided_at)

    def _keep(self, sale: Sale) -> Sale:
        self.sales[sale.id] = sale
        self.changes.publish(SaleChanged(sale.id))
        return sale

    async def give_change(self, sale_id: int) -> Sale | Refused:
        self.calls.append("give_change")
        sale = self.sales[sale_id]
        return self._keep(replace(sale, tenders=(*sale.tenders, change_given(sale.overpaid, self.clock.now()))))

    # Payments

    async def charge(self, sale_id: int, amount: Money, msisdn: Msisdn) -> Attempt | Refused:
        self.asked.append((sale_id, amount, msisdn.local))
        if self.refusal:
            return self.refusal
        attempt = Attempt(
            id=len(self.attempts) + 1,
            sale_id=sale_id,
            nonce="0" * 32,
            amount=amount,
            msisdn=msisdn,
            account=ACCOUNT,
            account_reference=f"1-{sale_id}-{len(self.attempts) + 1}",
            created_at=self.clock.now(),
        )
        self.tell(replace(attempt, state=AttemptState.SUBMITTING, submitted_at=self.clock.now()))
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        held = self.attempts[attempt.id]
        if held.state is AttemptState.SUBMITTING:
            self.tell(replace(held, state=AttemptState.PENDING, reason=Reason.WAIT))
        return self.attempts[attempt.id]

    async def send_again(self, attempt_id: int) -> Attempt | Refused:
        self.calls.append("send_again")
        if self.refusal:
            return self.refusal
        submitted = replace(
            self.attempts[attempt_id], state=AttemptState.PENDING, reason=Reason.WAIT, submitted_at=self.clock.now()
        )
        return self.tell(submitted)

    async def withdraw(self, attempt_id: int) -> Attempt | Refused:
        self.calls.append("withdraw")
        if self.refusal:
            return self.refusal
        return self.tell(replace(self.attempts[attempt_id], state=AttemptState.FAILED, finished_at=self.clock.now()))

    async def check_now(self, attempt_id: int) -> Attempt:
        self.calls.append("check_now")
        return self.attempts[attempt_id]

    async def of_sale(self, sale_id: int) -> Attempt | None:
        newest = [attempt for attempt in self.attempts.values() if attempt.sale_id == sale_id]
        return newest[-1] if newest else None

    async def recent(self, limit: int = 5) -> tuple[RecentPayment, ...]:
        return tuple(self.latest[:limit])

    def recent_of(self, payment: Payment, taken: str = "") -> RecentPayment:
        at, name, phone = payment.received_at, payment.first_name, payment.payer_phone
        return RecentPayment(at, payment.amount, name, phone, payment.receipt, None, False, payment.id, taken)

    def tell(self, attempt: Attempt) -> Attempt:
        """What a commit does: the sale knows, then everybody hears."""
        self.attempts[attempt.id] = attempt
        sale = self.sales[attempt.sale_id]
        live = any(one.state.is_live for one in self.attempts.values() if one.sale_id == sale.id)
        self.sales[sale.id] = replace(sale, awaiting=live)
        self.changes.publish(AttemptChanged(attempt))
        self.changes.publish(SaleChanged(sale.id))
        return attempt

    def fail(self, reason: Reason, code: str = "") -> Attempt:
        newest = self.attempts[max(self.attempts)]
        over = replace(newest, state=AttemptState.FAILED, reason=reason, code=code, finished_at=self.clock.now())
        return self.tell(over)

    def pay(self, receipt: str = "UKN7BX41QP", state: AttemptState = AttemptState.PAID, name: str = "") -> Attempt:
        """The callback: the tender is in the sale before the charge is told."""
        newest = self.attempts[max(self.attempts)]
        tender = Tender(TenderKind.MPESA, newest.amount, self.clock.now(), payment_id=receipt or "stk:x")
        sale = self.sales[newest.sale_id]
        self.sales[sale.id] = replace(sale, tenders=(*sale.tenders, tender))
        paid = self.tell(
            replace(newest, state=state, reason=Reason.PAID, receipt=receipt, finished_at=self.clock.now())
        )
        self.arrive(paid, receipt, name)
        return paid

    def arrive(self, attempt: Attempt, receipt: str, name: str) -> None:
        self.changes.publish(
            PaymentArrived(
                Payment(
                    id=receipt or "stk:x",
                    amount=attempt.amount,
                    short_code="123456",
                    received_at=self.clock.now(),
                    receipt=receipt,
                    payer_name=name,
                    sale_id=attempt.sale_id,
                    attempt_id=attempt.id,
                )
            )
        )

    # Catalogue

    async def products(self, search: str = "") -> tuple[Product, ...]:
        return tuple(product for product in self.stock if search.lower() in product.name.lower())

    async def by_barcode(self, barcode: str) -> Product | None:
        return next((product for product in self.stock if product.barcode == barcode), None)

    async def add(self, name: str, price: Money, barcode: str = "") -> Product | Refused:
        try:
            product = Product(len(self.stock) + 1, checked_name(name), price, barcode)
        except ProductError as problem:
            return Refused(str(problem))
        self.stock.append(product)
        self.changes.publish(CatalogueChanged())
        return product


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
