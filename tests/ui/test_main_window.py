"""The window: lights by shape and word, notices that stay, the training frame, pages and help by key."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from pos_app.services.changes import Changes, HealthChanged, Light, Notice
from pos_app.ui.main_window import MainWindow
from pos_app.ui.shop_header import ShopHeader
from pos_app.ui.theme import apply_theme, tokens

Key = Qt.Key
Till = Any  # built by conftest, which no test module can import


def make(qtbot: QtBot, clock: Any, changes: Changes, training: bool) -> MainWindow:
    window = MainWindow(
        sale_page=QWidget(),
        history_page=QWidget(),
        settings_page=QWidget(),
        shop=ShopHeader("Mama Njeri Shop", "Akinyi", "Till 123456"),
        training=training,
        changes=changes,
        clock=clock.now,
    )
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window


def test_each_light_is_a_shape_and_a_word(qtbot: QtBot, clock: Any, changes: Changes) -> None:
    window = make(qtbot, clock, changes, training=False)
    changes.publish(HealthChanged(Light.OK, Light.DOWN, Light.SLOW))
    status = window.status
    lights = (status.internet, status.relay, status.mpesa)
    assert [light.word.text() for light in lights] == ["Net", "Relay down", "M-Pesa slow"]
    assert len({light.sign.sign for light in lights}) == 3
    assert status.relay.accessibleName() == "Relay: down"
    changes.publish(HealthChanged(Light.OFF, Light.OK, Light.OK))
    assert status.internet.word.text() == "Net off"


def test_a_page_out_of_sight_takes_no_key_from_the_one_in_sight(qtbot: QtBot, clock: Any, changes: Changes) -> None:
    window = make(qtbot, clock, changes, training=False)
    fields = [QLineEdit(page) for page in (window.stack.widget(0), window.stack.widget(1))]
    window.show_history()
    for field in fields:
        field.show()
    fields[1].setFocus()
    fields[0].setFocus()
    assert fields[1].hasFocus()
    qtbot.keyClicks(QApplication.focusWidget(), "482915")
    assert [field.text() for field in fields] == ["", "482915"]
    window.show_page(0)
    assert fields[0].hasFocus(), "once it is in sight it has them"


def test_the_clock_is_nairobis(qtbot: QtBot, clock: Any, changes: Changes) -> None:
    window = make(qtbot, clock, changes, training=False)
    assert window.status.clock.text() == "12:30"


def test_the_offline_bar_comes_and_goes_by_itself(qtbot: QtBot, clock: Any, changes: Changes) -> None:
    window = make(qtbot, clock, changes, training=False)
    bar = window.notices.standing
    assert not bar.isVisible()
    sentence = "No internet. Cash works. M-Pesa will be checked later."
    for _ in range(2):
        changes.publish(HealthChanged(Light.DOWN, Light.DOWN, Light.DOWN, sentence))
    assert bar.isVisible()
    assert bar.sentence.text() == sentence
    assert bar.property("panel") == "notice"
    changes.publish(HealthChanged(Light.OK, Light.OK, Light.OK))
    assert not bar.isVisible()


def test_a_notice_stays_until_dismissed_and_comes_once(qtbot: QtBot, clock: Any, changes: Changes) -> None:
    window = make(qtbot, clock, changes, training=False)
    for sentence in ("The relay was restored.", "The disk is nearly full.", "The relay was restored."):
        changes.publish(Notice(sentence, urgent="disk" in sentence))
    bars = window.notices.bars
    assert [bar.sentence.text() for bar in bars] == ["The disk is nearly full.", "The relay was restored."]
    assert [bar.isVisible() for bar in bars] == [True, False]
    shown = bars[0].findChild(QPushButton)
    assert shown.text() == "Dismiss (1 more)"
    qtbot.mouseClick(shown, Qt.MouseButton.LeftButton)
    assert [bar.isVisible() for bar in window.notices.bars] == [True]
    qtbot.mouseClick(window.notices.bars[0].findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert window.notices.bars == []


def test_training_has_its_frame_and_its_word_always(qtbot: QtBot, clock: Any, changes: Changes) -> None:
    window = make(qtbot, clock, changes, training=True)
    for page in range(3):
        window.show_page(page)
        picture = window.grab().toImage()
        for x, y in ((2, 300), (300, 2), (picture.width() - 3, 300), (300, picture.height() - 3)):
            assert picture.pixelColor(x, y) == QColor("#FFB020")
        assert picture.pixelColor(8, 300) != QColor("#FFB020")
        assert window.status.training is not None
        assert window.status.training.isVisible()
    assert "TRAINING" in window.windowTitle()


def test_without_training_there_is_no_frame(qtbot: QtBot, clock: Any, changes: Changes) -> None:
    window = make(qtbot, clock, changes, training=False)
    assert window.status.training is None
    assert window.grab().toImage().pixelColor(2, 300) != QColor("#FFB020")


@pytest.mark.parametrize(("key", "page"), [(Key.Key_F6, 1), (Key.Key_F7, 2), (Key.Key_F5, 0)])
def test_pages_by_key_and_by_button(qtbot: QtBot, clock: Any, changes: Changes, key: Key, page: int) -> None:
    window = make(qtbot, clock, changes, training=False)
    window.show_page(1 if page == 0 else 0)
    QTest.keyClick(window, key)
    assert window.stack.currentIndex() == page
    assert [button.isChecked() for button in window.status.pages[:3]] == [at == page for at in range(3)]
    qtbot.mouseClick(window.status.pages[1], Qt.MouseButton.LeftButton)
    assert window.stack.currentIndex() == 1
    window.show_settings()
    assert window.stack.currentIndex() == 2
    window.show_history()
    assert window.stack.currentIndex() == 1


def test_f12_shows_the_keys_and_shift_f1_the_help(qtbot: QtBot, clock: Any, changes: Changes) -> None:
    window = make(qtbot, clock, changes, training=False)
    window.show_page(1)
    QTest.keyClick(window, Key.Key_F12)
    assert window.help.title.text() == "All keys"
    QTest.keyClick(window, Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    assert window.help.title.text() == "How to sell"
    QTest.keyClick(window.help.close_button, Key.Key_Escape)
    assert window.stack.currentIndex() == 1


def test_f8_changes_between_light_and_dark_and_says_so(
    qapp: QApplication, qtbot: QtBot, clock: Any, changes: Changes
) -> None:
    apply_theme(qapp, "light")
    window = make(qtbot, clock, changes, training=False)
    with qtbot.waitSignal(window.theme_changed) as told:
        QTest.keyClick(window, Key.Key_F8)
    assert told.args == ["dark"]
    assert tokens().name == "dark"
    assert window.grab().toImage().pixelColor(300, 300) == QColor(tokens().page)
    window.status.theme.click()
    assert tokens().name == "light"


def test_shop_and_cashier_are_shown_and_closing_is_told(qtbot: QtBot, clock: Any, changes: Changes) -> None:
    window = make(qtbot, clock, changes, training=False)
    window.show_shop(ShopHeader("", "Wambui"))
    assert window.status.shop.accessibleName() == "New shop"
    assert window.status.cashier.accessibleName() == "Wambui is at the till. Lock, Ctrl+L"
    with qtbot.waitSignal(window.closing):
        window.close()
    window.release()
    changes.publish(Notice("too late"))
    assert window.notices.bars == []


def test_the_focus_ring_surrounds_what_has_the_keyboard(till: Till, qtbot: QtBot) -> None:
    from pos_app.ui.widgets.focus_ring import FocusRing

    ring = till.window.findChild(FocusRing)
    search = till.page.finder.search
    assert ring.isVisible()
    place = search.mapTo(till.window, search.rect().topLeft())
    assert (ring.x(), ring.y()) == (place.x() - 5, place.y() - 5)
    assert ring.grab().toImage().pixelColor(ring.width() // 2, 1) == QColor(tokens().focus)
    till.sell("100")
    cash = till.page.cart.pay.cash
    cash.setFocus()
    assert ring.width() == cash.width() + 10
    till.window.resize(1280, 720)
    qtbot.waitUntil(lambda: ring.width() == cash.width() + 10)
    till.page.cart.hide()
    qtbot.waitUntil(lambda: not ring.isVisible() or ring.width() != cash.width() + 10)


def test_a_focused_widget_that_is_destroyed_leaves_no_ring_behind(till: Till, qtbot: QtBot) -> None:
    extra = QPushButton("Gone soon", till.page)
    extra.show()
    extra.setFocus()
    extra.deleteLater()
    qtbot.waitUntil(lambda: extra not in till.page.children())
    till.page.finder.search.setFocus()
    assert till.page.finder.search.hasFocus()


@pytest.mark.parametrize(("width", "words"), [(1366, "History  F6"), (1100, "History")])
def test_where_room_is_short_the_pages_show_no_keys(till: Till, width: int, words: str) -> None:
    till.window.resize(width, 720)
    till.qtbot.waitUntil(lambda: till.window.status.pages[1].text() == words)


@pytest.mark.parametrize("size", [(1366, 768), (1280, 720), (1100, 640)])
def test_nothing_is_smaller_than_a_thumb(till: Till, size: tuple[int, int]) -> None:
    till.window.resize(*size)
    till.charge()
    till.payment.park()
    till.sell("100")
    till.qtbot.waitUntil(lambda: len(till.sale.state.tabs) == 1)
    for button in till.window.findChildren(QPushButton):
        if button.isVisible():
            assert min(button.width(), button.height()) >= 48, (button.accessibleName(), button.size())
