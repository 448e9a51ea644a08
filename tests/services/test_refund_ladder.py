"""The ladder of questions about refunds with no end, and sending when something is in the way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bank import result
from refund_till import PINS, Till, climbs, staffed, success, until
from staffing import owners_guard

from pos_app.domain.attempt import Attempt
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.services.connections import Connections

pytestmark = pytest.mark.anyio


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with staffed(tmp_path) as made:
        yield made


async def sent(till: Till, route: Route = Route.B2C) -> Refund:
    told = await till.approve(await till.prepared(await till.paid_sale(400), 400, route), "Otieno")
    assert isinstance(told, Refund)
    return told


async def asleep(till: Till, running: "asyncio.Task[None]") -> None:
    """The ladder waits for its next rung, all it had to do done."""
    for _ in range(200):
        await asyncio.sleep(0)
    await till.database.read(lambda _connection: None)
    assert not running.done()


async def test_a_refund_just_sent_is_asked_about_after_a_minute_and_not_before(till: Till) -> None:
    refund = await sent(till)
    running = asyncio.create_task(till.ladder.run())
    await asleep(till, running)
    assert till.bank.asked("transactionstatus") == []
    till.seconds = 60.0
    running.cancel()
    await climbs(till, 1)
    assert await till.state(refund) is RefundState.PENDING


async def test_after_five_minutes_of_silence_it_is_said_to_be_unknown(till: Till) -> None:
    refund = await sent(till)
    till.seconds = 300.0
    await climbs(till, 1)
    assert await till.state(refund) is RefundState.UNKNOWN


async def test_what_was_sent_before_the_till_started_is_a_day_old_by_the_wall_clock(till: Till) -> None:
    refund = await sent(till)
    till.now += timedelta(hours=24)
    await till.restart()
    till.seconds = 300.0
    await climbs(till, 1)
    two = [((await till.person(name)).id, PINS[name]) for name in ("Wanjiru", "Otieno")]
    settled = await till.refunds.attest(refund.id, *two, paid=False)
    assert isinstance(settled, Refund)
    assert settled.state is RefundState.FAILED


async def test_that_a_disputed_one_was_not_paid_is_said_after_a_day_and_that_it_was_at_once(till: Till) -> None:
    """After an old copy was put back it may be on its way this very minute."""
    refund = await till.prepared(await till.paid_sale(400), 400, Route.B2C)
    await till.hears("result", refund.nonce, result(refund.originator_id, 100_000_000))
    assert await till.state(refund) is RefundState.DISPUTED
    two = [((await till.person(name)).id, PINS[name]) for name in ("Wanjiru", "Otieno")]
    assert isinstance(await till.refunds.attest(refund.id, *two, paid=False), Refused)
    settled = await till.refunds.attest(refund.id, *two, paid=True)
    assert isinstance(settled, Refund)
    assert settled.state is RefundState.COMPLETED


async def test_silence_takes_nothing_back_from_a_disputed_one(till: Till) -> None:
    refund = await sent(till)
    await till.hears("result", refund.nonce, success(refund, TransactionAmount=401))
    till.seconds = 300.0
    await climbs(till, 1)
    assert await till.state(refund) is RefundState.DISPUTED


async def test_one_that_safaricom_has_though_this_file_holds_it_for_unsent_is_asked_about_too(till: Till) -> None:
    """As after an old backup was put back."""
    refund = await till.prepared(await till.paid_sale(400), 400, Route.B2C)
    paying, till.refunds.paying = till.refunds.paying, None
    await till.approve(refund, "Otieno")
    till.refunds.paying = paying
    await till.hears("timeout", refund.nonce, {"OriginatorConversationID": refund.originator_id})
    assert await till.state(refund) is RefundState.UNKNOWN
    till.ladder.check_soon(refund.id)
    await climbs(till, 1)
    await till.restart()
    await climbs(till, 2)


async def test_somebody_who_does_not_want_to_wait_has_it_asked_about_now(till: Till) -> None:
    refund = await sent(till)
    till.ladder.check_soon(refund.id)
    till.ladder.check_soon(refund.id + 1)
    await climbs(till, 1)


async def test_what_has_ended_is_not_asked_about(till: Till) -> None:
    refund = await sent(till)
    await till.hears("result", refund.nonce, success(refund))
    till.ladder.check_soon(refund.id)
    till.seconds = 7200.0
    running = asyncio.create_task(till.ladder.run())
    await asleep(till, running)
    running.cancel()
    assert till.bank.asked("transactionstatus") == []


async def test_a_question_that_is_refused_or_does_not_arrive_changes_nothing(till: Till) -> None:
    refund = await sent(till)
    till.bank.lose, till.seconds = True, 60.0
    await climbs(till, 1)
    assert await till.state(refund) is RefundState.PENDING
    await till.hears("result", refund.nonce, success(refund))
    assert await till.state(refund) is RefundState.COMPLETED


async def test_a_question_that_goes_wrong_is_logged_and_the_next_rung_still_comes(
    till: Till, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await sent(till)
    paying = till.refunds.paying
    assert paying is not None

    def broken() -> str:
        till.refunds.paying = paying
        raise OSError("no randomness")

    till.refunds.paying = replace(paying, make_nonce=broken)
    till.seconds = 60.0
    running = asyncio.create_task(till.ladder.run())
    await asleep(till, running)
    running.cancel()
    assert "could not be asked about" in caplog.text
    till.seconds = 300.0
    await climbs(till, 1)


async def test_a_refund_that_ends_while_another_is_asked_about_does_not_end_the_asking(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = await till.paid_sale(800)
    first, second = [await till.prepared(sale, 400, Route.B2C) for _ in range(2)]
    for refund in (first, second):
        await till.approve(refund, "Otieno")
    assert till.refunds.paying is not None
    ask = till.refunds.paying.api.transaction_status

    async def ends_meanwhile(*told: Any, **more: Any) -> Any:
        await till.hears("result", second.nonce, success(second))
        return await ask(*told, **more)

    monkeypatch.setattr(till.refunds.paying.api, "transaction_status", ends_meanwhile)
    till.seconds = 60.0
    running = asyncio.create_task(till.ladder.run())
    await until(lambda: len(till.bank.asked("transactionstatus")) == 1)
    await asleep(till, running)
    running.cancel()


async def test_without_an_operator_nobody_is_asked_and_nothing_is_lost(till: Till) -> None:
    """Its settings were taken out while a refund was open."""
    refund = await sent(till)
    till.refunds.paying = None
    till.seconds = 60.0
    running = asyncio.create_task(till.ladder.run())
    await asleep(till, running)
    running.cancel()
    assert till.bank.asked("transactionstatus") == []
    assert await till.state(refund) is RefundState.PENDING


async def test_an_unreadable_answer_or_one_that_came_too_late_says_nothing(till: Till) -> None:
    refund = await sent(till)
    till.seconds = 60.0
    await climbs(till, 1)
    nonce = till.bank.asked("transactionstatus")[0]["ResultURL"].rpartition("/")[2]
    await till.hears("result", nonce, {"Result": []})
    await till.hears("timeout", nonce, {})
    assert await till.state(refund) is RefundState.PENDING


async def test_a_till_without_an_operator_keeps_a_released_refund_to_send_later(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(400), 400, Route.B2C)
    paying, till.refunds.paying = till.refunds.paying, None
    refused = await till.approve(refund, "Otieno")
    assert refused == Refused("Refunds by M-Pesa are not set up on this till. Nothing was sent.")
    assert await till.state(refund) is RefundState.APPROVED
    till.refunds.paying = paying
    assert isinstance(await till.refunds.send(refund.id), Refund)
    assert till.bank.paid == {refund.originator_id: 400}


async def test_b4_without_the_relay_no_refund_leaves_by_mpesa_and_cash_goes_all_the_same(till: Till) -> None:
    """Its result would not be heard; and after an old copy was put back, what was done before is not known yet."""
    sale = await till.paid_sale(400)
    refund, cash = await till.prepared(sale, 300, Route.B2C), await till.prepared(sale, 100, Route.CASH)
    till.relay_is_live = False
    refused = await till.approve(refund, "Otieno")
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("The relay is out of reach")
    await till.approve(cash, "Otieno")
    assert (await till.state(refund), await till.state(cash)) == (RefundState.APPROVED, RefundState.COMPLETED)
    till.relay_is_live = True
    assert isinstance(await till.refunds.send(refund.id), Refund)
    assert till.bank.paid == {refund.originator_id: 300}


async def test_a_full_disk_sends_nothing(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    refund = await till.prepared(await till.paid_sale(400), 400, Route.B2C)

    async def full() -> bool:
        return False

    monkeypatch.setattr(till.database, "has_room", full)
    refused = await till.approve(refund, "Otieno")
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("The disk is full. Nothing was sent")
    assert (await till.state(refund), till.bank.requests) == (RefundState.APPROVED, [])


@pytest.mark.parametrize("route", [Route.B2C, Route.REVERSAL])
async def test_a_request_that_cannot_be_made_is_not_sent_and_may_be_sent_again(till: Till, route: Route) -> None:
    """An address that is none: nothing left, so nothing is unknown."""
    refund = await till.prepared(await till.paid_sale(400), 400, route)
    paying = till.refunds.paying
    assert paying is not None
    till.refunds.paying = replace(paying, callback_base="not an address")
    told = await till.approve(refund, "Otieno")
    assert isinstance(told, Refund)
    assert (told.state, till.bank.requests) == (RefundState.APPROVED, [])
    till.refunds.paying = paying
    assert isinstance(await till.refunds.send(refund.id), Refund)
    assert sum(till.bank.paid.values()) == 400


async def test_a_till_that_is_closed_while_a_refund_leaves_waits_a_moment_for_the_reply(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(400), 400, Route.B2C)
    leaving = asyncio.create_task(till.approve(refund, "Otieno"))
    while not till.bank.requests:  # noqa: ASYNC110 — a request has no event
        await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait({leaving})
    assert leaving.cancelled()
    assert await till.state(refund) is RefundState.PENDING


async def test_while_refunds_are_on_their_way_the_till_stays_with_the_shop_that_hears_their_results(till: Till) -> None:
    refund = await sent(till)
    paired = {"till_id": "t", "till_code": "1", "token": "k", "shop": "Kiosk", "stream": "st_2"}
    answer = {**paired, "callback_base": "https://relay.example/h/k", "nonce_key": "n"}

    async def no_charges() -> tuple[Attempt, ...]:
        return ()

    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answer))) as http:
        guard = owners_guard(till.database, till.changes)
        connections = Connections(lambda: http, no_charges, till.refunds.on_their_way, guard)
        identity = TillIdentity("0" * 32, "Counter 1", "T1", "Duka", "st_1")
        refused = await connections.pair("https://r.example", "code", identity)
        assert isinstance(refused, Refused)
        assert refused.sentence.startswith("1 refund is still open in Duka")
        await till.hears("result", refund.nonce, success(refund))
        assert isinstance(await connections.pair("https://r.example", "code", identity), Pairing)


async def test_refunds_that_do_not_exist_are_refused_by_name(till: Till) -> None:
    otieno, wanjiru = await till.person("Otieno"), await till.person("Wanjiru")
    unknown = Refused("There is no such refund on this till.")
    assert await till.refunds.send(99) == unknown
    assert await till.refunds.approve(99, otieno.id, PINS["Otieno"]) == unknown
    two = (otieno.id, PINS["Otieno"]), (wanjiru.id, PINS["Wanjiru"])
    assert await till.refunds.attest(99, *two, paid=True) == unknown
    await till.signs_in("Otieno")
    assert await till.refunds.decline(99) == unknown
