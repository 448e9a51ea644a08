"""The only door from a slot to a coroutine: keeps each task alive and tells of its failure; it knows no screen."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

log = logging.getLogger(__name__)


class Tasks(QObject):
    failed = Signal(str, object)
    """(name, exception): for the banner. Cancellation is not a failure."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._live: set[asyncio.Task[Any]] = set()
        self._closed = False

    def start(self, coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any] | None:
        """None once closed: a timer or a click that comes while the till shuts down starts nothing."""
        if self._closed:
            coro.close()
            return None
        task = asyncio.get_running_loop().create_task(coro, name=name)
        self._live.add(task)
        task.add_done_callback(self._done)
        return task

    @property
    def live(self) -> tuple[str, ...]:
        return tuple(task.get_name() for task in self._live)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._live.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("task %s failed", task.get_name(), exc_info=error)
            self.failed.emit(task.get_name(), error)

    async def aclose(self, grace: float = 3.0) -> None:
        """Cancels what runs and waits for it, `grace` seconds at most."""
        self._closed = True
        running = [task for task in self._live if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=grace)


class OneAtATime:
    """A second press while the first is still under way is dropped."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._task: asyncio.Task[Any] | None = None

    def start(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        """Over is over at once: whoever sees the answer may press again before the loop's next turn."""
        if self._task is not None and not self._task.done():
            coro.close()
        else:
            self._task = self._tasks.start(coro, name)


class Soon(QObject):
    """Work that any number of calls start once, a moment later; a call while it runs has it run once more."""

    def __init__(
        self, tasks: Tasks, work: Callable[[], Coroutine[Any, Any, None]], name: str, milliseconds: int, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._tasks, self._work, self._name = tasks, work, name
        self._running = self._once_more = False
        self._timer = QTimer(self, interval=milliseconds, singleShot=True)
        self._timer.timeout.connect(self.now)

    def call(self) -> None:
        if self._running:
            self._once_more = True
        elif not self._timer.isActive():
            self._timer.start()

    @Slot()
    def now(self) -> None:
        if self._running:
            self._once_more = True
        else:
            self._running = True
            self._tasks.start(self._run(), self._name)

    async def _run(self) -> None:
        try:
            await self._work()
        finally:
            self._running = False
            if self._once_more:
                self._once_more = False
                self._timer.start()
