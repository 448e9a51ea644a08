"""Preparing a refund: which ways are offered and why not the others, whose number it is, and the keyboard."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_route import Means, RouteOffer, routes
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.services.refund_options import Refundable, RefundOptions
from pos_app.services.refunds import Draft
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.refund.prepare_model import PrepareViewModel
from pos_app.ui.refund.prepare_view import PrepareView
from pos_app.ui.tasks import Tasks

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
KES = Money.shillings
CODE = "UKO7K2M9QX"
SALE = Sale(7, 142, Cart((SaleLine("Unga", KES(400), 2), SaleLine("Chai", KES(200)))), NOW)
PAID = Payment(CODE, KES(1000), "600966", NOW, receipt=CODE, sale_id=7, paid_at=NOW)


class FakeRefunds:
    """The ways are the domain's own."""

    def __init__(self) -> None:
        self.options_held = RefundOptions(SALE, (Refundable(PAID, KES(1000), "•••678"),), ZERO, {})
        self.means = Means(is_set_up=True)
        self.drafts: list[Draft] = []
        self.answer = Refused("The disk is full. Nothing was sent and no money moved.")

    async def options(self, _sale_id: int) -> RefundOptions:
        await asyncio.sleep(0)
        return self.options_held

    async def routes(self, options: RefundOptions, amount: Money, payment_id: str) -> tuple[RouteOffer, ...]:
        await asyncio.sleep(0)
        return routes(options.sought(amount, payment_id), self.means, NOW)

    async def prepare(self, draft: Draft) -> Refund | Refused:
        self.drafts.append(draft)
        return self.answer


class Desk:
    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.refunds, self.tasks = qtbot, FakeRefunds(), Tasks()

    def open(self) -> PrepareView:
        self.model = PrepareViewModel(self.refunds, self.tasks)  # type: ignore[arg-type]
        page = self.page = PrepareView(self.model)
        self.qtbot.addWidget(page)
        page.resize(1166, 714)
        page.show()
        page.activateWindow()
        self.qtbot.waitUntil(page.isActiveWindow)
        page.show_sale(7)
        self.qtbot.waitUntil(lambda: self.model.state.route is not None)
        self.quiet()
        return page

    def quiet(self) -> None:
        self.qtbot.waitUntil(lambda: not self.tasks.live)

    def types(self, amount: str) -> None:
        self.page.amount.selectAll()
        self.qtbot.keyClicks(self.page.amount, amount)
        self.looked()

    def looked(self) -> None:
        """The ways are told anew a moment after the last digit."""
        before = self.model.state.offers
        self.qtbot.waitUntil(lambda: self.model.state.offers is not before)
        self.quiet()

    def hint(self, route: Route) -> str:
        return self.page.ways[route].hint.text()


@pytest.fixture
def desk(qtbot: QtBot, aloop: TillLoop) -> Desk:
    return Desk(qtbot)


def test_the_whole_payment_is_offered_first_and_chosen_whole_to_be_typed_over(desk: Desk) -> None:
    page = desk.open()
    assert (page.amount.text(), page.amount.selectedText()) == ("1,000", "1,000")
    assert page.amount.hasFocus()
    assert desk.model.state.route is Route.REVERSAL
    assert page.title.text() == "Refund of sale 142"
    assert list(page.moneys) == [CODE], "there is no cash to give back of"


@pytest.mark.parametrize(
    ("amount", "way", "words"),
    [
        ("999", Route.REVERSAL, "Not offered. A payment is reversed as a whole only."),
        ("9", Route.B2C, "Not offered. M-Pesa pays out KES 10 or more."),
        ("99.50", Route.B2C, "Not offered. M-Pesa pays out whole shillings."),
        ("1001", Route.CASH, "Not offered. Only KES 1,000 of it can still be given back."),
    ],
)
def test_each_way_says_why_it_is_not_offered(desk: Desk, amount: str, way: Route, words: str) -> None:
    page = desk.open()
    desk.types(amount)
    assert desk.hint(way) == words
    assert not page.ways[way].button.isEnabled()


@pytest.mark.parametrize(
    ("means", "words"),
    [
        (Means(is_set_up=False), "Not offered. Refunds by M-Pesa are not set up on this till."),
        (Means(is_set_up=True, switched_off="They are off."), "Not offered. They are off."),
        (Means(is_set_up=True, float_available=KES(20)), "Not offered. The business account holds KES 20"),
    ],
)
def test_what_the_till_cannot_do_just_now_is_said_beside_the_way(desk: Desk, means: Means, words: str) -> None:
    desk.refunds.means = means
    desk.open()
    desk.types("300")
    assert desk.hint(Route.B2C).startswith(words)
    assert desk.model.state.route is Route.CASH


def test_the_way_follows_the_amount_while_it_is_typed(desk: Desk) -> None:
    """Of “3” there is no way by M-Pesa; of “300” there is."""
    desk.open()
    for amount, way in (("3", Route.CASH), ("300", Route.B2C), ("1000", Route.REVERSAL)):
        desk.types(amount)
        assert desk.model.state.route is way


