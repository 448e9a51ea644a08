"""Receipts of sales: on the screen as often as wanted, on paper the second time marked COPY."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pos_app.domain.clock import EAT
from pos_app.domain.day_slip import DaySlip
from pos_app.domain.receipt import Heading, Receipt, Slip, receipt_of
from pos_app.domain.refund_receipt import RefundReceipt, refund_receipt_of
from pos_app.domain.refused import Refused
from pos_app.store import attempts, payments, refunds, sales, staff
from pos_app.store.database import Database, StoreError

log = logging.getLogger(__name__)


class Receipts:
    def __init__(self, database: Database, heading: Callable[[], Heading], folder: Path) -> None:
        self._database = database
        self._heading = heading
        self._folder = folder

    async def of_sale(self, sale_id: int) -> Receipt:
        return await self._database.read(lambda connection: self._receipt(connection, sale_id, copy=False))

    async def of_refund(self, refund_id: int) -> RefundReceipt:
        return await self._database.read(lambda connection: self._refund(connection, refund_id, copy=False))

    async def save_refund_pdf(self, refund_id: int) -> Path | Refused:
        """The second and each one after is marked COPY."""
        try:
            receipt = await self.of_refund(refund_id)
            copies = len(list(self._folder.glob(f"refund-{receipt.number:06d}*.pdf")))
            return await self._write(replace(receipt, copy=copies > 0), f"refund-{receipt.number:06d}", copies)
        except OSError as error:
            log.exception("the receipt of a refund could not be written")
            return Refused(f"The receipt could not be saved: {error}. The refund itself is safe in the history.")

    async def save_day_pdf(self, slip: DaySlip) -> Path | Refused:
        try:
            name = f"day-{slip.at.astimezone(EAT):%Y-%m-%d}-{slip.head.seq:06d}"
            copies = len(list(self._folder.glob(f"{name}*.pdf")))
            return await self._write(replace(slip, copy=copies > 0), name, copies)
        except OSError as error:
            log.exception("the slip of a day could not be written")
            return Refused(f"The slip could not be saved: {error}. The day is closed in the record all the same.")

    async def _write(self, slip: Slip, name: str, copies: int) -> Path:
        from pos_app.devices.receipt_printer import write_pdf

        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{name}{f'-copy-{copies}' if copies else ''}.pdf"
        await asyncio.to_thread(write_pdf, slip, path)
        return path

    async def save_pdf(self, sale_id: int) -> Path | Refused:
        """An 80 mm page in the receipts folder."""
        try:
            receipt, copies = await self._database.run(lambda connection: self._count(connection, sale_id))
            path = await self._write(receipt, f"receipt-{receipt.sale_number:06d}", copies)
        except (StoreError, OSError) as error:
            log.exception("a receipt could not be written")
            return Refused(f"The receipt could not be saved: {error}. The sale itself is safe in the history.")
        return path

    def _count(self, connection: sqlite3.Connection, sale_id: int) -> tuple[Receipt, int]:
        copies = sales.count_print(connection, sale_id)
        return self._receipt(connection, sale_id, copy=copies > 0), copies

    def _refund(self, connection: sqlite3.Connection, refund_id: int, *, copy: bool) -> RefundReceipt:
        refund = refunds.by_id(connection, refund_id)
        if refund is None:
            raise LookupError(f"no refund {refund_id}")
        people = (staff.by_id(connection, one.by) for one in refund.approvals)
        released_by = ", ".join(person.name for person in people if person is not None)
        sale = sales.by_id(connection, refund.sale_id)
        return refund_receipt_of(refund, sale, self._heading(), released_by, copy=copy)

    def _receipt(self, connection: sqlite3.Connection, sale_id: int, *, copy: bool) -> Receipt:
        return receipt_of(
            sales.by_id(connection, sale_id),
            attempts.of_sale(connection, sale_id),
            payments.of_sale(connection, sale_id),
            self._heading(),
            copy=copy,
        )
