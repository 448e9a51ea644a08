"""Plays at the real till: says its start's moments, then obeys lines on standard input.

`prepare N` charges N sales; `show START PACE` brings one after the other to the screen and says when each was painted
as PAID. What is said of payments that come by themselves is done by `watching`. Times are monotonic nanoseconds.
"""

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import watching
from PySide6.QtWidgets import QWidget
from tills import PHONE, PRICE, access_of, rung
from watching import Watch, say

from pos_app.domain.attempt import Attempt
from pos_app.domain.sale import Sale
from pos_app.domain.shop import MpesaAccess
from pos_app.ui.desk import Desk

if TYPE_CHECKING:
    from pos_app.app import Training

_TRIES = 20


def taken_over(painted_ns: int, surroundings: str) -> "Training":
    """The desk that is there already says when it can sell and when it is connected, and then plays."""
    spec, as_it_was = json.loads(surroundings), Desk.connect

    async def connected(desk: Desk) -> None:
        sell_ns = await _painted_again(desk.sale_page)
        await as_it_was(desk)
        say({"painted": painted_ns, "sell": sell_ns, "connected": time.monotonic_ns()})
        desk.tasks.start(_obey(desk), "bench")
        # Nobody but the one who told us to play must wait for an answer that never comes.
        desk.tasks.failed.connect(lambda _name, _error: os._exit(1))

    @contextmanager
    def access(_folder: Path) -> Iterator[MpesaAccess]:
        yield access_of(spec["daraja"], spec["till"])

    setattr(Desk, "connect", connected)  # noqa: B010 (the desk is built by the till, not by us)
    return access


async def _painted_again(page: QWidget) -> int:
    painted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    watch = Watch(page, lambda at: None if painted.done() else painted.set_result(at))
    page.update()
    at = await painted
    watch.stop()
    return at


async def _obey(desk: Desk) -> None:
    lines, sales = _lines(), list[Sale]()
    while True:
        match (await lines.get()).split():
            case ["prepare", count]:
                sales, asked = await _prepare(desk, int(count))
                say(asked)
            case ["show", start_ns, pace_ms]:
                say(await _show(desk, sales, int(start_ns), float(pace_ms)))
            case [command, *said]:
                say(await watching.obey(desk, command, said))


async def _prepare(desk: Desk, count: int) -> tuple[list[Sale], list[list[str]]]:
    sales, asked = [], []
    for _ in range(count):
        sale = await rung(desk.till.sales)
        attempt = await desk.till.payments.charge(sale.id, PRICE, PHONE)
        assert isinstance(attempt, Attempt)
        sales.append(await desk.till.sales.get(sale.id))
        asked.append([attempt.nonce, attempt.checkout_request_id, attempt.merchant_request_id])
    return sales, asked


async def _show(desk: Desk, sales: list[Sale], start_ns: int, pace_ms: float) -> list[int]:
    """Each sale comes to the screen once the one before it was painted. InvalidStateError where one never is."""
    from pos_app.ui.payment.charge_page import DRESSES
    from pos_app.ui.payment.words import Tone
    from pos_app.ui.sale.view import SalePage

    assert isinstance(desk.sale_page, SalePage)
    page, painted = desk.sale_page.payment.charge_in(DRESSES[Tone.PAID]), dict[int, asyncio.Future[int]]()

    def told(at: int) -> None:
        shown = painted.get(desk.payment.sale.id) if desk.payment.sale else None
        if shown and not shown.done() and page.word.text().startswith("PAID") and page.word.isVisible():
            shown.set_result(at)

    # A sale whose callback came before its turn changes the title alone.
    watches = Watch(page.word, told), Watch(page.title, told)
    for at, sale in enumerate(sales):
        shown = painted[sale.id] = asyncio.get_running_loop().create_future()
        due = max(0.0, (start_ns - time.monotonic_ns()) / 1e9 + at * pace_ms / 1000)
        for _ in range(_TRIES):
            desk.payment.resume(await desk.till.sales.get(sale.id))
            # A sale that is brought up in the instant in which it is paid may show what it was before.
            await asyncio.wait({shown}, timeout=due + 1)
            if shown.done():
                break
    for watch in watches:
        watch.stop()
    desk.payment.finish()
    return [shown.result() for shown in painted.values()]


def _lines() -> "asyncio.Queue[str]":
    """Read by a thread of its own that ends with the input."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()

    def read() -> None:
        rest = b""
        while data := os.read(0, 4096):
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode())

    threading.Thread(target=read, daemon=True).start()
    return lines
