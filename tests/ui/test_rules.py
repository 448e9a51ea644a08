"""The rules for payments on the settings page: what is typed wrong is said, and what is in force is never in doubt."""

import asyncio
from dataclasses import replace
from datetime import time

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from pos_app.domain.money import Money
from pos_app.domain.refused import Refused
from pos_app.domain.shop import AccountKind, Credentials, MpesaAccess, Pairing, ShopAccount
from pos_app.domain.validation import CLOSED_MAX, REFERENCES_MAX, ClosedHours, ValidationRules
from pos_app.services.changes import Changes, HealthChanged, Light, RulesChanged, RulesStanding
from pos_app.settings import Settings
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.settings.rules import words
from pos_app.ui.settings.rules.section import RulesSection
from pos_app.ui.settings.rules.typing import RulesDraft, draft_of, rules_typed
from pos_app.ui.settings.rules.view_model import RulesViewModel
from pos_app.ui.tasks import Tasks

LEFT = Qt.MouseButton.LeftButton
PAIRING = Pairing("https://r.example.co.ke", "Duka", "s1", "t1", "T1", "token", "https://r.example.co.ke/h/k", "nonce")
PAYBILL = MpesaAccess(
    "https://api.safaricom.co.ke", ShopAccount(AccountKind.PAYBILL, "600966"), Credentials("k", "s", "p"), PAIRING
)
TILL = replace(PAYBILL, account=ShopAccount(AccountKind.BUY_GOODS, "600966", "5500123"))
WHOLE = ValidationRules(
    minimum=Money.shillings(20),
    maximum=Money.shillings(70_000),
    references=("HSE 12B", "Shop"),
    closed=(ClosedHours(time(22), time(6)), ClosedHours(time(13), time(14))),
    accepts_by_default=False,
    asks_till=True,
)


class TestWhatIsTyped:
    def test_nothing_typed_lets_everything_in(self) -> None:
        assert rules_typed(RulesDraft()) == ValidationRules()

    def test_rules_read_back_as_they_are_shown(self) -> None:
        for rules in (ValidationRules(), WHOLE, ValidationRules(references=(), asks_till=True)):
            assert rules_typed(draft_of(rules)) == rules

    @pytest.mark.parametrize("typed", ["22:00-06:00", "22.00 – 6:00", "22:00 to 06:00", " 22:00-06:00 ;\n"])
    def test_hours_are_read_in_every_usual_spelling(self, typed: str) -> None:
        assert rules_typed(RulesDraft(closed=typed)) == ValidationRules(closed=WHOLE.closed[:1])

    def test_accounts_come_one_on_a_line_or_with_commas_each_once(self) -> None:
        read = rules_typed(RulesDraft(only_listed=True, references="HSE 12B, Shop\n\nShop\n"))
        assert read == ValidationRules(references=("HSE 12B", "Shop"))

    @pytest.mark.parametrize(
        ("field", "typed", "said"),
        [
            ("minimum", "cheap", "is not an amount"),
            ("maximum", "-5", "is not an amount"),
            ("minimum", "0", "above zero"),
            ("closed", "at night", "is no time of day"),
            ("closed", "22:00-24:00", "is no time of day"),
            ("closed", "22:00-22:00", "is no time of day"),
            ("closed", ",".join(f"0{hour}:{part}0-0{hour}:{part}5" for hour in range(3) for part in range(6)), "most"),
            ("references", "--", "cannot be an account"),
            ("references", "x" * 21, "cannot be an account"),
            ("references", "\n".join(map(str, range(REFERENCES_MAX + 1))), "the relay takes 1,000"),
            ("references", "", "nobody can pay"),
        ],
    )
    def test_what_cannot_be_used_is_said_beside_its_field(self, field: str, typed: str, said: str) -> None:
        read = rules_typed(replace(RulesDraft(only_listed=field == "references"), **{field: typed}))  # type: ignore[arg-type]
        assert isinstance(read, dict)
        assert list(read) == [field]
        assert said in read[field]
        assert CLOSED_MAX == 14

    def test_the_smallest_amount_is_not_over_the_largest(self) -> None:
        read = rules_typed(RulesDraft(minimum="50", maximum="20"))
        assert read == {"minimum": "The smallest amount, KES 50, is over the largest, KES 20."}


class FakeBook:
    def __init__(self) -> None:
        self.current = RulesChanged(ValidationRules(), RulesStanding.IN_FORCE)
        self.saved: list[ValidationRules] = []
        self.refused: Refused | None = None
        self.failure: Exception | None = None
        self.release = asyncio.Event()
        self.release.set()

    async def save(self, rules: ValidationRules) -> Refused | None:
        await self.release.wait()
        if self.failure is not None:
            raise self.failure
        self.saved.append(rules)
        return self.refused


class Desk:
    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.book = FakeBook()
        self.changes = Changes()
        self.tasks = Tasks()
        self.access: MpesaAccess | None = PAYBILL
        self.settings = Settings()

    def open(self) -> RulesSection:
        self.model = RulesViewModel(
            self.book,  # type: ignore[arg-type]  # stands in for the service
            self.changes,
            self.tasks,
            access=lambda: self.access,
            settings=lambda: self.settings,
        )
        self.page = RulesSection(self.model)
        self.qtbot.addWidget(self.page)
        self.page.resize(940, 1000)
        self.page.show()
        self.qtbot.waitExposed(self.page)
        self.page.activateWindow()
        self.qtbot.waitUntil(self.page.isActiveWindow)
        self.page.enter()
        return self.page

    def settled(self) -> None:
        self.qtbot.waitUntil(lambda: not self.tasks.live)

    def told(self, rules: ValidationRules, standing: RulesStanding, trouble: str = "") -> None:
        self.changes.publish(RulesChanged(rules, standing, trouble))


