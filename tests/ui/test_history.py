"""The history screen: a million sales, one page at a time, from the keyboard."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.reason import Reason
from pos_app.domain.receipt import Heading, Receipt, receipt_of
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine, SaleState
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.tender import Tender, TenderKind
from pos_app.services.changes import AttemptChanged, Changes, PaymentArrived, SaleChanged
from pos_app.services.sales import AttemptDetail, HistoryRow, SaleDetail
from pos_app.store.evidence import EvidenceRow
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.history.rows import CODE, COLUMNS, PAGE, PAGES_HELD, SOLD, STATE, TONE_ROLE, TOTAL, HistoryRows
from pos_app.ui.history.view import HistoryPage
from pos_app.ui.history.view_model import HistoryViewModel
from pos_app.ui.tasks import Tasks
from pos_app.ui.theme import tokens

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
KES = Money.shillings
CODE_OF_SALE = "UKN7K2M9QX"
LIVE = Attempt(
    1,
    7,
    "n" * 32,
    KES(65),
    Msisdn("254708374149"),
    ShopAccount(AccountKind.PAYBILL, "600966"),
    "1-7-1",
    NOW,
    state=AttemptState.PENDING,
    reason=Reason.WAIT,
)


class FakeSales:
    """Sales 1 to `newest`; `paid` says which of them have been paid since."""

    def __init__(self, newest: int) -> None:
        self.newest = newest
        self.asked: list[tuple[str, int | None, int]] = []
        self.paid: set[int] = set()
        self.in_doubt: set[int] = set()
        self.live = False
        self.over = KES(0)
        self.changed: list[int] = []
        self.refusal: Refused | None = None
        self.fails = False
        self.matches: Callable[[int], bool] = lambda _sale_id: True

    async def history(self, search: str = "", before_id: int | None = None, limit: int = 50) -> tuple[HistoryRow, ...]:
        self.asked.append((search, before_id, limit))
        await asyncio.sleep(0)
        if self.fails:
            raise RuntimeError("the disk is gone")
        found: list[HistoryRow] = []
        sale_id = self.newest if before_id is None else min(before_id - 1, self.newest)
        while sale_id > 0 and len(found) < limit:
            if search in {"", "bread"} and self.matches(sale_id):
                found.append(self.row(sale_id))
            sale_id -= 1
        return tuple(found)

    def row(self, sale_id: int) -> HistoryRow:
        state = SaleState.PAID if sale_id in self.paid else SaleState.OPEN
        state = SaleState.AWAITING if sale_id in self.in_doubt else state
        at = NOW - timedelta(minutes=self.newest - sale_id)
        return HistoryRow(sale_id, sale_id, at, KES(65), KES(0), state, "M-Pesa", CODE_OF_SALE, "0708 ••• 149", "Bread")

    async def id_of(self, number: int) -> int | None:
        await asyncio.sleep(0)
        return number if number <= self.newest else None

    async def give_change(self, sale_id: int) -> Sale | Refused:
        self.changed.append(sale_id)
        await asyncio.sleep(0)
        if self.refusal is None:
            self.over = KES(0)
        return self.refusal or (await self.detail(sale_id)).sale

    async def detail(self, sale_id: int) -> SaleDetail:
        await asyncio.sleep(0)
        cart = Cart((SaleLine("<b>Bread</b>", KES(65)),))
        attempt = replace(LIVE, sale_id=sale_id)
        told = [(Evidence(Fact.SUBMITTED, Source.CASHIER, NOW), Disposition.APPLIED)]
        if self.live:
            found = AttemptDetail(attempt, tuple(EvidenceRow(*each, NOW) for each in told))
            return SaleDetail(Sale(sale_id, sale_id, cart, NOW, awaiting=True), (found,), ())
        forged = Evidence(Fact.PAID, Source.CALLBACK, NOW, receipt=CODE_OF_SALE, amount=KES(65), trusted=False)
        paid = replace(forged, trusted=True)
        told += [(forged, Disposition.QUARANTINED), (paid, Disposition.APPLIED)]
        attempt = replace(attempt, state=AttemptState.PAID, receipt=CODE_OF_SALE)
        tender = Tender(TenderKind.MPESA, KES(65) + self.over, NOW, payment_id=CODE_OF_SALE, receipt=CODE_OF_SALE)
        found = AttemptDetail(attempt, tuple(EvidenceRow(*each, NOW) for each in told))
        return SaleDetail(Sale(sale_id, sale_id, cart, NOW, tenders=(tender,)), (found,), ())


class FakePayments:
    def __init__(self, sales: FakeSales) -> None:
        self._sales = sales
        self.checked: list[int] = []
        self.fails = False
        self.refusal: Refused | None = None

    async def check_now(self, attempt_id: int) -> Attempt | Refused:
        self.checked.append(attempt_id)
        await asyncio.sleep(0)
        if self.fails:
            raise RuntimeError("no answer")
        if self.refusal is not None:
            return self.refusal
        self._sales.live = False
        return LIVE


class FakeReceipts:
    def __init__(self, sales: FakeSales) -> None:
        self._sales = sales

    async def of_sale(self, sale_id: int) -> Receipt:
        found = await self._sales.detail(sale_id)
        return receipt_of(found.sale, [held.attempt for held in found.attempts], found.payments, Heading("Duka", "1"))

    async def save_pdf(self, sale_id: int) -> Path:
        raise AssertionError("nobody saved it")


class Desk:
    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.sales = FakeSales(120)
        self.payments = FakePayments(self.sales)
        self.changes = Changes()

    def open(self, newest: int = 120) -> HistoryPage:
        self.sales.newest = newest
        self.tasks = Tasks()
        self.model = HistoryViewModel(
            self.sales,  # type: ignore[arg-type]
            self.payments,  # type: ignore[arg-type]
            FakeReceipts(self.sales),  # type: ignore[arg-type]
            self.changes,
            self.tasks,
            clock=lambda: NOW,
            till_code=lambda: "T1",
        )
        page = HistoryPage(self.model)
        self.qtbot.addWidget(page)
        page.resize(1366, 720)
        page.show()
        self.qtbot.waitExposed(page)
        page.activateWindow()
        self.qtbot.waitUntil(page.isActiveWindow)
        self.quiet()
        return page

    def quiet(self) -> None:
        self.qtbot.waitUntil(lambda: not self.tasks.live)

    def numbers(self) -> list[str]:
        rows = self.model.rows
        return [rows.index(row, 0).data() for row in range(rows.rowCount())]

    def open_detail(self, page: HistoryPage) -> None:
        page.list.focus_list()
        self.qtbot.keyClick(page.list.table, Qt.Key.Key_Return)
        self.qtbot.waitUntil(page.detail.receipt.isEnabled)
        self.quiet()


@pytest.fixture
def desk(qtbot: QtBot, aloop: TillLoop) -> Desk:
    return Desk(qtbot)


def test_change_that_is_still_due_is_given_from_the_sales_page_once(desk: Desk) -> None:
    desk.sales.over = KES(50)
    page = desk.open()
    desk.open_detail(page)
    assert page.detail.change.text() == "Give KES 50 change  ·  F2"
    assert page.detail.change.isVisible()
    for _ in range(2):
        desk.qtbot.keyClick(page.detail, Qt.Key.Key_F2)
    desk.quiet()
    assert desk.sales.changed == [120]
    assert not page.detail.change.isVisible()


def test_change_that_cannot_be_recorded_is_not_to_be_given(desk: Desk) -> None:
    desk.sales.over, desk.sales.refusal = KES(50), Refused("The disk is full.")
    page = desk.open()
    desk.open_detail(page)
    page.detail.change.click()
    desk.quiet()
    assert page.detail.problem.text() == "! The disk is full."
    assert page.detail.change.isEnabled()


def test_the_newest_sales_come_first_and_more_come_with_scrolling(desk: Desk) -> None:
    page = desk.open()
    assert desk.numbers() == [str(number) for number in range(120, 70, -1)]
    page.list.table.scrollToBottom()
    desk.qtbot.waitUntil(lambda: desk.model.rows.rowCount() == 100)
    page.list.table.scrollToBottom()
    desk.qtbot.waitUntil(lambda: desk.model.rows.rowCount() == 120)
    desk.quiet()
    assert desk.numbers()[-1] == "1"
    assert not desk.model.rows.canFetchMore(QModelIndex())


def test_a_row_says_all_that_is_searched_for(desk: Desk) -> None:
    desk.open()
    rows = desk.model.rows
    assert [rows.index(0, column).data() for column in range(len(COLUMNS))] == [
        "120",
        "18:30",
        "Bread",
        "M-Pesa",
        CODE_OF_SALE,
        "0708 ••• 149",
        "… Not paid",
        "65",
    ]
    assert rows.headerData(TOTAL, Qt.Orientation.Horizontal) == "Total"
    assert rows.headerData(0, Qt.Orientation.Vertical) is None
    assert rows.index(0, STATE).data(TONE_ROLE) == "waiting"


def test_enter_opens_the_sale_and_escape_goes_back_to_its_row(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    assert page.list.search.hasFocus()
    qtbot.keyClick(page.list.search, Qt.Key.Key_Down)
    assert page.list.table.hasFocus()
    qtbot.keyClick(page.list.table, Qt.Key.Key_Down)
    qtbot.keyClick(page.list.table, Qt.Key.Key_Return)
    qtbot.waitUntil(page.detail.receipt.isEnabled)
    assert desk.model.state.sale_id == 119
    qtbot.keyClick(page.detail, Qt.Key.Key_Escape)
    assert page.stack.currentWidget() is page.list
    assert page.list.table.hasFocus()
    assert page.list.table.currentIndex().row() == 1
    with qtbot.waitSignal(page.closed):
        qtbot.keyClick(page.list.table, Qt.Key.Key_Escape)


def test_typing_in_the_list_searches(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    page.list.focus_list()
    qtbot.keyClicks(page.list.table, "b")
    assert page.list.search.hasFocus()
    qtbot.keyClicks(page.list.search, "read")
    qtbot.waitUntil(lambda: desk.model.state.search == "bread")
    desk.quiet()
    assert [asked[0] for asked in desk.sales.asked] == ["", "bread"]


def test_enter_searches_at_once_and_again_goes_to_the_list(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    qtbot.keyClicks(page.list.search, " bread ")
    qtbot.keyClick(page.list.search, Qt.Key.Key_Return)
    assert desk.model.state.search == "bread"
    desk.quiet()
    qtbot.keyClick(page.list.search, Qt.Key.Key_Return)
    assert page.list.table.hasFocus()


@pytest.mark.parametrize("code", ["T1-000117", "t1-117"])
def test_a_scanned_receipt_opens_its_sale_whatever_is_shown(desk: Desk, code: str) -> None:
    page = desk.open()
    desk.open_detail(page)
    page.scan(code)
    desk.quiet()
    assert desk.model.state.sale_id == 117
    assert page.stack.currentWidget() is page.detail
    assert page.list.search.text() == "", "the list is as it was"


def test_the_code_of_a_receipt_is_typed_and_enter_opens_its_sale(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    qtbot.keyClicks(page.list.search, "t1-117")
    qtbot.waitUntil(lambda: desk.model.state.search == "t1-117" and not desk.model.state.loading)
    assert page.list.empty.text() == "Enter opens the sale of receipt T1-117."
    qtbot.keyClick(page.list.search, Qt.Key.Key_Return)
    desk.quiet()
    assert desk.model.state.sale_id == 117


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("A2-000117", "That is a receipt of till A2. Its money is given back there."),
        ("T1-000121", "This till has no sale 121."),
    ],
)
def test_a_receipt_that_opens_nothing_says_why(desk: Desk, code: str, sentence: str) -> None:
    page = desk.open()
    page.scan(code)
    desk.quiet()
    assert sentence in page.list.problem.text()
    assert page.stack.currentWidget() is page.list


def test_a_scanned_mpesa_code_of_one_sale_opens_it(desk: Desk) -> None:
    page = desk.open()
    desk.sales.matches = lambda sale_id: sale_id == 42
    page.scan("bread")
    desk.quiet()
    assert desk.model.state.sale_id == 42
    assert page.list.search.text() == "bread"


def test_enter_in_the_search_opens_the_only_sale_found(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.sales.matches = lambda sale_id: sale_id == 42
    qtbot.keyClicks(page.list.search, "bread")
    qtbot.waitUntil(lambda: desk.model.rows.rowCount() == 1 and not desk.model.state.loading)
    assert desk.model.state.sale_id is None, "typing alone opens nothing"
    qtbot.keyClick(page.list.search, Qt.Key.Key_Return)
    assert desk.model.state.sale_id == 42


def test_the_only_sale_of_a_shop_is_not_opened_unasked(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open(newest=1)
    qtbot.keyClick(page.list.search, Qt.Key.Key_Return)
    desk.quiet()
    assert page.list.table.hasFocus()
    assert desk.model.state.sale_id is None


def test_a_scan_is_not_the_historys_while_another_page_is_shown(desk: Desk) -> None:
    page = desk.open()
    page.hide()
    page.scan("T1-000117")
    desk.quiet()
    assert desk.model.state.sale_id is None


def test_a_search_without_a_match_says_so_and_escape_clears_it(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    qtbot.keyClicks(page.list.search, "450")
    qtbot.keyClick(page.list.search, Qt.Key.Key_Return)
    desk.quiet()
    assert page.list.empty.text() == "Nothing matches “450”."
    assert page.list.empty.isVisible()
    assert page.list.clear.isVisible()
    qtbot.keyClick(page.list.search, Qt.Key.Key_Down)
    assert page.list.search.hasFocus()
    qtbot.keyClick(page.list.search, Qt.Key.Key_Escape)
    desk.quiet()
    assert page.list.search.text() == ""
    assert page.list.table.isVisible()


def test_an_empty_shop_is_told_that_there_are_no_sales(desk: Desk) -> None:
    page = desk.open(newest=0)
    assert page.list.empty.text() == "No sales yet. The first one will stand here."
    assert not page.list.clear.isVisible()


def test_the_answer_to_an_older_search_is_not_shown(desk: Desk) -> None:
    desk.open()
    desk.model.search("450", at_once=True)
    desk.model.search("bread", at_once=True)
    desk.quiet()
    assert desk.model.rows.rowCount() == PAGE


def test_an_unreadable_history_is_said_and_can_be_read_again(
    desk: Desk, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    desk.sales.fails = True
    page = desk.open()
    assert "payments are safe" in page.list.problem.text()
    assert "the disk is gone" in caplog.text
    desk.sales.fails = False
    qtbot.keyClick(page.list.search, Qt.Key.Key_F11)
    desk.quiet()
    assert not page.list.problem.isVisible()
    assert desk.model.rows.rowCount() == PAGE


def test_only_the_pages_looked_at_are_held(desk: Desk) -> None:
    """Of 1,500 sales scrolled through 1,000 are held; what was let go is fetched again when it is looked at."""
    page = desk.open(newest=1_500)
    rows = desk.model.rows
    while rows.canFetchMore(QModelIndex()):
        rows.fetchMore(QModelIndex())
        desk.quiet()
    assert rows.rowCount() == 1_500
    assert rows.rows_held == PAGE * PAGES_HELD
    page.list.table.scrollTo(rows.index(120, 0))
    assert rows.index(120, SOLD).data() == "…"
    assert rows.index(120, STATE).data() is None
    desk.qtbot.waitUntil(lambda: rows.index(120, SOLD).data() == "Bread")
    desk.quiet()
    assert rows.index(120, 0).data() == "1380"
    assert desk.sales.asked.count(("", 1_401, PAGE)) == 2
    assert rows.rows_held == PAGE * PAGES_HELD


def test_a_row_that_is_not_there_yet_is_not_opened(desk: Desk) -> None:
    page = desk.open(newest=1_500)
    rows = desk.model.rows
    while rows.canFetchMore(QModelIndex()):
        rows.fetchMore(QModelIndex())
        desk.quiet()
    page.list.table.opened.emit(120)
    assert desk.model.state.sale_id is None
    desk.quiet()


def test_a_sale_in_doubt_is_amber_in_the_list_and_a_paid_one_is_not(desk: Desk) -> None:
    desk.sales.paid = {119}
    desk.sales.in_doubt = {120}
    page = desk.open()
    picture = page.list.table.viewport().grab().toImage()

    def grounds(row: int) -> set[str]:
        box = page.list.table.visualRect(desk.model.rows.index(row, STATE))
        return {picture.pixelColor(x, box.center().y()).name() for x in range(box.left(), box.right())}

    assert tokens().checking.lower() in grounds(0)
    assert tokens().checking.lower() not in grounds(1)


def test_a_new_sale_appears_on_top_and_the_chosen_row_stays_chosen(desk: Desk) -> None:
    page = desk.open()
    page.list.focus_list()
    page.list.table.selectRow(3)
    desk.sales.newest = 122
    desk.changes.publish(SaleChanged(121))
    desk.changes.publish(SaleChanged(122))
    desk.quiet()
    assert desk.numbers()[:3] == ["122", "121", "120"]
    assert desk.model.rows.rowCount() == PAGE + 2
    assert page.list.table.currentIndex().row() == 5
    page.list.table.scrollToBottom()
    desk.qtbot.waitUntil(lambda: desk.model.rows.rowCount() == 102)
    assert desk.numbers() == [str(number) for number in range(122, 20, -1)]


def test_a_thousand_new_sales_replace_the_list(desk: Desk) -> None:
    desk.open()
    desk.sales.newest = 1_120
    for number in range(121, 1_121):
        desk.changes.publish(SaleChanged(number))
    desk.quiet()
    assert desk.numbers() == [str(number) for number in range(1_120, 1_070, -1)]
    assert len(desk.sales.asked) < 8


def test_the_first_sale_of_a_shop_appears(desk: Desk) -> None:
    page = desk.open(newest=0)
    desk.sales.newest = 1
    desk.changes.publish(SaleChanged(1))
    desk.quiet()
    assert desk.numbers() == ["1"]
    assert page.list.table.isVisible()


@pytest.mark.parametrize(
    "change",
    [
        SaleChanged(100),
        AttemptChanged(replace(LIVE, sale_id=100)),
        PaymentArrived(Payment(CODE_OF_SALE, KES(65), "600966", NOW, sale_id=100)),
    ],
)
def test_a_change_of_a_listed_sale_is_shown(desk: Desk, change: object) -> None:
    desk.open()
    desk.sales.paid = {100}
    desk.changes.publish(change)
    desk.quiet()
    assert desk.model.rows.index(20, STATE).data() == "✓ Paid"


def test_a_change_that_moves_a_sale_out_of_the_search_reads_the_list_anew(desk: Desk) -> None:
    desk.open()
    desk.model.search("bread", at_once=True)
    desk.quiet()
    desk.sales.matches = lambda sale_id: sale_id != 120
    desk.changes.publish(SaleChanged(120))
    desk.quiet()
    assert desk.numbers()[0] == "119"


def test_changes_of_no_listed_sale_cost_nothing(desk: Desk) -> None:
    page = desk.open()
    before = len(desk.sales.asked)
    desk.changes.publish(SaleChanged(3))
    desk.changes.publish(PaymentArrived(Payment(CODE_OF_SALE, KES(65), "600966", NOW)))
    page.hide()
    desk.changes.publish(SaleChanged(100))
    desk.quiet()
    assert len(desk.sales.asked) == before


def test_the_detail_shows_the_evidence_as_plain_text_and_amber_where_it_was_held_back(desk: Desk) -> None:
    page = desk.open()
    desk.open_detail(page)
    labels = page.detail.findChildren(QLabel)
    shown = {label.text() for label in labels}
    assert {"Sale 120", "<b>Bread</b>", "Safaricom’s result message", "! Held back", "✓ Acted on"} <= shown
    assert any("sender could not be confirmed" in text for text in shown)
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)
    held_back = next(label for label in labels if label.text() == "! Held back")
    assert held_back.parentWidget().property("panel") == "checking"
    assert not page.detail.check.isVisible()


def test_the_code_can_be_copied_by_key_and_by_button(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.open_detail(page)
    qtbot.keyClick(page.detail, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == CODE_OF_SALE
    assert page.detail.copied.text() == f"✓ {CODE_OF_SALE} copied"
    QGuiApplication.clipboard().clear()
    button = next(each for each in page.detail.findChildren(QAbstractButton) if CODE_OF_SALE in each.text())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == CODE_OF_SALE


def test_check_now_asks_once_and_shows_what_came_of_it(desk: Desk, qtbot: QtBot) -> None:
    desk.sales.live = True
    page = desk.open()
    desk.open_detail(page)
    assert page.detail.check.isVisible()
    qtbot.keyClick(page.detail, Qt.Key.Key_F11)
    qtbot.keyClick(page.detail, Qt.Key.Key_F11)
    assert page.detail.check.text() == "Asking Safaricom …"
    desk.quiet()
    assert desk.payments.checked == [1]
    assert not page.detail.check.isVisible()
    qtbot.keyClick(page.detail, Qt.Key.Key_F11)
    qtbot.keyClick(page.detail, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert desk.payments.checked == [1]


def test_a_check_that_cannot_be_made_says_why(desk: Desk, qtbot: QtBot) -> None:
    desk.sales.live = True
    desk.payments.refusal = Refused("It went to another M-Pesa number.")
    page = desk.open()
    desk.open_detail(page)
    qtbot.keyClick(page.detail, Qt.Key.Key_F11)
    desk.quiet()
    assert "It went to another M-Pesa number." in page.detail.problem.text()
    assert page.detail.check.isVisible()


def test_a_check_that_fails_says_that_the_money_is_safe(
    desk: Desk, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    desk.sales.live = True
    desk.payments.fails = True
    page = desk.open()
    desk.open_detail(page)
    qtbot.keyClick(page.detail, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(page.detail, Qt.Key.Key_F11)
    desk.quiet()
    assert "money is safe" in page.detail.problem.text()
    assert page.detail.check.isEnabled()
    assert "no answer" in caplog.text


def test_an_open_sale_follows_what_happens_to_it(desk: Desk) -> None:
    desk.sales.live = True
    page = desk.open()
    desk.open_detail(page)
    desk.sales.live = False
    desk.changes.publish(AttemptChanged(replace(LIVE, sale_id=120)))
    desk.quiet()
    assert desk.model.state.detail is not None
    assert desk.model.state.detail.mark.words == "Paid"


def test_the_receipt_is_one_key_away_and_escape_comes_back(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.open_detail(page)
    qtbot.keyClick(page.detail, Qt.Key.Key_F10)
    qtbot.waitUntil(page.receipt.paper.isVisible)
    assert page.receipt.title.text() == "Receipt of sale 120"
    qtbot.keyClick(page.receipt, Qt.Key.Key_Escape)
    assert page.stack.currentWidget() is page.detail
    assert page.detail.receipt.hasFocus()


def test_a_page_that_is_given_the_focus_passes_it_on(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    page.list.focus_list()
    page.setFocus()
    assert page.list.search.hasFocus()
    desk.open_detail(page)
    page.detail.done.setFocus()
    page.setFocus()
    assert page.detail.receipt.hasFocus()
    qtbot.keyClick(page.detail, Qt.Key.Key_F10)
    desk.quiet()
    page.setFocus()
    assert page.receipt.save.hasFocus()


def test_one_sale_can_be_opened_from_elsewhere(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    page.show_sale(42)
    qtbot.waitUntil(page.detail.receipt.isEnabled)
    assert desk.model.state.sale_id == 42


def test_a_click_opens_a_sale_too(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    middle = page.list.table.visualRect(desk.model.rows.index(2, SOLD)).center()
    qtbot.mouseClick(page.list.table.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    qtbot.waitUntil(page.detail.receipt.isEnabled)
    assert desk.model.state.sale_id == 118


def test_every_control_has_a_name_and_a_target_of_48_pixels(desk: Desk) -> None:
    page = desk.open()
    desk.open_detail(page)
    for screen in (page.list, page.detail):
        for control in (*screen.findChildren(QAbstractButton), *screen.findChildren(QLineEdit)):
            if (
                control.isVisibleTo(screen)
                and control.width() > 0
                and control.objectName() != "qt_tabwidget_stackedwidget"
            ):
                assert control.accessibleName(), control
                assert control.sizeHint().height() >= 48, control.accessibleName()
    assert page.list.table.rowHeight(0) >= 48


def test_a_page_that_is_no_longer_known_is_not_replaced(desk: Desk) -> None:
    rows = HistoryRows(lambda: NOW)
    assert not rows.replace_page(0, (desk.sales.row(5),))
    rows.show_first((desk.sales.row(5), desk.sales.row(4)))
    assert not rows.replace_page(0, (desk.sales.row(5),))
    assert rows.replace_page(0, (desk.sales.row(5), desk.sales.row(4)))
    assert rows.index(1, CODE).data() == CODE_OF_SALE
    assert rows.page_of_sale(6) is None
