"""What faces the customer: the sale's own money and the shop's one number, never another's name or a whole phone."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import segno
from PySide6.QtCore import QBuffer, QIODevice, Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from pos_app.domain.attempt import AttemptState
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.reason import Reason
from pos_app.domain.tender import Tender, TenderKind
from pos_app.ui.customer_display import view_model
from pos_app.ui.customer_display.scan_code import QUIET, ScanCode, modules_of
from pos_app.ui.customer_display.state import DisplayState, Scene
from pos_app.ui.customer_display.view import CustomerDisplay
from pos_app.ui.customer_display.view_model import DisplayViewModel
from pos_app.ui.payment.state import Page
from pos_app.ui.shop_header import ShopHeader
from pos_app.ui.theme import apply_theme, tokens

Key = Qt.Key
Till = Any  # built by conftest, which no test module can import


@dataclass
class Facing:
    """The display beside a till, and Safaricom's answers to it."""

    till: Till
    qtbot: QtBot
    training: bool = False
    shop: ShopHeader = field(default_factory=lambda: ShopHeader("Mama Njeri", "Akinyi", "Till 123456"))
    picture: bytes | None = None
    asked: list[tuple[Money, str]] = field(default_factory=list)
    gate: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.model = DisplayViewModel(
            self.till.sale,
            self.till.payment,
            self.till.tasks,
            shop=lambda: self.shop,
            till_code=lambda: "1",
            ask_code=self._ask,
            parent=self.till.window,
        )
        self.display = CustomerDisplay(self.model, training=self.training)
        self.qtbot.addWidget(self.display)
        self.display.show()
        self.till.window.activateWindow()

    async def _ask(self, amount: Money, reference: str) -> bytes | None:
        self.asked.append((amount, reference))
        if self.gate is not None:
            await self.gate.wait()
        return self.picture

    @property
    def state(self) -> DisplayState:
        return self.model.state

    @property
    def words(self) -> list[str]:
        shown = (label for label in self.display.findChildren(QLabel) if label.isVisible())
        return [label.text() for label in shown]

    def until(self, scene: Scene) -> DisplayState:
        self.qtbot.waitUntil(lambda: self.state.scene is scene)
        return self.state


@pytest.fixture
def facing(till: Till, qtbot: QtBot) -> Iterator[Facing]:
    made = Facing(till, qtbot)
    yield made
    made.display.close()


def png() -> bytes:
    buffer, picture = QBuffer(), QPixmap(8, 8)
    picture.fill(QColor("white"))
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    return bytes(buffer.data().data())


# From welcome to PAID.


def test_between_customers_it_shows_the_shop_and_its_number(facing: Facing) -> None:
    assert facing.state == DisplayState(shop_name="Mama Njeri", number_label="Till 123456")
    assert {"Mama Njeri", "Welcome", "Karibu", "Till 123456"} <= set(facing.words)


def test_the_total_follows_the_cart(facing: Facing) -> None:
    facing.till.sell("350")
    assert facing.until(Scene.TOTAL).amount == Money.shillings(350)
    facing.till.sell("1250")
    facing.qtbot.waitUntil(lambda: facing.state.amount == Money.shillings(1600))
    assert "KES 1,600" in facing.words
    assert not facing.asked, "a cart that is still filled asks nothing of Safaricom"


def test_a_charge_asks_the_customer_to_check_the_phone_in_both_languages(facing: Facing) -> None:
    facing.till.charge()
    state = facing.until(Scene.PHONE)
    assert (state.amount, state.phone) == (Money.shillings(350), "0712 ••• 678")
    assert {"Check your phone", "Angalia simu yako", "Enter your M-Pesa PIN", "KES 350"} <= set(facing.words)
    assert "0712 345 678" not in " ".join(facing.words)


def test_paid_is_green_and_thanks_by_the_first_name_alone(facing: Facing) -> None:
    facing.till.charge()
    facing.till.shop.pay(name="JANE WANJIKU DOE")
    facing.qtbot.waitUntil(lambda: facing.state.first_name == "JANE")
    assert facing.until(Scene.PAID).amount == Money.shillings(350)
    assert facing.display.paid.isVisible()
    assert facing.display.paid.property("panel") == "paid"
    assert "Thank you, JANE  ·  Asante" in facing.words


