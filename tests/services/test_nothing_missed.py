"""The statement's import, the balance that does not add up, registrations and the weather, before the simulator."""

import asyncio
import json
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from staffing import OWNER, KeyBox, recorded, signed_in

from pos_app.commands import children
from pos_app.daraja.pull import pull_row, told_row
from pos_app.daraja.statement import StatementError, read_statement
from pos_app.domain.audit import Event
from pos_app.domain.balance import Gap
from pos_app.domain.matching import is_from_customer
from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.receipt import Heading
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, SaleLine
from pos_app.domain.shop import AccountKind, Credentials, MpesaAccess, Pairing, ShopAccount, TillIdentity
from pos_app.domain.staff import Role
from pos_app.domain.weather import WeatherLevel
from pos_app.relay_link import reports
from pos_app.relay_link.delivery import LinkStatus
from pos_app.relay_link.pairing import pair_now
from pos_app.services.balance_watch import BalanceWatch
from pos_app.services.changes import BalanceGapsChanged, Changes, PullingChanged, WeatherChanged
from pos_app.services.network_weather import NetworkWeather
from pos_app.services.registration import MsisdnStyle, Product, RegistrationRecord, Registrations
from pos_app.services.statement import Imported, Statements
from pos_app.services.statement_tasks import StatementTasks
from pos_app.services.till import Till
from pos_app.simulator.books import statement_csv
from pos_app.simulator.clock import RealClock
from pos_app.simulator.customers import Purchase
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.payment_scenarios import payment_scenario
from pos_app.simulator.server import serving
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP
from pos_app.store import balances, pulls, refunds, sales, staff
from pos_app.store.database import StoreError
from pos_app.store.staff import KeptPin

pytestmark = pytest.mark.anyio
PAYBILL = ShopAccount(AccountKind.PAYBILL, "174379")
HEAD = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,Reason Type,Other Party Info,A/C No."
LINE = 'TJE1A2B3C4,14-10-2026 15:30:20,Completed,"1,150.00",,Pay Bill Online,2547 ***** 678 - JANE,A-142'


def pay(desk: Any, amount: int = 350, scenario: str = "confirmation_lost") -> str:
    shortcode = TRAINING_SHOP.shortcode("174379")
    assert shortcode is not None
    purchase = Purchase(shortcode, "254712345678", amount, "A-142")
    return str(desk.core.pay(purchase, payment_scenario(scenario)).payment.receipt)


def access(desk: Any, base: str = "https://pay.example.co.ke/h/k1") -> MpesaAccess:
    credentials = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
    pairing = Pairing("http://127.0.0.1:1", "Duka", "st_1", "t", "T1", "token", base, "nonce")
    return MpesaAccess("https://sandbox.safaricom.co.ke", desk.account, credentials, pairing)


# The statement.


class Office:
    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.sent = 0
        self.tasks = StatementTasks(desk.database, desk.changes, desk.guard, desk.now)
        self.looks: list[timedelta] = []
        self.watch = BalanceWatch(
            desk.database, desk.changes, guard=desk.guard, look_soon=self.looks.append, clock=desk.now
        )
        self.statements = Statements(
            desk.database, self.tasks, self.watch, guard=desk.guard, tell_soon=self._send, clock=desk.now
        )

    def _send(self) -> None:
        self.sent += 1

    async def hole(self, since: datetime, until: datetime) -> None:
        await self.desk.database.run(lambda c: pulls.add_hole(c, "174379", since, until))
        await self.tasks.refresh(self.desk.account)

    async def take(self, content: str | bytes) -> Imported | Refused:
        raw = content if isinstance(content, bytes) else content.encode()
        return await self.statements.import_statement(raw, self.desk.account)

    async def rows(self) -> list[Any]:
        kept = await self.desk.database.read(lambda c: pulls.untold(c, "174379", 1000))
        return [json.loads(row.told) for row in kept]


@pytest.fixture
def office(desk: Any) -> Office:
    return Office(desk)


