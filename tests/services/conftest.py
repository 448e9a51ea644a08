"""A whole till without its window, before the simulator, behind a relay's log kept in memory; all time is simulated."""

import asyncio
import hashlib
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from staffing import owners_guard

from pos_app.daraja.client import DarajaClient
from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.shop import AccountKind, Credentials, ShopAccount
from pos_app.relay_link.delivery import LinkStatus
from pos_app.relay_link.follower import Follower
from pos_app.services.callbacks import Callbacks
from pos_app.services.changes import AttemptChanged, Changes, HealthChanged, Notice, PaymentArrived, SaleChanged
from pos_app.services.health import Health
from pos_app.services.payments import Charging, Payments
from pos_app.services.reconciliation import Reconciliation
from pos_app.services.sales import Sales
from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import PUSH_PATH, QUERY_PATH, Daraja
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP
from pos_app.simulator.transport import SimulatorTransport
from pos_app.store import attempts, evidence, payments
from pos_app.store.database import Database
from pos_app.store.evidence import EvidenceRow
from relay.protocol import GENESIS, CaughtUp, Event, FromRelay, Reset, StreamState, Welcome, chain_next, make_nonce
from relay.reading import Reading, read_confirmation, read_stk

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

BASE = "http://127.0.0.1:9/h/k"
STREAM = "st_1"
TILL_ID = "till_1"
PAYBILL = ShopAccount(AccountKind.PAYBILL, "174379")
TILL = ShopAccount(AccountKind.BUY_GOODS, "7654321", "5512345")


