"""asyncio on Qt's loop: many callbacks a turn, exact timers, and an end that is asked for."""

import asyncio
import heapq
import logging
import math
import signal
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any

# qasync ships no types; this module is its only user and gives it some.
import qasync  # type: ignore[import-untyped]
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from pos_app.ui.application import App, GuiThreadGC

__all__ = ["App", "GuiThreadGC", "TillLoop", "run"]

log = logging.getLogger(__name__)
Main = Callable[["App", asyncio.Event], Coroutine[Any, Any, int]]
_MANY_DEAD = 64
SWITCH_SECONDS = 0.0005
"""Each call into Qt may give the interpreter to a thread that reads or writes. It would come back after Python's own
5 ms, and the window makes a dozen such calls to paint one payment."""
_TURN_SECONDS = 0.004
"""A turn that takes longer lets Qt paint and hear keys before the rest of it."""


class _Bell(QObject):
    """A signal is the way from another thread to this one."""

    rung = Signal()


class TillLoop(qasync.QEventLoop):  # type: ignore[misc]  # the untyped base, see above
    """qasync starts a Qt timer for each callback, which costs more than most of them; here a turn runs all that wait.

    Its timers are 5 % off, may fire early, and live on when cancelled; one heap behind one timer does not.
    """

    def __init__(self, app: QApplication, already_running: bool = False) -> None:
        self._ready: deque[asyncio.Handle] = deque()
        self._turn = QTimer(singleShot=True, interval=0)
        self._turn.timeout.connect(self._run_ready)
        self._turn_comes = False
        self._bell = _Bell()
        self._bell.rung.connect(self._turn.start, Qt.ConnectionType.QueuedConnection)
        self._heap: list[asyncio.TimerHandle] = []
        self._dead = 0
        self._alarm = QTimer(singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._alarm.timeout.connect(self._due)
        super().__init__(app, already_running=already_running)

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        if not self._turn_comes:
            self._turn_comes = True
            self._turn.start()
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        if not self._turn_comes:
            self._turn_comes = True
            self._bell.rung.emit()
        return handle

    def _run_ready(self) -> None:
        """Those that wait now; what they call soon comes in the next turn, after Qt had its own."""
        self._turn_comes = False
        until = self.time() + _TURN_SECONDS
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()
            if self.time() >= until:
                break
        if self._ready and not self._turn_comes:
            self._turn_comes = True
            self._turn.start()

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if delay <= 0:
            return self.call_soon(callback, *args, context=context)
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        handle._scheduled = True  # type: ignore[attr-defined]  # what BaseEventLoop.call_at does
        heapq.heappush(self._heap, handle)
        if self._heap[0] is handle:
            self._arm()
        return handle

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        self._dead += 1
        if self._dead > _MANY_DEAD and self._dead * 2 > len(self._heap):
            self._heap = [handle for handle in self._heap if not handle.cancelled()]
            heapq.heapify(self._heap)
            self._dead = 0

    def _arm(self) -> None:
        while self._heap and self._heap[0].cancelled():
            self._pop()
        if not self._heap:
            self._alarm.stop()
            return
        milliseconds = math.ceil((self._heap[0].when() - self.time()) * 1000)
        self._alarm.start(max(0, min(milliseconds, 2**31 - 1)))

    def _pop(self) -> asyncio.TimerHandle:
        handle = heapq.heappop(self._heap)
        handle._scheduled = False  # type: ignore[attr-defined]  # so that a later cancel() does not count it dead
        if handle.cancelled():
            self._dead = max(0, self._dead - 1)
        return handle

    def _due(self) -> None:
        now = self.time()
        while self._heap and (self._heap[0].cancelled() or self._heap[0].when() <= now):
            handle = self._pop()
            if not handle.cancelled():
                self._arm()
                handle._run()
        self._arm()

    def close(self) -> None:
        self._bell.rung.disconnect()
        for timer in (self._alarm, self._turn):
            timer.stop()
        self._heap.clear()
        self._ready.clear()
        super().close()


def run(amain: Main, argv: list[str]) -> int:
    """Runs `amain(app, stop)` on Qt's loop to its end and returns its exit code.

    `stop` is set by the last window closing, a quit request, SIGINT or SIGTERM; `amain` must await it and clean up.
    """
    running = App.instance()
    app = running if isinstance(running, App) else App(argv)
    app.setQuitOnLastWindowClosed(False)
    sys.setswitchinterval(SWITCH_SECONDS)
    collector = GuiThreadGC(parent=app)
    with asyncio.Runner(loop_factory=lambda: TillLoop(app)) as runner:
        code = runner.run(_body(amain, app))
    collector.deleteLater()
    return code


async def _body(amain: Main, app: App) -> int:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.set_default_executor(ThreadPoolExecutor(4, "io"))
    loop.set_exception_handler(_log_loop_error)
    app.lastWindowClosed.connect(stop.set)
    app.quit_requested.connect(stop.set)
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    return await amain(app, stop)


def _log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("event loop: %s", context.get("message"), exc_info=context.get("exception"))
