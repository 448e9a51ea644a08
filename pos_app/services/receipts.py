"""Receipts of sales: on the screen as often as wanted, on paper the second time marked COPY."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from pos_app.domain.receipt import Heading, Receipt, receipt_of
from pos_app.domain.refused import Refused
from pos_app.store import attempts, payments, sales
from pos_app.store.database import Database, StoreError

log = logging.getLogger(__name__)


class Receipts:
    def __init__(self, database: Database, heading: Callable[[], Heading], folder: Path) -> None:
        self._database = database
        self._heading = heading
        self._folder = folder

    async def of_sale(self, sale_id: int) -> Receipt:
        return await self._database.read(lambda connection: self._receipt(connection, sale_id, copy=False))

    async def save_pdf(self, sale_id: int) -> Path | Refused:
        """An 80 mm page in the receipts folder."""
        from pos_app.devices.receipt_printer import write_pdf

        try:
            receipt, copies = await self._database.run(lambda connection: self._count(connection, sale_id))
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            suffix = f"-copy-{copies}" if copies else ""
            path = self._folder / f"receipt-{receipt.sale_number:06d}{suffix}.pdf"
            await asyncio.to_thread(write_pdf, receipt, path)
        except (StoreError, OSError) as error:
            log.exception("a receipt could not be written")
            return Refused(f"The receipt could not be saved: {error}. The sale itself is safe in the history.")
        return path

    def _count(self, connection: sqlite3.Connection, sale_id: int) -> tuple[Receipt, int]:
        copies = sales.count_print(connection, sale_id)
        return self._receipt(connection, sale_id, copy=copies > 0), copies

    def _receipt(self, connection: sqlite3.Connection, sale_id: int, *, copy: bool) -> Receipt:
        return receipt_of(
            sales.by_id(connection, sale_id),
            attempts.of_sale(connection, sale_id),
            payments.of_sale(connection, sale_id),
            self._heading(),
            copy=copy,
        )
