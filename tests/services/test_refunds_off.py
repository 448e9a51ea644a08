"""One refusal of the API operator stops everything that would be signed with its credential (B6, trap 37)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from bank import result
from refund_till import Till, climbs, staffed

from pos_app.domain.refund import Route
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.services.accounts import Accounts
from pos_app.services.guard import Guard

pytestmark = pytest.mark.anyio

OFF = Refused("Refunds by M-Pesa are off until the owner has mended the API operator.")


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with staffed(tmp_path) as made:
        yield made


async def refused_operator(till: Till) -> None:
    """A refund of another sale was answered with 2001."""
    refund = await till.prepared(await till.paid_sale(400, "UKO1111111"), 400, Route.B2C, payment_id="UKO1111111")
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, result(refund.originator_id, 2001))
    till.bank.requests.clear()


async def test_b6_what_was_prepared_before_is_not_released_while_refunds_are_off(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await refused_operator(till)
    assert await till.approve(refund, "Otieno") == OFF
    assert (await till.state(refund), till.bank.requests) == (RefundState.REQUESTED, [])


async def test_b6_what_was_released_and_did_not_leave_stays_while_refunds_are_off(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    till.bank.unreachable = True
    await till.approve(refund, "Otieno")
    till.bank.unreachable = False
    await refused_operator(till)
    assert await till.refunds.send(refund.id) == OFF
    assert (await till.state(refund), till.bank.requests) == (RefundState.APPROVED, [])


async def test_b6_cash_is_given_back_all_the_same(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.CASH)
    await refused_operator(till)
    await till.approve(refund, "Otieno")
    assert await till.state(refund) is RefundState.COMPLETED


async def test_trap_37_nobody_is_asked_with_a_refused_credential_and_everything_once_it_is_mended(till: Till) -> None:
    """A wrong password is wrong in a question too, and each counts against the lock."""
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    till.bank.lose = True
    await till.approve(refund, "Otieno")
    till.bank.lose = False
    other = await till.prepared(await till.paid_sale(400, "UKO1111111"), 400, Route.B2C, payment_id="UKO1111111")
    await till.approve(other, "Otieno")
    await till.hears("result", other.nonce, result(other.originator_id, 2001))
    till.seconds = 60.0
    asking = asyncio.create_task(till.ladder.run())
    await till.signs_in("Wanjiru")
    assert till.bank.asked("transactionstatus") == []
    assert await till.refunds.switch_on() is None
    await climbs(till, 1)
    asking.cancel()
    assert till.bank.asked("transactionstatus")[0]["OriginalConversationID"] == refund.originator_id


async def test_trap_37_a_balance_that_is_refused_at_once_switches_refunds_off_too(till: Till) -> None:
    guard = Guard(till.authority, till.record)
    accounts = Accounts(till.database, till.changes, till.refunds, guard, clock=lambda: till.now)
    till.bank.refuse = httpx.Response(200, json={"ResponseCode": "2001", "ResponseDescription": "no"})
    await accounts.look_before_refund()
    assert till.said[0].startswith("Safaricom refuses the shop’s API operator (code 2001).")
    sale = await till.paid_sale()
    assert await till.refunds.prepare(till.draft(sale, 400, Route.B2C)) == OFF
