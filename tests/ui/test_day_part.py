"""The end of the day on the screen: one press, a wait that is said, a slip, and nothing left for the next person."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from pos_app.domain.audit import Head
from pos_app.domain.day_slip import DayRefunds, DaySlip
from pos_app.domain.receipt import Heading, as_text
from pos_app.domain.refused import Refused
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.office.day import DayModel, DayPart
from pos_app.ui.receipt.view_model import ReceiptViewModel
from pos_app.ui.tasks import Tasks

SLIP = DaySlip(Heading("Duka", "1"), datetime(2026, 11, 28, 18, tzinfo=UTC), "Otieno", DayRefunds(), Head(9, "ab" * 32))


class Days:
    """Closes when it is told to."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[DaySlip | Refused] = asyncio.get_running_loop().create_future()
        self.asked = 0

    async def close(self) -> DaySlip | Refused:
        self.asked += 1
        return await self.answer


@pytest.fixture
def days(aloop: TillLoop) -> Days:
    return Days()


@pytest.fixture
def part(days: Days, qtbot: QtBot) -> DayPart:
    tasks, office = Tasks(), SimpleNamespace(day_close=days)
    receipts: Any = SimpleNamespace(save_day_pdf=None)
    made = DayPart(DayModel(office, tasks), ReceiptViewModel(receipts, tasks))  # type: ignore[arg-type]
    qtbot.addWidget(made)
    made.show()
    made.enter()
    return made


def test_the_wait_is_said_a_second_press_does_nothing_and_the_slip_comes(
    part: DayPart, days: Days, qtbot: QtBot
) -> None:
    part.close_day.click()
    qtbot.waitUntil(lambda: days.asked == 1)
    assert "Asking M-Pesa" in part.working.text()
    assert not part.close_day.isEnabled()
    part.close_day.click()
    days.answer.set_result(SLIP)
    qtbot.waitUntil(lambda: part.slip.isVisible() and part.slip.paper.accessibleDescription() == as_text(SLIP))
    assert (days.asked, part.working.text()) == (1, "")
    assert part.step_back()
    assert part.close_day.isVisible()
    assert part.close_day.isEnabled()
    assert not part.step_back(), "there is nowhere further back"


def test_a_refusal_stands_beside_the_button(part: DayPart, days: Days, qtbot: QtBot) -> None:
    days.answer.set_result(Refused("Akinyi (cashier) may not do that."))
    part.close_day.click()
    qtbot.waitUntil(lambda: part.problem.text() == "! Akinyi (cashier) may not do that.")
    assert part.start.isVisible()
    part.enter()
    assert part.problem.text() == "", "it is gone for who comes next"


def test_the_slip_is_not_there_for_the_next_person(part: DayPart, days: Days, qtbot: QtBot) -> None:
    days.answer.set_result(replace(SLIP, copy=True))
    part.close_day.click()
    qtbot.waitUntil(part.slip.isVisible)
    part.leave()
    assert part.start.isVisible()


def test_a_slip_that_comes_when_nobody_looks_any_more_is_not_shown(part: DayPart, days: Days, qtbot: QtBot) -> None:
    part.close_day.click()
    qtbot.waitUntil(lambda: days.asked == 1)
    part.hide()
    days.answer.set_result(SLIP)
    qtbot.waitUntil(part.close_day.isEnabled)
    assert part.stack.currentWidget() is part.start


def test_a_failure_is_a_sentence_and_the_button_is_there_again(part: DayPart, days: Days, qtbot: QtBot) -> None:
    part.close_day.click()
    qtbot.waitUntil(lambda: days.asked == 1)
    days.answer.set_exception(RuntimeError("of ours"))
    qtbot.waitUntil(lambda: part.problem.text().startswith("! The day could not be closed."))
    assert part.close_day.isEnabled()
