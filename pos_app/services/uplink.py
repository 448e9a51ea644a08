"""The till's way to Safaricom and to its relay: one HTTP client, the Daraja client, the link that follows the log."""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.errors import AddressError
from pos_app.domain.shop import MpesaAccess
from pos_app.relay_link.anchors import AnchorDesk
from pos_app.relay_link.claims import ClaimDesk
from pos_app.relay_link.client import RelayLink
from pos_app.relay_link.delivery import LinkStatus
from pos_app.relay_link.pairing import nonce_maker
from pos_app.relay_link.reports import report_proved, report_pulled
from pos_app.relay_link.rules import RuleDesk
from pos_app.services.balance_watch import BalanceWatch
from pos_app.services.callbacks import Callbacks
from pos_app.services.changes import Changes, Light, Notice
from pos_app.services.clock_watch import ClockWatch
from pos_app.services.connections import Connections
from pos_app.services.guard import Guard
from pos_app.services.health import Health
from pos_app.services.judging import Judge
from pos_app.services.matching import Matching
from pos_app.services.office import Office
from pos_app.services.payments import Charging, Payments
from pos_app.services.pulling import Pulling, PullLine
from pos_app.services.qr_codes import QrCodes
from pos_app.services.quarantine import Promote, Quarantine
from pos_app.services.reconciliation import Reconciliation
from pos_app.services.refunds import Paying
from pos_app.services.registration import Registrations
from pos_app.services.statement import Statements
from pos_app.services.statement_tasks import StatementTasks
from pos_app.services.validation_rules import RuleBook
from pos_app.store.database import Database

log = logging.getLogger(__name__)


