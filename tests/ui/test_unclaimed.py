"""The manager's list: what no sale has is given to the sale at the counter, and what was given wrongly comes back."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from pos_app.domain.claim import Claim
from pos_app.domain.payment import Payment
from pos_app.domain.refused import Refused
from pos_app.services.changes import Changes
from pos_app.ui.payment.state import Page
from pos_app.ui.unclaimed.rows import AMOUNT, CODE, COLUMNS, NAME, PAID, PHONE, REFERENCE, WHAT_FOR
from pos_app.ui.unclaimed.view import UnclaimedPage
from pos_app.ui.unclaimed.view_model import GIVE_A_REASON, UnclaimedViewModel

Key = Qt.Key
Till = Any  # built by conftest, which no test module can import


@pytest.fixture
def page(till: Till, changes: Changes) -> Iterator[UnclaimedPage]:
    made = UnclaimedPage(UnclaimedViewModel(till.matching, changes, till.tasks, clock=till.clock.now))
    till.page.rail.list_wanted.connect(lambda: till.window.show_page(till.window.add(made)))
    made.closed.connect(lambda: till.window.show_page(0))
    yield made
    till.window.show_page(0)


def texts(page: UnclaimedPage, row: int) -> list[str]:
    model = page.table.model()
    return [model.index(row, column).data() for column in range(len(COLUMNS))]


def opened(till: Till, page: UnclaimedPage, rows: int) -> None:
    till.key(Key.Key_F10)
    till.qtbot.waitUntil(lambda: page.isVisible() and not page._model.state.loading)
    till.qtbot.waitUntil(lambda: page.table.model().rowCount() == rows)


def test_each_payment_is_listed_with_all_that_is_known_of_it(till: Till, page: UnclaimedPage) -> None:
    now = till.clock.now()
    till.waits_at_till("450")
    till.matching.arrive(80, "", received_at=now - timedelta(days=1), payer_phone="", from_customer=False)
    till.matching.arrive(450, "WANJIKU <B>NJERI", bill_reference="<i>shop</i>")
    till.matching.waiting["x"] = Claim("TJE1A2B3C2", 0, "till_1", "", "5", "", None)
    till.matching.arrive(30, "KAMAU", receipt="TJE1A2B3C2", received_at=now - timedelta(hours=1))
    opened(till, page, 3)
    first, waiting, last = (texts(page, row) for row in range(3))
    assert (first[AMOUNT], first[NAME], first[PHONE]) == ("450", "Wanjiku <B>Njeri", "•••126")
    assert (first[CODE], first[REFERENCE], first[WHAT_FOR]) == ("TJE1A2B3C1", "<i>shop</i>", "fits sale 1")
    assert waiting[WHAT_FOR] == "asked for sale 5, not confirmed yet"
    assert (last[NAME], last[PHONE], last[PAID]) == ("(no name)", "", "Yesterday 12:30")
    assert last[WHAT_FOR] == "not a customer’s payment"


def test_enter_gives_the_selected_payment_to_the_sale_at_the_counter(till: Till, page: UnclaimedPage) -> None:
    chosen: list[Payment] = []
    page.chosen.connect(chosen.append)
    first = till.matching.arrive(80)
    till.clock.pass_(1)
    till.matching.arrive(90)
    opened(till, page, 2)
    assert page.table.hasFocus()
    till.key(Key.Key_Down)
    till.key(Key.Key_Return)
    assert chosen == [first]
    QTest.mouseClick(page.accept, Qt.MouseButton.LeftButton)
    assert chosen == [first, first]


def test_what_arrives_while_the_list_is_open_is_in_it(till: Till, page: UnclaimedPage) -> None:
    opened(till, page, 0)
    assert page.empty.text() == "Every payment has its sale."
    till.matching.arrive(80)
    till.qtbot.waitUntil(lambda: page.table.isVisible() and page.table.model().rowCount() == 1)
    till.key(Key.Key_Escape)
    assert till.page.isVisible()
    till.matching.arrive(90)
    till.qtbot.wait(300)
    assert page.table.model().rowCount() == 1, "a page that nobody sees costs nothing"


def test_a_payment_of_the_wrong_sale_is_given_back_with_a_reason(till: Till, page: UnclaimedPage) -> None:
    sale = till.waits_at_till("450")
    payment = till.matching.arrive(450)
    till.matching.give(payment.id, sale.id)
    till.until(Page.RECEIVED)
    opened(till, page, 0)
    QTest.mouseClick(page.used, Qt.MouseButton.LeftButton)
    till.qtbot.waitUntil(lambda: page.table.isVisible() and page.table.model().rowCount() == 1)
    assert texts(page, 0)[WHAT_FOR] == "sale 1"
    page.table.setFocus()
    till.key(Key.Key_Return)
    assert page.reason.hasFocus()
    till.key(Key.Key_Return)
    assert page.problem.text() == GIVE_A_REASON
    assert till.matching.released == []
    till.keys("wrong  sale")
    till.key(Key.Key_Return)
    till.qtbot.waitUntil(lambda: "is free again" in page.done.text())
    assert till.matching.released == [(payment.id, "wrong sale")]
    till.qtbot.waitUntil(lambda: not page.table.isVisible())


def test_why_a_payment_cannot_be_given_back_is_said(till: Till, page: UnclaimedPage) -> None:
    sale = till.waits_at_till("450")
    payment = till.matching.arrive(450)
    till.matching.give(payment.id, sale.id)
    till.matching.waiting["x"] = Claim(payment.receipt, 0, "till_1", "", "1", "", None)
    till.matching.refusal = Refused("The relay has not confirmed this payment yet. Give it back once it has.")
    till.until(Page.RECEIVED)
    opened(till, page, 0)
    page._model.show_claimed(True)
    till.qtbot.waitUntil(lambda: page.table.isVisible() and page.table.model().rowCount() == 1)
    assert texts(page, 0)[WHAT_FOR] == "sale 1, not confirmed yet"
    page.reason.setText("wrong sale")
    QTest.mouseClick(page.release, Qt.MouseButton.LeftButton)
    till.qtbot.waitUntil(lambda: "has not confirmed" in page.problem.text())
