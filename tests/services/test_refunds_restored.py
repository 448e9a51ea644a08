"""An old copy of the till's records put back: what is gone from them is not given back once more (money-safety §6)."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from bank import result
from refund_till import Till, climbs, staffed, success

from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Sale

pytestmark = pytest.mark.anyio

OFF = Refused("Refunds by M-Pesa are off until the owner has compared this till’s records with the M-Pesa statement.")


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with staffed(tmp_path) as made:
        yield made


async def copied(till: Till) -> Path:
    """The records as they are now."""
    copy = till.path.with_name("copy.db")
    await till.close()
    shutil.copy(till.path, copy)
    await till.open()
    await till.signs_in("Akinyi")
    return copy


async def puts_back(till: Till, copy: Path) -> None:
    await till.close()
    shutil.copy(copy, till.path)
    till.passes(timedelta(minutes=1))
    await till.open()
    await till.ladder.recover()
    await till.signs_in("Akinyi")


async def refunded_since(till: Till, route: Route) -> tuple[Sale, Refund, object]:
    """A refund that the copy knows nothing of, and its result, as the relay tells it again to whoever reads on."""
    sale = await till.paid_sale()
    copy = await copied(till)
    refund = await till.prepared(sale, 1000, route)
    await till.approve(refund, "Otieno")
    told = (
        success(refund) if route is Route.B2C else result("daraja-1", Amount=1000, OriginalTransactionID="UKO7K2M9QX")
    )
    await till.hears("result", refund.nonce, told)
    assert await till.state(refund) is RefundState.COMPLETED
    await puts_back(till, copy)
    return sale, refund, told


@pytest.mark.parametrize("route", [Route.B2C, Route.REVERSAL])
async def test_a_refund_that_the_records_lack_stops_refunds_until_the_owner_has_compared(
    till: Till, route: Route
) -> None:
    sale, refund, told = await refunded_since(till, route)
    await till.hears("result", refund.nonce, told)
    assert till.said[-1].startswith("Refunds by M-Pesa are off: this till’s records lack what was done here")
    for again in Route.B2C, Route.REVERSAL:
        assert await till.refunds.prepare(till.draft(sale, 1000, again)) == OFF
    assert sum(till.bank.paid.values()) == 1000
    await till.signs_in("Wanjiru")
    assert await till.refunds.switch_on() is None
    await till.hears("result", refund.nonce, told)
    assert not isinstance(await till.refunds.prepare(till.draft(sale, 1000, route)), Refused), "it was settled once"


async def test_a_refund_whose_result_nobody_heard_is_missed_all_the_same(till: Till) -> None:
    """Where the record ended was told to the relay before the request left."""
    sale = await till.paid_sale()
    copy = await copied(till)
    till.bank.lose = True
    await till.approve(await till.prepared(sale, 1000, Route.B2C), "Otieno")
    till.bank.lose = False
    await puts_back(till, copy)
    again = await till.prepared(sale, 1000, Route.B2C)
    assert await till.approve(again, "Otieno") == OFF
    assert sum(till.bank.paid.values()) == 1000


async def test_nothing_leaves_where_the_end_of_the_record_cannot_be_told(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 1000, Route.B2C)
    till.desk.held = None
    assert isinstance(await till.approve(refund, "Otieno"), Refused)
    assert (await till.state(refund), till.bank.requests) == (RefundState.APPROVED, [])


async def test_each_reason_for_which_refunds_are_off_is_settled_by_itself(till: Till) -> None:
    sale, refund, told = await refunded_since(till, Route.B2C)
    till.desk.held = await till.record.head()  # a relay that was put back too
    other = await till.prepared(await till.paid_sale(400, "UKO1111111"), 400, Route.B2C, payment_id="UKO1111111")
    await till.approve(other, "Otieno")
    till.said.clear()
    for code in 2001, 8006:
        await till.hears("result", other.nonce, result(other.originator_id, code))
    await till.hears("result", refund.nonce, told)
    starts = [sentence.partition(":")[0].partition(" (")[0] for sentence in till.said]
    assert starts == ["Safaricom refuses the shop’s API operator", "Refunds by M-Pesa are off"]
    await till.signs_in("Wanjiru")
    assert await till.refunds.switch_on() is None
    assert await till.refunds.prepare(till.draft(sale, 1000, Route.B2C)) == OFF
    assert await till.refunds.switch_on() is None
    await till.prepared(sale, 1000, Route.B2C)


async def test_another_tills_refunds_failures_and_forgeries_stop_nothing(till: Till) -> None:
    sale, refund, told = await refunded_since(till, Route.B2C)
    await till.hears("result", "e" * 32, result("T2-of-another-till", Amount=1000))
    await till.hears("result", "e" * 32, result("x", Amount=1000, OriginalTransactionID="UKO9999999"))
    await till.hears("result", refund.nonce, result(refund.originator_id, 1))
    await till.hears("timeout", refund.nonce, {"OriginatorConversationID": refund.originator_id})
    await till.hears("result", refund.nonce, told, trusted=False)
    assert till.said == []
    await till.prepared(sale, 1000, Route.B2C)


async def test_what_is_open_is_asked_about_all_the_same(till: Till) -> None:
    """Nobody refuses the operator: only what is new must wait."""
    waiting = await till.prepared(await till.paid_sale(400, "UKO1111111"), 400, Route.B2C, payment_id="UKO1111111")
    await till.approve(waiting, "Otieno")
    _sale, refund, told = await refunded_since(till, Route.B2C)
    await till.hears("result", refund.nonce, told)
    await climbs(till, 1)
    assert till.bank.asked("transactionstatus")[0]["OriginalConversationID"] == waiting.originator_id