def test_a_way_that_somebody_chose_stays_as_long_as_it_is_offered(desk: Desk) -> None:
    page = desk.open()
    page.ways[Route.B2C].button.click()
    desk.types("1000")
    assert desk.model.state.route is Route.B2C
    desk.types("3")
    desk.types("300")
    page.ways[Route.CASH].button.click()
    desk.types("301")
    assert desk.model.state.route is Route.CASH


def test_the_number_is_asked_for_with_what_mpesa_shows_of_the_payer(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    assert not page.payee.isVisible(), "a reversal needs none"
    desk.types("300")
    assert page.payee.isVisible()
    assert page.payee.payer.text().startswith("M-Pesa shows only the last digits of who paid, •••678.")
    qtbot.keyClicks(page.phone, "0712345678")
    assert page.payee.fits.text() == "", "it is compared once it is there twice"
    qtbot.keyClicks(page.again, "0712345678")
    assert page.payee.fits.text() == "✓ It ends in 678, as the number that paid does."
    page.again.clear()
    qtbot.keyClicks(page.again, "0712345679")
    assert page.payee.fits.text() == "! The two numbers differ. Ask the customer again."
    page.phone.clear()
    qtbot.keyClicks(page.phone, "0712345679")
    assert page.payee.fits.text() == "! Not the number that paid: two people must release it."


def test_it_is_prepared_with_what_was_typed_and_a_refusal_keeps_it_all(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.types("300")
    page.whys[RefundReason.FAULTY].click()
    for field in (page.phone, page.again):
        qtbot.keyClicks(field, "0712345678")
    qtbot.keyClick(page, Qt.Key.Key_F10)
    desk.quiet()
    assert desk.refunds.drafts == [
        Draft(7, CODE, KES(300), Route.B2C, RefundReason.FAULTY, payee=Msisdn("254712345678"))
    ]
    assert page.problem.text() == f"! {desk.refunds.answer.sentence}"
    assert (page.amount.text(), page.phone.text()) == ("300", "0712 345 678")


def test_without_a_reason_nothing_is_prepared_and_the_keys_are_at_the_reasons(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    qtbot.keyClick(page, Qt.Key.Key_F10)
    desk.quiet()
    assert page.problem.text() == "! Choose why the money is given back."
    assert page.whys[RefundReason.RETURNED].hasFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert desk.model.state.why is RefundReason.RETURNED
    assert not page.problem.isVisible()
    assert desk.refunds.drafts == []


def test_another_reason_asks_for_words(desk: Desk) -> None:
    page = desk.open()
    page.whys[RefundReason.OTHER].click()
    assert page.note.hasFocus()
    assert page.note.placeholderText() == "Say in a few words why"
    page.whys[RefundReason.FAULTY].click()
    assert page.note.placeholderText() == "In a few words, if it helps"


def test_a_count_of_what_comes_back_is_the_amount(desk: Desk) -> None:
    page = desk.open()
    page.counts[0].more.click()
    desk.quiet()
    assert page.amount.text() == "400"
    assert min(page.counts[0].more.width(), page.counts[0].more.height()) >= 48
    desk.types("350")
    assert page.amount.text() == "350", "what is typed is not overwritten"


def test_what_is_chosen_is_ticked_and_not_known_by_its_colour_alone(desk: Desk) -> None:
    page = desk.open()
    tile = page.whys[RefundReason.FAULTY]

    def corner() -> set[str]:
        picture = tile.grab().toImage()
        return {
            picture.pixelColor(x, y).name() for x in range(tile.width() - 20, tile.width() - 4) for y in range(4, 18)
        }

    plain = corner()
    tile.click()
    assert len(corner()) > len(plain)


def test_tab_goes_as_it_is_read(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.types("300")
    steps = [page.amount, *page.whys.values(), page.note, page.ways[Route.B2C].button, page.phone, page.again]
    steps += [page.ways[Route.CASH].button, page.ways[Route.CREDIT_NOTE].button, page.leave, page.submit]
    for step in steps:
        assert QApplication.focusWidget() is step
        qtbot.keyClick(step, Qt.Key.Key_Tab)


def test_the_next_sale_begins_with_nothing_of_the_last(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.types("300")
    qtbot.keyClicks(page.phone, "0712345678")
    page.note.setText("Torn")
    desk.refunds.options_held = replace(desk.refunds.options_held, sale=replace(SALE, id=8, number=143))
    page.show_sale(8)
    assert not any(way.button.isEnabled() for way in page.ways.values()), "no way of the last sale"
    qtbot.waitUntil(lambda: desk.model.state.route is not None)
    assert page.title.text() == "Refund of sale 143"
    assert (page.amount.text(), page.phone.text(), page.note.text()) == ("1,000", "", "")


def test_nothing_is_smaller_than_a_thumb_nor_cut_off(desk: Desk) -> None:
    page = desk.open()
    desk.types("300")
    page.resize(1080, 596)
    for button in page.findChildren(QPushButton):
        if button.isVisible():
            assert min(button.width(), button.height()) >= 48, (button.accessibleName(), button.size())
            assert button.fontMetrics().horizontalAdvance(button.text()) < button.width(), button.text()
