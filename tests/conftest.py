"""What every test stands on: a quiet offscreen Qt, asyncio on its loop, and the collector kept on the main thread."""

import asyncio
import gc
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("TZ", "UTC")

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from pos_app.ui.event_loop import TillLoop

LONG = ("test_killed_till", "test_killed_refund", "test_killed_relay", "test_claim_races")
"""Modules whose tests are long: each test goes to whichever worker is free."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A module's parts, and each of the demos, are started by one worker and not by every one."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path, _, name = nodeid.partition("::")
            if path.endswith("test_demo.py"):
                return f"{path}{name.partition('[')[2]}"
            return nodeid if Path(path).stem in LONG else path

    return Scheduling(config, log)


settings.register_profile("quick", max_examples=50)
if os.environ.get("TILL_TEST_FULL") != "1":
    settings.load_profile("quick")


# A collection that a worker thread trips would run QObject destructors there and crash the process.
gc.disable()


@pytest.fixture(autouse=True)
def _collect_on_the_main_thread() -> Iterator[None]:
    yield
    gc.collect(1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def aloop(qapp: "QApplication", qtbot: "QtBot") -> "Iterator[TillLoop]":
    """Qt runs, and asyncio with it: ordinary `qtbot` clicks and waits drive coroutines too."""
    from PySide6.QtCore import QTimer

    from pos_app.ui.event_loop import TillLoop

    qapp.setQuitOnLastWindowClosed(False)
    loop = TillLoop(qapp, already_running=True)
    loop.set_default_executor(ThreadPoolExecutor(4, "io"))
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
