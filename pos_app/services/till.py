"""The whole till without its window: every service built once, started, connected and closed in order."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pos_app.domain.receipt import Heading
from pos_app.domain.shop import MpesaAccess
from pos_app.services.audit_log import AuditLog
from pos_app.services.authority import Authority
from pos_app.services.catalogue import Catalogue
from pos_app.services.changes import Changes
from pos_app.services.guard import Guard
from pos_app.services.health import Health
from pos_app.services.key_ring import KeyStore
from pos_app.services.matching import Matching
from pos_app.services.network_weather import NetworkWeather
from pos_app.services.payments import Payments
from pos_app.services.proving import Proving
from pos_app.services.receipts import Receipts
from pos_app.services.reconciliation import Reconciliation
from pos_app.services.sales import Sales
from pos_app.services.staff import Staff
from pos_app.services.statement_tasks import StatementTasks
from pos_app.store.database import Database

if TYPE_CHECKING:
    from pos_app.services.office import Office
    from pos_app.services.uplink import Uplink

log = logging.getLogger(__name__)

DATABASE_NAME = "till.db"


class Till:
    """`open`, then `connect` as often as the settings change, then `close`."""

    def __init__(self, folder: Path, changes: Changes, heading: Callable[[], Heading], keys: KeyStore) -> None:
        """`keys` holds what must not be in the database: the pepper of the PINs, the seal of the record."""
        self.changes = changes
        self._heading = heading
        self.health = Health(changes)
        self.database = Database(folder / DATABASE_NAME)
        self.authority = Authority(changes)
        self.record = AuditLog(self.database, keys)
        self.proving = Proving(self.database, keys, self.record)
        self.staff = Staff(
            self.database, keys, changes, authority=self.authority, proving=self.proving, record=self.record
        )
        self.guard = guard = Guard(self.authority, self.record)
        self.sales = Sales(self.database, changes, guard)
        self.payments = Payments(self.database, changes, guard=guard, heard=self.health.answered)
        self.catalogue = Catalogue(self.database, changes)
        self.reconciliation = Reconciliation(self.database, self.payments, changes)
        self.matching = Matching(self.database, changes, guard=guard)
        self.receipts = Receipts(self.database, heading, folder / "receipts")
        self.statement_tasks = StatementTasks(self.database, changes, guard)
        self.weather = NetworkWeather(self.database, changes)
        self._asking: list[asyncio.Task[None]] = []
        self._office: Office | None = None
        self._uplink: Uplink | None = None

    async def open(self) -> None:
        """Recovers every open charge before it returns; then sales can be rung. Raises StoreError with a sentence."""
        await self.database.open()
        await self.reconciliation.recover()
        self._asking = [
            asyncio.create_task(self.reconciliation.run(), name="reconciliation"),
            asyncio.create_task(self.weather.run(), name="network weather"),
            asyncio.create_task(self.matching.run(), name="matching"),
        ]

    def expect_connection(self) -> None:
        """A charge that is asked for from now on waits for `connect`."""
        self.payments.ready.clear()

    async def connect(self, access: MpesaAccess | None, shop_name: str) -> None:
        """Takes up new settings; None leaves a till that takes cash only."""
        self.payments.ready.clear()
        try:
            await (await self.network()).connect(access, shop_name)
        finally:
            self.payments.ready.set()

    async def network(self) -> "Uplink":
        """What speaks to Safaricom and to the relay, loaded when it is first needed: a sale can be rung before."""
        if not self._asking:
            raise RuntimeError("the till is not open")
        if self._uplink is None:
            from pos_app.services.uplink import Uplink

            uplink = Uplink(
                self.database,
                self.changes,
                self.guard,
                await self.office(),
                self.health,
                self.payments,
                self.reconciliation,
                self.matching,
                self.statement_tasks,
            )
            await uplink.open()
            self._uplink = uplink
        return self._uplink

    async def office(self) -> "Office":
        """Refunds and accounts, recovered before it returns; loaded when first needed, as `network` is."""
        if self._office is None:
            from pos_app.services.office import Office

            office = Office(
                self.database,
                self.changes,
                authority=self.authority,
                proving=self.proving,
                record=self.record,
                heading=self._heading,
            )
            await office.open()
            self._office = office
        return self._office

    async def close(self) -> None:
        """What was committed stays; what was under way is found again at the next start."""
        if self._uplink is not None:
            await self._uplink.close()
        if self._office is not None:
            await self._office.close()
        for task in self._asking:
            task.cancel()
            await asyncio.wait({task})
        await self.database.close()