@pytest.fixture
def desk(qtbot: QtBot, aloop: TillLoop) -> Desk:
    return Desk(qtbot)


def test_everything_typed_reaches_the_book(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    assert page.references.isHidden()
    assert not page.apply.isEnabled()
    qtbot.keyClicks(page.minimum.line, "20")
    qtbot.keyClicks(page.maximum.line, "70000")
    page.accounts.buttons["listed"].click()
    page.list.insertPlainText("HSE 12B\nShop")
    qtbot.keyClicks(page.closed.line, "22:00-06:00, 13:00-14:00")
    page.default.buttons["reject"].click()
    page.ask.click()
    assert page.note.text() == words.UNSAVED
    qtbot.mouseClick(page.apply, LEFT)
    desk.settled()
    assert desk.book.saved == [WHOLE]
    desk.told(WHOLE, RulesStanding.WAITING)
    assert "until then it answers by the rules that it has" in page.standing.text()
    assert page.note.text() == ""
    assert page.maximum.line.text() == "70,000"
    desk.told(WHOLE, RulesStanding.IN_FORCE)
    assert page.standing.text().startswith("✓ In force")


def test_what_is_wrong_is_marked_focused_and_not_saved(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    qtbot.keyClicks(page.closed.line, "never")
    page.accounts.buttons["listed"].click()
    qtbot.mouseClick(page.apply, LEFT)
    assert page.focusWidget() is page.list
    assert "nobody can pay" in page.references.error.text()
    assert "never" in page.closed.error.text()
    qtbot.keyClicks(page.list, "A")
    assert page.references.error.isHidden()
    assert page.closed.error.isVisible()
    page.ask.click()
    desk.settled()
    assert desk.book.saved == []


def test_undo_puts_back_what_is_in_force(desk: Desk, qtbot: QtBot) -> None:
    desk.book.current = RulesChanged(WHOLE, RulesStanding.IN_FORCE)
    page = desk.open()
    assert page.list.toPlainText() == "HSE 12B\nShop"
    qtbot.keyClicks(page.list, "X")
    page.ask.click()
    qtbot.mouseClick(page.undo, LEFT)
    assert page.list.toPlainText() == "HSE 12B\nShop"
    assert page.ask.isChecked()
    assert not page.apply.isEnabled()
    desk.model.save()
    desk.settled()
    assert desk.book.saved == []


def test_rules_of_another_till_appear_unless_somebody_is_typing(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.told(WHOLE, RulesStanding.IN_FORCE)
    assert page.minimum.line.text() == "20"
    qtbot.keyClicks(page.minimum.line, "0")
    desk.told(ValidationRules(), RulesStanding.IN_FORCE)
    assert page.minimum.line.text() == "200"
    assert page.note.text() == words.UNSAVED
    qtbot.mouseClick(page.undo, LEFT)
    assert page.minimum.line.text() == ""


@pytest.mark.parametrize("standing", RulesStanding)
def test_each_standing_is_said(desk: Desk, standing: RulesStanding) -> None:
    page = desk.open()
    desk.told(WHOLE, standing, "The relay does not take these rules.")
    assert page.standing.text()[0] in "✓?…!"
    assert page.standing.isVisible()


def test_what_cannot_be_kept_is_said_and_stays_typed(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.book.refused = Refused("The disk is full.")
    page.ask.click()
    qtbot.mouseClick(page.apply, LEFT)
    desk.settled()
    assert page.problem.text() == "! The disk is full."
    assert page.ask.isChecked()
    desk.book.failure = ZeroDivisionError()
    qtbot.mouseClick(page.apply, LEFT)
    desk.settled()
    assert "could not be kept" in page.problem.text()
    assert page.apply.isEnabled()


def test_a_second_press_saves_once(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.book.release.clear()
    page.ask.click()
    qtbot.mouseClick(page.apply, LEFT)
    assert page.apply.text() == words.APPLYING
    desk.model.save()
    desk.book.release.set()
    desk.settled()
    assert len(desk.book.saved) == 1


def test_a_list_of_accounts_is_not_for_a_till_whose_customers_type_none(desk: Desk, qtbot: QtBot) -> None:
    desk.access = TILL
    page = desk.open()
    assert not page.accounts.buttons["listed"].isEnabled()
    assert page.accounts.hint.text() == words.NO_ACCOUNTS
    desk.model.edit("only_listed", True)
    desk.model.edit("references", "HSE 12B")
    qtbot.mouseClick(page.apply, LEFT)
    assert page.references.error.text() == f"! {words.NO_ACCOUNTS}"
    assert desk.book.saved == []


def test_without_a_relay_it_is_off_and_says_why(desk: Desk) -> None:
    desk.access = None
    page = desk.open()
    assert page.blocked.text() == "Pair this till under Relay first: the relay is who answers M-Pesa."
    assert not page.form.isEnabled()
    desk.access = PAYBILL
    desk.changes.publish(HealthChanged(Light.OK, Light.OK, Light.OK))
    assert page.form.isEnabled()
