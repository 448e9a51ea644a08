"""The real window on a real till, against a real relay and simulator: every key and click as at the counter."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from counter import Counter, access_of, local
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.refused import Refused
from pos_app.ui.payment.stage import Stage
from pos_app.ui.payment.state import Page
from pos_app.ui.sale.view import SalePage
from pos_app.ui.theme import tokens

pytest_plugins = ("window_fixtures",)
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints", extend=True)

Made = Callable[..., Counter]
MILK, BREAD = "6161100100015", "6161100100022"
DO_NOT_CHARGE_AGAIN = "Checking with Safaricom. Do not charge again yet."
PATIENT = {"outcome": "ask", "answer_after": 100_000}
"""A prompt that waits for the customer for as long as a test takes."""


def one_push(world: Any, phone: str) -> dict[str, Any]:
    (push,) = world.simulator.pushes(phone)
    return dict(push)


def test_the_commonest_sale_needs_only_the_keyboard(world: Any, shop: Any, desk: Counter) -> None:
    phone = world.phone()
    desk.charge("350", phone)
    desk.stage(Stage.PAID)
    (truth,) = world.simulator.paid(phone)
    desk.until(lambda: desk.reads(truth["receipt"]), "the M-Pesa code is on the screen")
    assert desk.reads("PAID")
    assert desk.reads("KES 350")
    desk.next_sale()
    desk.page(Page.NONE)
    assert desk.desk.sale.state.cart.lines == ()
    desk.until(lambda: desk.reads("•••" + phone[-3:]), "the payment is in the rail")
    assert desk.desk.sale_page.isVisible()
    desk.judge(shop)


def test_a_sale_by_scanner_is_counted_and_charged(world: Any, shop: Any, desk: Counter) -> None:
    phone = world.phone()
    for lines, code in ((1, MILK), (2, BREAD)):
        desk.scan(code)
        desk.has_lines(lines)
    desk.scan(MILK)
    desk.until(lambda: desk.desk.sale.state.cart.total == Money.shillings(200), "twice milk is one line of two")
    assert desk.desk.payment.state.page is Page.NONE
    desk.ask_for_phone()
    desk.keys(local(phone))
    desk.enter()
    desk.stage(Stage.PAID)
    assert one_push(world, phone)["amount"] == 200
    desk.scan(BREAD)
    desk.has_lines(1)
    assert desk.desk.sale.state.cart.total == Money.shillings(70)
    desk.judge(shop)


def test_enter_twice_makes_one_push(world: Any, shop: Any, desk: Counter) -> None:
    phone = world.phone()
    world.simulator.behave(phone, PATIENT)
    desk.charge("120", phone)
    for _ in range(5):
        desk.enter()
    desk.stage(Stage.ON_PHONE)
    desk.enter()
    world.simulator.tell("act", phone=phone, action="approve")
    desk.stage(Stage.PAID)
    assert one_push(world, phone)["code"] == "0"
    desk.judge(shop)


@pytest.mark.parametrize("double", [False, True], ids=["two clicks", "double click"])
def test_a_double_click_makes_one_push(world: Any, shop: Any, desk: Counter, double: bool) -> None:
    phone = world.phone()
    desk.ring_up("130")
    desk.ask_for_phone()
    desk.keys(local(phone))
    page = desk.desk.sale_page
    assert isinstance(page, SalePage)
    button = page.payment.phone.submit
    point = button.mapTo(desk.window, button.rect().center())
    if double:
        desk.double_click_at(point)
    else:
        desk.click_at(point)
        desk.click_at(point)
    assert desk.desk.payment.state.page is Page.CHARGE, "the second click must not land on what came in its place"
    desk.stage(Stage.PAID)
    one_push(world, phone)
    desk.judge(shop)


def test_a_charge_while_one_is_checked_is_refused_on_the_screen(world: Any, shop: Any, desk: Counter) -> None:
    phone = world.phone()
    world.simulator.behave(phone, {**PATIENT, "reply": "lost"})
    desk.charge("780", phone)
    desk.stage(Stage.CHECKING)
    assert desk.reads(DO_NOT_CHARGE_AGAIN)
    desk.key(Qt.Key.Key_F9)
    desk.page(Page.NONE)
    desk.take_up()
    desk.stage(Stage.CHECKING)
    for key in (Qt.Key.Key_F1, Qt.Key.Key_F4):
        desk.key(key)
        desk.page(Page.CHARGE)
        assert desk.reads(DO_NOT_CHARGE_AGAIN)
    live = desk.desk.payment.sale
    assert live is not None
    refused = desk.run(desk.desk.till.payments.charge(live.id, live.total, Msisdn.parse(phone)))
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith(DO_NOT_CHARGE_AGAIN[:-1])
    one_push(world, phone)
    world.simulator.tell("act", phone=phone, action="approve")
    desk.stage(Stage.PAID)
    one_push(world, phone)
    desk.judge(shop)


def test_a_restart_takes_an_open_charge_to_checking_before_any_key_counts(
    world: Any, shop: Any, desk: Counter, counter: Made
) -> None:
    phone = world.phone()
    world.simulator.behave(phone, PATIENT)
    desk.charge("260", phone)
    desk.stage(Stage.ON_PHONE)
    desk.close()
    assert shop.attempt(phone)["state"] == "PENDING"
    again = counter(shop.folder)
    assert again.reads("Starting")
    opening = asyncio.ensure_future(again.desk.open(access_of(shop)))
    # One at a time: a digit and its Enter that both come after the till is open are a sale, and rightly so.
    for press in itertools.cycle((lambda: again.keys("9"), again.enter)):
        press()
        QApplication.processEvents()
        if opening.done() or hasattr(again.desk, "sale"):
            placed = [row["state"] for row in shop.rows("SELECT state FROM attempt")]
            break
    again.until(opening.done, "the till is open")
    again.take_clock()
    assert placed == ["PENDING"], "it is still open, and known to be"
    assert again.desk.sale.state.cart.lines == ()
    again.take_up()
    again.stage(Stage.CHECKING)
    assert again.reads(DO_NOT_CHARGE_AGAIN)
    world.simulator.tell("act", phone=phone, action="approve")
    again.stage(Stage.PAID)
    one_push(world, phone)
    again.judge(shop)


def test_a_wiped_relay_is_said_in_amber_and_charges_go_on(world: Any, shop: Any, desk: Counter) -> None:
    first, second = world.phone(), world.phone()
    desk.charge("140", first)
    desk.stage(Stage.PAID)
    desk.judge(shop)
    world.relay.kill()
    desk.until(lambda: not desk.is_live(), "the relay is missed")
    assert desk.reads("Relay down")
    world.relay.wipe()
    world.relay.start()
    desk.until(lambda: desk.window.notices.bars or desk.reads("pair it again"), "a notice about the relay")
    bar = desk.window.notices
    assert bar.isVisible()
    desk.next_sale()
    desk.charge("150", second)
    desk.stage(Stage.ON_PHONE)
    one_push(world, second)


def test_an_older_copy_of_the_relay_is_said_in_amber_and_counts_nothing_twice(
    world: Any, shop: Any, desk: Counter, tmp_path: Path
) -> None:
    world.relay.back_up(tmp_path / "copy.db")
    phone = world.phone()
    desk.charge("160", phone)
    desk.stage(Stage.PAID)
    desk.judge(shop)
    world.relay.kill()
    desk.until(lambda: not desk.is_live(), "the relay is missed")
    world.relay.restore(tmp_path / "copy.db", high_water=False)
    world.relay.start()
    desk.until(lambda: desk.window.notices.bars, "a notice")
    (bar,) = desk.window.notices.bars
    assert bar.isVisible()
    assert bar.sentence.text().startswith("The relay’s record of payments was replaced by an older copy.")
    assert bar.button is not None
    desk.until(desk.is_live, "the relay is followed again")
    bar.button.click()
    assert not desk.window.notices.bars
    desk.judge(shop)


def test_the_theme_switches_in_the_middle_of_a_charge_and_is_remembered(
    world: Any, shop: Any, desk: Counter, counter: Made
) -> None:
    phone, before = world.phone(), tokens().name
    other = {"light": "dark", "dark": "light"}[before]
    world.simulator.behave(phone, PATIENT)
    desk.charge("170", phone)
    desk.stage(Stage.ON_PHONE)
    desk.key(Qt.Key.Key_F8)
    assert tokens().name == other
    assert desk.desk.payment.state.stage is Stage.ON_PHONE
    picture = desk.window.grab().toImage()
    assert picture.pixelColor(picture.width() // 2, 300).name().upper() in {tokens().page, tokens().surface}
    desk.close()
    again = counter(shop.folder)
    assert tokens().name == other
    again.open(access_of(shop))
    QTest.mouseClick(again.window.status.theme, Qt.MouseButton.LeftButton)
    assert tokens().name == before


def test_the_network_page_knows_how_far_safaricom_was_asked(desk: Counter) -> None:
    desk.key(Qt.Key.Key_F7, Qt.KeyboardModifier.ShiftModifier)
    desk.until(lambda: desk.reads("Missed payments"), "the page is there")
    desk.until(lambda: desk.desk.till.weather.current.count == 0 and desk.reads("Too few charges to tell"))
    desk.key(Qt.Key.Key_Escape)
    desk.until(lambda: desk.window.stack.currentIndex() == 0, "the till sells again")
