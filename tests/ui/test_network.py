"""The network page: how M-Pesa is in words and figures, what waits, and everything a person has to settle."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from pos_app.domain.balance import Gap
from pos_app.domain.held_back import Doubt, Finding, HeldBack
from pos_app.domain.money import Money
from pos_app.domain.refused import Refused
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.weather import Weather, WeatherLevel
from pos_app.services.changes import (
    BalanceGapsChanged,
    Changes,
    HealthChanged,
    Light,
    PullingChanged,
    QuarantineChanged,
    StatementTask,
    StatementTasksChanged,
)
from pos_app.services.pulling import Swept
from pos_app.services.statement import Imported
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.main_window import NETWORK, MainWindow
from pos_app.ui.network.view import NetworkPage
from pos_app.ui.network.view_model import NetworkViewModel
from pos_app.ui.network.words import gap_card, held_card, imported_words, more_held_words, pulling_words, weather_words
from pos_app.ui.shop_header import ShopHeader
from pos_app.ui.tasks import Tasks

NOW = datetime(2026, 11, 23, 11, 5, tzinfo=UTC)
ACCOUNT = ShopAccount(AccountKind.PAYBILL, "174379")
ARRIVED = Gap(NOW - timedelta(minutes=40), NOW - timedelta(minutes=31), Money.shillings(250))
LEFT = Gap(NOW - timedelta(hours=3), NOW - timedelta(hours=2), Money.shillings(-5000))
TASK = StatementTask(7, NOW - timedelta(days=3), NOW - timedelta(days=2))
HTML = "<b>JANE</b><img src=x>"
HELD = HeldBack(
    3, "UKN7BX41QP", Money.shillings(350), "174379", Doubt.SENDER, NOW - timedelta(minutes=2), payer_name=HTML
)
OKAY = Weather(WeatherLevel.OK, 14, 12.3, 1 / 14)


class Shop:
    """The services behind the page, in memory, with their own messages."""

    def __init__(self, changes: Changes) -> None:
        self.changes = changes
        self.current = OKAY
        self.asked: list[Any] = []
        self.answer = Swept(frozenset({"A", "B"}), is_complete=True)
        self.refusal: Refused | None = None
        self.taken: Imported | Refused = Imported(12, 202, 0, NOW - timedelta(days=3), NOW)
        self.gate = asyncio.Event()
        self.gate.set()
        self.pulling = SimpleNamespace(current=PullingChanged(NOW, "", 0), look_now=self._look_now)
        self.tasks = SimpleNamespace(open=(), settle=self._settle)
        self.balance_watch = SimpleNamespace(open=(), explain=self._settle)
        self.quarantine = SimpleNamespace(
            current=QuarantineChanged((), 0, ""), check=self._check, put_aside=self._put_aside
        )
        self.statements = SimpleNamespace(import_statement=self._import)

    async def look(self) -> Weather:
        self.asked.append("weather")
        return self.current

    async def _look_now(self) -> Swept:
        self.asked.append("look")
        await self.gate.wait()
        return self.answer

    async def _settle(self, what: object, note: str, account: ShopAccount) -> Refused | None:
        self.asked.append((what, note, account))
        return self.refusal

    async def _check(self, held: HeldBack) -> str:
        self.asked.append(held)
        return self.answer.trouble

    async def _put_aside(self, held: HeldBack, note: str) -> Refused | None:
        self.asked.append((held, note))
        return self.refusal

    async def _import(self, content: bytes, account: ShopAccount) -> Imported | Refused:
        self.asked.append(content)
        return self.taken

    def hold(self, *held: HeldBack, count: int = 0) -> None:
        self.quarantine.current = QuarantineChanged(held, count or len(held), "held back" if held else "")
        self.changes.publish(self.quarantine.current)

    def gap(self, *gaps: Gap) -> None:
        self.balance_watch.open = gaps
        self.changes.publish(BalanceGapsChanged(gaps, gaps[0].sentence(NOW) if gaps else ""))

    def task(self, *tasks: StatementTask) -> None:
        self.tasks.open = tasks
        self.changes.publish(StatementTasksChanged(tasks, tasks[0].sentence(NOW) if tasks else ""))


class Screen:
    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.changes, self.tasks = qtbot, Changes(), Tasks()
        self.shop = Shop(self.changes)
        self.account: ShopAccount | None = ACCOUNT
        services: Any = self.shop
        self.model = NetworkViewModel(
            services, services, self.changes, self.tasks, account=lambda: self.account, clock=lambda: NOW
        )
        self.page = NetworkPage(self.model)
        self.window = MainWindow(
            sale_page=QWidget(),
            history_page=QWidget(),
            settings_page=QWidget(),
            shop=ShopHeader("Mama Njeri Shop", "Akinyi", "Till 123456"),
            training=False,
            changes=self.changes,
            clock=lambda: NOW,
        )
        self.window.promise(NETWORK, lambda: self.page)
        qtbot.addWidget(self.window)
        self.window.show()
        self.window.activateWindow()
        qtbot.waitUntil(self.window.isActiveWindow)

    def open(self) -> NetworkPage:
        QTest.keyClick(self.window, Qt.Key.Key_F7, Qt.KeyboardModifier.ShiftModifier)
        assert self.window.stack.currentWidget() is self.page
        self.rest()
        return self.page

    def rest(self) -> None:
        self.qtbot.waitUntil(lambda: not self.tasks.live)

    @property
    def words(self) -> str:
        return "\n".join(label.text() for label in self.page.findChildren(QLabel) if label.isVisible())


@pytest.fixture
def screen(aloop: TillLoop, qtbot: QtBot) -> Iterator[Screen]:
    built = Screen(qtbot)
    yield built
    built.window.release()
    built.rest()


# Words.


@pytest.mark.parametrize(
    ("level", "word"),
    [
        (WeatherLevel.OK, "M-Pesa is working"),
        (WeatherLevel.SLOW, "M-Pesa is slow, since 12:40"),
        (WeatherLevel.DOWN, "M-Pesa hardly answers, since 12:40"),
        (WeatherLevel.OFF, "Too few charges to tell"),
    ],
)
def test_the_weather_is_a_word_a_time_and_figures(level: WeatherLevel, word: str) -> None:
    since = NOW - timedelta(minutes=85) if level.is_bad else None
    words = weather_words(Weather(level, 10, 41.0, 0.6, since), NOW)
    assert words.word == word
    assert [figure.number for figure in words.figures] == ([] if level is WeatherLevel.OFF else ["41 s", "6 of 10"])


def test_where_no_answer_came_there_is_no_median() -> None:
    words = weather_words(Weather(WeatherLevel.DOWN, 4, None, 1.0, NOW), NOW)
    assert [figure.number for figure in words.figures] == ["4 of 4"]


def test_how_far_safaricom_was_asked_and_what_waits() -> None:
    assert (
        pulling_words(PullingChanged(None, "", 0), NOW).sentence == "Safaricom was not asked for missed payments yet."
    )
    told = pulling_words(PullingChanged(NOW, "It is busy.", 1), NOW)
    assert told.sentence == "Safaricom was asked for missed payments until 14:05."
    assert told.trouble == "It is busy."
    assert told.waiting.startswith("1 payment that was found waits for the relay.")
    assert pulling_words(PullingChanged(NOW, "", 3), NOW).waiting.startswith("3 payments that were found wait")


@pytest.mark.parametrize(
    ("changes", "said", "can_check"),
    [
        ({}, "has not answered yet", True),
        ({"finding": Finding.NOT_LISTED, "asked_at": NOW}, "does not list it, asked at 14:05", True),
        ({"finding": Finding.LISTED}, "It counts as soon as the relay has told", False),
        ({"finding": Finding.OTHER_AMOUNT}, "of another amount", False),
        ({"paid_at": NOW - timedelta(days=9)}, "look in the M-PESA statement", True),
        ({"doubt": Doubt.ACCOUNT}, "It names 174379, which is not this shop’s number", True),
    ],
)
def test_a_message_held_back_says_why_and_what_was_found(
    changes: dict[str, Any], said: str, *, can_check: bool
) -> None:
    card = held_card(replace(HELD, **changes), NOW)
    assert said in card.sentence
    assert ("Hand over nothing" in card.sentence) is (changes.get("finding") is not Finding.LISTED)
    assert bool(card.act) is can_check


def test_what_a_statement_brought_is_told_in_rows() -> None:
    whole = Imported(12, 202, 0, NOW - timedelta(days=3), NOW)
    assert imported_words(whole, NOW) == "Statement of 20 Nov 14:05 to 14:05: 214 payments, 12 new."
    part = replace(whole, new=0, known=1, unreadable=1, gaps_explained=1)
    assert imported_words(part, NOW).endswith(
        "1 payment, none new. What left the account is in it. "
        "1 line could not be read, so nothing is ticked off: compare by hand."
    )
    assert "2 lines" in imported_words(replace(part, unreadable=2), NOW)
    assert more_held_words(0) == ""
    assert more_held_words(130).startswith("130 older payment messages")
    assert gap_card(LEFT, NOW).title == "KES 5,000 left the account"


# The page.


def test_the_light_of_mpesa_leads_to_the_page_and_esc_back(screen: Screen) -> None:
    QTest.mouseClick(screen.window.status.network, Qt.MouseButton.LeftButton)
    assert screen.window.stack.currentWidget() is screen.page
    screen.rest()
    assert "M-Pesa is working" in screen.words
    assert "12 s" in screen.words
    assert "✓ Nothing has to be settled." in screen.words
    assert screen.page.pulling.ask.hasFocus()
    with screen.qtbot.waitSignal(screen.page.closed):
        QTest.keyClick(screen.page, Qt.Key.Key_Escape)


def test_safaricom_is_asked_once_however_often_it_is_pressed(screen: Screen) -> None:
    page = screen.open()
    screen.shop.gate.clear()
    page.pulling.ask.click()
    screen.model.ask_now()
    screen.qtbot.waitUntil(lambda: "look" in screen.shop.asked)
    assert page.pulling.ask.text() == "Asking Safaricom …"
    screen.shop.gate.set()
    screen.rest()
    assert screen.shop.asked.count("look") == 1
    assert "it lists 2 payments of the last hours" in page.said.text()
    screen.shop.answer = Swept(frozenset(), is_complete=False, trouble="M-Pesa is busy.")
    page.pulling.ask.click()
    screen.rest()
    assert page.problem.text() == "! M-Pesa is busy."


def test_a_gap_is_explained_with_a_note_and_asked_about(screen: Screen) -> None:
    page = screen.open()
    screen.shop.gap(LEFT, ARRIVED)
    left, arrived = page.cards.values()
    assert not left.act.isVisible()
    left.note.setText("to the bank")
    screen.shop.gap(LEFT)
    assert page.cards[left.card.key] is left if left.card else False
    assert left.note.text() == "to the bank"
    left.note_act.click()
    screen.rest()
    assert screen.shop.asked[-1] == (LEFT, "to the bank", ACCOUNT)
    assert page.said.text() == "✓ Kept with your words."
    screen.shop.refusal = Refused("Say in a few words what the difference was; it is kept.")
    QTest.keyClick(left.note, Qt.Key.Key_Return)
    screen.rest()
    assert "Say in a few words" in page.problem.text()
    screen.shop.gap(ARRIVED)
    next(iter(page.cards.values())).act.click()
    screen.rest()
    assert screen.shop.asked[-1] == "look"
    assert arrived is not None


def test_a_hole_is_closed_by_the_statement_or_by_words(screen: Screen, tmp_path: Path) -> None:
    page = screen.open()
    screen.shop.task(TASK)
    (card,) = page.cards.values()
    card.act.click()
    dialog = page.findChild(QFileDialog)
    assert dialog is not None
    file = tmp_path / "statement.csv"
    file.write_bytes(b"Receipt No.")
    dialog.fileSelected.emit(str(file))
    dialog.reject()
    screen.rest()
    assert screen.shop.asked[-1] == b"Receipt No."
    assert "214 payments, 12 new" in page.said.text()
    screen.shop.taken = Refused("That file is not an M-Pesa statement.")
    screen.model.import_statement(file)
    screen.rest()
    assert page.problem.text() == "! That file is not an M-Pesa statement."
    screen.model.import_statement(tmp_path / "gone.csv")
    screen.rest()
    assert "The file cannot be read" in page.problem.text()
    card.note.setText("compared by phone")
    card.note_act.click()
    screen.rest()
    assert screen.shop.asked[-1] == (7, "compared by phone", ACCOUNT)


def test_a_file_that_is_far_too_large_is_not_read(screen: Screen, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("pos_app.ui.network.deeds._LARGEST", 3)
    (tmp_path / "film.csv").write_bytes(b"12345")
    screen.open()
    screen.model.import_statement(tmp_path / "film.csv")
    screen.rest()
    assert "too large" in screen.page.problem.text()
    assert b"12345" not in screen.shop.asked


def test_a_forged_name_is_plain_words_and_the_message_is_checked_or_put_aside(screen: Screen) -> None:
    page = screen.open()
    screen.shop.hold(HELD, count=9)
    (card,) = page.cards.values()
    name = next(label for label in card.findChildren(QLabel) if HTML in label.text())
    assert name.textFormat() is Qt.TextFormat.PlainText
    assert "8 older payment messages" in screen.words
    card.act.click()
    screen.rest()
    assert screen.shop.asked[-1] == HELD
    screen.shop.answer = replace(screen.shop.answer, trouble="M-Pesa is busy.")
    card.act.click()
    screen.rest()
    assert page.problem.text() == "! M-Pesa is busy."
    card.note.setText("forged")
    card.note_act.click()
    screen.rest()
    assert screen.shop.asked[-1] == (HELD, "forged")


@pytest.mark.parametrize("press", [NetworkViewModel.act, lambda model, key: model.note(key, "x")])
def test_what_was_settled_meanwhile_is_said(screen: Screen, press: Callable[..., None]) -> None:
    screen.open()
    press(screen.model, ("held", "99"))
    screen.rest()
    assert screen.page.problem.text() == "! That was settled meanwhile."


def test_a_till_without_mpesa_says_so(screen: Screen) -> None:
    page = screen.open()
    screen.account = None
    page.pulling.ask.click()
    assert "M-Pesa is not set up on this till" in page.problem.text()


def test_a_hidden_page_costs_nothing(screen: Screen) -> None:
    screen.open()
    screen.window.show_page(0)
    asked, state = len(screen.shop.asked), screen.model.state
    screen.shop.gap(LEFT)
    assert screen.model.state is state
    assert len(screen.shop.asked) == asked
    screen.open()
    assert len(screen.page.cards) == 1


# The bars across the window.


def test_the_loudest_matter_stands_across_the_window_and_the_others_are_counted(screen: Screen) -> None:
    bar = screen.window.notices.matters
    assert not bar.isVisible()
    screen.shop.gap(ARRIVED)
    assert bar.sentence.text() == ARRIVED.sentence(NOW)
    screen.shop.hold(HELD)
    screen.shop.task(TASK)
    assert bar.sentence.text() == TASK.sentence(NOW)
    assert bar.button is not None
    assert bar.button.text() == "See all  Shift+F7 (2 more)"
    screen.changes.publish(HealthChanged(Light.DOWN, Light.DOWN, Light.DOWN, "No internet."))
    assert screen.window.notices.standing.isVisible()
    assert bar.isVisible()
    bar.button.click()
    screen.rest()
    assert [key[0] for key in screen.page.cards] == ["task", "held", "gap"]
    for settled in (screen.shop.task, screen.shop.hold, screen.shop.gap):
        settled()
    assert not bar.isVisible()
