"""A refund gives back money that this till has, once: whoever claims the payment, and whatever becomes of its sale."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from bank import result
from refund_till import ACCOUNT, KES, PAYEE, RECEIPT, Till, staffed
from staffing import owners_guard

from pos_app.domain.claim import Claim
from pos_app.domain.money import Money
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine, SaleState
from pos_app.domain.shop import Pairing
from pos_app.relay_link.claims import ClaimDesk
from pos_app.services.matching import Matching
from pos_app.services.payments import Charging, Payments
from pos_app.services.sales import GIVEN_BACK
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


async def test_the_payment_of_another_sale_is_not_given_back_here(till: Till) -> None:
    await till.paid_sale()
    other = await till.sales.open(Cart((SaleLine("Unga", KES(500)),)))
    assert isinstance(other, Sale)
    assert isinstance(await till.sales.pay_cash(other.id, KES(500)), Sale)
    assert isinstance(await till.refunds.prepare(till.draft(other, 500, Route.CASH)), Refused)
    assert isinstance(await till.refunds.prepare(till.draft(other, 500, Route.CASH, payment_id="")), Refund)


@pytest.mark.parametrize("line", [(0, 2), (0, 0), (1, 1)])
async def test_no_more_of_a_line_comes_back_than_was_sold(till: Till, line: tuple[int, int]) -> None:
    sale = await till.paid_sale()
    assert isinstance(await till.refunds.prepare(till.draft(sale, 100, Route.B2C, lines=(line,))), Refused)
    await till.prepared(sale, 100, Route.B2C, lines=((0, 1),))
    again = await till.refunds.prepare(till.draft(sale, 100, Route.B2C, lines=((0, 1),)))
    assert again == Refused("Only 0 of that line can still come back. Look at the sale again.")


async def test_b9_much_money_of_one_sale_needs_two_people_however_it_is_split(till: Till) -> None:
    sale = await till.paid_sale(9998)
    await till.signs_in("Otieno")
    first, second = [await till.prepared(sale, 4999, Route.B2C) for _ in range(2)]
    assert isinstance(await till.approve(second, "Otieno"), Refused), "he prepared both"
    await till.approve(first, "Otieno")
    once = await till.approve(second, "Wanjiru")
    assert isinstance(once, Refund)
    assert (once.state, till.bank.paid) == (RefundState.REQUESTED, {first.originator_id: 4999})
    held = await till.refunds.detail(second.id)
    assert held is not None
    assert held.approvals_needed == 1


async def test_b5_swapped_results_of_two_reversals_whose_replies_were_lost_close_neither(till: Till) -> None:
    """Of a reversal the reply alone tells the ids; what was reversed its result tells too."""
    first = await till.prepared(await till.paid_sale())
    second = await till.prepared(await till.paid_sale(1000, "UKO1111111"), payment_id="UKO1111111")
    till.bank.lose = True
    for refund in (first, second):
        await till.approve(refund, "Otieno")
    for refund, other in ((first, second), (second, first)):
        await till.hears("result", refund.nonce, result("x", Amount=1000, OriginalTransactionID=other.original_receipt))
        assert await till.state(refund) is RefundState.DISPUTED


async def part_given_back(till: Till) -> Sale:
    """500 of 1,000 came by M-Pesa and went back again; 500 seem to remain."""
    sale = await till.sales.open(Cart((SaleLine("Redio", KES(1000)),)))
    assert isinstance(sale, Sale)
    await till.receives(sale, 500)
    await till.approve(await till.prepared(sale, 500), "Otieno")
    return sale


async def test_a_sale_whose_money_went_back_is_not_made_paid_with_the_rest_in_cash(till: Till) -> None:
    """The goods would leave for half of their price."""
    sale = await part_given_back(till)
    assert await till.sales.pay_cash(sale.id, KES(500)) == Refused(GIVEN_BACK)
    assert (await till.sales.get(sale.id)).state is SaleState.PART_PAID


async def test_nor_with_a_charge_nor_with_a_payment_that_fits(till: Till) -> None:
    sale, guard = await part_given_back(till), owners_guard(till.database, till.changes)
    charges = Payments(till.database, till.changes, guard=guard, clock=lambda: till.now)
    charges.charging = Charging(
        till.daraja, ACCOUNT, "T1", "Duka", "https://relay.example.co.ke/h/key", lambda: "f" * 32
    )
    assert await charges.charge(sale.id, KES(500), PAYEE) == Refused(GIVEN_BACK)
    matching = Matching(till.database, till.changes, guard=guard, clock=lambda: till.now)
    pairing = Pairing("https://relay.test", "Duka", "st_1", "till_1", "T1", "k", "https://relay.test/h/k", "0" * 32)
    await matching.take_up(ClaimDesk(till.http, pairing))
    await till.receives(None, 500, "UKO1111111")
    assert await matching.accept("UKO1111111", sale.id) == Refused(GIVEN_BACK)
    assert not till.bank.asked("stkpush")