def test_paid_stays_though_the_next_goods_are_scanned(facing: Facing) -> None:
    facing.till.charge()
    facing.till.shop.pay()
    facing.until(Scene.PAID)
    facing.till.payment.finish()
    facing.till.sell("20")
    facing.model.follow()
    assert facing.state.scene is Scene.PAID
    facing.model._paid.setInterval(0)
    assert facing.until(Scene.TOTAL).amount == Money.shillings(20)


def test_cash_shows_paid_and_the_change(facing: Facing) -> None:
    facing.till.sell("350")
    facing.till.open(Key.Key_F2, Page.CASH)
    assert facing.until(Scene.TOTAL).amount == Money.shillings(350)
    facing.till.keys("500")
    facing.till.key(Key.Key_Return)
    assert facing.until(Scene.PAID).change == Money.shillings(150)
    assert {"KES 150", "Change  ·  Chenji"} <= set(facing.words)


@pytest.mark.parametrize("reason", [Reason.LOWBAL, Reason.WRONGPIN, Reason.PINLOCK, Reason.CANCEL])
def test_why_a_charge_failed_is_the_customers_own_affair(facing: Facing, reason: Reason) -> None:
    facing.till.charge()
    facing.until(Scene.PHONE)
    assert not facing.asked, "whoever is charged needs no code"
    facing.till.shop.fail(reason)
    assert facing.until(Scene.TOTAL).amount == Money.shillings(350)
    assert not any(reason.english in text for text in facing.words)


def test_an_unknown_outcome_is_neither_paid_nor_failed(facing: Facing) -> None:
    facing.till.charge()
    facing.till.later(80)
    facing.until(Scene.CHECKING)
    assert {"Checking with M-Pesa", "Please wait, do not pay again", "Tafadhali subiri, usilipe tena"} <= set(
        facing.words
    )


def test_money_that_came_late_sends_the_customer_to_the_cashier(facing: Facing) -> None:
    facing.till.charge()
    facing.till.shop.fail(Reason.EXPIRED)
    facing.until(Scene.TOTAL)
    facing.till.shop.pay(state=AttemptState.PAID_LATE)
    facing.until(Scene.ASK)
    assert {"Please ask the cashier", "Tafadhali muulize mhudumu"} <= set(facing.words)
    assert "KES 350" not in facing.words


def test_a_part_that_is_paid_leaves_the_rest_to_see(facing: Facing) -> None:
    facing.till.sell("350")
    facing.till.open(Key.Key_F4, Page.SPLIT)
    facing.till.keys("200")
    facing.till.key(Key.Key_Return)
    facing.till.until(Page.PHONE)
    facing.till.keys("0712345678")
    facing.till.key(Key.Key_Return)
    assert facing.until(Scene.PHONE).amount == Money.shillings(200)
    facing.till.shop.pay()
    assert facing.until(Scene.TOTAL).amount == Money.shillings(150)


def test_a_payment_made_unasked_is_paid_once_the_relay_has_confirmed_it(facing: Facing) -> None:
    till, at = facing.till, facing.till.clock.now()
    till.sell("350")
    till.open(Key.Key_F3, Page.TILL)
    tender = Tender(TenderKind.MPESA, Money.shillings(350), at, payment_id="UKN7BX41QP")
    sale = replace(till.payment.sale, tenders=(tender,))
    payment = Payment("UKN7BX41QP", Money.shillings(350), "123456", at, "UKN7BX41QP", payer_name="Wanjiru K")
    till.payment.show_received(sale, payment, confirmed=False)
    facing.until(Scene.ASK)
    till.payment.show_received(sale, payment, confirmed=True)
    state = facing.until(Scene.PAID)
    assert (state.amount, state.first_name) == (Money.shillings(350), "Wanjiru")


def test_a_parked_sale_is_nobody_elses_to_see(facing: Facing) -> None:
    facing.till.charge()
    facing.until(Scene.PHONE)
    facing.till.key(Key.Key_F9)
    facing.until(Scene.IDLE)
    facing.till.shop.pay(name="JANE")
    facing.qtbot.waitUntil(lambda: bool(facing.till.sale.state.tabs) or not facing.till.tasks.live)
    facing.model.follow()
    assert facing.state.scene is Scene.IDLE