async def test_the_portals_statement_brings_what_is_missing_and_closes_the_hole(office: Office) -> None:
    desk = office.desk
    known = pay(desk, 100, "usual")
    await desk.advance(60)
    begin = desk.now()
    await desk.transport.advance(3600)
    missing = [pay(desk, 200)]
    await desk.transport.advance(60)
    missing.append(pay(desk, 300))
    await desk.transport.advance(3600)
    until = desk.now()
    await desk.transport.advance(60)
    pay(desk, 400)
    await office.hole(begin, until)
    text = statement_csv(desk.core, {"shortcode": "174379"})
    imported = await office.take(text)
    assert isinstance(imported, Imported)
    assert (imported.new, imported.known, imported.unreadable, office.sent) == (3, 1, 0, 1)
    rows = await office.rows()
    assert [row["transactionId"] for row in rows][:2] == missing
    assert known not in {row["transactionId"] for row in rows}
    read = pull_row(rows[0])
    assert read is not None
    assert (read.amount, read.transaction_type, read.bill_reference) == (
        Money.shillings(200),
        "c2b-pay-bill-debit",
        "A-142",
    )
    assert read.payer_phone.endswith("678")
    assert office.tasks.open == ()
    await office.take(text)
    assert len(await office.rows()) == 3


@pytest.mark.parametrize(
    ("since", "until", "left"),
    [(0, 4, None), (-2, 3, (-2, 0)), (1, 9, (4, 9)), (-3, -1, (-3, -1)), (5, 6, (5, 6)), (-2, 9, (-2, 9))],
)
async def test_what_the_statement_does_not_cover_stays_a_task(
    office: Office, since: int, until: int, left: tuple[int, int] | None
) -> None:
    base = datetime.fromisoformat("2026-10-14T09:00:00+00:00")

    def at(hour: int) -> datetime:
        return base + timedelta(hours=hour)

    await office.hole(at(since), at(until))
    period = "Time Period:,From 14-10-2026 12:00:00 To 14-10-2026 16:00:00\n"
    imported = await office.take(f"Short Code:,174379\n{period}{HEAD}\n")
    assert isinstance(imported, Imported)
    assert [(task.since, task.until) for task in office.tasks.open] == ([(at(left[0]), at(left[1]))] if left else [])


async def test_a_line_that_cannot_be_read_closes_nothing(office: Office) -> None:
    base = datetime.fromisoformat("2026-10-14T09:00:00+00:00")
    await office.hole(base, base + timedelta(hours=1))
    period = "Time Period:,From 14-10-2026 12:00:00 To 14-10-2026 16:00:00\n"
    imported = await office.take(f"{period}{HEAD}\n{LINE}\n???,14-10-2026 15:30:20,Completed,5.00\n")
    assert isinstance(imported, Imported)
    assert (imported.new, imported.unreadable) == (1, 1)
    assert len(office.tasks.open) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 a workbook", "workbook or a PDF"),
        (b"name,price\nbread,65\n", "no column is called"),
        (b"", "no column is called"),
        (b"Receipt No.,Paid In\nTJE1A2B3C4,5\n", "lacks the column “Completion Time”"),
        (HEAD.encode() + b"\n", "No payment can be read"),
        (f"Short Code:,600966\n{HEAD}\n{LINE}\n".encode(), "statement of 600966, not of PayBill 174379"),
    ],
)
async def test_a_file_that_is_no_statement_of_the_shop_is_refused_in_a_sentence(
    office: Office, content: bytes, words: str
) -> None:
    refused = await office.take(content)
    assert isinstance(refused, Refused)
    assert words in refused.sentence
    assert await office.rows() == []


@pytest.mark.parametrize(
    "content",
    [
        f"{HEAD}\n{LINE}\n".encode("utf-8-sig"),
        f"{HEAD}\n{LINE}\n".encode("utf-16"),
        f"{HEAD}\n{LINE}\n".replace("JANE", "JOSÉ").encode("cp1252"),
        f"Opening Balance:,5\n\n{HEAD}\n{LINE}\n\n".encode(),
        f"{HEAD}\n{LINE}\n".replace("1,150.00", "1150").replace(",", ";").replace('"', "").encode(),
        f"{HEAD}\n{LINE}\n".replace("14-10-2026", "2026-10-14").encode(),
    ],
)
def test_a_statement_is_read_however_it_was_exported(content: bytes) -> None:
    statement = read_statement(content, PAYBILL)
    (row,) = statement.rows
    assert (row.receipt, row.amount, statement.unreadable) == ("TJE1A2B3C4", Money.shillings(1150), 0)
    assert statement.since == statement.until == datetime.fromisoformat("2026-10-14T12:30:20+00:00")


