"""The payment panel in the window: every state by keyboard and mouse, one attempt, nothing promised too early."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from pos_app.domain.attempt import AttemptState
from pos_app.domain.money import Money
from pos_app.domain.reason import Reason
from pos_app.domain.refused import Refused
from pos_app.ui.payment.charge_page import ChargePage
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import Stage
from pos_app.ui.payment.words import DO_NOT_CHARGE_AGAIN, Act

Key = Qt.Key
Till = Any  # built by conftest, which no test module can import


def words(till: Till) -> str:
    page = till.page.payment.charge
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisibleTo(page))


def test_the_commonest_sale_is_amount_f1_phone_enter(till: Till) -> None:
    till.charge("350", "0712345678")
    assert till.shop.asked == [(1, Money.shillings(350), "0712345678")]
    assert "0712 345 678" in words(till)
    assert "Ask the customer to enter the PIN." in words(till)


def test_the_phone_is_grouped_while_typing_and_refused_by_shape(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    phone = till.page.payment.phone.phone
    assert phone.hasFocus()
    till.keys("07123")
    assert phone.text() == "0712 3"
    till.key(Key.Key_Return)
    assert till.payment.state.error == "That is not a Kenyan mobile number. Type it like 0712 345 678 or 0110 345 678."
    assert till.page.payment.phone.error.isVisible()
    till.keys("45678")
    assert till.payment.state.error == ""
    assert phone.text() == "0712 345 678"
    assert till.shop.asked == []


def test_a_digit_put_in_the_middle_keeps_the_caret_there(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.keys("071245678")
    phone = till.page.payment.phone.phone
    phone.setCursorPosition(4)
    till.keys("3")
    assert phone.text() == "0712 345 678"
    assert phone.cursorPosition() == 6


def test_another_network_is_warned_about_and_still_charged(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.keys("0733123456")
    assert till.page.payment.phone.warning.isVisible()
    till.key(Key.Key_Return)
    till.stage(Stage.ON_PHONE)


def test_the_keypad_types_and_deletes(till: Till, qtbot: QtBot) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    page = till.page.payment.phone
    keys = {key.text(): key for key in page.findChildren(type(page.submit).__mro__[1]) if key.text()}
    for digit in ("0", "7", "1", "⌫"):
        qtbot.mouseClick(keys[digit], Qt.MouseButton.LeftButton)
    assert page.phone.text() == "07"
    assert page.phone.hasFocus()


def test_no_number_is_remembered_for_the_next_customer(till: Till) -> None:
    till.charge()
    till.payment.park()
    till.sell("100")
    till.open(Key.Key_F1, Page.PHONE)
    assert till.page.payment.phone.phone.text() == ""


def test_double_click_enter_repeat_and_a_second_enter_make_one_attempt(till: Till, qtbot: QtBot) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.keys("0712345678")
    page = till.page.payment.phone
    till.shop.gate = asyncio.Event()
    for _ in range(2):
        QApplication.sendEvent(page.phone, QKeyEvent(QEvent.Type.KeyPress, Key.Key_Return, Qt.KeyboardModifier(0)))
    repeat = QKeyEvent(QEvent.Type.KeyPress, Key.Key_Return, Qt.KeyboardModifier(0), "", True)
    QApplication.sendEvent(page.phone, repeat)
    page.submit.click()
    page.submit.click()
    till.payment.submit_phone("0712345678")
    till.stage(Stage.SENDING)
    till.key(Key.Key_Return)
    till.shop.gate.set()
    till.stage(Stage.ON_PHONE)
    till.key(Key.Key_Return)
    qtbot.waitUntil(lambda: not till.tasks.live)
    assert len(till.shop.asked) == 1
    assert till.payment.state.page is Page.CHARGE


def test_two_calls_before_the_loop_turns_ask_once(till: Till, qtbot: QtBot) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.payment.submit_phone("0712345678")
    till.payment.submit_phone("0712345678")
    till.stage(Stage.ON_PHONE)
    assert len(till.shop.asked) == 1


def test_waiting_counts_up_and_hints_after_twenty_seconds(till: Till) -> None:
    till.charge()
    assert "unlock" not in words(till)
    till.later(20)
    assert till.payment.state.seconds == 21
    assert "unlock" in words(till)


def test_silence_turns_amber_and_never_red_or_green(till: Till) -> None:
    till.charge()
    till.later(75)
    assert till.payment.state.stage is Stage.CHECKING
    assert till.page.payment.charge.property("panel") == "checking"
    assert "No money taken" not in words(till)
    assert till.sounds.heard == ["attention"]
    till.later(300)
    assert till.payment.state.stage is Stage.UNRESOLVED
    assert till.page.payment.charge.property("panel") == "checking"


def test_a_second_charge_while_one_is_checked_is_refused_with_the_sentence(till: Till, qtbot: QtBot) -> None:
    till.charge()
    till.later(80)
    till.payment.park()
    till.qtbot.waitUntil(lambda: [tab.sale_id for tab in till.sale.state.tabs] == [1])
    till.payment.begin_mpesa(till.shop.sales[1])
    till.until(Page.CHARGE)
    assert till.payment.state.error == DO_NOT_CHARGE_AGAIN
    assert till.payment.state.stage is Stage.CHECKING
    till.payment.begin_split(till.shop.sales[1])
    qtbot.waitUntil(lambda: not till.tasks.live)
    assert till.payment.state.page is Page.CHARGE
    assert len(till.shop.asked) == 1


def test_the_services_refusal_is_shown_on_the_phone_page(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.shop.refusal = Refused("The till is not set up for M-Pesa yet.")
    till.keys("0712345678")
    till.key(Key.Key_Return)
    till.qtbot.waitUntil(lambda: till.payment.state.error == "The till is not set up for M-Pesa yet.")
    assert till.payment.state.page is Page.PHONE


def test_paid_is_green_with_name_and_code_and_chimes(till: Till) -> None:
    till.charge()
    till.shop.pay("UKN7BX41QP", name="WANJIRU")
    till.stage(Stage.PAID)
    till.qtbot.waitUntil(lambda: till.payment.state.payer == "WANJIRU")
    page = till.page.payment.charge
    assert page.property("panel") == "paid"
    assert page.badge.sign == "tick"
    assert "PAID" in words(till)
    assert "UKN7BX41QP" in words(till)
    assert "0712 ••• 678" in words(till)
    assert "345" not in words(till)
    assert till.sounds.heard == ["paid"]
    assert till.said[-1].startswith("PAID")


def test_a_code_that_is_not_known_yet_follows(till: Till) -> None:
    till.charge()
    paid = till.shop.pay(receipt="")
    till.stage(Stage.PAID)
    assert "M-Pesa code to follow" in words(till)
    till.shop.arrive(paid, "UKN7BX41QP", "")
    assert "UKN7BX41QP" in words(till)


def test_four_seconds_after_paid_the_next_sale_begins(till: Till) -> None:
    till.charge()
    till.shop.pay()
    till.stage(Stage.PAID)
    till.later(3.9)
    assert till.payment.is_open
    till.later(0.2)
    till.until(Page.NONE)
    till.qtbot.waitUntil(lambda: till.shop.closed == [1])
    assert till.sale.state.cart.lines == ()
    assert till.page.finder.search.hasFocus()


def test_enter_takes_the_paid_panel_away_but_not_in_its_first_moment(till: Till) -> None:
    till.charge()
    till.shop.pay()
    till.stage(Stage.PAID)
    till.payment.act(Act.NEXT)
    assert till.payment.is_open
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.until(Page.NONE)


def test_a_scan_skips_the_paid_panel_and_begins_the_next_sale(till: Till) -> None:
    milk = till.qtbot  # keeps the name short below
    till.shop.stock.append(product("Milk", 60, "6161100123456"))
    till.charge()
    till.shop.pay()
    till.stage(Stage.PAID)
    till.scan("6161100123456")
    milk.waitUntil(lambda: [line.name for line in till.sale.state.cart.lines] == ["Milk"])
    assert not till.payment.is_open
    milk.waitUntil(lambda: till.shop.closed == [1])


def test_a_scan_while_waiting_parks_the_sale_and_serves_the_next(till: Till) -> None:
    till.shop.stock.append(product("Milk", 60, "6161100123456"))
    till.charge()
    till.scan("6161100123456")
    till.qtbot.waitUntil(lambda: [line.name for line in till.sale.state.cart.lines] == ["Milk"])
    till.qtbot.waitUntil(lambda: [tab.mark for tab in till.sale.state.tabs] == ["waiting"])
    till.shop.pay()
    till.qtbot.waitUntil(lambda: [tab.mark for tab in till.sale.state.tabs] == ["paid"])
    till.sale.take_up(1)
    till.stage(Stage.PAID)
    till.qtbot.waitUntil(lambda: [tab.number for tab in till.sale.state.tabs] == [2])


def test_a_scan_at_the_phone_page_goes_into_this_sale(till: Till) -> None:
    till.shop.stock.append(product("Milk", 60, "6161100123456"))
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.keys("0712")
    till.scan("6161100123456")
    till.qtbot.waitUntil(lambda: len(till.sale.state.cart.lines) == 2)
    assert not till.payment.is_open
    till.open(Key.Key_F1, Page.PHONE)
    assert till.payment.state.due == Money.shillings(410)


@pytest.mark.parametrize(
    ("reason", "code", "stage"),
    [
        (Reason.CANCEL, "1032", Stage.CANCELLED),
        (Reason.LOWBAL, "1", Stage.NO_FUNDS),
        (Reason.NOANSWER, "1037", Stage.NOT_REACHED),
        (Reason.DOWN, "26", Stage.DOWN),
        (Reason.SETUP, "2028", Stage.SETUP),
    ],
)
def test_a_failure_says_why_what_of_the_money_and_what_to_do(
    till: Till, reason: Reason, code: str, stage: Stage
) -> None:
    till.charge()
    till.shop.fail(reason, code)
    till.stage(stage)
    shown = words(till)
    assert reason.english in shown
    assert "No money taken" in shown
    assert "0712 ••• 678" in shown
    assert code in shown
    assert till.sounds.heard == ["failed"]
    assert till.page.payment.charge.property("panel") == "surface"


def test_a_prompt_that_did_not_arrive_shows_the_till_number_large(till: Till) -> None:
    till.charge()
    till.shop.fail(Reason.NOANSWER, "1037")
    till.stage(Stage.NOT_REACHED)
    assert "Till 123456" in words(till)
    till.press(Act.TILL)
    till.until(Page.TILL)
    assert till.page.payment.till.number.text() == "123456"


def test_send_again_asks_the_same_phone_for_the_same_amount(till: Till) -> None:
    till.charge()
    till.shop.fail(Reason.WRONGPIN, "2001")
    till.stage(Stage.WRONG_PIN)
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.stage(Stage.ON_PHONE)
    assert till.shop.asked == [(1, Money.shillings(350), "0712345678")] * 2


def test_a_busy_line_counts_down_and_cannot_be_hurried(till: Till) -> None:
    till.charge()
    till.shop.fail(Reason.BUSYLINE, "1001")
    till.stage(Stage.BUSY)
    assert till.payment.state.countdown == 120
    primary = till.page.payment.charge.primary
    assert not primary.isEnabled()
    till.press(Act.SEND_AGAIN)
    till.later(117)
    assert till.payment.state.countdown == 2
    assert len(till.shop.asked) == 1
    till.later(3)
    assert primary.isEnabled()
    primary.click()
    till.stage(Stage.ON_PHONE)
    assert len(till.shop.asked) == 2


def test_the_countdown_runs_on_the_monotonic_clock(till: Till) -> None:
    till.charge()
    till.shop.fail(Reason.UNKNOWN, "17")
    till.stage(Stage.BUSY)
    assert till.payment.state.countdown == 120
    till.clock.wall = till.clock.wall.replace(year=2030)
    till.payment.tick()
    assert till.payment.state.countdown == 120


def test_another_number_asks_for_the_same_amount(till: Till) -> None:
    till.charge()
    till.shop.fail(Reason.BADPHONE)
    till.stage(Stage.BAD_PHONE)
    till.press(Act.OTHER_NUMBER)
    till.until(Page.PHONE)
    till.keys("0722000111")
    till.key(Key.Key_Return)
    till.stage(Stage.ON_PHONE)
    assert till.shop.asked[-1] == (1, Money.shillings(350), "0722000111")


def test_check_now_asks_safaricom_once(till: Till) -> None:
    till.charge()
    till.later(80)
    till.press(Act.CHECK_NOW)
    till.qtbot.waitUntil(lambda: "check_now" in till.shop.calls)
    till.qtbot.waitUntil(lambda: not till.payment.state.working)
    assert till.payment.state.stage is Stage.CHECKING


def not_sent(till: Till) -> None:
    attempt = till.charge()
    till.shop.tell(replace(attempt, state=AttemptState.CREATED, reason=Reason.NOT_SENT))
    till.stage(Stage.NOT_SENT)


def test_a_request_that_never_left_is_sent_again_as_it_is(till: Till) -> None:
    not_sent(till)
    till.press(Act.SEND_AGAIN)
    till.stage(Stage.ON_PHONE)
    assert till.shop.calls.count("send_again") == 1
    assert len(till.shop.asked) == 1


def test_a_request_that_never_left_is_withdrawn_before_cash(till: Till) -> None:
    not_sent(till)
    till.press(Act.CASH)
    till.until(Page.CASH)
    assert "withdraw" in till.shop.calls
    assert not till.shop.sales[1].awaiting


@pytest.mark.parametrize("act", [Act.SEND_AGAIN, Act.CASH])
def test_a_refused_resend_or_withdrawal_says_why(till: Till, act: Act) -> None:
    not_sent(till)
    till.shop.refusal = Refused("It has left in the meantime.")
    till.press(act)
    till.qtbot.waitUntil(lambda: till.payment.state.error == "It has left in the meantime.")
    till.qtbot.waitUntil(lambda: not till.payment.state.working)
    assert till.payment.state.page is Page.CHARGE


def test_when_the_till_itself_fails_nobody_is_told_that_it_is_safe(
    till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.shop.charge = failing
    till.keys("0712345678")
    till.key(Key.Key_Return)
    till.stage(Stage.UNRESOLVED)
    assert "It is not known if the customer was asked." in words(till)
    assert till.page.payment.charge.property("panel") == "checking"
    till.press(Act.PARK)
    till.until(Page.NONE)
    till.qtbot.waitUntil(lambda: till.failed == ["charge"])
    till.failed.clear()
    assert "0712" not in caplog.text


async def failing(*_asked: object) -> None:
    raise OSError("database is gone")


def test_success_after_failure_is_late_and_amber(till: Till) -> None:
    till.charge()
    till.shop.fail(Reason.CANCEL, "1032")
    till.stage(Stage.CANCELLED)
    till.shop.pay(state=AttemptState.PAID_LATE)
    till.stage(Stage.PAID_LATE)
    assert till.page.payment.charge.property("panel") == "checking"
    till.press(Act.NEXT)
    till.until(Page.NONE)


def test_cash_taken_while_the_phone_still_asks_shows_the_extra_money(till: Till) -> None:
    till.charge()
    till.press(Act.CASH)
    till.until(Page.CASH)
    till.key(Key.Key_Return)
    till.until(Page.CHANGE)
    till.shop.pay()
    till.stage(Stage.PAID_LATE)
    assert "KES 350 extra received." in words(till)
    assert till.payment.state.page is Page.CHARGE


def test_a_payment_that_arrives_at_the_cash_page_is_shown_at_once(till: Till) -> None:
    till.charge()
    till.press(Act.CASH)
    till.until(Page.CASH)
    till.shop.pay()
    till.stage(Stage.PAID)
    assert till.payment.state.page is Page.CHARGE


def test_escape_parks_a_charge_under_way_and_leaves_a_failed_one(till: Till) -> None:
    till.charge()
    till.key(Key.Key_Escape)
    till.qtbot.waitUntil(lambda: [tab.mark for tab in till.sale.state.tabs] == ["waiting"])
    assert till.sale.state.cart.lines == ()
    till.sale.take_up(1)
    till.stage(Stage.ON_PHONE)
    till.shop.fail(Reason.CANCEL, "1032")
    till.stage(Stage.CANCELLED)
    till.clock.pass_(1)
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    assert len(till.sale.state.cart.lines) == 1
    assert till.sale.state.title == "Sale 1"


def test_a_reply_for_a_parked_sale_does_not_disturb_the_next(till: Till) -> None:
    till.shop.gate = asyncio.Event()
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.keys("0712345678")
    till.key(Key.Key_Return)
    till.stage(Stage.SENDING)
    till.key(Key.Key_F9)
    till.until(Page.NONE)
    till.sell("100")
    till.shop.gate.set()
    till.qtbot.waitUntil(lambda: not till.tasks.live)
    assert not till.payment.is_open
    assert till.sale.state.due == Money.shillings(100)


def test_a_late_answer_does_not_undo_what_the_callback_told(till: Till) -> None:
    attempt = till.charge()
    paid = till.shop.pay()
    till.stage(Stage.PAID)
    till.changes.publish(type_of_attempt_change(replace(attempt, state=AttemptState.PENDING)))
    till.payment._charge.check(attempt)
    till.shop.attempts[1] = attempt
    till.qtbot.waitUntil(lambda: not till.payment.state.working)
    till.shop.attempts[1] = paid
    till.payment.tick()
    assert till.payment.state.stage is Stage.PAID


def test_cash_exact_is_f2_and_enter(till: Till) -> None:
    till.sell("335")
    till.open(Key.Key_F2, Page.CASH)
    till.key(Key.Key_Return)
    till.until(Page.CHANGE)
    assert till.page.payment.change.change_word.text() == "No change"
    till.later(4.1)
    till.until(Page.NONE)
    till.qtbot.waitUntil(lambda: till.shop.closed == [1])


def test_cash_change_is_shown_while_typing_and_stays_until_enter(till: Till) -> None:
    till.sell("335")
    till.open(Key.Key_F2, Page.CASH)
    till.keys("1000")
    assert till.page.payment.cash.change.text() == "KES 665"
    till.key(Key.Key_F2)
    till.until(Page.CHANGE)
    assert till.page.payment.change.change.text() == "KES 665"
    till.later(60)
    assert till.payment.state.page is Page.CHANGE
    till.key(Key.Key_Return)
    till.until(Page.NONE)


def test_a_quick_sum_fills_the_field(till: Till, qtbot: QtBot) -> None:
    till.sell("335")
    till.open(Key.Key_F2, Page.CASH)
    page = till.page.payment.cash
    assert [button.text() for button in page.quick_buttons] == ["335", "400", "500", "1,000"]
    qtbot.mouseClick(page.quick_buttons[3], Qt.MouseButton.LeftButton)
    assert page.received.text() == "1,000"
    assert page.change.text() == "KES 665"


def test_too_little_cash_leaves_the_rest_to_pay(till: Till) -> None:
    till.sell("335")
    till.open(Key.Key_F2, Page.CASH)
    till.keys("200")
    assert till.payment.state.change_word == "Still to pay"
    till.key(Key.Key_Return)
    till.until(Page.NONE)
    assert till.sale.state.due == Money.shillings(135)
    assert till.sale.state.locked
    till.sell_refused = till.sale.remove(0)
    assert "cannot change" in till.sale.state.notice


def test_nonsense_and_refused_cash_are_said_in_the_page(till: Till) -> None:
    till.sell("335")
    till.open(Key.Key_F2, Page.CASH)
    till.keys("x")
    till.key(Key.Key_Return)
    assert "not an amount" in till.payment.state.error
    till.shop.refusal = Refused("The disk is full.")
    till.page.payment.cash.received.clear()
    till.key(Key.Key_Return)
    till.qtbot.waitUntil(lambda: till.payment.state.error == "The disk is full.")
    assert not till.payment.state.working


def test_split_asks_for_a_part_and_then_for_the_rest(till: Till) -> None:
    till.sell("500")
    till.open(Key.Key_F4, Page.SPLIT)
    till.keys("600")
    till.key(Key.Key_Return)
    assert "KES 500 at a time" in till.payment.state.error
    till.page.payment.split.part.clear()
    till.keys("380")
    assert till.page.payment.split._rest.text() == "KES 120 remain to be paid"
    till.key(Key.Key_Return)
    till.until(Page.PHONE)
    till.keys("0712345678")
    till.key(Key.Key_Return)
    till.stage(Stage.ON_PHONE)
    till.shop.pay()
    till.stage(Stage.PAID)
    assert "KES 120 remaining." in words(till)
    till.later(10)
    assert till.payment.is_open
    till.key(Key.Key_F2)
    till.until(Page.CASH)
    assert till.payment.state.due == Money.shillings(120)


def test_the_rest_of_a_split_can_go_by_mpesa_too(till: Till) -> None:
    test_split_asks_for_a_part_and_then_for_the_rest(till)
    till.key(Key.Key_F1)
    till.until(Page.PHONE)
    assert till.payment.state.due == Money.shillings(120)


def test_keys_change_the_way_of_paying_while_a_page_is_open(till: Till) -> None:
    till.sell("500")
    till.open(Key.Key_F1, Page.PHONE)
    till.open(Key.Key_F3, Page.TILL)
    till.open(Key.Key_F4, Page.SPLIT)
    till.open(Key.Key_F2, Page.CASH)
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    assert till.shop.calls == ["open"]


def test_the_till_page_shows_the_number_very_large_and_parks(till: Till) -> None:
    till.sell("500")
    till.open(Key.Key_F3, Page.TILL)
    page = till.page.payment.till
    assert page.number.text() == "123456"
    assert page.number.font().pixelSize() >= 60
    assert "Buy Goods" in page.steps.text()
    page.submit.click()
    till.until(Page.NONE)


def test_more_than_mpesa_takes_is_refused_before_the_phone(till: Till) -> None:
    till.sell("250001")
    till.key(Key.Key_F1)
    till.qtbot.waitUntil(lambda: "KES 250,000" in till.sale.state.notice)
    assert not till.payment.is_open


def test_the_receipt_is_asked_for_by_sale(till: Till) -> None:
    wanted: list[int] = []
    till.payment.receipt_wanted.connect(wanted.append)
    till.charge()
    till.shop.pay()
    till.stage(Stage.PAID)
    till.press(Act.RECEIPT)
    assert wanted == [1]


def test_remote_words_are_never_read_as_markup(till: Till) -> None:
    till.charge()
    till.shop.pay("UKN7BX41QP", name="<b>EVE</b><img src=x>")
    till.stage(Stage.PAID)
    assert "<b>EVE</b>" in words(till)
    for label in till.window.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText


def test_every_field_and_button_has_an_accessible_name(till: Till) -> None:
    from PySide6.QtWidgets import QPushButton

    till.charge()
    for control in (*till.window.findChildren(QPushButton), *till.window.findChildren(QLineEdit)):
        if control.isVisibleTo(till.window):
            assert control.accessibleName(), control


def product(name: str, price: int, barcode: str) -> Any:
    from pos_app.domain.catalogue import Product

    return Product(1, name, Money.shillings(price), barcode)


def type_of_attempt_change(attempt: Any) -> Any:
    from pos_app.services.changes import AttemptChanged

    return AttemptChanged(attempt)


def test_a_window_too_low_for_the_keypad_hides_it_and_keeps_the_words(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    page = till.page.payment.phone
    till.window.resize(1366, 768)
    till.qtbot.waitUntil(lambda: page._keypad.isVisible() and page.caption.isVisible())
    till.keys("0733123456")
    page.setFixedHeight(420)
    till.qtbot.waitUntil(lambda: not page._keypad.isVisible())
    assert page.warning.isVisible()
    page.setMaximumHeight(16_777_215)


def test_cash_beside_an_open_prompt_says_so(till: Till) -> None:
    till.charge()
    till.press(Act.CASH)
    till.until(Page.CASH)
    assert "still open" in till.page.payment.cash.warning.text()
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    till.key(Key.Key_F1)
    till.until(Page.CHARGE)
    assert till.payment.state.error == DO_NOT_CHARGE_AGAIN


def test_nothing_is_pressed_while_the_services_work(till: Till) -> None:
    till.charge()
    till.later(80)
    hold = asyncio.Event()

    async def slow(attempt_id: int) -> Any:
        await hold.wait()
        return till.shop.attempts[attempt_id]

    till.shop.check_now = slow
    till.press(Act.CHECK_NOW)
    page = till.page.payment.charge
    assert not page.secondary.isEnabled()
    till.press(Act.CHECK_NOW)
    assert page.primary.isEnabled()
    till.key(Key.Key_F9)
    till.until(Page.NONE)
    hold.set()


def test_a_sale_left_in_a_hurry_does_not_come_back_by_itself(till: Till) -> None:
    till.charge()
    till.payment.park()
    till.payment.resume(till.shop.sales[1])
    till.payment.leave()
    till.qtbot.waitUntil(lambda: not till.tasks.live)
    assert not till.payment.is_open


def test_a_live_charge_found_at_the_phone_page_is_not_doubled(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.shop.sales[1] = replace(till.shop.sales[1], awaiting=True)
    till.payment._charge.sale = till.shop.sales[1]
    till.keys("0712345678")
    till.key(Key.Key_Return)
    assert till.payment.state.error == DO_NOT_CHARGE_AGAIN
    assert till.shop.asked == []


def test_keys_of_other_pages_do_nothing_here(till: Till) -> None:
    till.payment.submit_phone("0712345678")
    till.payment.submit_cash("100")
    till.payment.submit_split("100")
    till.payment.act(Act.NEXT)
    till.payment.back()
    till.payment._go(Act.CASH)
    assert not till.payment.is_open
    assert till.shop.asked == []


def test_cash_that_comes_back_after_the_page_was_left_changes_nothing_on_the_screen(till: Till) -> None:
    till.sell("335")
    till.open(Key.Key_F2, Page.CASH)
    hold = asyncio.Event()
    pay = till.shop.pay_cash

    async def slow(sale_id: int, received: Money) -> Any:
        await hold.wait()
        return await pay(sale_id, received)

    till.shop.pay_cash = slow
    till.key(Key.Key_Return)
    till.key(Key.Key_Return)
    till.key(Key.Key_F9)
    till.until(Page.NONE)
    hold.set()
    till.qtbot.waitUntil(lambda: till.shop.calls.count("pay_cash") == 1)
    till.qtbot.waitUntil(lambda: not till.tasks.live)
    assert not till.payment.is_open


def test_the_other_ways_on_from_a_failure(till: Till) -> None:
    till.charge()
    till.shop.fail(Reason.LOWBAL, "1")
    till.stage(Stage.NO_FUNDS)
    till.press(Act.SPLIT)
    till.until(Page.SPLIT)
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    assert not till.sale.state.locked


def test_the_receipt_of_a_cash_sale_is_asked_for_too(till: Till) -> None:
    wanted: list[int] = []
    till.payment.receipt_wanted.connect(wanted.append)
    till.sell("100")
    till.open(Key.Key_F2, Page.CASH)
    till.key(Key.Key_Return)
    till.until(Page.CHANGE)
    till.page.payment.change.receipt.click()
    assert wanted == [1]
    till.key(Key.Key_Escape)
    till.until(Page.NONE)


def test_parking_from_the_keyboard_when_paid_goes_on_to_the_next(till: Till) -> None:
    till.charge()
    till.shop.pay()
    till.stage(Stage.PAID)
    till.key(Key.Key_F9)
    till.until(Page.NONE)
    till.qtbot.waitUntil(lambda: till.shop.closed == [1])


def test_a_failed_sale_takes_the_next_scan_itself(till: Till) -> None:
    till.shop.stock.append(product("Milk", 60, "6161100123456"))
    till.charge()
    till.shop.fail(Reason.CANCEL, "1032")
    till.stage(Stage.CANCELLED)
    till.clock.pass_(1)
    till.scan("6161100123456")
    till.qtbot.waitUntil(lambda: len(till.sale.state.cart.lines) == 2)
    assert till.sale.state.title == "Sale 1"


def test_a_scan_in_the_first_moment_of_a_failure_goes_to_the_next_sale(till: Till) -> None:
    till.shop.stock.append(product("Milk", 60, "6161100123456"))
    till.charge()
    till.shop.fail(Reason.CANCEL, "1032")
    till.stage(Stage.CANCELLED)
    till.sale.scan("6161100123456")
    till.qtbot.waitUntil(lambda: [line.name for line in till.sale.state.cart.lines] == ["Milk"])
    till.qtbot.waitUntil(lambda: [tab.number for tab in till.sale.state.tabs] == [1])


@pytest.mark.parametrize("size", [(1366, 768), (1280, 720), (1100, 640)])
@pytest.mark.parametrize("reason", [Reason.BUSYLINE, Reason.NOANSWER, Reason.NOPAY])
def test_the_longest_panels_are_cut_at_no_size(till: Till, size: tuple[int, int], reason: Reason) -> None:
    till.window.resize(*size)
    till.charge("250000")
    till.shop.fail(reason, "1")
    till.later(1)
    page = till.page.payment.charge
    QApplication.processEvents()
    for label in page.findChildren(QLabel):
        if label.isVisible() and label.text():
            needed = label.heightForWidth(label.width()) if label.wordWrap() else label.fontMetrics().height()
            assert label.height() >= needed - 1, label.text()
    assert reason.english in words(till)
    assert "No money taken" in words(till)


def test_paid_turns_to_a_page_that_is_dressed_already(till: Till) -> None:
    till.charge()
    waiting = till.page.payment.charge
    till.qtbot.waitUntil(lambda: till.page.payment.findChild(ChargePage, "paid") is not None)
    till.shop.pay()
    till.stage(Stage.PAID)
    paid = till.page.payment.charge
    assert (paid.property("panel"), waiting.property("panel")) == ("paid", "surface")
    assert paid.isVisible()
    assert paid.word.text() == "PAID"
    assert not waiting.isVisible()


def test_a_payment_is_read_and_shown_once(till: Till) -> None:
    """One commit tells of the attempt, the payment and the sale."""
    till.charge()
    till.qtbot.waitUntil(lambda: not till.tasks.live)
    shown: list[str] = []
    till.payment.changed.connect(lambda: shown.append(f"{till.payment.state.stage} {till.payment.state.payer}"))
    till.shop.pay(name="WANJIRU")
    till.stage(Stage.PAID)
    till.qtbot.waitUntil(lambda: not till.tasks.live)
    assert shown == ["paid WANJIRU"]
