"""Money goes back: window, till, relay and simulator are real; the simulator's ledger says what was paid."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from counter import Counter, access_of
from PySide6.QtCore import Qt
from staffing import signed_in

from pos_app.commands.training import practice_operator
from pos_app.domain.refund import Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.domain.staff import Person
from pos_app.services.training_staff import PRACTICE_PINS
from pos_app.ui.office.view import OfficePage
from pos_app.ui.payment.stage import Stage

pytest_plugins = ("window_fixtures",)
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints", extend=True)

Made = Callable[..., Counter]


class Refunding:
    """A desk whose shop has an API operator, and the hands that refund."""

    def __init__(self, world: Any, desk: Counter, shop: Any) -> None:
        self.world, self.desk, self.shop = world, desk, shop
        self.before = len(self.payouts)

    @property
    def till(self) -> Any:
        return self.desk.desk.till

    @property
    def payouts(self) -> list[dict[str, Any]]:
        return list(self.world.simulator.ask("ledger")["payouts"])

    def new_payouts(self) -> list[dict[str, Any]]:
        return self.payouts[self.before :]

    def plays(self, spec: Any) -> None:
        self.world.simulator.tell("operator/scenario", of="payments", scenario=spec)

    def stands(self, name: str) -> None:
        """Somebody of the training shop is at the till."""
        signed_in(self.till, self.person(name))

    def person(self, name: str) -> Person:
        return next(one for one in self.desk.run(self.till.staff.people()) if one.name == name)

    def sold(self, amount: str) -> tuple[int, str, str]:
        """A paid sale: its id, the M-Pesa code, the phone."""
        phone = self.world.phone()
        self.desk.charge(amount, phone)
        self.desk.stage(Stage.PAID)
        sale = self.desk.desk.payment.sale
        assert sale is not None
        self.desk.next_sale()
        self.desk.until(lambda: not self.desk.desk.tasks.live, "the sale is closed")
        detail = self.desk.run(self.till.sales.detail(sale.id))
        return sale.id, detail.payments[0].receipt, phone

    def begins(self, sale_id: int) -> Any:
        """From the history, as a person gets there."""
        self.desk.key(Qt.Key.Key_F6)
        history = self.desk.window.stack.currentWidget()
        assert history is not None
        history.show_sale(sale_id)  # type: ignore[attr-defined]
        self.desk.until(lambda: self.desk.reads("Total") and history.detail.refund.isVisible(), "the sale is shown")  # type: ignore[attr-defined]
        self.desk.key(Qt.Key.Key_F3)
        self.desk.until(lambda: self.desk.reads("Refund of sale"), "a refund begins")
        page = self.desk.window.stack.currentWidget()
        assert isinstance(page, OfficePage)
        self.part = page.refunds
        self.desk.until(lambda: self.part.prepare._model.state.route is not None, "a way is offered")
        return page.refunds.prepare

    def prepared(self, sale_id: int, amount: str = "", phone: str = "") -> None:
        page = self.begins(sale_id)
        page.whys[RefundReason.RETURNED].click()
        if amount:
            page.amount.clear()
            page.amount.setFocus()
            self.desk.keys(amount)
            self.desk.until(lambda: page._model.state.route is Route.B2C, "a part goes by B2C")
        if phone:
            page.phone.setText(phone)
            page.again.setText(phone)
        self.desk.key(Qt.Key.Key_F10)
        self.desk.until(lambda: self.desk.reads("To be released"), "it waits to be released")

    def released_by(self, name: str) -> None:
        releaser = self.part.detail.releaser
        person = self.person(name)
        releaser.people.setCurrentIndex(releaser.people.findData(person.id))
        releaser.pin.setFocus()
        self.desk.keys(PRACTICE_PINS[name])
        self.desk.enter()

    def becomes(self, state: RefundState) -> Any:
        self.desk.until(lambda: self.refund is not None and self.refund.state is state, f"it is {state}")
        return self.refund

    @property
    def refund(self) -> Any:
        return self.part._model.state.refund


@pytest.fixture
def refunding(world: Any, counter: Made, shop: Any) -> Refunding:
    desk = counter(shop.folder)
    desk.open(replace(access_of(shop), initiator=practice_operator(world.simulator.url)))
    desk.until(desk.is_live, "the relay is followed")
    made = Refunding(world, desk, shop)
    made.plays(None)
    made.stands("Akinyi")
    return made


def test_a_whole_payment_is_reversed_and_its_receipt_names_the_original(refunding: Refunding) -> None:
    sale_id, receipt, _phone = refunding.sold("1200")
    before = refunding.desk.run(refunding.till.sales.get(sale_id))
    refunding.prepared(sale_id)
    assert refunding.desk.reads("Reverse the payment")
    refunding.released_by("Otieno")
    done = refunding.becomes(RefundState.COMPLETED)
    (payout,) = refunding.new_payouts()
    assert (payout["original"], payout["amount"], payout["receipt"]) == (receipt, 1200, done.receipt)
    assert refunding.desk.run(refunding.till.sales.get(sale_id)) == before, "the original sale is unchanged"
    slip = refunding.desk.run(refunding.till.receipts.of_refund(done.id))
    words = [row.left + row.right for row in slip.rows()]
    assert any(receipt in said for said in words)
    assert any(f"sale {before.number}" in said for said in words)
    assert any("Released by Otieno" in said for said in words)
    refunding.desk.key(Qt.Key.Key_F10)
    refunding.desk.until(lambda: refunding.desk.reads("Receipt of refund"), "the refund's receipt is shown")
    saved = refunding.desk.run(refunding.till.receipts.save_refund_pdf(done.id))
    assert saved.read_bytes().startswith(b"%PDF")
    again = refunding.desk.run(refunding.till.receipts.save_refund_pdf(done.id))
    assert again.name.endswith("-copy-1.pdf")


def test_a_part_goes_back_over_a_lost_reply_and_a_lost_result_and_is_paid_once(refunding: Refunding) -> None:
    sale_id, _receipt, phone = refunding.sold("1000")
    refunding.plays("reply_lost+result_lost")
    refunding.prepared(sale_id, "400", "0" + phone[3:])
    refunding.released_by("Kamau")
    refund = refunding.becomes(RefundState.UNKNOWN)
    assert refunding.desk.reads("Do not pay it again")
    refunding.desk.key(Qt.Key.Key_F11)
    done = refunding.becomes(RefundState.COMPLETED)
    (payout,) = refunding.new_payouts()
    assert (payout["amount"], payout["payee"], payout["receipt"]) == (400, phone, done.receipt)
    assert payout["originator_id"] == refund.originator_id


@pytest.mark.parametrize(
    ("spec", "state", "words"),
    [("unregistered", RefundState.FAILED, "not registered"), ("other_amount", RefundState.DISPUTED, "does not fit")],
)
def test_what_safaricom_says_is_what_the_window_shows(
    refunding: Refunding, spec: str, state: RefundState, words: str
) -> None:
    sale_id, _receipt, phone = refunding.sold("500")
    refunding.plays(spec)
    refunding.prepared(sale_id, "100", "0" + phone[3:])
    refunding.released_by("Kamau")
    refunding.becomes(state)
    refunding.desk.until(lambda: refunding.desk.reads(words), "the window says it")


def test_over_a_limit_and_without_the_right_nothing_leaves(refunding: Refunding) -> None:
    sale_id, _receipt, _phone = refunding.sold("3000")
    refunding.prepared(sale_id)
    refunding.released_by("Kamau")
    refunding.desk.until(lambda: refunding.desk.reads("over the limit of KES 2,000 at once"), "the cap is said")
    refunding.desk.until(lambda: not refunding.desk.desk.tasks.live, "the answer is shown")
    refunding.part.detail.decline.click()
    refunding.desk.until(lambda: refunding.desk.reads("Akinyi (cashier) may not do that"), "the denial is said")
    assert refunding.becomes(RefundState.REQUESTED)
    assert refunding.new_payouts() == []


def test_the_office_shows_accounts_staff_and_a_whole_record_to_who_may_see_them(refunding: Refunding) -> None:
    desk = refunding.desk
    refunding.stands("Wanjiru")
    desk.key(Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    page = desk.window.stack.currentWidget()
    assert isinstance(page, OfficePage)
    _refunds, accounts, people, record = page.parts
    page.show_part(accounts)
    accounts.ask.click()  # type: ignore[attr-defined]
    desk.until(lambda: desk.reads("Utility Account"), "the balances are shown")
    page.show_part(people)
    desk.until(lambda: people.list.count() == 1 + len(PRACTICE_PINS), "the people are listed")  # type: ignore[attr-defined]
    page.show_part(record)
    record.verify.click()  # type: ignore[attr-defined]
    desk.until(lambda: desk.reads("The record is whole"), "the record is checked")
    refunding.stands("Akinyi")
    page.show_part(accounts)
    desk.until(lambda: desk.reads("Akinyi (cashier) may not do that"), "a cashier sees no accounts")
