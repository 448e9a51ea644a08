"""The back of the shop: balances, the operator's task, how refunds end in the record, where the record ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bank import result
from refund_till import Till, staffed, success, until

from pos_app.domain.audit import Event, Head
from pos_app.domain.money import Money
from pos_app.domain.receipt import Heading
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.shop import Pairing
from pos_app.relay_link.anchors import AnchorDesk
from pos_app.services import anchoring
from pos_app.services.accounts import Accounts
from pos_app.services.anchoring import Anchoring
from pos_app.services.audit_log import LOST_KEYS
from pos_app.services.changes import AccountsChanged, Notice, OperatorTaskChanged
from pos_app.services.clock import monotonic
from pos_app.services.guard import Guard
from pos_app.services.office import Office
from pos_app.services.refund_record import RefundRecord
from pos_app.store import audit

pytestmark = pytest.mark.anyio

BALANCE = "Working Account|KES|0.00|0.00|0.00|0.00&Utility Account|KES|350.00|350.00|0.00|0.00"


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with staffed(tmp_path) as made:
        yield made


def accounts_of(till: Till) -> Accounts:
    guard = Guard(till.authority, till.record)
    return Accounts(till.database, till.changes, till.refunds, guard, clock=lambda: till.now)


async def answered(till: Till, **told: Any) -> None:
    nonce = till.bank.asked("accountbalance")[-1]["ResultURL"].rpartition("/")[2]
    await till.hears("result", nonce, result("of the question", **told))


# --- accounts ---------------------------------------------------------------------------------------------


async def test_a_manager_asks_what_the_accounts_hold_and_the_answer_is_kept_and_told(till: Till) -> None:
    heard: list[AccountsChanged] = []
    till.changes.subscribe(AccountsChanged, heard.append)
    accounts = accounts_of(till)
    assert isinstance(await accounts.ask(), Refused), "a cashier may not"
    assert till.bank.requests == []
    await till.signs_in("Otieno")
    assert await accounts.ask() is None
    await answered(till, AccountBalance=BALANCE)
    told = await accounts.newest()
    assert told is not None
    assert (told.utility_available, len(heard)) == (Money.shillings(350), 1)


async def test_a_float_that_was_just_told_to_be_too_low_closes_the_way_by_mpesa_and_says_why(till: Till) -> None:
    sale = await till.paid_sale()
    await accounts_of(till).look_before_refund()
    await answered(till, AccountBalance=BALANCE)
    options = await till.refunds.options(sale.id)
    offers = {
        offer.route: offer.refusal
        for offer in await till.refunds.routes(options, Money.shillings(400), options.payments[0].payment.id)
    }
    assert offers[Route.B2C] == "The business account holds KES 350 for payments. Top it up first."
    assert await till.refunds.prepare(till.draft(sale, 400, Route.B2C)) == Refused(offers[Route.B2C])
    await accounts_of(till).look_before_refund()
    assert len(till.bank.asked("accountbalance")) == 1, "what was told minutes ago is not asked again"
    till.now += timedelta(minutes=20)
    await till.prepared(sale, 400, Route.B2C)


async def test_without_an_operator_or_with_one_that_is_refused_nobody_is_asked(till: Till) -> None:
    await till.signs_in("Otieno")
    accounts = accounts_of(till)
    await accounts.ask()
    await till.hears(
        "result", till.bank.asked("accountbalance")[0]["ResultURL"].rpartition("/")[2], result("question", 2001)
    )
    assert await accounts.newest() is None
    off = await accounts.ask()
    assert off == Refused("The API operator is switched off until the owner has mended it, so that it is not locked.")
    await accounts.look_before_refund()
    till.refunds.paying = None
    assert isinstance(await accounts.ask(), Refused)
    await accounts.look_before_refund()
    assert len(till.bank.asked("accountbalance")) == 1


async def test_pages_that_open_one_after_the_other_ask_once_while_the_answer_is_awaited(till: Till) -> None:
    accounts = accounts_of(till)
    for _ in range(3):
        await accounts.look_before_refund()
    assert len(till.bank.asked("accountbalance")) == 1
    till.now += timedelta(minutes=11)
    await accounts.look_before_refund()
    assert len(till.bank.asked("accountbalance")) == 2, "it never came"


async def test_a_question_that_safaricom_does_not_take_says_so(till: Till) -> None:
    await till.signs_in("Otieno")
    till.bank.refuse = httpx.Response(500, json={"errorCode": "500.003.02", "errorMessage": "System is busy."})
    refused = await accounts_of(till).ask()
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("Safaricom did not take the question.")


# --- what the owner must do ---------------------------------------------------------------------------------


async def test_the_owners_task_is_told_when_refunds_are_switched_off_and_when_the_password_ages(till: Till) -> None:
    told: list[str] = []
    till.changes.subscribe(OperatorTaskChanged, lambda task: told.append(task.sentence))
    office = office_of(till)
    await office.open()
    office.take_up(till.refunds.paying, date(2026, 9, 5))
    await until(lambda: told and "dies in 10 days" in told[-1])
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, result(refund.originator_id, 8006))
    await until(lambda: told[-1].startswith("Refunds by M-Pesa are off"))
    await till.signs_in("Wanjiru")
    assert await till.refunds.switch_on() is None
    await until(lambda: "dies in 10 days" in told[-1])
    office.take_up(None)
    await until(lambda: told[-1] == "")
    await office.close()


async def test_a_refund_that_nobody_knows_the_end_of_after_a_day_stays_on_the_screen_until_two_people_settle_it(
    till: Till,
) -> None:
    told: list[str] = []
    till.changes.subscribe(OperatorTaskChanged, lambda task: told.append(task.sentence))
    unknown, disputed = [
        await till.prepared(await till.paid_sale(400, receipt), 400, Route.B2C, payment_id=receipt)
        for receipt in ("UKO1111111", "UKO2222222")
    ]
    for refund in unknown, disputed:
        await till.approve(refund, "Otieno")
    office = office_of(till)
    await office.open()
    await till.hears("timeout", unknown.nonce, {})
    assert await office.task() == ""
    till.now += timedelta(hours=24)
    await till.hears("result", disputed.nonce, success(disputed, TransactionAmount=1))
    await until(lambda: told and told[-1].startswith("2 refunds wait for two people"))
    await till.hears("result", unknown.nonce, success(unknown))
    await until(lambda: told[-1].startswith("A refund waits for two people"))
    await office.close()


def office_of(till: Till) -> Office:
    return Office(
        till.database,
        till.changes,
        authority=till.authority,
        proving=till.proving,
        record=till.record,
        heading=lambda: Heading("Duka", "1"),
        clock=lambda: till.now,
    )


async def test_an_office_that_opens_takes_what_was_on_its_way_for_unknown(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    till.bank.lose = True
    await till.approve(refund, "Otieno")
    office = office_of(till)
    await office.open()
    assert await till.state(refund) is RefundState.UNKNOWN
    await office.close()


async def test_what_is_unknown_is_asked_about_as_soon_as_there_is_a_way_and_not_at_the_next_hour(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    till.bank.lose = True
    await till.approve(refund, "Otieno")
    till.bank.lose, till.now = False, till.now + timedelta(hours=2)
    office = office_of(till)
    await office.open()
    await until(lambda: office.ladder._due[refund.id] > monotonic())  # its first turn is over, and it could ask nobody
    assert till.bank.asked("transactionstatus") == []
    office.take_up(till.refunds.paying)
    await until(lambda: till.bank.asked("transactionstatus"))
    await office.close()


# --- the record of how a refund ended -----------------------------------------------------------------------


async def ended(till: Till) -> list[tuple[Event, str]]:
    told = await till.record.newest()
    return [(one.event, one.detail) for one in told if one.event in {Event.REFUND_SENT, Event.REFUND_ENDED}]


async def test_how_a_refund_ended_is_sealed_once_with_both_codes(till: Till) -> None:
    recording = asyncio.create_task(RefundRecord(till.database, till.changes, till.record).run())
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, success(refund))
    await until_sealed(till, 2)
    recording.cancel()
    (last, words), (first, _) = await ended(till)
    assert (first, last) == (Event.REFUND_SENT, Event.REFUND_ENDED)
    assert "UKO7K2M9QX → UKO9R8F7ND, COMPLETED" in words
    again = asyncio.create_task(RefundRecord(till.database, till.changes, till.record).run())
    await till.database.read(lambda _connection: None)
    await asyncio.sleep(0)
    again.cancel()
    assert len(await ended(till)) == 2, "a restart says nothing twice"


async def test_an_end_that_came_while_nobody_recorded_is_sealed_at_the_next_start(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, success(refund))
    recording = asyncio.create_task(RefundRecord(till.database, till.changes, till.record).run())
    await until_sealed(till, 1)
    recording.cancel()
    assert (await ended(till))[0][0] is Event.REFUND_ENDED


async def test_that_refunds_went_off_is_sealed_with_the_code_and_once(till: Till) -> None:
    recording = asyncio.create_task(RefundRecord(till.database, till.changes, till.record).run())
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    for _ in range(2):
        await till.hears("result", refund.nonce, result(refund.originator_id, 2001))
    await until_sealed(till, 2)
    await until_recorded(till, Event.REFUNDS_OFF)
    recording.cancel()
    again = asyncio.create_task(RefundRecord(till.database, till.changes, till.record).run())
    other = await till.prepared(await till.paid_sale(300, "UKO1111111"), 300, Route.CASH, payment_id="UKO1111111")
    await till.approve(other, "Otieno")
    await until_sealed(till, 3)
    again.cancel()
    (off,) = await till.record.newest(event=Event.REFUNDS_OFF)
    assert (off.actor, off.subject) == ("M-Pesa", "code 2001")


async def until_recorded(till: Till, event: Event) -> None:
    async with asyncio.timeout(10):
        while not await till.record.newest(event=event):  # noqa: ASYNC110 — an entry of the record has no event
            await asyncio.sleep(0.005)


async def until_sealed(till: Till, count: int) -> None:
    async with asyncio.timeout(10):
        while len(await ended(till)) < count:  # noqa: ASYNC110 — an entry of the record has no event
            await asyncio.sleep(0.005)


async def test_a_record_that_cannot_be_written_stops_no_refund(
    till: Till, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> bool:
        raise OSError("disk")

    monkeypatch.setattr(audit, "has", broken)
    recording = asyncio.create_task(RefundRecord(till.database, till.changes, till.record).run())
    refund = await till.prepared(await till.paid_sale(), 300, Route.CASH)
    assert isinstance(await till.approve(refund, "Otieno"), Refund)
    await until(lambda: "could not be sealed" in caplog.text)
    assert not recording.done()
    recording.cancel()


# --- where the record ends ----------------------------------------------------------------------------------


class Relay:
    """Keeps one anchor, as the real one does; `reply` instead of that."""

    def __init__(self, till: Till) -> None:
        self.held: dict[str, Any] | None = None
        self.reply: httpx.Response | Exception | None = None
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        pairing = Pairing("http://relay.test", "Duka", "st_1", "t", "1", "k", "http://relay.test/h/k", "0" * 32)
        self.desk = AnchorDesk(self.http, pairing)
        self.anchoring = Anchoring(till.database, till.record, till.changes, clock=lambda: till.now)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if isinstance(self.reply, Exception):
            raise self.reply
        if self.reply is not None:
            return self.reply
        if request.method == "POST":
            self.held = {**httpx.Response(200, content=request.content).json(), "till_id": "t", "at": "now"}
        if self.held is None:
            return httpx.Response(404, json={"error": "no anchor yet"})
        return httpx.Response(200, json=self.held)

    async def anchor(self) -> bool:
        return await self.anchoring.anchor(self.desk)


async def test_the_end_of_the_record_is_kept_at_the_relay_and_moves_on(till: Till) -> None:
    relay = Relay(till)
    assert await relay.anchor()
    first = relay.held
    assert first is not None
    assert Head(first["seq"], first["mac"]) == await till.record.head()
    await till.staff.sign_out()
    assert await relay.anchor()
    assert relay.held is not None
    assert relay.held["seq"] == first["seq"] + 1
    assert relay.anchoring.held == await till.record.head(), "what the record is checked against"


async def test_a_record_that_was_cut_is_said_once_and_the_anchor_stays(till: Till) -> None:
    relay, said = Relay(till), list[str]()
    await relay.anchor()
    till.changes.subscribe(Notice, lambda notice: said.append(notice.sentence))
    anchor = relay.held

    def cut(connection: Any) -> None:
        connection.execute("DROP TRIGGER audit_is_kept")
        connection.execute("DELETE FROM audit_entry WHERE seq = (SELECT max(seq) FROM audit_entry)")

    await till.database.run(cut)
    assert await relay.anchor()
    assert await relay.anchor()
    assert len(said) == 2
    assert said[0].startswith("The till’s record of who did what is not the one")
    assert said[1].startswith("Refunds by M-Pesa are off: this till’s records lack what was done here")
    assert relay.held == anchor
    await till.signs_in("Wanjiru")
    assert await till.refunds.switch_on() is None
    assert await relay.anchor()
    await till.prepared(await till.paid_sale(), 400, Route.B2C)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.ConnectError("away"),
        httpx.Response(502, text="Bad Gateway"),
        httpx.Response(200, text="<html>"),
        httpx.Response(404, json={"error": "not found"}),
    ],
)
async def test_a_relay_that_is_away_or_something_in_its_place_is_asked_again(
    till: Till, reply: httpx.Response | Exception
) -> None:
    relay = Relay(till)
    relay.reply = reply
    assert not await relay.anchor()
    assert relay.held is None


async def test_a_refund_is_anchored_at_once_and_not_at_the_next_hour(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchoring, "_GATHER_SECONDS", 0.0)
    relay = Relay(till)
    running = asyncio.create_task(relay.anchoring.run(relay.desk))
    await until(lambda: relay.held)
    first = relay.anchoring.held
    assert first == await till.record.head()
    refund = await till.prepared(await till.paid_sale(), 300, Route.CASH)
    await till.approve(refund, "Otieno")
    end = await till.record.head()
    await until(lambda: relay.anchoring.held == end)
    assert end.seq == first.seq + 2
    running.cancel()


async def test_without_the_keys_nothing_is_said_of_the_record(till: Till) -> None:
    relay = Relay(till)
    till.keys.clear()
    assert await till.record.verify(Head()) == LOST_KEYS
    assert not await relay.anchor()


async def test_anchoring_goes_on_after_a_failure(till: Till, caplog: pytest.LogCaptureFixture) -> None:
    relay = Relay(till)

    class Broken(AnchorDesk):
        async def last(self) -> Head | None:
            raise RuntimeError("of ours")

    running = asyncio.create_task(relay.anchoring.run(Broken(relay.http, relay.desk.pairing)))
    await until(lambda: "could not be anchored" in caplog.text)
    assert not running.done()
    running.cancel()
    running = asyncio.create_task(relay.anchoring.run(relay.desk))
    await until(lambda: relay.held is not None)
    await till.staff.sign_out()
    head = await till.record.head()
    relay.anchoring.soon()
    await until(lambda: relay.anchoring.held == head)  # the end of a day does not wait for the hour
    running.cancel()


# --- money that counts once ---------------------------------------------------------------------------------


async def test_change_that_was_given_for_too_much_is_not_given_back_again(till: Till) -> None:
    """1,000 came for a sale of 600, and 400 went out of the drawer: 600 is left to give back."""
    sale = await till.paid_sale(600, paid=1000)
    assert not isinstance(await till.sales.give_change(sale.id), Refused)
    assert (await till.refunds.options(sale.id)).left == Money.shillings(600)
    assert isinstance(await till.refunds.prepare(till.draft(sale, 1000, Route.REVERSAL)), Refused)
    assert isinstance(await till.refunds.prepare(till.draft(sale, 601, Route.B2C)), Refused)
    await till.prepared(sale, 600, Route.B2C)


async def test_no_change_is_given_once_money_of_the_sale_is_on_its_way_back(till: Till) -> None:
    sale = await till.paid_sale(600, paid=1000)
    await till.prepared(sale, 1000)
    refused = await till.sales.give_change(sale.id)
    assert isinstance(refused, Refused)
    assert "on its way back" in refused.sentence