@dataclass
class RelayLog:
    """What the relay has on disk for the shop. Unlike the relay it keeps every copy: the till must tell them apart."""

    epoch: str = "e1"
    trusted: bool = True
    losing: bool = False
    events: list[Event] = field(default_factory=list)

    async def take(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        if not self.losing:
            short_code = {name.lower(): value for name, value in headers.items()}.get("businessshortcode", "")
            *_, kind, last = url.split("/")
            reading = read_confirmation(body) if kind == "c2b" else read_stk(body, last, short_code)
            self.append(reading, body, "" if kind == "c2b" else last)
        return 200

    def append(self, reading: Reading, body: bytes, nonce: str = "", *, trusted: bool | None = None) -> Event:
        last = self.events[-1] if self.events else None
        seq, digest = len(self.events) + 1, hashlib.sha256(body).hexdigest()
        event = Event(
            s=STREAM,
            seq=seq,
            chain=chain_next(last.chain if last else GENESIS, seq, reading.key, digest),
            kind=reading.kind,
            key=reading.key,
            trust="trusted" if (self.trusted if trusted is None else trusted) else "quarantined",
            src="daraja",
            at="2026-10-14T12:30:20Z",
            body_sha256=digest,
            receipt=reading.receipt,
            nonce=nonce or None,
            short_code=reading.short_code,
            body=msgspec.Raw(body if reading.is_json else b"null"),
        )
        self.events.append(event)
        return event

    def stk(self, nonce: str, body: object, *, trusted: bool = True, short_code: str = "") -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.append(read_stk(raw, nonce, short_code), raw, nonce, trusted=trusted)

    def confirm(self, body: object, *, trusted: bool = True) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.append(read_confirmation(raw), raw, trusted=trusted)

    def say(self, kind: str, key: str, body: object, *, trusted: bool = True) -> None:
        """What no callback says: claims, releases, rows of Pull."""
        raw = json.dumps(body).encode()
        self.append(Reading(kind, key, "", None, "174379", is_json=True), raw, trusted=trusted)

    def restart(self, epoch: str, order: list[Event]) -> None:
        """Another log with the same messages in this order, as after a restore."""
        self.epoch, self.events = epoch, []
        for old in order:
            reading = Reading(old.kind, old.key, b"", old.receipt, old.short_code, bytes(old.body) != b"null")
            last = self.events[-1].chain if self.events else GENESIS
            seq = len(self.events) + 1
            chain = chain_next(last, seq, reading.key, old.body_sha256)
            values = {name: getattr(old, name) for name in old.__struct_fields__}
            self.events.append(Event(**{**values, "seq": seq, "chain": chain}))


class Recorder(httpx.AsyncBaseTransport):
    """Passes on to the simulator and keeps when each request left; `hold` delays answers to queries."""

    def __init__(self, inner: SimulatorTransport) -> None:
        self._inner = inner
        self.sent: list[tuple[str, float]] = []
        self.hold: asyncio.Event | None = None
        self.before: Callable[[httpx.Request], Awaitable[None]] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append((request.url.path, self._inner.core.clock.now()))
        if self.before is not None:
            await self.before(request)
        if self.hold is not None and request.url.path == QUERY_PATH:
            await self.hold.wait()
        return await self._inner.handle_async_request(request)

    def times(self, path: str) -> list[float]:
        return [when for sent, when in self.sent if sent == path]


class Desk:
    """One till. `wall_step` is how many seconds its wall clock is wrong; its monotonic clock is the simulator's."""

    def __init__(self, folder: Path, account: ShopAccount = PAYBILL, default: Any = "ask") -> None:
        self.folder = folder
        self.account = account
        self.core = Daraja(ManualClock(), seed=11, default=default, confirmation_url=f"{BASE}/c2b/confirm")
        self.log = RelayLog()
        self.transport = SimulatorTransport(self.core, self.log.take)
        self.network = Recorder(self.transport)
        self.http = httpx.AsyncClient(transport=self.network, trust_env=False)
        self.wall_step = 0.0
        self.born = self.core.clock.now()
        self.phones = iter(f"2547{number:08d}" for number in range(12_000_000, 99_000_000, 1_234))
        self.changes = Changes()
        self.told: list[object] = []
        self.ladder: asyncio.Task[None] | None = None

    # Life.

    async def open(self) -> "Desk":
        """Also after `close`: another start on the same folder, with the same simulator and log."""
        self.changes = Changes()
        for kind in (AttemptChanged, PaymentArrived, SaleChanged, Notice, HealthChanged):
            self.changes.subscribe(kind, self.told.append)
        self.health = Health(self.changes)
        self.database = Database(self.folder / "till.db")
        await self.database.open()
        self.guard = owners_guard(self.database, self.changes)
        self.sales = Sales(self.database, self.changes, self.guard, self.now)
        self.payments = Payments(
            self.database, self.changes, guard=self.guard, heard=self.health.answered, clock=self.now
        )
        self.reconciliation = Reconciliation(
            self.database, self.payments, self.changes, clock=self.now, elapsed=self.elapsed
        )
        self.checks: list[int] = []
        self.callbacks = Callbacks(
            self.database,
            self.changes,
            self.account,
            STREAM,
            till_id=TILL_ID,
            till_code="T1",
            check=self._check,
            on_status=self.health.link_changed,
            clock=self.now,
        )
        self.connect(self.account)
        return self

    def connect(self, account: ShopAccount) -> None:
        credentials = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
        self.payments.charging = Charging(
            daraja=DarajaClient(self.http, "https://sandbox.safaricom.co.ke", account, credentials, clock=self.now),
            account=account,
            till_code="T1",
            shop_name="Duka la Mfano",
            callback_base=BASE,
            make_nonce=lambda: make_nonce("a nonce key"),
        )

    def _check(self, attempt_id: int) -> None:
        self.checks.append(attempt_id)
        self.reconciliation.check_soon(attempt_id)

    async def close(self) -> None:
        """Like a power cut: what is under way is dropped."""
        await self.stop_ladder()
        await self.database.close()

    # Time.

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.core.clock.now() + self.wall_step, UTC)

    def elapsed(self) -> float:
        return self.core.clock.now() - self.born + 12_345.678

    def start_ladder(self) -> None:
        self.ladder = asyncio.create_task(self.reconciliation.run(), name="ladder")

    async def stop_ladder(self) -> None:
        if self.ladder is not None:
            self.ladder.cancel()
            await asyncio.wait({self.ladder})
            self.ladder = None

    async def advance(self, seconds: float, *, pump: bool = True) -> None:
        """Lets simulated time pass, hands over what the relay has, and lets the ladder see the time."""
        await self.transport.advance(seconds)
        if pump:
            await self.pump()
        await self.settle()

    async def settle(self) -> None:
        """Until the ladder has seen the time and every question it asks is answered."""
        if self.ladder is None:
            return
        self.reconciliation._wake.set()
        for _ in range(3):
            await asyncio.sleep(0)
            while asking := {task for task in asyncio.all_tasks() if "_ask" in task.get_coro().__qualname__}:  # type: ignore[union-attr]
                await asyncio.wait(asking)
                await asyncio.sleep(0)

    async def pump(self) -> None:
        """One connection to the relay: welcome, a reset where the log is another one, then all behind the cursor."""
        follower = Follower(STREAM, await self.callbacks.cursor(), self.callbacks)
        cursor = follower.cursor
        frames: list[FromRelay] = [Welcome("s", "now", 25, 500, [StreamState(STREAM, self.log.epoch, 0)])]
        if cursor.epoch and cursor.epoch != self.log.epoch:
            frames.append(Reset(STREAM, "epoch", self.log.epoch))
            behind = self.log.events
        else:
            behind = self.log.events[cursor.seq :]
        await follower.take([*frames, *behind, CaughtUp(STREAM, len(self.log.events))])

    # A cashier's day.

    async def sale(self, shillings: int = 150) -> Sale:
        sale = await self.sales.open(Cart((SaleLine("Bread", Money.shillings(shillings)),)))
        assert isinstance(sale, Sale)
        return sale

    async def charge(
        self, sale: Sale | int, shillings: int | None = None, phone: str | None = None
    ) -> Attempt | Refused:
        held = await self.sales.get(sale if isinstance(sale, int) else sale.id)
        amount = held.remaining if shillings is None else Money.shillings(shillings)
        return await self.payments.charge(held.id, amount, Msisdn(phone or next(self.phones)))

    async def charged(self, shillings: int = 150) -> Attempt:
        attempt = await self.charge(await self.sale(shillings))
        assert isinstance(attempt, Attempt)
        return attempt

    # Looking.

    async def attempt(self, attempt_id: int) -> Attempt:
        return await self.database.read(lambda connection: attempts.by_id(connection, attempt_id))

    async def evidence(self, attempt_id: int) -> tuple[EvidenceRow, ...]:
        return await self.database.read(lambda connection: evidence.of_attempt(connection, attempt_id))

    async def standing(self) -> tuple[Payment, ...]:
        newest = await self.database.read(lambda connection: payments.newest(connection, 10_000))
        return tuple(received.payment for received in newest)

    async def received(self) -> Money:
        return await self.database.read(payments.total_received)

    @property
    def banked(self) -> Money:
        return Money.shillings(sum(payment.amount for payment in self.core.ledger.payments))

    @property
    def notices(self) -> list[str]:
        return [told.sentence for told in self.told if isinstance(told, Notice)]

    @property
    def pushes(self) -> int:
        return len(self.network.times(PUSH_PATH))

    @property
    def queries(self) -> list[float]:
        """Seconds since the desk opened."""
        return [round(when - self.born, 3) for when in self.network.times(QUERY_PATH)]

    @property
    def answered(self) -> int:
        """Queries that M-Pesa took; one refused for its token is asked a second time."""
        return sum(push.queries for push in self.core.pushes)

    async def states(self) -> Counter[AttemptState]:
        rows = await self.sales.history(limit=1000)
        details = [await self.sales.detail(row.sale_id) for row in rows]
        return Counter(one.attempt.state for detail in details for one in detail.attempts)


