"""A whole till without its window whose time is the simulator's, before a real relay that it follows by websocket.

A day takes as long as its messages. It judges nothing; `witness` does.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from processes import RelayProcess
from racing import Impatient
from staffing import owners_guard

from pos_app.daraja.client import DarajaClient
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.shop import AccountKind, Credentials, Pairing, ShopAccount
from pos_app.relay_link.claims import ClaimDesk
from pos_app.relay_link.client import RelayLink
from pos_app.relay_link.delivery import Delivery, LinkStatus
from pos_app.relay_link.reports import report_pulled
from pos_app.services.balance_watch import BalanceWatch
from pos_app.services.callbacks import Callbacks
from pos_app.services.changes import Changes, Light
from pos_app.services.health import Health
from pos_app.services.matching import Matching
from pos_app.services.pulling import Pulling, PullLine
from pos_app.services.sales import Sales
from pos_app.services.statement import Statements
from pos_app.services.statement_tasks import StatementTasks
from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP
from pos_app.simulator.transport import SimulatorTransport
from pos_app.store.database import Database
from relay.protocol import EVENTS_PATH, Welcome, decode_frames

ACCOUNT = ShopAccount(AccountKind.PAYBILL, "174379")
MORNING = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)
"""Seven in Nairobi."""
PATIENCE = 60.0


class Reading(Callbacks):
    """Says whether something is being applied: what is on disk may not be told yet."""

    under_way = 0

    async def deliver(self, deliveries: list[Delivery]) -> None:
        self.under_way += 1
        await super().deliver(deliveries)
        self.under_way -= 1


class DayTill:
    def __init__(self, folder: Path, relay: RelayProcess, pairing: Pairing, seed: int) -> None:
        self.relay, self.pairing = relay, pairing
        confirmations = f"{pairing.callback_base}/c2b/confirm"
        self.core = Daraja(ManualClock(MORNING.timestamp()), seed=seed, confirmation_url=confirmations)
        self.transport = SimulatorTransport(self.core, self._post)
        self.changes = Changes()
        self.health = Health(self.changes)
        self.database = Database(folder / "till.db")
        guard = owners_guard(self.database, self.changes)
        self.sales = Sales(self.database, self.changes, guard, self.now)
        self.matching = Matching(self.database, self.changes, guard=guard, clock=self.now, elapsed=self.core.clock.now)
        self.tasks = StatementTasks(self.database, self.changes, guard, self.now)
        self.pulling = Pulling(
            self.database,
            self.changes,
            self.tasks,
            clock=self.now,
            elapsed=self.core.clock.now,
            rng=random.Random(seed),
        )
        self.watch = BalanceWatch(
            self.database, self.changes, guard=guard, look_soon=self.pulling.look_soon, clock=self.now
        )
        self.statements = Statements(
            self.database, self.tasks, self.watch, guard=guard, tell_soon=self.pulling.tell_soon, clock=self.now
        )
        self.relay_is_dead = False

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.core.clock.now(), UTC)

    async def __aenter__(self) -> Self:
        self._to_relay = httpx.AsyncClient(trust_env=False)
        self._to_safaricom = httpx.AsyncClient(transport=self.transport, trust_env=False)
        credentials = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
        address = "https://sandbox.safaricom.co.ke"
        self.daraja = DarajaClient(self._to_safaricom, address, ACCOUNT, credentials, clock=self.now)
        await self.database.open()
        self.callbacks = Reading(
            self.database,
            self.changes,
            ACCOUNT,
            self.pairing.stream,
            till_id=self.pairing.till_id,
            till_code="1",
            check=lambda _attempt_id: None,
            on_status=self._link_changed,
            clock=self.now,
        )
        await self.matching.take_up(ClaimDesk(self._to_relay, self.pairing))
        link = RelayLink(self.pairing, self.callbacks, lambda: self._to_relay, Impatient())
        line = PullLine(ACCOUNT, self.daraja.pull, self._report)
        works = (link.run(), self.matching.run(), self.pulling.run(line), self.watch.run(ACCOUNT))
        self._going_on = [asyncio.create_task(work) for work in works]
        await self._until(lambda: self.health.current.relay is Light.OK)
        await self.settle()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        for task in self._going_on:
            task.cancel()
        await asyncio.wait(self._going_on)
        await self.daraja.aclose()
        await self._to_safaricom.aclose()
        await self._to_relay.aclose()
        await self.database.close()

    async def register_pull(self) -> None:
        address = "https://pay.example.co.ke/pull"
        await self.daraja.pull_register(nominated=Msisdn.parse("0712000111"), callback_url=address)

    # What goes between the parts.

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """As Safaricom does: once, whoever is there."""
        return (await self._to_relay.post(url, content=body, headers=dict(headers))).status_code

    async def _report(self, short_code: str, rows: Sequence[str]) -> bool:
        return await report_pulled(self._to_relay, self.pairing, short_code, rows)

    def _link_changed(self, status: LinkStatus) -> None:
        """As the product's uplink does."""
        self.health.link_changed(status)
        if status is LinkStatus.LIVE:
            self.matching.ask_soon()

    async def relay_dies(self) -> None:
        self.relay.kill()
        self.relay_is_dead = True
        await self._until(lambda: self.health.current.relay is not Light.OK)

    async def relay_comes_back(self) -> None:
        await asyncio.to_thread(self.relay.start)
        self.relay_is_dead = False
        await self._until(lambda: self.health.current.relay is Light.OK)
        await self.settle()

    # Time.

    async def advance(self, seconds: float) -> None:
        """What happens meanwhile at Safaricom happens, and the till does all that is due."""
        await self.transport.advance(seconds)
        self.pulling.tell_soon()
        self.matching._wake.set()
        await self.settle()

    async def through(self, seconds: float, step: float) -> None:
        until = self.core.clock.now() + seconds
        while (left := until - self.core.clock.now()) > 0:
            await self.advance(min(step, left))

    async def settle(self) -> None:
        """Until the till has read all that the relay has, and all that goes on by itself waits for more."""
        async with asyncio.timeout(PATIENCE):
            while not (self._rests() and await self._has_read_all() and self._rests()):  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    def _rests(self) -> bool:
        waits = (self.pulling._wake, self.matching._wake, self.matching.offers._wake, self.watch._wake)
        is_live = self.relay_is_dead or self.health.current.relay is Light.OK
        return is_live and not self.callbacks.under_way and all(wake._waiters and not wake.is_set() for wake in waits)

    async def _has_read_all(self) -> bool:
        if self.relay_is_dead:
            return True
        cursor = await self.callbacks.cursor()
        asked: dict[str, str | int] = {"epoch": cursor.epoch, "after": cursor.seq, "chain": cursor.chain, "wait": 0}
        headers = {"Authorization": f"Bearer {self.pairing.token}"}
        url = f"{self.pairing.relay_url}{EVENTS_PATH}{self.pairing.stream}"
        frames = decode_frames((await self._to_relay.get(url, params=asked, headers=headers)).content)
        (head,) = (frame.streams[0].head for frame in frames if isinstance(frame, Welcome))
        return head == cursor.seq

    @staticmethod
    async def _until(met: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not met():  # noqa: ASYNC110 - some of it is told to nobody
                await asyncio.sleep(0.001)

    # At the counter.

    async def rung(self, shillings: int) -> Sale:
        sale = await self.sales.open(Cart((SaleLine("Bread", Money.shillings(shillings)),)))
        assert isinstance(sale, Sale)
        return sale
