"""Claims that the log tells of: what they do to the money of this till's own charges, and to what nobody has yet."""

from datetime import timedelta
from typing import Any

import pytest

from pos_app.domain.claim import Claim, Claims
from pos_app.domain.sale import SaleState
from pos_app.services.holdings import Holdings
from pos_app.services.settlement import Settlement, settle
from pos_app.store import claims

pytestmark = pytest.mark.anyio
RECEIPT = "TJE1A2B3C4"
OTHER = "till_2"


def claim(receipt: str = RECEIPT, generation: int = 1, till_id: str = OTHER, sale: str = "7") -> dict[str, Any]:
    named = {"till": "Till 2", "cashier": "Otieno", "at": "2026-10-14T12:31:00Z"}
    return {"receipt": receipt, "generation": generation, "till_id": till_id, "sale": sale, **named}


def tell(desk: Any, kind: str = "claim", **said: Any) -> None:
    body = claim(**said)
    desk.log.say(kind, f"{kind}:{body['receipt']}:{body['generation']}", body)


async def known(desk: Any) -> Claims:
    found: dict[str, Claims] = await desk.database.read(lambda connection: claims.of_receipts(connection, [RECEIPT]))
    return found[RECEIPT]


async def wishes(desk: Any) -> list[tuple[str, str]]:
    return [(wish.sale, wish.nonce) for wish in await desk.database.read(claims.wishes)]


async def test_a_charge_holds_its_receipt_by_its_callback(desk: Any, make_callback: Any) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    holder = (await known(desk)).holder
    assert holder is not None
    assert holder.nonce == attempt.nonce
    assert await wishes(desk) == []


async def test_a_charge_that_a_confirmation_settled_asks_until_its_callback_comes(
    desk: Any, make_callback: Any, make_confirmation: Any
) -> None:
    attempt = await desk.charged()
    for _ in range(2):
        desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference, FirstName=f"JANE{_}"))
        await desk.pump()
    assert await wishes(desk) == [("1", attempt.nonce)]
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    assert await wishes(desk) == []
    assert (await desk.sales.get(attempt.sale_id)).state is SaleState.PAID


async def test_the_same_by_a_row_of_pull(desk: Any) -> None:
    attempt = await desk.charged()
    row = {
        "transactionId": RECEIPT,
        "amount": "150.0",
        "billreference": attempt.account_reference,
        "transactiontype": "c2b-pay-bill-debit",
    }
    desk.log.say("c2b.pulled", f"c2b:174379:{RECEIPT}", row)
    await desk.pump()
    assert (await desk.sales.get(attempt.sale_id)).state is SaleState.PAID
    assert await wishes(desk) == [("1", attempt.nonce)]


async def test_another_till_that_has_the_money_of_our_charge_unpays_its_sale_and_says_so(
    desk: Any, make_confirmation: Any
) -> None:
    attempt = await desk.charged()
    desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference))
    await desk.pump()
    tell(desk)
    await desk.pump()
    assert (await desk.sales.get(attempt.sale_id)).state is SaleState.OPEN
    assert await wishes(desk) == []
    (notice,) = desk.notices
    assert notice.startswith("Sale 1 is unpaid again: KES 150")
    assert "Taken by Till 2 (Otieno) at" in notice


async def test_a_charge_whose_money_is_taken_before_its_callback_says_so_and_gets_it_when_it_is_given_back(
    desk: Any, make_callback: Any, make_confirmation: Any
) -> None:
    desk.log.confirm(make_confirmation())
    tell(desk)
    await desk.pump()
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    (payment,) = await desk.standing()
    assert (payment.attempt_id, payment.sale_id) == (attempt.id, None)
    (notice,) = desk.notices
    assert "came for a charge of this till, but another has it. Taken by Till 2 (Otieno) at" in notice
    tell(desk, "release")
    await desk.pump()
    (payment,) = await desk.standing()
    assert (payment.sale_id, payment.taken_by) == (attempt.sale_id, None)


async def test_a_claim_that_is_read_before_its_payment_holds_it(desk: Any, make_confirmation: Any) -> None:
    tell(desk)
    desk.log.confirm(make_confirmation())
    await desk.pump()
    (payment,) = await desk.standing()
    assert payment.taken_by is not None
    assert payment.taken_by.till == "Till 2"


async def test_the_relay_cannot_name_two_holders_of_one_generation(desk: Any, make_confirmation: Any) -> None:
    desk.log.confirm(make_confirmation())
    tell(desk)
    await desk.pump()
    (before,) = await desk.standing()
    tell(desk, till_id="till_3", sale="9")
    await desk.pump()
    assert await desk.standing() == (before,)
    assert desk.notices == ["The relay names two tills for payment TJE1A2B3C4. The first stands; call your supervisor."]


async def test_claims_and_rows_that_cannot_be_read_change_nothing(desk: Any, make_confirmation: Any) -> None:
    desk.log.confirm(make_confirmation())
    desk.log.say("claim", f"claim:{RECEIPT}:1", {"receipt": RECEIPT})
    desk.log.say("release", f"release:{RECEIPT}:1", [])
    desk.log.say("claim", f"claim:{RECEIPT}:2", claim(), trusted=False)
    desk.log.say("c2b.pulled", "c2b:174379:TJE1A2B3C5", {"amount": "five"})
    await desk.pump()
    (payment,) = await desk.standing()
    assert payment.is_free
    assert len(desk.notices) == 1
    assert "could not be read" in desk.notices[0]


async def test_untrusted_confirmations_claim_nothing(desk: Any, make_confirmation: Any) -> None:
    attempt = await desk.charged()
    desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference), trusted=False)
    await desk.pump()
    assert await wishes(desk) == []


async def test_money_that_another_sale_here_was_given_pays_not_the_charge_s_sale_as_well(
    counter: Any, make_callback: Any, make_confirmation: Any
) -> None:
    attempt = await counter.charged()
    counter.core.act(attempt.checkout_request_id, "approve")
    soon = (counter.now() + timedelta(hours=3)).strftime("%Y%m%d%H%M%S")
    counter.log.events.clear()
    counter.log.confirm(make_confirmation(BusinessShortCode="7654321", TransTime=soon))
    await counter.pump()
    other = await counter.sale()

    def give(settlement: Settlement) -> None:
        wish = Claim(RECEIPT, 0, "till_1", "", str(other.number), "", counter.now())
        Holdings(settlement, "till_1").ask(wish)

    await settle(counter.database, counter.changes, counter.now(), give)
    tell(counter, till_id="till_1", sale=str(other.number))
    await counter.pump()
    assert (await counter.sales.get(other.id)).state is SaleState.PAID
    counter.log.stk(attempt.nonce, make_callback(attempt))
    await counter.pump()
    for attempt_id in counter.checks:
        await counter.payments.check_now(attempt_id)
    assert (await counter.sales.get(other.id)).state is SaleState.PAID
    assert not (await counter.sales.get(attempt.sale_id)).is_settled, "one payment of KES 150 pays one sale"
