"""A slot's coroutine stays alive, its failure is told once, and closing ends it."""

import asyncio
import gc
import logging
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from pos_app.ui.event_loop import TillLoop
from pos_app.ui.tasks import OneAtATime, Tasks


def test_a_task_stays_alive_without_anybody_holding_it(aloop: TillLoop, qtbot: QtBot) -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append("worked")

    tasks = Tasks()
    tasks.start(work(), "work")
    gc.collect()
    assert tasks.live == ("work",)
    qtbot.waitUntil(lambda: done == ["worked"])
    qtbot.waitUntil(lambda: tasks.live == ())


def test_a_failure_is_logged_and_told(aloop: TillLoop, qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise OSError("no network")

    tasks = Tasks()
    with caplog.at_level(logging.ERROR), qtbot.waitSignal(tasks.failed) as told:
        tasks.start(work(), "charge")
    assert told.args[0] == "charge"
    assert isinstance(told.args[1], OSError)
    assert "task charge failed" in caplog.text


def test_cancellation_is_no_failure_and_closing_waits(aloop: TillLoop, qtbot: QtBot) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    tasks = Tasks()
    tasks.failed.connect(lambda *_: ended.append("failed"))

    async def close() -> None:
        tasks.start(work(), "work")
        await asyncio.sleep(0)
        await tasks.aclose()
        ended.append("closed")

    tasks.start(close(), "close")
    qtbot.waitUntil(lambda: ended == ["cancelled", "closed"])


def test_once_closed_nothing_more_is_started(aloop: TillLoop, qtbot: QtBot) -> None:
    async def work() -> None:
        raise AssertionError("must not run")

    tasks = Tasks()
    closing = asyncio.ensure_future(tasks.aclose())
    qtbot.waitUntil(closing.done)
    assert tasks.start(work(), "late click") is None
    assert tasks.live == ()


def test_a_press_whose_work_was_cancelled_before_it_began_locks_nothing(aloop: TillLoop, qtbot: QtBot) -> None:
    done: list[str] = []

    async def work(name: str) -> None:
        done.append(name)

    async def press() -> None:
        once.start(work("first"), "work")
        once.start(work("dropped"), "work")
        next(task for task in asyncio.all_tasks() if task.get_name() == "work").cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        once.start(work("second"), "work")

    tasks = Tasks()
    once = OneAtATime(tasks)
    tasks.start(press(), "press")
    qtbot.waitUntil(lambda: tasks.live == ())
    assert done == ["second"]


def test_whoever_sees_that_it_is_over_may_press_again_at_once(aloop: TillLoop, qtbot: QtBot) -> None:
    """The first callback of a task that ends is the window's; no other has run yet."""
    done: list[str] = []

    async def work(name: str) -> None:
        await asyncio.sleep(0)
        done.append(name)

    class Watched(Tasks):
        def _done(self, task: asyncio.Task[Any]) -> None:
            super()._done(task)
            if done == ["first"]:
                once.start(work("second"), "second")

    once = OneAtATime(tasks := Watched())
    once.start(work("first"), "first")
    qtbot.waitUntil(lambda: tasks.live == ())
    assert done == ["first", "second"]
