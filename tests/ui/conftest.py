"""What the screen tests stand on: the theme, a loop that Qt drives, a clock that stands still, and small services."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from pos_app.ui.event_loop import TillLoop
from pos_app.ui.theme import apply_theme


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every Qt warning fails a test, but for the one line the offscreen platform says of each window."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints", extend=True))


@pytest.fixture(autouse=True)
def _themed(qapp: QApplication) -> None:
    if not qapp.property("tillTheme"):
        apply_theme(qapp, "light")


@pytest.fixture
def aloop(qapp: QApplication, qtbot: QtBot) -> Iterator[TillLoop]:
    """Qt runs, and asyncio with it: ordinary `qtbot` clicks and waits drive coroutines too."""
    qapp.setQuitOnLastWindowClosed(False)
    loop = TillLoop(qapp, already_running=True)
    errors: list[object] = []
    loop.set_exception_handler(lambda _loop, context: errors.append(context))
    yield loop
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    qtbot.waitUntil(lambda: all(task.done() for task in pending))
    asyncio._set_running_loop(None)
    loop.stop()
    QTimer.singleShot(0, lambda: qapp.exit(0))
    qapp.exec()  # clears the quit flag that loop.stop() left behind
    loop.close()
    assert not errors, errors