def test_only_completed_money_that_came_in_counts() -> None:
    other = LINE.replace("TJE1A2B3C4", "TJE1A2B3C5")
    lines = [
        LINE,
        other.replace("Completed", "Failed"),
        other.replace('"1,150.00",', ",-500.00"),
        "TJE1A2B3C6,14-10-2026 15:30:20,Completed,0.00,,x,y,z",
        "TJE1A2B3C7,some day,Completed,5.00,,x,y,z",
        "TJE1A2B3C8,14-10-2026 15:31,Completed,5.00,,Business Transfer,Head office,",
    ]
    statement = read_statement("\n".join([HEAD, *lines]).encode(), PAYBILL)
    assert [row.receipt for row in statement.rows] == ["TJE1A2B3C4", "TJE1A2B3C8"]
    assert statement.rows[1].transaction_type == "Business Transfer"
    assert statement.unreadable == 2
    with pytest.raises(StatementError, match="No payment"):
        read_statement(f"from 99-99-2026 00:00:00 to 14-10-2026 12:00:00\n{HEAD}".encode(), PAYBILL)


@pytest.mark.parametrize("reason", ["Pay Bill Reversal", "Pay Merchant Charge Reversal", "Reversed Merchant Payment"])
def test_money_that_a_reversal_brings_back_is_no_customers_payment(reason: str) -> None:
    statement = read_statement(f"{HEAD}\n{LINE}\n".replace("Pay Bill Online", reason).encode(), PAYBILL)
    (row,) = statement.rows
    told = pull_row(json.loads(told_row(row)))
    assert told is not None
    assert not is_from_customer(told.transaction_type)


async def test_what_the_statement_lists_as_drawn_explains_the_drop_of_the_balance(office: Office) -> None:
    base = datetime.fromisoformat("2026-10-14T12:30:00+00:00")
    drop = Gap(base, base + timedelta(minutes=2), Money.shillings(-1500))
    other = Gap(base - timedelta(days=1), base - timedelta(hours=23), Money.shillings(-20))
    await office.desk.database.run(lambda c: balances.replace_gaps(c, "174379", [drop, other]))
    office.watch.open = (other, drop)
    drawn = ["14-10-2026 15:30:20,Completed,,-1000.00", "14-10-2026 15:32:00,Completed,,500.00"]
    lines = [f"TJE1A2B3D{at},{line},Withdrawal,," for at, line in enumerate([*drawn, "soon,Completed,,7.00"])]
    imported = await office.take("\n".join([HEAD, LINE, *lines]))
    assert isinstance(imported, Imported)
    assert (imported.gaps_explained, imported.unreadable) == (1, 0)
    (told,) = await office.desk.database.read(lambda c: balances.explanations(c, "174379"))
    assert (told.difference, told.note) == (drop.difference, "The M-PESA statement lists it as drawn.")


# The balance.


class Watcher:
    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.looks: list[timedelta] = []
        self.told: list[BalanceGapsChanged] = []
        self.start()

    def start(self) -> None:
        self.desk.changes.subscribe(BalanceGapsChanged, self.told.append)
        self.watch = BalanceWatch(
            self.desk.database,
            self.desk.changes,
            guard=self.desk.guard,
            look_soon=self.looks.append,
            clock=self.desk.now,
        )
        self.running = asyncio.create_task(self.watch.run(self.desk.account))
        self.desk.health.link_changed(LinkStatus.LIVE)

    async def stop(self) -> None:
        self.running.cancel()
        await asyncio.wait({self.running})

    async def see(self) -> tuple[Gap, ...]:
        await self.desk.pump()
        wake = self.watch._wake
        while wake.is_set() or not wake._waiters:  # noqa: ASYNC110 — no event says so
            await asyncio.sleep(0)
        return self.watch.open

    async def paid(self, amount: int, scenario: str = "usual") -> str:
        receipt = pay(self.desk, amount, scenario)
        await self.desk.transport.advance(60)
        return receipt


@pytest.fixture
async def watcher(desk: Any) -> AsyncIterator[Watcher]:
    watcher = Watcher(desk)
    yield watcher
    await watcher.stop()


async def test_balances_that_continue_each_other_say_nothing(watcher: Watcher) -> None:
    assert await watcher.see() == ()
    for amount in (100, 200, 300):
        await watcher.paid(amount)
        assert await watcher.see() == ()
    assert (watcher.looks, watcher.told) == ([], [])


