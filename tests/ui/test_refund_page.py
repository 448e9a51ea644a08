"""The page of one refund and the list of all: what can be done in each state, by whom, and where the keyboard is."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from pos_app.domain.evidence import Disposition
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.refund import Approval, Refund, Route
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Person, Role
from pos_app.services.changes import Changes, RefundChanged
from pos_app.services.refunds import RefundDetail
from pos_app.store.refund_evidence import RefundEvidenceRow
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.history.rows import TONE_ROLE
from pos_app.ui.history.words import Tone, explanation
from pos_app.ui.receipt.view_model import ReceiptViewModel
from pos_app.ui.refund.part import RefundsPart
from pos_app.ui.refund.prepare_model import PrepareViewModel
from pos_app.ui.refund.view_model import RefundsViewModel
from pos_app.ui.tasks import Tasks

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
AKINYI, KAMAU, OTIENO, WANJIRU = (
    Person(1, "Akinyi", Role.CASHIER),
    Person(2, "Kamau", Role.SUPERVISOR),
    Person(3, "Otieno", Role.MANAGER),
    Person(4, "Wanjiru", Role.OWNER),
)
PINS = {"Kamau": "71930582", "Otieno": "58203917", "Wanjiru": "90736215"}
WAITING = Refund(
    id=9,
    number=3,
    sale_id=7,
    payment_id="UKO7K2M9QX",
    original_receipt="UKO7K2M9QX",
    route=Route.B2C,
    amount=Money.shillings(100),
    payee=Msisdn("254712345678"),
    other_number=False,
    why=RefundReason.FAULTY,
    note="",
    requested_by=1,
    requested_at=NOW,
)


@dataclass
class FakeRefunds:
    """One refund; what is done to it is written down, and answered as the test says."""

    refund: Refund = WAITING
    needed: int = 1
    told: tuple[RefundEvidenceRow, ...] = ()
    done: list[tuple[Any, ...]] = field(default_factory=list)
    answer: Refused | None = None
    all_of_them: tuple[Refund, ...] | None = None

    async def newest(self) -> tuple[Refund, ...]:
        return (self.refund,) if self.all_of_them is None else self.all_of_them

    async def detail(self, _refund_id: int) -> RefundDetail:
        await asyncio.sleep(0)
        return RefundDetail(self.refund, 142, self.told, self.needed)

    async def approve(self, *told: Any) -> Refund | Refused:
        return self._write("approve", *told)

    async def decline(self, *told: Any) -> Refund | Refused:
        return self._write("decline", *told)

    async def attest(self, *told: Any, paid: bool) -> Refund | Refused:
        return self._write("attest", *told, paid)

    def _write(self, *told: Any) -> Refund | Refused:
        self.done.append(told)
        return self.answer or self.refund


class Office:
    def __init__(self, refunds: FakeRefunds) -> None:
        self.refunds, self.asked = refunds, list[int]()
        self.ladder = self.accounts = self

    def check_soon(self, refund_id: int) -> None:
        self.asked.append(refund_id)

    async def look_before_refund(self) -> None:
        pass


@dataclass
class FakeStaff:
    works_here: tuple[Person, ...] = (AKINYI, KAMAU, OTIENO, WANJIRU)

    async def people(self) -> tuple[Person, ...]:
        return self.works_here


class Desk:
    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.refunds, self.changes, self.tasks = qtbot, FakeRefunds(), Changes(), Tasks()
        self.staff, self.now = FakeStaff(), NOW

    def open(self, *, one: bool = True, **changes: Any) -> RefundsPart:
        self.refunds.refund = replace(self.refunds.refund, **changes)
        self.office = Office(self.refunds)
        office, staff, nobody = self._fakes()
        self.model = RefundsViewModel(office, staff, self.changes, self.tasks, clock=lambda: self.now, practice=PINS)
        part = RefundsPart(self.model, PrepareViewModel(nobody, self.tasks), ReceiptViewModel(nobody, self.tasks))
        self.part = part
        self.qtbot.addWidget(part)
        part.resize(1166, 714)
        part.show()
        part.activateWindow()
        self.qtbot.waitUntil(part.isActiveWindow)
        part.enter()
        self.quiet()
        if one:
            self.model.open(9)
            self.qtbot.waitUntil(lambda: part.stack.currentWidget() is part.detail)
            self.quiet()
        return part

    def _fakes(self) -> tuple[Any, Any, Any]:
        return self.office, self.staff, None

    def becomes(self, state: RefundState, **changes: Any) -> None:
        self.refunds.refund = replace(self.refunds.refund, state=state, **changes)
        self.changes.publish(RefundChanged(self.refunds.refund))
        self.qtbot.waitUntil(lambda: self.part.refund is not None and self.part.refund.state is state)
        self.quiet()

    def quiet(self) -> None:
        self.qtbot.waitUntil(lambda: not self.tasks.live)

    def words(self) -> str:
        panel = self.part.detail.refund_panel.widget()
        return "\n".join(label.text() for label in panel.findChildren(QLabel))

    def acts(self) -> list[str]:
        buttons = self.part.detail.findChildren(QPushButton)
        return [button.accessibleName() for button in buttons if button.isVisible()]


@pytest.fixture
def desk(qtbot: QtBot, aloop: TillLoop) -> Desk:
    return Desk(qtbot)


def test_whoever_may_release_it_types_the_pin_and_enter(desk: Desk, qtbot: QtBot) -> None:
    detail = desk.open().detail
    assert detail.releaser.pin.hasFocus()
    people = detail.releaser.people
    assert [people.itemText(at) for at in range(people.count())] == [
        "Kamau · Supervisor",
        "Otieno · Manager",
        "Wanjiru · Owner",
    ]
    assert detail.releaser.pin.placeholderText() == PINS["Kamau"], "in training it is shown"
    qtbot.keyClicks(detail.releaser.pin, "71930582")
    qtbot.keyClick(detail.releaser.pin, Qt.Key.Key_Return)
    desk.quiet()
    assert desk.refunds.done == [("approve", 9, 2, "71930582")]
    assert detail.releaser.pin.text() == ""


def test_a_refusal_is_said_and_the_keys_stay_in_the_pin_field(desk: Desk, qtbot: QtBot) -> None:
    desk.refunds.answer = Refused("That PIN is not right. 4 tries left before a wait.")
    detail = desk.open().detail
    qtbot.keyClicks(detail.releaser.pin, "1")
    qtbot.keyClick(detail.releaser.pin, Qt.Key.Key_Return)
    desk.quiet()
    assert detail.problem.text() == "! That PIN is not right. 4 tries left before a wait."
    assert detail.releaser.pin.hasFocus()
    assert "no money moved" in desk.words()


def test_of_two_neither_is_who_prepared_it_and_the_second_is_not_the_first(desk: Desk) -> None:
    desk.refunds.needed = 2
    part = desk.open(requested_by=OTIENO.id)
    assert "! Two people must release it, and neither is who prepared it." in desk.words()
    assert [one.name for one in desk.model.state.releasers] == ["Kamau", "Wanjiru"]
    desk.refunds.needed = 1
    desk.becomes(RefundState.REQUESTED, approvals=(Approval(KAMAU.id, NOW),), note="seen")
    desk.qtbot.waitUntil(lambda: "! One more person must release it." in desk.words())
    assert "Kamau 12:00:00" in desk.words()
    assert [one.name for one in desk.model.state.releasers] == ["Wanjiru"]
    assert part.detail.releaser.person_id == WANJIRU.id


def test_where_nobody_is_left_to_release_it_that_is_said(desk: Desk) -> None:
    desk.staff.works_here = (AKINYI, KAMAU)
    desk.open(approvals=(Approval(KAMAU.id, NOW),))
    assert "! Nobody else who works here may release it." in desk.words()


@pytest.mark.parametrize(
    ("state", "acts"),
    [
        (RefundState.REQUESTED, ["Decline", "Release"]),
        (RefundState.APPROVED, ["Send again"]),
        (RefundState.SUBMITTING, []),
        (RefundState.PENDING, ["Ask Safaricom now"]),
        (RefundState.UNKNOWN, ["Ask Safaricom now"]),
        (RefundState.DISPUTED, ["It was paid", "It was not paid", "Ask Safaricom now"]),
        (RefundState.COMPLETED, ["Refund receipt"]),
        (RefundState.FAILED, ["Refund anew"]),
        (RefundState.DECLINED, []),
    ],
)
def test_each_state_offers_what_can_be_done_and_the_first_has_the_keys(
    desk: Desk, state: RefundState, acts: list[str]
) -> None:
    detail = desk.open(state=state).detail
    assert sorted(desk.acts()) == sorted(["Back", *acts])
    focused = detail.focusWidget()
    assert focused is not None
    assert focused.isVisible()
    assert (focused is detail.leave) == (not acts)


def test_when_it_ends_the_keys_go_from_what_is_gone_to_what_is_there(desk: Desk) -> None:
    detail = desk.open(state=RefundState.PENDING).detail
    assert detail.ask.hasFocus()
    desk.becomes(RefundState.COMPLETED, receipt="UKO9R8F7ND")
    assert detail.receipt.hasFocus()


def test_f11_asks_and_f3_begins_anew_only_where_nothing_was_given_back(desk: Desk, qtbot: QtBot) -> None:
    part = desk.open(state=RefundState.UNKNOWN)
    begun: list[int] = []
    part.detail.anew_wanted.connect(begun.append)
    for key in (Qt.Key.Key_F11, Qt.Key.Key_F3, Qt.Key.Key_F10):
        qtbot.keyClick(part.detail, key)
    assert (desk.office.asked, begun) == ([9], [])
    part.detail.anew_wanted.disconnect(part.prepare_sale)
    desk.becomes(RefundState.FAILED)
    qtbot.keyClick(part.detail, Qt.Key.Key_F3)
    assert begun == [7]


def test_before_a_day_is_over_nobody_says_what_the_statement_shows_and_the_page_says_when(desk: Desk) -> None:
    detail = desk.open(state=RefundState.UNKNOWN, submitted_at=NOW).detail
    attesting = detail.attesting
    assert "If Safaricom has not said it by Wed 25 Nov 2026, 12:00" in attesting.about.text()
    assert not attesting.paid.isVisible()
    desk.now = NOW + timedelta(hours=24)
    detail.show_state(desk.model.state)
    assert attesting.about.text().startswith("Two people look at the M-Pesa statement")
    assert attesting.paid.isVisible()


def test_two_different_people_are_chosen_to_say_it_and_their_pins_go_along(desk: Desk, qtbot: QtBot) -> None:
    attesting = desk.open(state=RefundState.DISPUTED).detail.attesting
    assert (attesting.first.person_id, attesting.second.person_id) == (OTIENO.id, WANJIRU.id)
    qtbot.keyClicks(attesting.first.pin, PINS["Otieno"])
    qtbot.keyClicks(attesting.second.pin, PINS["Wanjiru"])
    attesting.not_paid.click()
    desk.quiet()
    assert desk.refunds.done == [("attest", 9, (3, PINS["Otieno"]), (4, PINS["Wanjiru"]), False)]
    assert (attesting.first.pin.text(), attesting.second.pin.text()) == ("", "")


def test_a_disputed_refund_says_what_safaricom_says_beside_what_was_asked_for(desk: Desk) -> None:
    said = RefundEvidence(
        RefundFact.COMPLETED, RefundSource.RESULT, NOW, amount=Money.shillings(101), receipt="UKO9R8F7ND"
    )
    desk.refunds.told = (RefundEvidenceRow(said, Disposition.APPLIED, NOW),)
    desk.open(state=RefundState.DISPUTED)
    assert "KES 100" in desk.words().splitlines()
    assert "Paid, KES 101, UKO9R8F7ND." in desk.words().splitlines()


def test_a_forged_result_is_in_the_story_with_why_it_was_not_believed(desk: Desk) -> None:
    forged = RefundEvidence(RefundFact.COMPLETED, RefundSource.RESULT, NOW, receipt="UKO9R8F7ND", trusted=False)
    desk.refunds.told = (RefundEvidenceRow(forged, Disposition.QUARANTINED, NOW),)
    detail = desk.open(state=RefundState.UNKNOWN).detail
    told = [label.text() for label in detail.story.widget().findChildren(QLabel)]
    assert "Paid, UKO9R8F7ND." in told
    assert explanation(Disposition.QUARANTINED, trusted=False) in told
    assert "? Not known" in desk.words()


def test_of_a_long_story_the_end_is_shown(desk: Desk) -> None:
    rows = (RefundEvidence(RefundFact.NO_ANSWER, RefundSource.STATUS, NOW, code=str(number)) for number in range(30))
    desk.refunds.told = tuple(RefundEvidenceRow(row, Disposition.NOTED, NOW) for row in rows)
    bar = desk.open(state=RefundState.UNKNOWN).detail.story.verticalScrollBar()
    desk.qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())


def test_the_list_says_way_state_and_amount_and_enter_opens_one(desk: Desk, qtbot: QtBot) -> None:
    desk.refunds.all_of_them = (
        replace(WAITING, id=9, number=3, state=RefundState.DISPUTED),
        replace(WAITING, id=8, number=2, route=Route.CASH, original_receipt="", state=RefundState.COMPLETED),
    )
    part = desk.open(one=False)
    rows = part.list.rows
    assert [rows.index(0, column).data() for column in range(rows.columnCount())] == [
        "3",
        "12:00",
        "M-Pesa",
        "UKO7K2M9QX",
        "Goods faulty",
        "! Disputed",
        "100",
    ]
    assert [rows.index(1, column).data() for column in (2, 3)] == ["Cash", "cash"]
    assert [rows.index(row, 5).data(TONE_ROLE) for row in (0, 1)] == [Tone.CHECKING, Tone.PAID]
    part.list.table.setFocus()
    qtbot.keyClick(part.list.table, Qt.Key.Key_Down)
    qtbot.keyClick(part.list.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: part.stack.currentWidget() is part.detail)
    desk.quiet()
    qtbot.keyClick(part.detail, Qt.Key.Key_Escape)
    assert part.list.table.hasFocus()
    assert part.list.table.currentIndex().row() == 1


def test_an_empty_list_says_how_a_refund_begins(desk: Desk) -> None:
    desk.refunds.all_of_them = ()
    part = desk.open(one=False)
    assert part.list.empty.isVisible()
    assert "F6, scan the receipt, F3" in part.list.empty.text()
    assert not part.list.table.isVisible()


def test_nothing_is_smaller_than_a_thumb_nor_cut_off(desk: Desk) -> None:
    part = desk.open(state=RefundState.DISPUTED)
    part.resize(1080, 596)
    for button in part.detail.findChildren(QPushButton):
        if button.isVisible():
            assert min(button.width(), button.height()) >= 48, (button.accessibleName(), button.size())
            assert button.fontMetrics().horizontalAdvance(button.text()) < button.width(), button.text()
