"""Plays sales in the real windows against the simulator and a relay; leaves pictures, a receipt and a summary."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from PySide6.QtCore import Qt

from pos_app.commands import children
from pos_app.commands.demo_new_shop import picture_new_shop
from pos_app.commands.demo_own_payments import OwnPayments
from pos_app.commands.demo_refunds import Refunds
from pos_app.commands.demo_screens import Screens
from pos_app.commands.driving import DemoError, Driver
from pos_app.commands.refunding import Refunding
from pos_app.commands.training import training
from pos_app.domain.refused import Refused
from pos_app.store.database import StoreError
from pos_app.ui import crash_log, event_loop
from pos_app.ui.desk import Desk
from pos_app.ui.payment.stage import Stage
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import SETTLE
from pos_app.ui.theme import apply_theme


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to put the pictures (default: a new folder)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--every-screen", action="store_true", help="picture the screens that a good day does not show")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--size", type=_size, default=(1366, 768), metavar="WxH", help="default: 1366x768")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text} is no size like 1366x768")
    return int(width), int(height)


def run(args: argparse.Namespace) -> int:
    out: Path = (args.out or Path(tempfile.mkdtemp(prefix="till-demo-"))).resolve()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _failed(f"{out} cannot be made: {error.strerror}")
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

    async def main(app: event_loop.App, _stop: asyncio.Event) -> int:
        return await _main(app, args, out)

    return event_loop.run(main, sys.argv[:1])


async def _main(app: event_loop.App, args: argparse.Namespace, out: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="till-demo-data-") as folder, ExitStack() as stack:
        crash_log.start(Path(folder))
        try:
            access = await asyncio.to_thread(stack.enter_context, training(Path(folder)))
            desk = Desk(app, Path(folder), training=True)
            apply_theme(app, args.theme)
            desk.window.resize(*args.size)
            desk.window.show()
            play = Play(desk, access, out, args.theme, every_screen=args.every_screen)
            try:
                await desk.open(access)
                await play.everything()
            finally:
                await desk.close()
            if args.every_screen:
                await picture_new_shop(app, play, args.size)
        except (DemoError, children.ChildError, httpx.HTTPError, StoreError, OSError) as error:
            return _failed(str(error))
    _tell(play, as_json=args.json)
    return 0


def _failed(sentence: str) -> int:
    sys.stderr.write(f"demo: {sentence}\n")
    return 1


def _tell(play: "Play", *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(play.summary()) + "\n")
        return
    for path in play.files:
        sys.stdout.write(f"{path}\n")
    sys.stdout.write(f"{len(play.files)} files in {play.out}. {play.verdict}\n")


@dataclass
class Play(Driver):
    """One run through the screens."""

    verdict: str = ""
    every_screen: bool = False

    async def everything(self) -> None:
        async with httpx.AsyncClient(base_url=self.access.daraja_url, trust_env=False) as customer:
            await self.until(lambda: bool(self.desk.sale.state.products), "the shelf is stocked")
            await self.picture("till")
            await self._paid(customer)
            await self._declined(customer)
            code = await self._checking(customer)
            await OwnPayments(self, customer).everything()
            refunds = Refunds(self, customer)
            await refunds.everything(code)
            await self._history()
            await self._receipt()
            if self.every_screen:
                await Screens(self, customer).everything()
            await refunds.record()
            await self._settings()
            await self._judge(customer)

    async def _paid(self, customer: httpx.AsyncClient) -> None:
        await self._scan_shelf()
        await self.picture("cart")
        await self.charge()
        await self.stage(Stage.ON_PHONE)
        await self.picture("prompt-on-the-phone")
        await self.act(customer, "approve")
        await self.stage(Stage.PAID)
        await self.until(lambda: bool(self.desk.payment.state.receipt), "the M-Pesa code is shown")
        await self.picture("paid")
        await self.type("", Qt.Key.Key_Return)

    async def _scan_shelf(self) -> None:
        """Two products by the barcodes of the training shelf, as the scanner hands them on.

        A busy machine cannot type as fast as a scanner, so the codes are not typed.
        """
        for barcode in ("6161100100015", "6161100100022"):
            wanted = len(self.desk.sale.state.cart.lines) + 1
            self.desk.sale.scan(barcode)
            await self.until(partial(self._has_lines, wanted), "the scan is in the cart")

    def _has_lines(self, count: int) -> bool:
        return len(self.desk.sale.state.cart.lines) >= count

    async def _declined(self, customer: httpx.AsyncClient) -> None:
        await self.ring("450")
        await self.charge()
        await self.stage(Stage.ON_PHONE)
        await self.act(customer, "decline")
        await self.stage(Stage.CANCELLED)
        await self.picture("declined")
        await asyncio.sleep(SETTLE)
        await self._cash()

    async def _cash(self) -> None:
        await self.type("", Qt.Key.Key_F2)
        await self.until(lambda: self.desk.payment.state.page is Page.CASH, "cash is asked for")
        await self.type("500", Qt.Key.Key_Return)
        await self.until(lambda: self.desk.payment.state.page is Page.CHANGE, "the change is shown")
        await self.picture("change")
        await self.type("", Qt.Key.Key_Return)

    async def _checking(self, customer: httpx.AsyncClient) -> str:
        """The answer to the request is lost, so nobody knows; then the callback comes after all, with its code."""
        await self.post(customer, "scenario", {"scenario": "ask+reply_lost", "next": 1})
        await self.ring("780")
        await self.charge()
        await self.stage(Stage.CHECKING)
        await self.picture("checking")
        await self.act(customer, "approve")
        await self.stage(Stage.PAID)
        code = self.desk.payment.state.receipt
        await self.type("", Qt.Key.Key_Return)
        return code

    async def _history(self) -> None:
        """The sale that was refunded last is still open there, as it was found."""
        await self.type("", Qt.Key.Key_F6)
        for _ in range(2):
            await self.settled()
            await self.type("", Qt.Key.Key_Escape)
        await self.settled()
        await self.picture("history")
        await self.type("", Qt.Key.Key_Down)
        await self.type("", Qt.Key.Key_Return)
        await self.settled()
        await self.picture("a-sale-and-its-evidence")

    async def _receipt(self) -> None:
        newest, *_ = await self.desk.till.sales.history("135", limit=1)
        saved = await self.desk.till.receipts.save_pdf(newest.sale_id)
        if isinstance(saved, Refused):
            raise DemoError(saved.sentence)
        pdf = self.out / "receipt.pdf"
        pdf.write_bytes(saved.read_bytes())
        self.files.append(pdf)
        await self._paper(newest.sale_id)

    async def _paper(self, sale_id: int) -> None:
        from pos_app.ui.receipt.paper import ReceiptPaper

        paper = ReceiptPaper()
        paper.show_receipt(await self.desk.till.receipts.of_sale(sale_id))
        self.save(paper, "receipt")
        paper.close()
        paper.deleteLater()
        await self.come_back()

    async def _settings(self) -> None:
        await self.type("", Qt.Key.Key_F7)
        await self.settled()
        await self.picture("settings")

    async def _judge(self, customer: httpx.AsyncClient) -> None:
        """The simulator's own ledger says who really paid, and what really went back."""
        ledger = (await customer.get("/simulator/ledger")).json()
        received = await self.desk.till.payments.total_received()
        given_back = await Refunding(self, customer).given_back()
        if received.whole_shillings != ledger["paid"]:
            raise DemoError(f"The till counts {received}, but customers paid KES {ledger['paid']}.")
        if given_back.whole_shillings != ledger["paid_out"]:
            raise DemoError(f"The till counts {given_back} given back, but customers got KES {ledger['paid_out']}.")
        counts = f"The till counts {received} received and {given_back} given back"
        self.verdict = f"{counts}; so does the simulator’s ledger."

    def summary(self) -> dict[str, object]:
        return {"folder": str(self.out), "files": [path.name for path in self.files], "verdict": self.verdict}