async def test_money_that_arrived_unseen_is_asked_for_at_once_and_said_until_it_is_known(
    watcher: Watcher, make_confirmation: Any
) -> None:
    desk = watcher.desk
    await watcher.paid(100)
    lost = await watcher.paid(250, "confirmation_lost")
    await watcher.paid(300)
    (gap,) = await watcher.see()
    assert gap.difference == Money.shillings(250)
    assert len(watcher.looks) == 1
    assert desk.now() - watcher.looks[0] < gap.since
    assert "KES 250 arrived" in watcher.told[-1].sentence
    await watcher.paid(50)
    assert await watcher.see() == (gap,)
    assert len(watcher.looks) == 1
    paid = next(payment for payment in desk.core.ledger.payments if payment.receipt == lost)
    stamp = datetime.fromtimestamp(paid.paid_at, desk.now().tzinfo) + timedelta(hours=3)
    desk.log.confirm(make_confirmation(TransID=lost, TransAmount="250", TransTime=f"{stamp:%Y%m%d%H%M%S}"))
    assert await watcher.see() == ()
    assert watcher.told[-1] == BalanceGapsChanged((), "")


async def test_a_gap_outlives_the_program_until_a_person_explains_it(watcher: Watcher) -> None:
    desk = watcher.desk
    await watcher.paid(100)
    await watcher.paid(250, "confirmation_lost")
    await watcher.paid(300)
    (gap,) = await watcher.see()
    await watcher.stop()
    await desk.close()
    await desk.open()
    looks = len(watcher.looks)
    watcher.start()
    assert await watcher.see() == (gap,)
    assert len(watcher.looks) == looks
    assert await watcher.watch.explain(gap, " ", desk.account) is not None
    assert await watcher.watch.explain(gap, "banked by hand", desk.account) is None
    assert watcher.watch.open == ()
    (told,) = await desk.database.read(lambda c: balances.explanations(c, "174379"))
    assert (told.note, told.difference) == ("banked by hand", gap.difference)


@pytest.mark.parametrize(
    ("route", "state", "pays_out", "left"),
    [
        (Route.REVERSAL, RefundState.COMPLETED, "", 0),
        (Route.REVERSAL, RefundState.UNKNOWN, "", 0),
        (Route.REVERSAL, RefundState.FAILED, "", 60),
        (Route.B2C, RefundState.COMPLETED, "174379", 0),
        (Route.B2C, RefundState.COMPLETED, "600000", 60),
    ],
)
async def test_what_the_till_itself_gave_back_is_no_money_that_somebody_took(
    watcher: Watcher, route: Route, state: RefundState, pays_out: str, left: int
) -> None:
    desk = watcher.desk
    await watcher.stop()
    watcher.running = asyncio.create_task(watcher.watch.run(desk.account, pays_out))
    receipt = await watcher.paid(100)
    await watcher.see()
    desk.core.initiator.deposit("174379", -60, desk.core.clock.now())
    await desk.database.run(lambda connection: _add_refund(connection, receipt, route, state, desk.now()))
    await watcher.paid(300)
    assert sum((gap.difference for gap in await watcher.see()), ZERO) == Money.shillings(-left)


def _add_refund(connection: sqlite3.Connection, receipt: str, route: Route, state: RefundState, at: datetime) -> None:
    """Of KES 60, sent when the clock says so."""
    sale = sales.add(connection, Cart((SaleLine("Bread", Money.shillings(100)),)), at)
    person = staff.add(connection, "Wanjiru", Role.OWNER, KeptPin(b"s" * 16, b"h" * 32), at)
    refund = Refund(
        id=0,
        number=0,
        sale_id=sale.id,
        payment_id=receipt,
        original_receipt=receipt,
        route=route,
        amount=Money.shillings(60),
        payee=Msisdn("254712345678"),
        other_number=False,
        why=RefundReason.RETURNED,
        note="",
        requested_by=person.id,
        requested_at=at,
        nonce="n" * 32,
        originator_id="ours-1",
        state=state,
        submitted_at=at,
        finished_at=at if state.is_final else None,
    )
    refunds.add(connection, refund)