# The code.


def test_without_safaricoms_the_code_is_plain_words_with_the_number(facing: Facing) -> None:
    code = facing.display.pay.code
    matrix = segno.make("Pay Till 123456", error="m", micro=False).matrix
    assert code.modules == tuple(bytes(row) for row in matrix)
    assert not code.is_picture
    assert "Scan for the number\nSkani upate nambari" in facing.words


def test_what_is_drawn_is_the_code_module_by_module(qtbot: QtBot) -> None:
    code = ScanCode()
    qtbot.addWidget(code)
    modules = modules_of("Pay Till 123456")
    count = len(modules)
    code.resize(8 * (count + 2 * QUIET), 8 * (count + 2 * QUIET))
    code.show_code("Pay Till 123456", b"")
    drawn = code.grab().toImage()
    for row, line in enumerate(modules):
        for column, dark in enumerate(line):
            colour = drawn.pixelColor(8 * (column + QUIET) + 4, 8 * (row + QUIET) + 4)
            assert colour == QColor("black" if dark else "white")


def test_safaricoms_code_of_a_numbered_sale_takes_its_place_when_it_comes(facing: Facing) -> None:
    facing.picture, facing.gate = png(), asyncio.Event()
    facing.till.sell("350")
    facing.till.open(Key.Key_F3, Page.TILL)
    facing.qtbot.waitUntil(lambda: bool(facing.asked))
    assert facing.asked == [(Money.shillings(350), "1-1")]
    assert not facing.display.pay.code.is_picture, "until it comes the number is shown"
    facing.gate.set()
    facing.qtbot.waitUntil(lambda: facing.display.pay.code.is_picture)
    assert "Scan with the M-Pesa app\nSkani kwa M-Pesa app" in facing.words
    assert len(facing.asked) == 1
    facing.till.key(Key.Key_Escape)
    facing.till.until(Page.NONE)
    facing.till.sell("20")
    facing.qtbot.waitUntil(lambda: facing.state.amount == Money.shillings(370))
    assert not facing.display.pay.code.is_picture, "a code of another sum is never shown"


def test_a_code_that_comes_for_a_sum_before_is_not_shown(facing: Facing) -> None:
    facing.picture, facing.gate = png(), asyncio.Event()
    facing.till.sell("350")
    facing.till.open(Key.Key_F3, Page.TILL)
    facing.qtbot.waitUntil(lambda: bool(facing.asked))
    facing.till.key(Key.Key_Escape)
    facing.till.until(Page.NONE)
    facing.till.sell("20")
    facing.till.open(Key.Key_F3, Page.TILL)
    facing.qtbot.waitUntil(lambda: len(facing.asked) == 2)
    first, facing.picture = facing.gate, None
    first.set()
    facing.qtbot.waitUntil(lambda: not facing.till.tasks.live)
    facing.model.follow()
    assert facing.state.picture == b""


def test_a_picture_that_cannot_be_drawn_leaves_the_number(facing: Facing) -> None:
    facing.picture = b"\x89PNG broken"
    facing.till.sell("350")
    facing.till.open(Key.Key_F3, Page.TILL)
    facing.qtbot.waitUntil(lambda: bool(facing.state.picture))
    facing.qtbot.waitUntil(lambda: "Scan for the number\nSkani upate nambari" in facing.words)
    assert facing.display.pay.code.modules == modules_of("Pay Till 123456")


def test_a_paybill_shows_the_account_once_the_sale_has_a_number(facing: Facing) -> None:
    facing.shop = ShopHeader("Mama Njeri", "Akinyi", "PayBill 600000")
    facing.till.sell("350")
    facing.till.open(Key.Key_F3, Page.TILL)
    facing.qtbot.waitUntil(lambda: facing.state.account == "1-1")
    assert {"PayBill 600000", "Account  ·  Akaunti", "1-1"} <= set(facing.words)
    assert facing.display.pay.code.modules == modules_of("Pay PayBill 600000, account 1-1")


def test_a_shop_without_a_number_shows_totals_alone(facing: Facing) -> None:
    facing.shop = ShopHeader("", "Akinyi")
    facing.model.follow()
    assert not facing.display.pay.code.isVisible()
    assert not facing.display.pay.number.isVisible()
    facing.till.sell("350")
    facing.until(Scene.TOTAL)
    assert "KES 350" in facing.words