def callback(attempt: Attempt, code: int | str = 0, **changes: Any) -> dict[str, Any]:
    """What Safaricom posts about this charge; `changes` lie: amount, receipt, checkout."""
    result: dict[str, Any] = {
        "MerchantRequestID": attempt.merchant_request_id or "29115-1",
        "CheckoutRequestID": changes.get("checkout", attempt.checkout_request_id or "ws_CO_1"),
        "ResultCode": code,
        "ResultDesc": "said",
    }
    if code == 0:
        items = {
            "Amount": changes.get("amount", attempt.amount.whole_shillings),
            "MpesaReceiptNumber": changes.get("receipt", "TJE1A2B3C4"),
            "TransactionDate": 20261014153020,
            "PhoneNumber": int(attempt.msisdn.digits),
        }
        result["CallbackMetadata"] = {"Item": [{"Name": name, "Value": value} for name, value in items.items()]}
    return {"Body": {"stkCallback": result}}


def confirmation(**changes: Any) -> dict[str, Any]:
    return {
        "TransactionType": "Pay Bill",
        "TransID": "TJE1A2B3C4",
        "TransTime": "20261014153020",
        "TransAmount": "150.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": "",
        "MSISDN": "2547 ***** 678",
        "FirstName": "JANE",
        **changes,
    }


@pytest.fixture
def make_callback() -> Callable[..., dict[str, Any]]:
    return callback


@pytest.fixture
def make_confirmation() -> Callable[..., dict[str, Any]]:
    return confirmation


@pytest.fixture
def make_desk() -> Callable[..., Desk]:
    """Not opened yet: for tests that have a loop of their own."""
    return Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """At a PayBill; customers do what the test has them do."""
    desk = await Desk(tmp_path).open()
    yield desk
    await desk.close()
    await desk.http.aclose()


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Desk]:
    """At a Buy Goods till: no reference reaches the shop."""
    desk = await Desk(tmp_path, TILL).open()
    yield desk
    await desk.close()
    await desk.http.aclose()


@pytest.fixture
def link_status() -> type[LinkStatus]:
    return LinkStatus