@dataclass
class Uplink:
    """`open`, then `connect` as often as the settings change, then `close`."""

    database: Database
    changes: Changes
    guard: Guard
    office: Office
    health: Health
    payments: Payments
    reconciliation: Reconciliation
    matching: Matching
    tasks: StatementTasks
    _http: httpx.AsyncClient | None = None
    _daraja: DarajaClient | None = None
    _running: list[asyncio.Task[None]] = field(default_factory=list)
    """What lives as long as one connection: the link to the relay, and what asks for missed payments."""
    _warming: list[asyncio.Task[None]] = field(default_factory=list)
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        on_their_way = self.office.refunds.on_their_way
        self.connections = Connections(self._client, self.payments.open_attempts, on_their_way, self.guard)
        self.registrations = Registrations(self.database, self._client, self.guard)
        self.rule_book = RuleBook(self.database, self.changes, self.guard)
        self.qr_codes = QrCodes()
        self.pulling = Pulling(self.database, self.changes, self.tasks)
        self.quarantine = Quarantine(self.database, self.changes, guard=self.guard, look=self.pulling.look_now)
        self.balance_watch = BalanceWatch(
            self.database, self.changes, guard=self.guard, look_soon=self.pulling.look_soon
        )
        self.statements = Statements(
            self.database, self.tasks, self.balance_watch, guard=self.guard, tell_soon=self.pulling.tell_soon
        )

    async def open(self) -> None:
        # Certificates take tens of milliseconds to load, so not on the thread that paints.
        context = await asyncio.to_thread(ssl.create_default_context)
        hooks = {"response": [ClockWatch(self.changes).answered]}
        self._http = httpx.AsyncClient(verify=context, timeout=30, follow_redirects=False, event_hooks=hooks)

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            raise RuntimeError("the till is not open")
        return self._http

    async def connect(self, access: MpesaAccess | None, shop_name: str) -> None:
        """Takes up new settings; None leaves a till that takes cash only."""
        # Settings saved again meanwhile come after: two links would throw each other out of the relay for ever.
        async with self._connecting:
            await self._disconnect()
            if access is not None:
                self._daraja = self._daraja_of(access)
            self.health.mpesa_set_up(is_set_up=self._daraja is not None)
            if access is not None and self._daraja is not None:
                await self._start(access, self._daraja, shop_name)

    def _daraja_of(self, access: MpesaAccess) -> DarajaClient | None:
        try:
            return DarajaClient(self._client(), access.daraja_url, access.account, access.credentials)
        except AddressError as error:
            self.changes.publish(Notice(f"{error} Until that is put right, this till takes cash only.", urgent=True))
            return None

    async def _start(self, access: MpesaAccess, daraja: DarajaClient, shop_name: str) -> None:
        self.payments.charging = Charging(
            daraja=daraja,
            account=access.account,
            till_code=access.pairing.till_code,
            shop_name=shop_name,
            callback_base=access.pairing.callback_base,
            make_nonce=nonce_maker(access.pairing),
        )
        desk = AnchorDesk(self._client(), access.pairing)
        self.office.take_up(self._paying(access, daraja, desk), access.password_since)
        self.qr_codes.take_up(daraja, shop_name)
        await self.matching.take_up(ClaimDesk(self._client(), access.pairing))
        await self.tasks.refresh(access.account)
        self._running = [
            asyncio.create_task(self._relay_link(access).run(), name="relay link"),
            asyncio.create_task(self.pulling.run(self._pull_line(access, daraja)), name="pulling"),
            asyncio.create_task(self.rule_book.run(RuleDesk(self._client(), access.pairing)), name="validation rules"),
            asyncio.create_task(self.balance_watch.run(access.account, access.pays_out), name="balance watch"),
            asyncio.create_task(self.quarantine.run(self._promote(access)), name="quarantine"),
            asyncio.create_task(self.office.anchoring.run(desk), name="anchoring"),
        ]
        self._warming.append(asyncio.create_task(daraja.warm_up(), name="first token"))
        for attempt in await self.payments.open_attempts():
            self.reconciliation.check_soon(attempt.id)

    def _paying(self, access: MpesaAccess, daraja: DarajaClient, desk: AnchorDesk) -> Paying | None:
        if access.initiator is None:
            return None
        return Paying(
            api=daraja.operated_by(access.initiator),
            short_code=access.account.short_code,
            callback_base=access.pairing.callback_base,
            make_nonce=nonce_maker(access.pairing),
            make_originator_id=lambda: f"{access.pairing.till_code}-{secrets.token_hex(16)}",
            is_heard=lambda: self.health.current.relay is Light.OK,
            anchor=lambda: self.office.anchoring.anchor(desk),
        )

    def _relay_link(self, access: MpesaAccess) -> RelayLink:
        listener = Callbacks(
            self.database,
            self.changes,
            access.account,
            access.pairing.stream,
            till_id=access.pairing.till_id,
            till_code=access.pairing.till_code,
            check=self.reconciliation.check_soon,
            on_status=self._link_changed,
        )
        judge = Judge(self.database, lambda: self.rule_book.rules, access.pairing.till_code)
        return RelayLink(access.pairing, listener, self._client, judge=judge)

    def _link_changed(self, status: LinkStatus) -> None:
        self.health.link_changed(status)
        if status is LinkStatus.LIVE:
            self.matching.ask_soon()
            self.rule_book.look_soon()

    def _pull_line(self, access: MpesaAccess, daraja: DarajaClient) -> PullLine:
        async def report(short_code: str, rows: Sequence[str]) -> bool:
            return await report_pulled(self._client(), access.pairing, short_code, rows)

        return PullLine(access.account, daraja.pull, report)

    def _promote(self, access: MpesaAccess) -> Promote:
        async def promote(event_key: str) -> bool:
            return await report_proved(self._client(), access.pairing, event_key)

        return promote

    async def _disconnect(self) -> None:
        self.payments.charging = None
        self.office.take_up(None)
        self.qr_codes.take_up(None)
        await self.matching.take_up(None)
        while self._running:
            await _ended(self._running.pop())
        if self._daraja is not None:
            await self._daraja.aclose()
            self._daraja = None

    async def close(self) -> None:
        await self._disconnect()
        for task in self._warming:
            await _ended(task)
        if self._http is not None:
            await self._http.aclose()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is not None:
        log.error("%s ended badly", task.get_name(), exc_info=task.exception())