# The window.


@pytest.mark.parametrize("name", ["<b>JANE</b>", "<img src=x>", "&lt;JANE&gt;"])
def test_names_are_shown_as_they_are_written(facing: Facing, name: str) -> None:
    facing.shop = ShopHeader(f"{name} & Sons", "Akinyi", "Till 123456")
    facing.till.charge()
    facing.till.shop.pay(name=f"{name} DOE")
    facing.qtbot.waitUntil(lambda: bool(facing.state.first_name))
    assert f"Thank you, {name.split(maxsplit=1)[0]}  ·  Asante" in facing.words
    assert facing.display.shop_name.text() == f"{name} & Sons"
    for label in facing.display.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText


def test_it_never_takes_the_keyboard_and_does_not_keep_the_till_open(facing: Facing) -> None:
    assert facing.till.window.isActiveWindow()
    flags = facing.display.windowFlags()
    assert flags & Qt.WindowType.WindowDoesNotAcceptFocus
    assert facing.display.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    assert not facing.display.testAttribute(Qt.WidgetAttribute.WA_QuitOnClose)
    facing.till.keys("7")
    assert facing.till.page.finder.search.text() == "7"


def test_a_display_that_nobody_sees_follows_nothing(facing: Facing) -> None:
    facing.display.hide()
    facing.till.sell("350")
    assert not facing.model._soon.isActive()
    assert facing.state.scene is Scene.IDLE
    facing.display.show()
    assert facing.state.amount == Money.shillings(350)


def test_many_changes_are_drawn_once_and_no_change_is_not_drawn(facing: Facing) -> None:
    drawn: list[int] = []
    facing.model.changed.connect(lambda: drawn.append(1))
    for _ in range(50):
        facing.till.sale.changed.emit()
        facing.till.payment.changed.emit()
    facing.qtbot.waitUntil(lambda: not facing.model._soon.isActive())
    assert not drawn
    facing.till.charge()
    facing.until(Scene.PHONE)
    drawn.clear()
    for _ in range(3):
        facing.till.later(1)
        facing.model.follow()
    assert not drawn, "seconds that pass are the cashier's to see"


def test_in_training_it_is_framed_and_says_so(till: Till, qtbot: QtBot) -> None:
    facing = Facing(till, qtbot, training=True)
    assert "TRAINING: do not pay  ·  MAZOEZI: usilipe" in facing.words
    assert facing.display.grab().toImage().pixelColor(2, 2) == QColor(tokens().training)
    facing.display.close()


@pytest.mark.parametrize("size", [(1366, 768), (1024, 600), (640, 400)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_fits_on_small_and_large_screens(
    facing: Facing, size: tuple[int, int], theme: str, qapp: Any
) -> None:
    before = tokens().name
    apply_theme(qapp, theme)
    facing.shop = ShopHeader("Mama Njeri General Shop and Hardware", "Akinyi", "PayBill 600000")
    facing.display.resize(*size)
    for scene in Scene:
        facing.model._show(
            DisplayState(
                scene,
                shop_name=facing.shop.shop_name,
                number_label="PayBill 600000",
                account="AB2-123456",
                amount=Money(24_999_950),
                phone="0712 ••• 678",
                first_name="Christopher-Alexandr",
                change=Money.shillings(999),
            )
        )
        page = facing.display.pages.currentWidget()
        layout = page.layout()
        assert layout is not None
        layout.activate()
        assert layout.totalHeightForWidth(page.width()) <= page.height(), scene
        assert facing.display.size().toTuple() == size, scene
    apply_theme(qapp, before)


def test_another_theme_leaves_every_size_as_it_was(facing: Facing, qapp: Any) -> None:
    facing.display.resize(1366, 768)
    labels = facing.display.pay.findChildren(QLabel)
    sizes = [label.font().pixelSize() for label in labels]
    before = tokens().name
    for name in ("dark", "light"):
        apply_theme(qapp, name)
        facing.qtbot.waitUntil(lambda: [label.font().pixelSize() for label in labels] == sizes)
    apply_theme(qapp, before)


def test_paid_stays_for_some_seconds() -> None:
    assert 3000 <= view_model.PAID_MS <= 10_000
