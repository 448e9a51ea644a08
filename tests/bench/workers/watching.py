"""What `playing` is told of payments that customers make by themselves: when each was painted, the frames meanwhile.

`ring N` opens N sales; `hold N` waits until N payments are unclaimed; `chips R` gives when each of a JSON list of
receipts was painted; `away` leaves the relay; `back N` returns to it, and gives the frames in ms until N are unclaimed.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget

from pos_app.domain.money import Money
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.services.changes import OffersChanged
from pos_app.ui.desk import Desk

_SETTLED_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0
_FRAME_MS = 4


class Watch(QObject):
    """`told` the time at which each paint of the widget was done, until `stop`."""

    def __init__(self, widget: QWidget, told: Callable[[int], None]) -> None:
        super().__init__(widget)
        self._widget, self._told = widget, told
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            # The whole frame is painted and flushed before the loop comes to the next timer.
            QTimer.singleShot(0, lambda: self._told(time.monotonic_ns()))
        return super().eventFilter(watched, event)

    def stop(self) -> None:
        self._widget.removeEventFilter(self)


class Frames(QObject):
    """How long the window's thread took each time to come round, in ms."""

    def __init__(self) -> None:
        super().__init__()
        self.took: list[float] = []
        self._clock = QElapsedTimer()
        self._timer = QTimer(self, interval=_FRAME_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._frame)
        self._clock.start()
        self._timer.start()

    def _frame(self) -> None:
        self.took.append(self._clock.nsecsElapsed() / 1e6)
        self._clock.restart()

    def stop(self) -> list[float]:
        self._frame()
        self._timer.stop()
        return self.took


def say(said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def obey(desk: Desk, command: str, said: list[str]) -> Any:
    match command, said:
        case "ring", [count]:
            return await _ring(desk, int(count))
        case "hold", [count]:
            return await _hold(desk, int(count))
        case "chips", [receipts]:
            return await _chips(desk, json.loads(receipts))
        case "away", []:
            return await desk.till.connect(None, "Bench")
        case "back", [count]:
            return await _back(desk, int(count))
    raise ValueError(f"{command} is not known")


async def _ring(desk: Desk, count: int) -> int:
    draw = random.Random(count)
    for _ in range(count):
        sale = await desk.till.sales.open(Cart((SaleLine("Unga", Money.shillings(draw.randrange(10, 1500))),)))
        assert isinstance(sale, Sale)
    return count


async def _hold(desk: Desk, count: int) -> int:
    await _until(desk, count)
    await asyncio.sleep(_SETTLED_SECONDS)  # what the screen still has to show of them is not part of what follows
    return desk.till.matching.offers.count


async def _until(desk: Desk, count: int) -> None:
    offers, enough = desk.till.matching.offers, asyncio.Event()
    stop = desk.changes.subscribe(OffersChanged, lambda _change: enough.set() if offers.count >= count else None)
    if offers.count < count:
        await enough.wait()
    stop()


async def _chips(desk: Desk, receipts: list[str]) -> list[int | None]:
    from pos_app.ui.sale.view import SalePage

    assert isinstance(desk.sale_page, SalePage)
    rail, painted = desk.sale_page.rail, {receipt: asyncio.get_running_loop().create_future() for receipt in receipts}
    say("ready")

    def told(at: int) -> None:
        for chip, widget in zip(desk.rail.state.chips, rail.chips, strict=False):
            if chip.receipt in painted and widget.isVisible() and not painted[chip.receipt].done():
                painted[chip.receipt].set_result(at)

    watches = [Watch(widget, told) for chip in rail.chips for widget in (chip, chip.amount, chip.who, chip.age)]
    await asyncio.wait(painted.values(), timeout=_PATIENCE_SECONDS + len(receipts) / 10)
    for watch in watches:
        watch.stop()
    # The rail shows five: one that others overtook before the next frame is not there to be seen.
    return [shown.result() if shown.done() else None for shown in painted.values()]


async def _back(desk: Desk, count: int) -> list[float]:
    frames = Frames()
    await desk.till.connect(desk._keys.access, "Bench")
    await _until(desk, count)
    took = frames.stop()
    await asyncio.sleep(_SETTLED_SECONDS)
    return took