async def test_an_old_gap_stays_when_many_payments_have_come_since(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pos_app.services.balance_watch.NEWEST", 3)
    await watcher.paid(100)
    await watcher.paid(250, "confirmation_lost")
    await watcher.paid(300)
    (gap,) = await watcher.see()
    for amount in range(1, 9):
        await watcher.paid(amount)
        assert await watcher.see() == (gap,)
    await watcher.paid(20, "confirmation_lost")
    await watcher.paid(30)
    assert [one.difference for one in await watcher.see()] == [gap.difference, Money.shillings(20)]


async def test_while_the_relay_catches_up_no_balance_is_judged(watcher: Watcher) -> None:
    await watcher.see()
    watcher.desk.callbacks._on_status = lambda _status: None
    watcher.desk.health.link_changed(LinkStatus.CATCHING_UP)
    await watcher.paid(100)
    await watcher.paid(250, "confirmation_lost")
    await watcher.paid(300)
    assert await watcher.see() == ()
    watcher.desk.health.link_changed(LinkStatus.LIVE)
    assert len(await watcher.see()) == 1


async def test_records_that_cannot_be_reached_end_no_watching(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watcher.see()

    async def fails(_work: object) -> None:
        raise StoreError("busy")

    with monkeypatch.context() as broken:
        broken.setattr(watcher.desk.database, "read", fails)
        watcher.watch._wake.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not watcher.running.done()


# Registrations.


async def test_registrations_are_kept_with_their_sentence_and_without_the_key(desk: Any) -> None:
    registrations = Registrations(desk.database, lambda: desk.http, desk.guard, desk.now)
    empty = await registrations.standing(Product.C2B, desk.account, "https://pay.example.co.ke/h/k1")
    assert (empty.last, empty.done, empty.is_for_this_relay) == (None, None, False)
    record = await registrations.register_urls(access(desk), style=MsisdnStyle.HASHED)
    assert isinstance(record, RegistrationRecord)
    assert (record.state, record.style) == ("registered", "v1")
    assert record.address == "https://pay.example.co.ke/h/•••/c2b/confirm"
    standing = await registrations.standing(Product.C2B, desk.account, "https://pay.example.co.ke/h/k1")
    assert (standing.last, standing.done, standing.is_for_this_relay) == (record, record, True)
    other = await registrations.standing(Product.C2B, desk.account, "https://pay.example.co.ke/h/k2")
    assert not other.is_for_this_relay
    pull = await registrations.register_pull(access(desk), Msisdn.parse("0712000111"))
    assert isinstance(pull, RegistrationRecord)
    assert (pull.product, pull.state) == ("pull", "registered")
    assert "k1" not in repr(pull) + repr(record)
    assert await recorded(desk.database) == [
        (Event.SETTINGS_CHANGED, OWNER.name, "registration c2b", "registered"),
        (Event.SETTINGS_CHANGED, OWNER.name, "registration pull", "registered"),
    ]


@pytest.mark.parametrize(
    ("base", "words"),
    [("https://mpesa.example.co.ke/h/k", "mpesa"), ("http://pay.example.co.ke/h/k", "https"), ("nonsense", "address")],
)
async def test_an_address_that_safaricom_would_refuse_is_never_sent(desk: Any, base: str, words: str) -> None:
    registrations = Registrations(desk.database, lambda: desk.http, desk.guard, desk.now)
    sent = len(desk.network.sent)
    refused = await registrations.register_urls(access(desk, base))
    assert isinstance(refused, Refused)
    assert words in refused.sentence
    assert len(desk.network.sent) == sent


async def test_an_address_of_safaricom_that_is_none_is_refused(desk: Any) -> None:
    registrations = Registrations(desk.database, lambda: desk.http, desk.guard, desk.now)
    wrong = replace(access(desk), daraja_url="http://api.safaricom.co.ke")
    assert isinstance(await registrations.register_urls(wrong), Refused)


# The weather.


async def test_the_weather_turns_with_the_shops_own_charges_and_clears_with_time(desk: Any, make_callback: Any) -> None:
    turned: list[WeatherChanged] = []
    desk.changes.subscribe(WeatherChanged, turned.append)
    sky = NetworkWeather(desk.database, desk.changes, clock=desk.now, again_seconds=0.01)
    assert sky.current.level is WeatherLevel.OFF
    running = asyncio.create_task(sky.run())
    for _ in range(3):
        attempt = await desk.charged()
        await desk.advance(8)
        desk.log.stk(attempt.nonce, make_callback(attempt, 1032))
        await desk.pump()
    found = await sky.look()
    assert (found.level, found.count) == (WeatherLevel.OK, 3)
    assert 8 <= (found.median_seconds or 0) < 20
    desk.log.losing = True
    for _ in range(3):
        attempt = await desk.charged()
        await desk.advance(181)
        await desk.payments.note_silence(attempt.id)
    assert (await sky.look()).level is WeatherLevel.DOWN
    desk.health.mpesa_set_up(is_set_up=True)
    assert desk.health.current.mpesa.value == "down"
    assert "Safaricom is asked about each charge" in desk.health.current.sentence
    cleared = asyncio.Event()
    desk.changes.subscribe(WeatherChanged, lambda _change: cleared.set())
    await desk.advance(3600)
    async with asyncio.timeout(10):
        await cleared.wait()
    running.cancel()
    await asyncio.wait({running})
    assert desk.health.current.mpesa.value == "ok"
    levels = [change.weather.level for change in turned]
    assert [level for level in levels if level is not WeatherLevel.SLOW] == [
        WeatherLevel.OK,
        WeatherLevel.DOWN,
        WeatherLevel.OFF,
    ]


# The relay's answers to what is reported.


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(200, json={"new": 1, "known": 0, "unreadable": 0}), True),
        (httpx.Response(200, json={"new": 0, "known": 0, "unreadable": 1}), True),
        (httpx.Response(200, text="<html>Sign in</html>"), False),
        (httpx.Response(503), False),
        (httpx.ConnectError("down"), False),
    ],
)
async def test_only_the_relay_itself_can_say_that_it_has_the_rows(
    desk: Any, answer: httpx.Response | Exception, *, told: bool
) -> None:
    def reply(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as http:
        assert await reports.report_pulled(http, access(desk).pairing, "174379", ["{}"]) is told


# All of it together, between real processes.


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[tuple[str, Callable[..., Any]]]:
    """`python -m relay serve`, and its command line."""
    store = f"sqlite:///{tmp_path / 'relay.db'}"
    server = children.Server("relay", ["serve", "--port", "0", "--store", store], tmp_path / "relay.log")

    def run(*arguments: str) -> Any:
        command = [*children.program("relay"), *arguments, "--store", store, "--json"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    url = server.wait_ready().url
    run("shop", "add", "Duka")
    yield url, run
    server.close()


async def test_what_was_lost_is_in_the_real_relays_log_soon_after_the_till_is_connected(
    tmp_path: Path, relay: tuple[str, Callable[..., Any]]
) -> None:
    url, run = relay
    pairing = pair_now(url, str(run("till", "invite", "--shop", "Duka")["code"]), TillIdentity("ab" * 16, "Till 1"))
    assert isinstance(pairing, Pairing)
    credentials = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
    with serving(Daraja(RealClock(), allow_loopback_urls=True)) as daraja:
        way = MpesaAccess(daraja, PAYBILL, credentials, pairing)
        changes = Changes()
        till = signed_in(Till(tmp_path / "till", changes, lambda: Heading("Duka", "1"), KeyBox()))
        await till.open()
        async with httpx.AsyncClient(trust_env=False) as http:
            network = await till.network()
            done = await network.registrations.register_pull(way, Msisdn.parse("0712000111"))
            assert isinstance(done, RegistrationRecord)
            assert done.state == "registered"
            lost = []
            for amount in range(1, 121):
                fields = {"to": "174379", "phone": "254712345678", "amount": amount, "scenario": "confirmation_lost"}
                reply = await http.post(f"{daraja}/simulator/c2b/pay", json=fields)
                lost.append(reply.json()["payment"]["receipt"])
            told = asyncio.Event()
            changes.subscribe(PullingChanged, lambda change: told.set() if change.complete_until else None)
            await till.connect(way, "Duka")
            async with asyncio.timeout(30):
                await told.wait()
            swept = await network.pulling.look_now()
            assert swept.receipts == set(lost)
            await till.connect(None, "Duka")
            await till.close()
            events = await http.get(
                f"{url}/v1/events/{pairing.stream}",
                params={"after": 0, "wait": 0},
                headers={"Authorization": f"Bearer {pairing.token}"},
            )
    told = [frame for frame in events.json() if frame["t"] == "event" and frame["kind"] != "anchor"]
    found = [frame["receipt"] for frame in told]
    assert sorted(found) == sorted(lost)
