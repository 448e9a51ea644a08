"""A refund gives back money that this till has, once: whoever claims the payment, and whatever becomes of its sale."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from refund_till import RECEIPT, Till, staffed

from pos_app.domain.claim import Claim
from pos_app.domain.money import Money
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Sale
from pos_app.store import claims, payments, refunds
from pos_app.store.refunds import OverRefundError

pytestmark = pytest.mark.anyio


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with staffed(tmp_path) as made:
        yield made


async def asks_for(till: Till, sale: Sale) -> None:
    """This till wants the payment for its sale, and the relay has not answered."""
    wish = Claim(RECEIPT, 0, "till_1", "", str(sale.number), "", till.now)
    await till.database.run(lambda connection: claims.ask(connection, wish))


async def turns_out_to_be(till: Till, receiptless: str, receipt: str) -> None:
    """The callback of the charge comes: its money is the payment that a cashier gave to another sale."""
    await till.database.run(lambda connection: payments.supersede(connection, receiptless, by=receipt))


async def takes_away(till: Till) -> None:
    """Another sale, or another till, turned out to have it."""

    def move(connection: sqlite3.Connection) -> None:
        held = payments.by_id(connection, RECEIPT)
        assert held is not None
        payments.save(connection, held.held_by(None))

    await till.database.run(move)


@pytest.mark.parametrize("route", [Route.REVERSAL, Route.B2C, Route.CASH])
async def test_b4_a_payment_that_another_till_may_have_is_not_given_back(till: Till, route: Route) -> None:
    """Both tills would: each counts what it gave back in its own file."""
    sale = await till.paid_sale()
    await asks_for(till, sale)
    refused = await till.refunds.prepare(till.draft(sale, 1000, route))
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("The relay has not confirmed this payment yet: another till may have it.")
    await till.database.run(lambda connection: claims.answer_wish(connection, RECEIPT, till.now))
    assert isinstance(await till.refunds.prepare(till.draft(sale, 1000, route)), Refund)


@pytest.mark.parametrize("route", [Route.REVERSAL, Route.B2C, Route.CASH])
async def test_b4_a_refund_whose_payment_has_gone_to_another_is_not_released(till: Till, route: Route) -> None:
    refund = await till.prepared(await till.paid_sale(), 1000, route)
    await takes_away(till)
    refused = await till.approve(refund, "Otieno")
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("The payment does not count for this sale any more.")
    assert (await till.state(refund), till.bank.requests) == (RefundState.REQUESTED, [])


async def test_b4_one_that_was_released_and_did_not_leave_stays_when_its_payment_is_gone(till: Till) -> None:
    sale = await till.paid_sale()
    refund = await till.prepared(sale)
    till.bank.unreachable = True
    await till.approve(refund, "Otieno")
    till.bank.unreachable = False
    await asks_for(till, sale)
    assert isinstance(await till.refunds.send(refund.id), Refused)
    await takes_away(till)
    assert isinstance(await till.refunds.send(refund.id), Refused)
    assert (await till.state(refund), till.bank.requests) == (RefundState.APPROVED, [])


async def test_i2_what_was_given_back_before_the_receipt_was_known_counts_for_the_payment_it_turns_out_to_be(
    till: Till,
) -> None:
    charged = await till.paid_sale(1000, "stk:ws_CO_1")
    cash = await till.prepared(charged, 1000, Route.CASH, payment_id="stk:ws_CO_1")
    await till.approve(cash, "Otieno")
    assert await till.state(cash) is RefundState.COMPLETED
    given = await till.paid_sale(1000)
    await turns_out_to_be(till, "stk:ws_CO_1", RECEIPT)
    assert (await till.refunds.options(given.id)).payments[0].left == Money(0)
    assert isinstance(await till.refunds.prepare(till.draft(given, 1000, Route.REVERSAL)), Refused)
    with pytest.raises(OverRefundError):
        await till.database.run(lambda connection: refunds.add(connection, replace(cash, payment_id=RECEIPT)))
