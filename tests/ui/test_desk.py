"""One till with its window and no M-Pesa: what is said when something is wrong, and the way between the pages."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot
from staffing import signed_in

from pos_app.settings import MemorySecrets
from pos_app.ui.desk import Desk
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.history.view import HistoryPage
from pos_app.ui.receipt.view import ReceiptView
from pos_app.ui.settings.view import SettingsPage
from pos_app.ui.theme import apply_theme, tokens

Open = Callable[[], Desk]


@pytest.fixture
def open_desk(
    aloop: TillLoop, qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """A desk on the test's folder, without keys."""
    monkeypatch.setattr("pos_app.ui.desk_keys.open_secrets", lambda _folder: MemorySecrets())
    opened: list[Desk] = []

    def run(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        qtbot.waitUntil(task.done, timeout=20_000)
        task.result()

    def open_one() -> Desk:
        desk = Desk(qapp, tmp_path)
        opened.append(desk)
        desk.window.show()
        desk.window.activateWindow()
        run(desk.open())
        signed_in(desk.till)
        return desk

    before = tokens().name
    yield open_one
    for desk in opened:
        run(desk.close())
    apply_theme(qapp, before)


def notices(desk: Desk) -> list[str]:
    return [bar.sentence.text() for bar in desk.window.notices.bars]


def test_a_new_till_opens_to_take_cash(open_desk: Open, qtbot: QtBot) -> None:
    desk = open_desk()
    qtbot.waitUntil(lambda: desk.sale_page.isVisible() and not desk.tasks.live)
    assert notices(desk) == []
    assert desk.window.status.mpesa.word.text() == "M-Pesa off"
    assert desk.window.status.shop.text() == "New shop"


def test_damaged_settings_are_said_in_the_open_window_and_kept_aside(open_desk: Open, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{ no json")
    (said,) = notices(open_desk())
    assert said.startswith("The settings file was damaged. It is kept as settings.json.bad.")
    assert (tmp_path / "settings.json.bad").read_text() == "{ no json"


def test_a_task_that_fails_is_said_and_the_till_goes_on(open_desk: Open, qtbot: QtBot) -> None:
    desk = open_desk()

    async def fail() -> None:
        raise LookupError("what went wrong")

    desk.tasks.start(fail(), "something")
    qtbot.waitUntil(lambda: bool(notices(desk)))
    assert notices(desk) == ["Something did not work and was written to the log. No money was lost. Try again."]
    assert desk.sale_page.isVisible()


def test_a_theme_is_kept_and_one_that_cannot_be_kept_is_worn_all_the_same(open_desk: Open, tmp_path: Path) -> None:
    desk = open_desk()
    desk.window.switch_theme()
    chosen = tokens().name
    assert json.loads((tmp_path / "settings.json").read_text())["theme"] == chosen
    (tmp_path / "settings.json").unlink()
    (tmp_path / "settings.json").mkdir()
    desk.window.switch_theme()
    assert tokens().name != chosen


def test_the_keys_lead_to_every_page_and_back(open_desk: Open, qtbot: QtBot) -> None:
    desk = open_desk()

    def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(QApplication.focusWidget() or desk.window, key, modifier)

    def is_shown(kind: type[QWidget]) -> bool:
        return any(page.isVisible() for page in desk.window.findChildren(kind))

    assert not desk.window.findChildren(HistoryPage), "a page is made when it is first shown"
    press(Qt.Key.Key_F6)
    qtbot.waitUntil(lambda: is_shown(HistoryPage))
    press(Qt.Key.Key_F7)
    qtbot.waitUntil(lambda: is_shown(SettingsPage))
    press(Qt.Key.Key_F12)
    qtbot.waitUntil(desk.window.help.isVisible)
    press(Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    press(Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: is_shown(SettingsPage))
    press(Qt.Key.Key_F5)
    qtbot.waitUntil(desk.sale_page.isVisible)


def test_a_key_opens_the_customer_display_and_the_choice_is_kept(open_desk: Open, qtbot: QtBot, tmp_path: Path) -> None:
    desk = open_desk()

    def press() -> str:
        QTest.keyClick(QApplication.focusWidget() or desk.window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
        return str(json.loads((tmp_path / "settings.json").read_text())["customer_display"])

    assert desk.placing.display is None, "nobody wanted it yet"
    assert press() == "auto"
    display = desk.placing.display
    assert display is not None
    assert display.isVisible()
    assert desk.window.isActiveWindow()
    assert press() == "off"
    assert not display.isVisible()


def test_the_status_bar_leaves_the_display_to_its_key_where_room_is_short(open_desk: Open) -> None:
    desk = open_desk()
    desk.window.resize(1366, 768)
    assert desk.window.status.display.isVisible()
    desk.window.resize(1100, 640)
    assert not desk.window.status.display.isVisible()


def test_a_receipt_that_is_wanted_is_shown_and_left_again(open_desk: Open, qtbot: QtBot) -> None:
    desk = open_desk()
    for key in ("2", "5", "0"):
        QTest.keyClicks(desk.window.focusWidget(), key)
    QTest.keyClick(desk.window.focusWidget(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(desk.sale.state.cart.lines))
    QTest.keyClick(desk.window.focusWidget(), Qt.Key.Key_F2)
    qtbot.waitUntil(lambda: desk.payment.state.page.value == "cash")
    QTest.keyClick(desk.window.focusWidget(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.payment.state.page.value == "change")
    for _ in range(2):
        desk.payment.receipt_wanted.emit(1)
        (page,) = desk.window.findChildren(ReceiptView)
        qtbot.waitUntil(page.isVisible)
        qtbot.waitUntil(lambda: not desk.tasks.live)
        page.closed.emit()
        assert desk.sale_page.isVisible()


def test_a_till_that_cannot_open_shows_nothing_but_why(qapp: QApplication, aloop: TillLoop, tmp_path: Path) -> None:
    desk = Desk(qapp, tmp_path)
    desk.window.show()
    desk.refuse("The disk is on fire.")
    words = [label.text() for label in desk.window.findChildren(QLabel) if label.isVisible()]
    assert "The till cannot open" in words
    assert "The disk is on fire." in words
    closing = asyncio.ensure_future(desk.close())
    while not closing.done():
        qapp.processEvents()
