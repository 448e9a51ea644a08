"""The page with one sentence, and the one that asks for the passphrase of the keys."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from pos_app.ui.message_page import MessagePage, UnlockPage
from pos_app.ui.widgets.buttons import Button


@pytest.fixture
def page(qtbot: QtBot) -> UnlockPage:
    made = UnlockPage()
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    return made


def button(page: UnlockPage, words: str) -> Button:
    return next(found for found in page.findChildren(Button) if found.text() == words)


def test_a_page_says_its_title_and_its_sentence(qtbot: QtBot) -> None:
    page = MessagePage("Starting", "Looking for <b>charges</b> that are still open. " * 6)
    qtbot.addWidget(page)
    page.resize(1366, 600)
    page.show()
    assert page.title.text() == "Starting"
    assert page.sentence.textFormat() is Qt.TextFormat.PlainText
    assert page.sentence.height() >= page.sentence.heightForWidth(page.sentence.width())


def test_a_sentence_with_a_long_path_is_shown_whole(qtbot: QtBot) -> None:
    folder = "/home/mama-njeri/.local/share/mpesa-till/training/till.db"
    page = MessagePage("The till cannot open", f"The till’s records at {folder} cannot be opened. Nothing was changed.")
    qtbot.addWidget(page)
    page.resize(1100, 600)
    page.show()
    sentence = page.sentence
    drawn = sentence.fontMetrics().boundingRect(sentence.rect(), Qt.TextFlag.TextWordWrap.value, sentence.text())
    assert sentence.rect().contains(drawn)


def test_asking_says_why_empties_the_field_and_takes_the_keyboard(qtbot: QtBot, page: UnlockPage) -> None:
    page.ask("Type the passphrase.")
    qtbot.waitUntil(page.field.hasFocus)
    QTest.keyClicks(page.field, "wrong one")
    page.ask("That passphrase does not open the keys.")
    assert page.sentence.text() == "That passphrase does not open the keys."
    assert page.field.text() == ""
    assert page.field.hasFocus()


def test_the_passphrase_is_never_shown(page: UnlockPage) -> None:
    assert page.field.echoMode() is QLineEdit.EchoMode.Password
    assert page.field.accessibleName() == "Passphrase"


def test_enter_and_the_button_give_the_passphrase_whole(qtbot: QtBot, page: UnlockPage) -> None:
    given: list[str] = []
    page.entered.connect(given.append)
    QTest.keyClicks(page.field, " correct horse ")
    QTest.keyClick(page.field, Qt.Key.Key_Return)
    button(page, "Open the keys").click()
    assert given == [" correct horse ", " correct horse "]


def test_cash_needs_no_passphrase(qtbot: QtBot, page: UnlockPage) -> None:
    with qtbot.waitSignal(page.skipped):
        button(page, "Take cash only for now").click()
