"""The window at the door: first owner, signing in, the lock, what is allowed in place; on a real till."""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from pos_app.domain.money import Money
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.staff import Action, Person, Role
from pos_app.services import pins
from pos_app.settings import MemorySecrets
from pos_app.ui.desk import Desk
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.main_window import native_window
from pos_app.ui.sale.view import SalePage
from pos_app.ui.staff.allow import AllowBar
from pos_app.ui.staff.entrance import FirstOwnerPage, ForgottenPage, RecoveryKeyPage, SignInPage
from pos_app.ui.staff.idle import IDLE_SECONDS, Idle
from pos_app.ui.staff.prover import Prover
from pos_app.ui.staff.words import ROLE_HINTS, ROLES, action_words, allowed_words
from pos_app.ui.theme import apply_theme, tokens

OWNER_PIN, CASHIER_PIN, MANAGER_PIN = "90736215", "482915", "58203917"


class Door:
    """A till that nobody owns yet, in its window."""

    def __init__(self, app: QApplication, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.desk = Desk(app, folder)
        self.window = self.desk.window
        self.window.show()
        self.window.activateWindow()
        self.run(self.desk.open())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.ensure_future(work)
        self.qtbot.waitUntil(task.done, timeout=20_000)
        return task.result()

    def page(self, kind: type[Any]) -> Any:
        self.qtbot.waitUntil(lambda: isinstance(self.window.locked_by, kind))
        return self.window.locked_by

    def opened(self) -> None:
        self.qtbot.waitUntil(lambda: self.window.locked_by is None)

    def set_up(self) -> str:
        """The recovery key."""
        page = self.page(FirstOwnerPage)
        self.type(page.name, "Wanjiru")
        self.type(page.pin, OWNER_PIN)
        self.type(page.again, OWNER_PIN)
        page.submit.click()
        key = self.page(RecoveryKeyPage)
        shown = str(key.key.text()).replace("\n", "-")
        self.type(key.end, shown[-5:])
        key.submit.click()
        self.opened()
        self.qtbot.waitUntil(lambda: not self.desk.tasks.live)
        return shown

    def type(self, field: QLineEdit, text: str) -> None:
        field.clear()
        self.qtbot.keyClicks(field, text)

    def hire(self) -> None:
        for name, role, pin in (("Akinyi", Role.CASHIER, CASHIER_PIN), ("Otieno", Role.MANAGER, MANAGER_PIN)):
            assert isinstance(self.run(self.desk.till.staff.add(name, role, pin)), Person)
        self.qtbot.waitUntil(lambda: len(self.desk.door.model.state.people) == 3)

    def lock(self) -> Any:
        QTest.keyClick(native_window(self.window), Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
        return self.page(SignInPage)

    def sign_in(self, name: str, pin: str) -> None:
        page = self.page(SignInPage)
        tile = next(tile for tile in page.tiles.values() if tile.text().startswith(name))
        tile.click()
        self.type(page.pin, pin)
        QTest.keyClick(page.pin, Qt.Key.Key_Return)

    def cancelled(self) -> Sale | Refused:
        sales = self.desk.till.sales
        sale = self.run(sales.open(Cart((SaleLine("Unga", Money.shillings(100)),))))
        assert isinstance(sale, Sale)
        answer: Sale | Refused = self.run(sales.void(sale.id))
        return answer


@pytest.fixture
def door(
    aloop: TillLoop, qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Door]:
    secrets = MemorySecrets()
    monkeypatch.setattr("pos_app.ui.desk_keys.open_secrets", lambda _folder: secrets)
    monkeypatch.setattr(pins, "_MEMORY_KIB", 16)  # how slow a PIN is to try has tests of its own
    before = tokens().name
    made = Door(qapp, qtbot, tmp_path)
    yield made
    made.run(made.desk.close())
    apply_theme(qapp, before)


def test_the_first_run_makes_the_owner_and_opens_once_the_recovery_key_is_on_paper(door: Door) -> None:
    page = door.page(FirstOwnerPage)
    door.qtbot.waitUntil(page.name.hasFocus)
    for pin, again, said in (("123", "123", "at least 8 digits"), (OWNER_PIN, "90736216", "not the same")):
        door.type(page.name, "Wanjiru")
        door.type(page.pin, pin)
        door.type(page.again, again)
        page.submit.click()
        door.qtbot.waitUntil(lambda words=said: words in page.problem.text() and not door.desk.tasks.live)
    door.type(page.again, OWNER_PIN)
    QTest.keyClick(page.again, Qt.Key.Key_Return)
    key = door.page(RecoveryKeyPage)
    door.type(key.end, "WRONG")
    key.submit.click()
    assert "last five characters" in key.problem.text()
    door.window.show_settings()
    assert door.window.locked_by is key, "no key leads past it"
    door.type(key.end, key.key.text()[-5:].lower())
    QTest.keyClick(key.end, Qt.Key.Key_Return)
    door.opened()
    assert door.window.status.cashier.text() == "Wanjiru"
    assert door.window.stack.currentIndex() == 2, "the page that was asked for meanwhile"


def test_the_recovery_key_is_printed_and_its_file_is_gone_afterwards(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        "pos_app.ui.staff.door.QDesktopServices.openUrl", lambda url: bool(opened.append(url.toLocalFile())) or True
    )
    page = door.page(FirstOwnerPage)
    for field, text in ((page.name, "Wanjiru"), (page.pin, OWNER_PIN), (page.again, OWNER_PIN)):
        door.type(field, text)
    page.submit.click()
    key = door.page(RecoveryKeyPage)
    key.print.click()
    (paper,) = opened
    assert Path(paper).read_bytes().startswith(b"%PDF")
    assert Path(paper).stat().st_mode & 0o077 == 0
    door.type(key.end, key.key.text()[-5:])
    key.submit.click()
    door.opened()
    assert not Path(paper).exists()


def test_a_locked_till_shows_nothing_and_opens_where_it_was_for_whoever_signs_in(door: Door) -> None:
    door.set_up()
    door.hire()
    door.window.show_history()
    page = door.lock()
    door.qtbot.waitUntil(page.pin.hasFocus)
    assert not any(button.isEnabled() for button in door.window.status.pages)
    door.sign_in("Akinyi", "000000")
    door.qtbot.waitUntil(lambda: "That PIN is not right. 4 tries left" in page.problem.text())
    assert page.pin.text() == ""
    door.sign_in("Akinyi", CASHIER_PIN)
    door.opened()
    assert (door.window.status.cashier.text(), door.window.stack.currentIndex()) == ("Akinyi", 1)
    assert door.lock().model.state.person.name == "Akinyi", "who was here is chosen already"


def test_nobody_chosen_is_asked_for_first(door: Door) -> None:
    door.set_up()
    door.hire()
    page = door.lock()
    door.desk.door.model.state = type(door.desk.door.model.state)(people=door.desk.door.model.state.people)
    page.submit.click()
    assert "Choose who you are" in page.problem.text()


def test_an_owner_who_forgot_the_pin_gets_a_new_one_with_the_key_and_a_new_key(door: Door) -> None:
    key = door.set_up()
    page = door.lock()
    page.forgot.click()
    forgotten = door.page(ForgottenPage)
    for field, text in ((forgotten.key, "AAAAA-BBBBB"), (forgotten.pin, "81726354"), (forgotten.again, "81726354")):
        door.type(field, text)
    forgotten.submit.click()
    door.qtbot.waitUntil(lambda: "not the recovery key" in forgotten.problem.text() and not door.desk.tasks.live)
    forgotten.left.emit()
    door.page(SignInPage).forgot.click()
    forgotten = door.page(ForgottenPage)
    assert forgotten.key.text() == ""
    for field, text in ((forgotten.key, key), (forgotten.pin, "81726354"), (forgotten.again, "81726354")):
        door.type(field, text)
    QTest.keyClick(forgotten.again, Qt.Key.Key_Return)
    renewed = door.page(RecoveryKeyPage)
    assert renewed.key.text() != key
    door.type(renewed.end, renewed.key.text()[-5:])
    renewed.submit.click()
    door.opened()


def test_somebody_who_may_allows_it_in_place_and_the_cashier_stays(door: Door) -> None:
    door.set_up()
    door.hire()
    door.lock()
    door.sign_in("Akinyi", CASHIER_PIN)
    door.opened()
    assert isinstance(door.cancelled(), Refused)
    bar = door.window.findChild(AllowBar)
    assert isinstance(bar, AllowBar)
    door.qtbot.waitUntil(lambda: bar.isVisible() and bar.pin.hasFocus())
    bar.people.setCurrentIndex(bar.people.findText("Otieno · Manager"))
    door.type(bar.pin, "00000000")
    QTest.keyClick(bar.pin, Qt.Key.Key_Return)
    door.qtbot.waitUntil(lambda: "That PIN is not right" in bar.problem.text())
    door.type(bar.pin, MANAGER_PIN)
    bar.button.click()
    door.qtbot.waitUntil(lambda: "Otieno allows you to cancel this sale, once" in bar.sentence.text())
    assert door.window.status.cashier.text() == "Akinyi"
    assert isinstance(door.cancelled(), Sale)
    assert isinstance(door.cancelled(), Refused)
    door.qtbot.waitUntil(bar.pin.hasFocus)
    QTest.keyClick(native_window(door.window), Qt.Key.Key_Escape)
    door.qtbot.waitUntil(bar.isHidden)


def denied(door: Door) -> AllowBar:
    """Akinyi tries to cancel a sale, and somebody who may is asked for the PIN."""
    door.set_up()
    door.hire()
    door.lock()
    door.sign_in("Akinyi", CASHIER_PIN)
    door.opened()
    door.qtbot.waitUntil(lambda: not door.desk.tasks.live)
    assert isinstance(door.cancelled(), Refused)
    bar = door.window.findChild(AllowBar)
    assert isinstance(bar, AllowBar)
    door.qtbot.waitUntil(bar.pin.hasFocus)
    bar.people.setCurrentIndex(bar.people.findText("Otieno · Manager"))
    return bar


def search_of(door: Door) -> QLineEdit:
    page = door.desk.sale_page
    assert isinstance(page, SalePage)
    return page.finder.search


def typed(bar: AllowBar, door: Door) -> None:
    door.qtbot.keyClicks(bar.pin, MANAGER_PIN)
    QTest.keyClick(bar.pin, Qt.Key.Key_Return)
    door.qtbot.waitUntil(lambda: "allows you to" in bar.sentence.text())


def test_a_page_that_turns_by_itself_does_not_get_the_rest_of_a_pin(door: Door) -> None:
    bar = denied(door)
    search = search_of(door)
    door.qtbot.keyClicks(bar.pin, MANAGER_PIN[:3])
    search.setFocus()
    assert bar.pin.hasFocus()
    door.qtbot.keyClicks(QApplication.focusWidget(), MANAGER_PIN[3:])
    assert (bar.pin.text(), search.text()) == (MANAGER_PIN, "")
    QTest.keyClick(bar.pin, Qt.Key.Key_Return)
    door.qtbot.waitUntil(search.hasFocus)
    assert "allows you to" in bar.sentence.text(), "and what took the keys has them now"


def test_a_finger_or_tab_leaves_the_pin_field(door: Door) -> None:
    bar = denied(door)
    QTest.keyClick(bar.pin, Qt.Key.Key_Tab)
    assert bar.button.hasFocus()
    bar.pin.setFocus()
    bar.people.setFocus(Qt.FocusReason.MouseFocusReason)
    assert bar.people.hasFocus()


def test_what_had_the_keys_has_them_again_and_a_used_permit_is_no_longer_said(door: Door) -> None:
    bar = denied(door)
    typed(bar, door)
    assert search_of(door).hasFocus()
    assert isinstance(door.cancelled(), Sale)
    door.qtbot.waitUntil(bar.isHidden)


def test_what_is_asked_on_one_page_is_not_asked_on_the_next(door: Door) -> None:
    bar = denied(door)
    door.window.show_history()
    assert bar.isHidden()
    assert not bar.pin.text()


def test_the_sign_in_page_holds_more_people_than_fit(door: Door) -> None:
    door.set_up()
    for number in range(14):
        pin = str(731_905 + 37 * number)
        assert isinstance(door.run(door.desk.till.staff.add(f"Person {number}", Role.CASHIER, pin)), Person)
    door.qtbot.waitUntil(lambda: len(door.desk.door.model.state.people) == 15)
    door.window.resize(1100, 640)
    page = door.lock()
    assert door.window.size().height() == 640
    door.qtbot.waitUntil(lambda: page.submit.visibleRegion().boundingRect().height() == page.submit.height())
    last = list(page.tiles.values())[-1]
    page.pin.setFocus()
    QTest.keyClick(page.pin, Qt.Key.Key_Backtab)
    assert last.hasFocus()
    door.qtbot.waitUntil(lambda: last.visibleRegion().boundingRect().height() == last.height())
    assert min(last.width(), last.height()) >= 48


def test_whoever_is_at_the_till_already_is_chosen_when_it_locks(door: Door) -> None:
    door.set_up()
    door.hire()
    door.lock()
    door.sign_in("Otieno", MANAGER_PIN)
    door.opened()
    door.desk.door._last = None
    door.run(door.desk.door.open())
    assert door.lock().model.state.person.name == "Otieno"


def test_the_page_of_a_forgotten_pin_is_walked_by_enter_and_left_by_escape(door: Door) -> None:
    door.set_up()
    door.lock().forgot.click()
    page = door.page(ForgottenPage)
    for field, following in ((page.key, page.pin), (page.pin, page.again)):
        door.qtbot.waitUntil(field.hasFocus)
        door.type(field, "1")
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert following.hasFocus()
    QTest.keyClick(page.again, Qt.Key.Key_Escape)
    sign_in = door.page(SignInPage)
    door.qtbot.waitUntil(sign_in.pin.hasFocus)


@pytest.mark.parametrize("action", Action)
def test_every_action_and_role_has_words(action: Action) -> None:
    assert action_words(action)
    assert allowed_words(action.value) == action_words(action)
    assert allowed_words("of another version") == "of another version"
    assert set(ROLES) == set(ROLE_HINTS) == set(Role)


def test_in_training_each_ones_pin_is_shown_where_it_is_typed(qtbot: QtBot) -> None:
    prover = Prover("Who releases it", {"Otieno": MANAGER_PIN})
    qtbot.addWidget(prover)
    people = (Person(1, "Otieno", Role.MANAGER), Person(2, "Njeri", Role.MANAGER))
    prover.show_people(people)
    assert (prover.person_id, prover.pin.placeholderText()) == (1, MANAGER_PIN)
    prover.people.setCurrentIndex(1)
    assert (prover.person_id, prover.pin.placeholderText()) == (2, "PIN")
    prover.pin.setText("1")
    assert prover.take() == (2, "1")
    assert prover.pin.text() == ""
    prover.show_people(())
    assert prover.take() == (0, "")


def test_a_till_that_is_left_alone_or_slept_locks_itself(qtbot: QtBot) -> None:
    seconds = [1000.0]
    idle = Idle(lambda: seconds[0])
    left: list[bool] = []
    idle.left_alone.connect(lambda: left.append(True))

    def passes(by: float) -> int:
        for _ in range(int(by // 5)):
            seconds[0] += 5
            idle.look()
        return len(left)

    assert passes(IDLE_SECONDS - 5) == 0
    idle.eventFilter(idle, QEvent(QEvent.Type.KeyPress))
    assert passes(IDLE_SECONDS - 5) == 0
    assert passes(10) == 1
    idle.eventFilter(idle, QEvent(QEvent.Type.MouseButtonPress))
    idle.eventFilter(idle, QEvent(QEvent.Type.Paint))
    seconds[0] += 3600
    idle.look()
    assert len(left) == 2, "the computer slept for an hour"


def test_left_alone_the_window_locks(door: Door) -> None:
    door.set_up()
    door.desk.door.idle.left_alone.emit()
    door.page(SignInPage)
    door.desk.door.idle.left_alone.emit()
    assert door.desk.till.authority.session is None
