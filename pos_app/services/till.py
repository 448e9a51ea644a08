"""The whole till without its window: every service built once, started, connected and closed in order."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx

from pos_app.daraja.client import DarajaClient
from pos_app.domain.receipt import Heading
from pos_app.domain.shop import MpesaAccess
from pos_app.relay_link.client import RelayLink
from pos_app.relay_link.pairing import nonce_maker
from pos_app.services.callbacks import Callbacks
from pos_app.services.catalogue import Catalogue
from pos_app.services.changes import Changes
from pos_app.services.connections import Connections
from pos_app.services.health import Health
from pos_app.services.payments import Charging, Payments
from pos_app.services.receipts import Receipts
from pos_app.services.reconciliation import Reconciliation
from pos_app.services.sales import Sales
from pos_app.store.database import Database

log = logging.getLogger(__name__)

DATABASE_NAME = "till.db"


class Till:
    """`open`, then `connect` as often as the settings change, then `close`."""

    def __init__(self, folder: Path, changes: Changes, heading: Callable[[], Heading]) -> None:
        self.changes = changes
        self.health = Health(changes)
        self.database = Database(folder / DATABASE_NAME)
        self.sales = Sales(self.database, changes)
        self.payments = Payments(self.database, changes, heard=self.health.answered)
        self.catalogue = Catalogue(self.database, changes)
        self.reconciliation = Reconciliation(self.database, self.payments, changes)
        self.receipts = Receipts(self.database, heading, folder / "receipts")
        self.connections = Connections(self._client)
        self._http: httpx.AsyncClient | None = None
        self._daraja: DarajaClient | None = None
        self._running: list[asyncio.Task[None]] = []
        self._link: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Recovers every open charge before it returns. Raises StoreError with a sentence."""
        await self.database.open()
        # Certificates take tens of milliseconds to load, so not on the thread that paints.
        context = await asyncio.to_thread(ssl.create_default_context)
        self._http = httpx.AsyncClient(verify=context, timeout=30, follow_redirects=False)
        await self.reconciliation.recover()
        self._running.append(asyncio.create_task(self.reconciliation.run(), name="reconciliation"))

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            raise RuntimeError("the till is not open")
        return self._http

    async def connect(self, access: MpesaAccess | None, till_code: str, shop_name: str) -> None:
        """Takes up new settings; None leaves a till that takes cash only."""
        await self._disconnect()
        self.health.mpesa_set_up(is_set_up=access is not None)
        if access is None:
            return
        self._daraja = DarajaClient(self._client(), access.daraja_url, access.account, access.credentials)
        self.payments.charging = Charging(
            daraja=self._daraja,
            account=access.account,
            till_code=till_code,
            shop_name=shop_name,
            callback_base=access.pairing.callback_base,
            make_nonce=nonce_maker(access.pairing),
        )
        self._link = asyncio.create_task(self._relay_link(access).run(), name="relay link")
        self._running.append(asyncio.create_task(self._daraja.warm_up(), name="first token"))
        for attempt in await self.payments.open_attempts():
            self.reconciliation.check_soon(attempt.id)

    def _relay_link(self, access: MpesaAccess) -> RelayLink:
        listener = Callbacks(
            self.database,
            self.changes,
            access.account,
            access.pairing.stream,
            check=self.reconciliation.check_soon,
            on_status=self.health.link_changed,
        )
        return RelayLink(access.pairing, listener, self._client)

    async def _disconnect(self) -> None:
        self.payments.charging = None
        if self._link is not None:
            await _ended(self._link)
            self._link = None
        if self._daraja is not None:
            await self._daraja.aclose()
            self._daraja = None

    async def close(self) -> None:
        """What was committed stays; what was under way is found again at the next start."""
        await self._disconnect()
        for task in self._running:
            await _ended(task)
        if self._http is not None:
            await self._http.aclose()
        await self.database.close()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is not None:
        log.error("%s ended badly", task.get_name(), exc_info=task.exception())
