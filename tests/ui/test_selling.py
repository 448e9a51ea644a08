"""The selling screen: scan, type, find, change, park and take up, all by keyboard and all by touch."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from pos_app.domain.catalogue import Product
from pos_app.domain.money import Money
from pos_app.domain.reason import Reason
from pos_app.domain.refused import Refused
from pos_app.domain.tender import Tender, TenderKind
from pos_app.services.changes import CatalogueChanged, SaleChanged
from pos_app.services.payments import RecentPayment
from pos_app.ui.offers.words import age_words
from pos_app.ui.payment.state import Page
from pos_app.ui.sale.meaning import amount_in, is_barcode

Key = Qt.Key
Till = Any  # built by conftest, which no test module can import
CONTROL = Qt.KeyboardModifier.ControlModifier


def stock(till: Till, *names: str) -> None:
    till.shop.stock = [
        Product(at + 1, name, Money.shillings(60 + at), f"616110012000{at}") for at, name in enumerate(names)
    ]
    till.changes.publish(CatalogueChanged())
    till.qtbot.waitUntil(lambda: [product.name for product in till.sale.state.products] == list(names))


def lines(till: Till) -> list[tuple[str, int]]:
    return [(line.name, line.quantity) for line in till.sale.state.cart.lines]


def holds(till: Till, *wanted: tuple[str, int]) -> None:
    till.qtbot.waitUntil(lambda: lines(till) == list(wanted))


def test_digits_on_an_empty_cart_start_an_amount_sale(till: Till) -> None:
    till.keys("350")
    till.key(Key.Key_Return)
    holds(till, ("Amount", 1))
    assert till.page.cart.totals.amount.text() == "KES 350"
    assert till.page.finder.search.text() == ""


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("350", 35000), ("99.50", 9950), ("1,250", 125000), ("12,34", None), ("0", 0), ("12a", None), ("1234567", None)],
)
def test_what_counts_as_an_amount(typed: str, amount: int | None) -> None:
    assert amount_in(typed) == (None if amount is None else Money(amount))
    assert is_barcode("6161100123456")
    assert not is_barcode("350")


def test_a_scanned_receipt_is_no_product_and_says_where_it_is_looked_at(till: Till) -> None:
    till.sale.scan("T1-000142")
    till.qtbot.waitUntil(lambda: "That is a receipt. Press F6 and scan it there" in till.sale.state.notice)
    assert till.sale.state.adding is None
    assert lines(till) == []


def test_a_product_may_have_a_code_like_a_receipts(till: Till) -> None:
    till.shop.stock = [Product(1, "Loose tea", Money.shillings(60), "T1-142")]
    till.sale.scan("T1-142")
    holds(till, ("Loose tea", 1))


def test_cents_are_rounded_to_whole_shillings_and_said(till: Till) -> None:
    till.sell("99.50")
    assert till.page.cart.totals.amount.text() == "KES 100"
    assert "rounded 0.50" in till.page.cart.totals.detail.text()


def test_zero_is_no_amount(till: Till) -> None:
    till.keys("0")
    till.key(Key.Key_Return)
    till.qtbot.waitUntil(lambda: till.sale.state.notice == "Type an amount above zero.")


def test_a_scan_adds_the_product_wherever_the_keyboard_is(till: Till) -> None:
    stock(till, "Milk", "Bread")
    till.scan("6161100120001")
    holds(till, ("Bread", 1))
    till.page.cart.pay.cash.setFocus()
    till.scan("6161100120001")
    holds(till, ("Bread", 2))
    assert not till.payment.is_open
    assert till.page.finder.search.text() == ""


def test_a_scan_in_the_quantity_box_leaves_the_quantity(till: Till) -> None:
    stock(till, "Milk", "Bread")
    till.scan("6161100120000")
    holds(till, ("Milk", 1))
    till.key(Key.Key_Q, CONTROL)
    assert till.page.cart.rows.rows[0].quantity.hasFocus()
    till.scan("6161100120001")
    holds(till, ("Milk", 1), ("Bread", 1))


def test_an_unknown_barcode_becomes_a_product_in_place(till: Till) -> None:
    till.scan("6161100999999")
    add = till.page.finder.add
    till.qtbot.waitUntil(add.name.hasFocus)
    assert "6161100999999" in add.barcode.text()
    till.keys("Honey 500 g")
    till.key(Key.Key_Return)
    assert add.price.hasFocus()
    till.keys("x")
    till.key(Key.Key_Return)
    assert "not an amount" in add.error.text()
    add.price.clear()
    till.keys("450")
    till.key(Key.Key_Return)
    holds(till, ("Honey 500 g", 1))
    assert till.shop.stock[0].barcode == "6161100999999"
    till.qtbot.waitUntil(till.page.finder.search.hasFocus)
    till.scan("6161100999999")
    holds(till, ("Honey 500 g", 2))


def test_a_product_without_a_name_is_refused_with_the_domains_sentence(till: Till) -> None:
    till.key(Key.Key_N, CONTROL)
    add = till.page.finder.add
    till.qtbot.waitUntil(add.name.hasFocus)
    assert add.barcode.text() == ""
    add.price.setText("10")
    add.save.click()
    till.qtbot.waitUntil(lambda: add.error.text() == "Type a name for the product.")
    till.key(Key.Key_Escape)
    assert till.sale.state.adding is None
    assert till.page.finder.search.hasFocus()
    till.sale.save_product("late", "10")
    assert till.shop.stock == []


def test_letters_find_and_enter_adds_the_first(till: Till) -> None:
    stock(till, "Milk", "Maize flour", "Bread")
    till.keys("ma")
    till.qtbot.waitUntil(lambda: [product.name for product in till.sale.state.products] == ["Maize flour"])
    till.key(Key.Key_Return)
    holds(till, ("Maize flour", 1))
    till.qtbot.waitUntil(lambda: len(till.sale.state.products) == 3)


def test_nothing_found_is_said_and_a_typed_barcode_asks_for_a_product(till: Till) -> None:
    till.keys("zzz")
    till.key(Key.Key_Return)
    till.qtbot.waitUntil(lambda: "Nothing matches “zzz”" in till.sale.state.notice)
    till.key(Key.Key_Escape)
    assert till.page.finder.search.text() == ""
    till.keys("61611009")
    till.key(Key.Key_Return)
    till.qtbot.waitUntil(lambda: till.sale.state.adding is not None)


def test_enter_on_an_empty_field_does_nothing(till: Till) -> None:
    till.key(Key.Key_Return)
    assert not till.tasks.live or "enter" not in till.tasks.live


def test_a_tile_is_touched_and_tiles_are_reused(till: Till, qtbot: QtBot) -> None:
    stock(till, "Milk", "Bread", "A name so long that it cannot ever fit on two lines of a tile of this width")
    tiles = till.page.finder.tiles.tiles
    qtbot.mouseClick(tiles[1], Qt.MouseButton.LeftButton)
    holds(till, ("Bread", 1))
    assert till.page.finder.search.hasFocus()
    till.window.grab()
    till.sale.search("bread")
    qtbot.waitUntil(lambda: tiles[0].product.name == "Bread")
    assert tiles[1].isHidden()
    assert tiles[0].accessibleName() == "Bread, KES 61"


def test_quantity_by_keys_by_buttons_and_typed(till: Till, qtbot: QtBot) -> None:
    stock(till, "Milk", "Bread")
    till.scan("6161100120000")
    till.scan("6161100120001")
    holds(till, ("Milk", 1), ("Bread", 1))
    till.key(Key.Key_Plus)
    till.key(Key.Key_Up)
    till.key(Key.Key_Plus)
    till.key(Key.Key_Plus)
    till.key(Key.Key_Minus)
    assert lines(till) == [("Milk", 2), ("Bread", 2)]
    row = till.page.cart.rows.rows[0]
    qtbot.mouseClick(row.more, Qt.MouseButton.LeftButton)
    assert lines(till)[0] == ("Milk", 3)
    till.key(Key.Key_Q, CONTROL)
    till.keys("12")
    till.key(Key.Key_Return)
    assert lines(till)[0] == ("Milk", 12)
    assert till.page.finder.search.hasFocus()
    till.sale.set_quantity(0, "")
    assert till.sale.state.notice == "Type a quantity, for example 3."
    till.sale.set_quantity(0, "0")
    assert lines(till) == [("Bread", 2)]


def test_more_than_the_domain_allows_is_refused_with_its_sentence(till: Till) -> None:
    stock(till, "Milk")
    till.scan("6161100120000")
    holds(till, ("Milk", 1))
    till.sale.set_quantity(0, "9999")
    till.key(Key.Key_Plus)
    assert till.sale.state.notice == "The quantity must be 1 to 9999."
    assert lines(till) == [("Milk", 9999)]


def test_lines_are_removed_by_key_by_button_and_by_one_less(till: Till, qtbot: QtBot) -> None:
    stock(till, "Milk", "Bread", "Salt")
    for at in range(3):
        till.scan(f"616110012000{at}")
    holds(till, ("Milk", 1), ("Bread", 1), ("Salt", 1))
    till.key(Key.Key_Delete)
    assert lines(till) == [("Milk", 1), ("Bread", 1)]
    till.key(Key.Key_Minus)
    assert lines(till) == [("Milk", 1)]
    qtbot.mouseClick(till.page.cart.rows.rows[0].remove, Qt.MouseButton.LeftButton)
    assert lines(till) == []
    assert till.sale.state.selected == -1
    till.key(Key.Key_Delete)
    till.key(Key.Key_Plus)
    till.key(Key.Key_Down)


def test_a_row_is_selected_by_touch(till: Till, qtbot: QtBot) -> None:
    stock(till, "Milk", "Bread")
    till.scan("6161100120000")
    till.scan("6161100120001")
    holds(till, ("Milk", 1), ("Bread", 1))
    qtbot.mouseClick(till.page.cart.rows.rows[0], Qt.MouseButton.LeftButton)
    assert till.sale.state.selected == 0
    assert till.page.cart.rows.rows[0].quantity.isVisible()
    assert not till.page.cart.rows.rows[1].quantity.isVisible()


def test_a_key_to_pay_an_empty_cart_says_what_to_do(till: Till) -> None:
    till.key(Key.Key_F1)
    assert till.sale.state.notice == "Scan or type an amount first."
    assert till.page.cart.notice.isVisible()
    assert not till.page.cart.pay.mpesa.isEnabled()


def test_a_sale_is_put_on_disk_once_and_updated_when_the_cart_changed(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    till.open(Key.Key_F2, Page.CASH)
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    assert till.shop.calls == ["open"]
    till.sell("50")
    till.open(Key.Key_F1, Page.PHONE)
    assert till.shop.calls == ["open", "update"]
    assert till.payment.state.due == Money.shillings(400)


def test_a_second_f1_before_the_first_is_done_opens_one_sale(till: Till) -> None:
    till.sell("350")
    till.page.cart.pay.mpesa.click()
    till.page.cart.pay.mpesa.click()
    till.until(Page.PHONE)
    assert till.shop.calls == ["open"]


def test_a_refused_update_is_said(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F1, Page.PHONE)
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    till.sell("50")
    till.shop.refusal = Refused("A charge for this sale is still open.")
    till.key(Key.Key_F2)
    till.qtbot.waitUntil(lambda: "still open" in till.sale.state.notice)
    assert not till.payment.is_open


def test_sales_are_parked_and_taken_up_by_key(till: Till) -> None:
    till.sell("350")
    till.key(Key.Key_F9)
    till.qtbot.waitUntil(lambda: [tab.number for tab in till.sale.state.tabs] == [1])
    assert lines(till) == []
    till.sell("50")
    till.key(Key.Key_1, CONTROL)
    till.qtbot.waitUntil(lambda: till.sale.state.title == "Sale 1")
    till.qtbot.waitUntil(lambda: [tab.number for tab in till.sale.state.tabs] == [2])
    assert till.sale.state.due == Money.shillings(350)
    till.key(Key.Key_9, CONTROL)
    assert till.page.cart.strip.buttons[0].accessibleName() == "Sale 2, KES 50, open"


def test_a_tab_is_touched(till: Till, qtbot: QtBot) -> None:
    till.sell("350")
    till.key(Key.Key_F9)
    qtbot.waitUntil(lambda: len(till.page.cart.strip.buttons) == 1)
    qtbot.mouseClick(till.page.cart.strip.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: till.sale.state.title == "Sale 1")


def test_taking_up_a_sale_parks_the_one_at_the_payment_panel(till: Till) -> None:
    till.sell("350")
    till.key(Key.Key_F9)
    till.qtbot.waitUntil(lambda: len(till.sale.state.tabs) == 1)
    till.charge("100", "0712345678")
    till.key(Key.Key_1, CONTROL)
    till.qtbot.waitUntil(lambda: till.sale.state.title == "Sale 1")
    till.qtbot.waitUntil(lambda: [tab.number for tab in till.sale.state.tabs] == [2])


def test_a_refused_parking_keeps_the_cart(till: Till) -> None:
    till.sell("350")
    till.key(Key.Key_F9)
    till.qtbot.waitUntil(lambda: len(till.sale.state.tabs) == 1)
    till.key(Key.Key_1, CONTROL)
    till.qtbot.waitUntil(lambda: till.sale.state.title == "Sale 1")
    till.sell("50")
    till.shop.refusal = Refused("A charge for this sale is still open.")
    till.sale.take_up(1)
    till.qtbot.waitUntil(lambda: "still open" in till.sale.state.notice)
    assert len(lines(till)) == 2


def test_a_sale_that_cash_settled_elsewhere_clears_when_taken_up(till: Till) -> None:
    till.sell("350")
    till.key(Key.Key_F9)
    till.qtbot.waitUntil(lambda: len(till.sale.state.tabs) == 1)
    tender = Tender(TenderKind.CASH, Money.shillings(350), till.clock.now(), received=Money.shillings(350))
    till.shop._keep(replace(till.shop.sales[1], tenders=(tender,)))
    till.qtbot.waitUntil(lambda: [tab.mark for tab in till.sale.state.tabs] == ["paid"])
    till.sale.take_up(1)
    till.qtbot.waitUntil(lambda: till.sale.state.tabs == ())
    assert lines(till) == []


def test_a_closed_sale_leaves_no_tab(till: Till) -> None:
    till.sell("350")
    till.key(Key.Key_F9)
    till.qtbot.waitUntil(lambda: len(till.sale.state.tabs) == 1)
    till.shop._keep(replace(till.shop.sales[1], voided_at=till.clock.now()))
    till.qtbot.waitUntil(lambda: till.sale.state.tabs == ())


def test_the_cart_follows_a_charge_that_ends_while_it_is_shown(till: Till) -> None:
    till.charge()
    till.payment.leave()
    till.shop.fail(Reason.CANCEL, "1032")
    till.qtbot.waitUntil(lambda: not till.sale.state.locked)
    till.sell("50")
    till.key(Key.Key_F2)
    till.until(Page.CASH)
    assert till.payment.state.due == Money.shillings(400)


def test_a_part_paid_sale_cannot_change_and_says_what_remains(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F2, Page.CASH)
    till.keys("100")
    till.key(Key.Key_Return)
    till.until(Page.NONE)
    assert till.page.cart.totals.label.text() == "Remaining"
    assert till.page.cart.totals.amount.text() == "KES 250"
    till.keys("50")
    till.key(Key.Key_Return)
    till.qtbot.waitUntil(lambda: "cannot change" in till.sale.state.notice)
    assert len(lines(till)) == 1
    till.key(Key.Key_Q, CONTROL)
    assert till.page.finder.search.hasFocus()


def test_clearing_asks_in_the_page(till: Till) -> None:
    till.sell("350")
    till.key(Key.Key_Delete, CONTROL)
    confirm = till.page.cart.confirm
    assert confirm.isVisible()
    till.key(Key.Key_Escape)
    assert not confirm.isVisible()
    assert len(lines(till)) == 1
    till.key(Key.Key_Delete, CONTROL)
    confirm.yes.click()
    assert lines(till) == []


def test_clearing_a_sale_with_a_number_cancels_it_unless_part_is_paid(till: Till) -> None:
    till.sell("350")
    till.open(Key.Key_F2, Page.CASH)
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    till.sale.ask_to_clear()
    till.sale.answer_clear(True)
    holds(till)
    assert till.shop.sales[1].voided_at
    till.sell("350")
    till.open(Key.Key_F2, Page.CASH)
    till.keys("100")
    till.key(Key.Key_Return)
    till.until(Page.NONE)
    till.sale.ask_to_clear()
    till.sale.answer_clear(True)
    till.qtbot.waitUntil(lambda: "cannot be cancelled" in till.sale.state.notice)


def test_what_is_typed_without_a_field_goes_to_the_search_field(till: Till) -> None:
    till.page.cart.pay.cash.setFocus()
    till.sell("350")
    till.page.cart.pay.cash.setFocus()
    till.clock.pass_(1)
    QTest.keyClick(till.page.cart.pay.cash, "m")
    assert till.page.finder.search.text() == "m"
    assert till.page.finder.search.hasFocus()


def test_the_rail_shows_the_last_payments_and_money_without_a_sale(till: Till) -> None:
    now = till.clock.now()
    rail = till.page.rail
    assert rail.empty.text() == "No payments yet today. Customers pay Till 123456."
    till.shop.latest = [
        RecentPayment(now - timedelta(seconds=5), Money.shillings(350), "Wanjiru", "0712 ••• 678", "UK1", 3, False),
        RecentPayment(now - timedelta(minutes=5), Money.shillings(100), "", "2547 ***** 126", "", None, False),
        RecentPayment(now - timedelta(hours=5), Money.shillings(50), "", "", "UK3", 1, True),
    ]
    till.rail.start()
    till.qtbot.waitUntil(rail.chips[2].isVisible)
    assert not rail.empty.isVisible()
    assert [chip.accessibleName() for chip in rail.chips[:3]] == [
        "KES 350 from Wanjiru •••678, sale 3, 5 s ago",
        "KES 100 from •••126, no sale, 5 min ago",
        "KES 50 from (no name), sale 1 · late, 5 h ago",
    ]
    assert [chip.sign.sign for chip in rail.chips[:3]] == ["tick", "question", "exclamation"]
    assert rail.chips[1].property("chip") == "unclaimed"
    assert rail.chips[1].toolTip() == "M-Pesa code to follow"
    assert not rail.chips[3].isVisible()


def test_ages_are_said_short() -> None:
    ages = [timedelta(seconds=-3), timedelta(seconds=59), timedelta(minutes=59), timedelta(hours=23), timedelta(days=3)]
    assert [age_words(age) for age in ages] == ["0 s", "59 s", "59 min", "23 h", "3 d"]


def test_a_new_number_of_the_shop_shows_everywhere(till: Till) -> None:
    till.payment.show_number("PayBill 600100")
    till.rail.show_number("PayBill 600100")
    assert "PayBill 600100" in till.page.rail.empty.text()
    till.sell("100")
    till.open(Key.Key_F3, Page.TILL)
    assert till.page.payment.till.number.text() == "600100"
    assert "Pay Bill" in till.page.payment.till.steps.text()


def test_a_scan_on_another_page_is_left_alone(till: Till) -> None:
    stock(till, "Milk")
    till.window.show_page(2)
    till.page.scan("6161100120000")
    assert "scan" not in till.tasks.live


def test_a_tab_that_stays_is_the_same_button(till: Till) -> None:
    for amount in ("100", "200", "300"):
        till.sell(amount)
        till.key(Key.Key_F9)
        till.qtbot.waitUntil(lambda: not till.sale.state.cart.lines)
    strip = till.page.cart.strip
    till.qtbot.waitUntil(lambda: len(strip.buttons) == 3)
    first, _, third = strip.buttons
    till.key(Key.Key_2, CONTROL)
    till.qtbot.waitUntil(lambda: [button.text() for button in strip.buttons] == ["1 · 100", "3 · 300"])
    assert strip.buttons == [first, third]


def test_changes_without_end_do_not_put_off_what_is_beside_the_cart(till: Till) -> None:
    till.sell("100")
    till.key(Key.Key_F9)
    endless = QTimer(interval=5)
    endless.timeout.connect(lambda: till.changes.publish(SaleChanged(1)))
    endless.start()
    till.qtbot.waitUntil(lambda: len(till.page.cart.strip.buttons) == 1)
    endless.stop()
