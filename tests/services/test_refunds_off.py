"""One refusal of the API operator stops everything that would be signed with its credential (B6, trap 37)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bank import result
from refund_till import Till, staffed

from pos_app.domain.refund import Route
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused

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
