"""A till with four people and a bank behind it, for the tests of refunds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from bank import Bank, result
from staffing import owners_guard

from pos_app.daraja.client import DarajaClient
from pos_app.domain.audit import Head
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.shop import AccountKind, Credentials, Initiator, ShopAccount
from pos_app.domain.staff import Person, Role, Session
from pos_app.relay_link.delivery import Cursor, Delivery
from pos_app.services.anchoring import Anchoring
from pos_app.services.audit_log import AuditLog
from pos_app.services.authority import Authority
from pos_app.services.callbacks import Callbacks
from pos_app.services.changes import Changes, Notice
from pos_app.services.proving import Proving
from pos_app.services.refund_reconciliation import RefundReconciliation
from pos_app.services.refunds import Draft, Paying, Refunds
from pos_app.services.sales import Sales
from pos_app.services.settlement import settle
from pos_app.services.staff import Staff
from pos_app.store import refunds
from pos_app.store.database import Database

KES = Money.shillings
START = datetime(2026, 11, 24, 8, tzinfo=UTC)
ACCOUNT = ShopAccount(AccountKind.PAYBILL, "600966")
RECEIPT = "UKO7K2M9QX"
PAYEE = Msisdn("254712345678")
PINS = {"Wanjiru": "90736215", "Otieno": "58203917", "Kamau": "71930582", "Akinyi": "482915"}
ROLES = {"Otieno": Role.MANAGER, "Kamau": Role.SUPERVISOR, "Akinyi": Role.CASHIER}


class Store(dict[str, str]):
    def get(self, name: str) -> str:  # type: ignore[override]  # the till's key stores give "" for what is absent
        return super().get(name, "")

    def set(self, name: str, value: str) -> None:
        self[name] = value


@dataclass
class Desk:
    """The relay, which keeps where the record ends, whatever becomes of the till."""

    held: Head | None = field(default_factory=Head)

    async def last(self) -> Head | None:
        return self.held

    async def put(self, head: Head) -> bool:
        self.held = head
        return True


class Till:
    def __init__(self, folder: Path) -> None:
        self.path, self.keys, self.bank = folder / "till.db", Store(), Bank()
        self.now, self.seconds, self.said, self.relay_is_live = START, 0.0, list[str](), True
        self.desk = Desk()
        self._numbers, self._seq = count(1), count(1)

    async def open(self) -> "Till":
        """Also after `close`: another start."""
        changes = Changes()
        changes.subscribe(Notice, lambda notice: self.said.append(notice.sentence))
        self.database = Database(self.path)
        await self.database.open()
        self.authority = Authority(changes)
        record = AuditLog(self.database, self.keys, clock=lambda: self.now)
        proving = Proving(self.database, self.keys, record, elapsed=lambda: self.seconds)
        self.record, self.changes, self.proving = record, changes, proving
        parts: dict[str, Any] = {"authority": self.authority, "proving": proving, "record": record}
        self.staff = Staff(self.database, self.keys, changes, **parts, clock=lambda: self.now)
        self.sales = Sales(self.database, changes, owners_guard(self.database, changes), lambda: self.now)
        clocks: dict[str, Any] = {"clock": lambda: self.now, "elapsed": lambda: self.seconds}
        self.refunds = Refunds(self.database, changes, **parts, **clocks)
        self.anchoring = Anchoring(self.database, record, changes, clock=lambda: self.now)
        self.ladder = RefundReconciliation(self.database, self.refunds, changes, **clocks)
        self.callbacks = Callbacks(
            self.database,
            changes,
            ACCOUNT,
            "stream",
            till_id="till_1",
            till_code="ours",
            check=lambda _attempt: None,
            on_status=lambda _status: None,
            clock=lambda: self.now,
        )
        self.connect()
        return self

    def passes(self, span: timedelta) -> None:
        """By every clock."""
        self.now += span
        self.seconds += span.total_seconds()

    def connect(self) -> None:
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self.bank), trust_env=False)
        credentials = Credentials("key", "secret", "passkey")
        self.daraja = client = DarajaClient(
            self.http, "https://api.example.co.ke", ACCOUNT, credentials, clock=lambda: self.now
        )
        api = client.operated_by(Initiator("apiop1", "c" * 344, "600966"))
        numbers = self._numbers
        self.refunds.paying = Paying(
            api,
            ACCOUNT.short_code,
            "https://relay.example.co.ke/h/key",
            make_nonce=lambda: f"{next(numbers):032x}",
            make_originator_id=lambda: f"ours-{next(numbers)}",
            is_heard=lambda: self.relay_is_live,
            anchor=lambda: self.anchoring.anchor(self.desk),  # type: ignore[arg-type]  # it answers as one
        )

    async def close(self) -> None:
        await self.http.aclose()
        await self.database.close()

    async def restart(self) -> None:
        await self.close()
        await self.open()
        await self.ladder.recover()

    async def person(self, name: str) -> Person:
        return next(person for person in await self.staff.people() if person.name == name)

    async def signs_in(self, name: str) -> None:
        assert isinstance(await self.staff.sign_in((await self.person(name)).id, PINS[name]), Session)

    async def approve(self, refund: Refund, name: str) -> Refund | Refused:
        return await self.refunds.approve(refund.id, (await self.person(name)).id, PINS[name])

    async def paid_sale(self, shillings: int = 1000, receipt: str = RECEIPT, paid: int = 0) -> Sale:
        sale = await self.sales.open(Cart((SaleLine("Unga", KES(shillings)),)))
        assert isinstance(sale, Sale)
        await self.receives(sale, paid or shillings, receipt)
        return await self.sales.get(sale.id)

    async def receives(self, sale: Sale | None, shillings: int, receipt: str = RECEIPT) -> None:
        """By M-Pesa, for a sale or for none yet."""
        money = Payment(
            id=receipt,
            receipt=receipt,
            amount=KES(shillings),
            short_code="600966",
            received_at=self.now,
            paid_at=self.now,
            payer_phone="07•• ••• 678",
            sale_id=sale.id if sale else None,
        )
        await settle(self.database, self.changes, self.now, lambda settlement: settlement.receive(money))

    async def prepared(self, sale: Sale, shillings: int = 1000, route: Route = Route.REVERSAL, **more: Any) -> Refund:
        refund = await self.refunds.prepare(self.draft(sale, shillings, route, **more))
        assert isinstance(refund, Refund), refund
        return refund

    def draft(self, sale: Sale, shillings: int, route: Route, **more: Any) -> Draft:
        told = {"payment_id": RECEIPT, "payee": PAYEE if route is Route.B2C else None, **more}
        return Draft(sale.id, amount=KES(shillings), route=route, why=RefundReason.RETURNED, **told)

    async def hears(self, kind: str, nonce: str, body: object, *, trusted: bool = True) -> None:
        seq = next(self._seq)
        cursor = Cursor("epoch", seq, f"{seq:032x}")
        key = f"{kind}:{nonce}:{seq}"
        told = Delivery(cursor, kind, key, trusted, self.now, nonce, "", "", body, f"{seq:064x}")
        await self.callbacks.deliver([told])

    async def held(self, refund: Refund) -> Refund:
        found = await self.database.read(lambda connection: refunds.by_id(connection, refund.id))
        assert found is not None
        return found

    async def state(self, refund: Refund) -> RefundState:
        return (await self.held(refund)).state


@asynccontextmanager
async def staffed(folder: Path) -> AsyncIterator[Till]:
    """The cashier is signed in."""
    made = await Till(folder).open()
    assert isinstance(await made.staff.set_up("Wanjiru", PINS["Wanjiru"]), str)
    for name, role in ROLES.items():
        assert isinstance(await made.staff.add(name, role, PINS[name]), Person)
    await made.signs_in("Akinyi")
    yield made
    await made.close()


def success(refund: Refund, **changes: object) -> dict[str, Any]:
    told = {"TransactionReceipt": "UKO9R8F7ND", "TransactionAmount": refund.amount.whole_shillings}
    return result(refund.originator_id, **(told | {"ReceiverPartyPublicName": "0712345678 - John Doe"} | changes))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 — what is waited for has no event
            await asyncio.sleep(0.005)


async def climbs(till: Till, questions: int) -> None:
    """The ladder runs until that many questions were asked."""
    running = asyncio.create_task(till.ladder.run())
    await until(lambda: len(till.bank.asked("transactionstatus")) >= questions)
    running.cancel()
    await asyncio.wait({running})
