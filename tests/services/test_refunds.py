"""Refunds on a real file and against a Safaricom with a ledger: released by who may, sent once, never paid twice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from bank import result
from refund_till import KES, PINS, RECEIPT, Till, climbs, staffed, success

from pos_app.domain.audit import Event
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.sale import SaleState
from pos_app.services.authority import NOBODY
from pos_app.services.refund_reconciliation import next_rung
from pos_app.store import accounts, refunds

pytestmark = pytest.mark.anyio


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with staffed(tmp_path) as made:
        yield made


async def test_a_cashier_prepares_a_manager_releases_and_the_payment_is_reversed_once(till: Till) -> None:
    sale = await till.paid_sale()
    refund = await till.prepared(sale)
    assert (refund.state, refund.number, refund.original_receipt) == (RefundState.REQUESTED, 1, RECEIPT)
    assert till.bank.requests == []
    sent = await till.approve(refund, "Otieno")
    assert isinstance(sent, Refund)
    assert (sent.state, till.bank.paid) == (RefundState.PENDING, {RECEIPT: 1000})
    (asked,) = till.bank.requests
    assert (asked["TransactionID"], asked["ReceiverParty"], asked["Remarks"]) == (RECEIPT, "600966", "Refund 1")
    assert asked["ResultURL"].endswith(f"/result/{refund.nonce}")
    told = result(sent.originator_id, Amount=1000, CreditPartyPublicName="254712345678 - John Doe")
    told["Result"]["TransactionID"] = "UKO0T5Y8WB"
    await till.hears("result", refund.nonce, told)
    done = await till.held(refund)
    assert (done.state, done.receipt) == (RefundState.COMPLETED, "UKO0T5Y8WB")
    assert await till.sales.get(sale.id) == sale, "the original sale is unchanged"
    assert sale.state is SaleState.PAID


async def test_what_was_done_is_in_the_sealed_record_with_both_names_and_codes(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale())
    await till.approve(refund, "Otieno")
    approved, requested, *_ = await till.record.newest()
    assert (requested.event, requested.actor, requested.subject) == (Event.REFUND_REQUESTED, "Akinyi", "refund 1")
    assert (approved.event, approved.actor, approved.approver) == (Event.REFUND_APPROVED, "Akinyi", "Otieno")
    caps = "hour 0 → 1,000 of 50,000, day 0 → 1,000 of 100,000, at once up to 20,000"
    assert approved.detail == f"KES 1,000 by reversal, {RECEIPT}, APPROVED, returned; {caps}"
    assert await till.record.verify(await till.record.head()) is None


async def test_nobody_signed_in_and_a_wrong_pin_release_nothing(till: Till) -> None:
    sale = await till.paid_sale()
    refund = await till.prepared(sale)
    otieno, akinyi = await till.person("Otieno"), await till.person("Akinyi")
    assert isinstance(await till.refunds.approve(refund.id, otieno.id, "00000000"), Refused)
    denied = await till.refunds.approve(refund.id, akinyi.id, PINS["Akinyi"])
    assert denied == Refused("Akinyi (cashier) may not release a refund.")
    await till.staff.sign_out()
    assert await till.refunds.prepare(till.draft(sale, 1000, Route.REVERSAL)) == NOBODY
    assert (await till.state(refund), till.bank.requests) == (RefundState.REQUESTED, [])


async def test_caps_are_by_person_and_count_what_is_not_known_as_paid(till: Till) -> None:
    sale = await till.paid_sale(6000)
    first = await till.prepared(sale, 2000, Route.B2C)
    till.bank.lose = True
    unknown = await till.approve(first, "Kamau")
    assert isinstance(unknown, Refund)
    assert unknown.state is RefundState.UNKNOWN
    till.bank.lose = False
    assert isinstance(await till.approve(await till.prepared(sale, 2000, Route.B2C), "Kamau"), Refund)
    over = await till.approve(await till.prepared(sale, 1500, Route.B2C), "Kamau")
    assert over == Refused("That is over the limit of KES 5,000 in an hour: KES 4,000 is released already.")
    till.now += timedelta(minutes=61)
    assert isinstance(await till.approve((await till.refunds.newest())[0], "Kamau"), Refused), "a clock was set forward"
    till.now -= timedelta(minutes=61)
    till.passes(timedelta(minutes=61))
    third = (await till.database.read(refunds.open_ones))[-1]
    assert isinstance(await till.approve(third, "Kamau"), Refund)


async def test_who_releases_has_a_limit_at_once(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(3000), 2001, Route.B2C)
    over = await till.approve(refund, "Kamau")
    assert over == Refused("That is over the limit of KES 2,000 at once. Somebody with a higher limit must release it.")
    assert isinstance(await till.approve(refund, "Otieno"), Refund)


async def test_two_people_release_much_and_neither_is_who_prepared_it(till: Till) -> None:
    sale = await till.paid_sale(8000)
    await till.signs_in("Otieno")
    refund = await till.prepared(sale, 8000)
    assert isinstance(await till.approve(refund, "Otieno"), Refused), "he prepared it"
    once = await till.approve(refund, "Wanjiru")
    assert isinstance(once, Refund)
    assert (once.state, till.bank.requests) == (RefundState.REQUESTED, [])
    (first,) = await till.record.newest(event=Event.REFUND_APPROVED)
    assert "REQUESTED, returned; hour 0 → 8,000 of 500,000" in first.detail, "the first of two, and her own caps"
    assert isinstance(await till.approve(refund, "Wanjiru"), Refused), "the same person again"
    assert isinstance(await till.approve(refund, "Kamau"), Refused), "over a supervisor's limit"
    assert (await till.state(refund), till.bank.requests) == (RefundState.REQUESTED, [])


async def test_another_number_than_the_payers_needs_a_second_person(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 500, Route.B2C, payee=Msisdn("254799000111"))
    once = await till.approve(refund, "Otieno")
    assert isinstance(once, Refund)
    assert once.state is RefundState.REQUESTED
    twice = await till.approve(refund, "Kamau")
    assert isinstance(twice, Refund)
    assert (twice.state, till.bank.paid) == (RefundState.PENDING, {refund.originator_id: 500})


async def test_more_than_was_paid_is_never_given_back_however_it_is_split(till: Till) -> None:
    sale = await till.paid_sale()
    await till.prepared(sale, 600, Route.B2C)
    refused = await till.refunds.prepare(till.draft(sale, 500, Route.B2C))
    assert refused == Refused("Only KES 400 of it can still be given back.")
    assert isinstance(await till.refunds.prepare(till.draft(sale, 1000, Route.REVERSAL)), Refused)
    assert isinstance(await till.refunds.prepare(till.draft(sale, 401, Route.CASH)), Refused)
    both = await asyncio.gather(*(till.refunds.prepare(till.draft(sale, 400, Route.B2C)) for _ in range(5)))
    assert sum(isinstance(one, Refund) for one in both) == 1


async def test_a_declined_refund_frees_its_money(till: Till) -> None:
    sale = await till.paid_sale()
    refund = await till.prepared(sale)
    assert isinstance(await till.refunds.decline(refund.id), Refused), "a cashier may not"
    await till.signs_in("Kamau")
    declined = await till.refunds.decline(refund.id)
    assert isinstance(declined, Refund)
    assert declined.state is RefundState.DECLINED
    assert isinstance(await till.refunds.decline(refund.id), Refused)
    assert isinstance(await till.approve(refund, "Otieno"), Refused)
    await till.prepared(sale)


async def test_b1_a_till_that_dies_after_the_intent_sends_nothing_twice(till: Till) -> None:
    """The reply is lost with the till; the next start asks, and never pays again."""
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    till.bank.lose = True
    await till.approve(refund, "Otieno")
    till.bank.lose = False
    await till.restart()
    assert await till.state(refund) is RefundState.UNKNOWN
    assert isinstance(await till.refunds.send(refund.id), Refused)
    assert till.bank.paid == {refund.originator_id: 400}
    await climbs(till, 1)
    (asked,) = till.bank.asked("transactionstatus")
    assert asked["OriginalConversationID"] == refund.originator_id
    nonce = asked["ResultURL"].rpartition("/")[2]
    assert nonce != refund.nonce
    parameters = {"TransactionStatus": "Completed", "Amount": 400, "ReceiptNo": "UKO9R8F7ND"}
    told = result("of the question", **parameters, OriginatorConversationID=refund.originator_id)
    await till.hears("result", nonce, told)
    done = await till.held(refund)
    assert (done.state, done.receipt) == (RefundState.COMPLETED, "UKO9R8F7ND")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"errorCode": "500.002.1001", "errorMessage": "Duplicate OriginatorConversationID."}),
        httpx.Response(500, json={"errorCode": "500.002.1001", "errorMessage": "System internal error."}),
        httpx.Response(502, html="<h1>Bad Gateway</h1>"),
        httpx.Response(200, text="{"),
    ],
)
async def test_b2_whatever_is_not_clear_is_unknown_and_still_counts(till: Till, answer: httpx.Response) -> None:
    sale = await till.paid_sale()
    refund = await till.prepared(sale, 400, Route.B2C)
    till.bank.refuse = answer
    await till.approve(refund, "Otieno")
    assert await till.state(refund) is RefundState.UNKNOWN
    assert (await till.refunds.options(sale.id)).left == KES(600)


async def test_b2_a_queue_timeout_is_unknown_and_a_later_result_settles_it(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("timeout", refund.nonce, {"OriginatorConversationID": refund.originator_id})
    assert await till.state(refund) is RefundState.UNKNOWN
    await till.hears("result", refund.nonce, success(refund))
    assert await till.state(refund) is RefundState.COMPLETED


async def test_b3_not_found_is_no_failure_and_after_a_day_two_people_say_what_the_statement_shows(till: Till) -> None:
    sale = await till.paid_sale()
    refund = await till.prepared(sale, 400, Route.B2C)
    till.bank.lose = True
    await till.approve(refund, "Otieno")
    till.bank.lose = False
    await till.ladder.recover()
    await climbs(till, 1)
    nonce = till.bank.asked("transactionstatus")[0]["ResultURL"].rpartition("/")[2]
    await till.hears("result", nonce, result("of the question", 2023))
    assert await till.state(refund) is RefundState.UNKNOWN
    wanjiru, otieno, kamau = [((await till.person(name)).id, PINS[name]) for name in ("Wanjiru", "Otieno", "Kamau")]
    assert isinstance(await till.refunds.attest(refund.id, wanjiru, otieno, paid=False), Refused), "too soon"
    till.now += timedelta(hours=24)
    assert isinstance(await till.refunds.attest(refund.id, wanjiru, otieno, paid=False), Refused), "set forward"
    till.seconds += 86_400
    assert isinstance(await till.refunds.attest(refund.id, wanjiru, wanjiru, paid=False), Refused)
    assert isinstance(await till.refunds.attest(refund.id, wanjiru, kamau, paid=False), Refused), "a supervisor"
    assert isinstance(await till.refunds.attest(refund.id, wanjiru, (otieno[0], "00000000"), paid=False), Refused)
    settled = await till.refunds.attest(refund.id, wanjiru, otieno, paid=False)
    assert isinstance(settled, Refund)
    assert settled.state is RefundState.FAILED
    assert (await till.record.newest())[0].event is Event.REFUND_ATTESTED
    assert (await till.refunds.options(sale.id)).left == KES(1000)
    await till.hears("result", refund.nonce, success(refund))
    assert await till.state(refund) is RefundState.DISPUTED, "it was paid after all"
    assert till.said[-1].startswith("Refund 1 of KES 400: Safaricom says something else")


@pytest.mark.parametrize(
    "changes", [{"TransactionAmount": 401}, {"ReceiverPartyPublicName": "0799999999 - Somebody Else"}]
)
async def test_b5_a_result_of_another_receiver_or_amount_is_disputed_and_said(
    till: Till, changes: dict[str, object]
) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, success(refund, **changes))
    assert await till.state(refund) is RefundState.DISPUTED
    assert len(till.said) == 1


async def test_b6_one_failure_of_the_operator_switches_refunds_off_until_an_owner_mends_it(till: Till) -> None:
    sale = await till.paid_sale()
    refund = await till.prepared(sale, 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, result(refund.originator_id, 2001))
    assert await till.state(refund) is RefundState.FAILED
    assert till.said[0].startswith("Safaricom refuses the shop’s API operator (code 2001).")
    await till.restart()
    await till.signs_in("Otieno")
    off = await till.refunds.prepare(till.draft(sale, 400, Route.B2C))
    assert off == Refused("Refunds by M-Pesa are off until the owner has mended the API operator.")
    await till.prepared(sale, 400, Route.CASH)
    assert isinstance(await till.refunds.switch_on(), Refused)
    await till.signs_in("Wanjiru")
    assert await till.refunds.switch_on() is None
    await till.prepared(sale, 400, Route.B2C)


async def test_b7_a_float_that_is_too_low_fails_and_frees_the_money(till: Till) -> None:
    sale = await till.paid_sale()
    refund = await till.prepared(sale, 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, result(refund.originator_id, 1))
    assert await till.state(refund) is RefundState.FAILED
    await till.prepared(sale, 1000)


async def test_what_certainly_did_not_leave_may_be_sent_again_with_the_same_id(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    till.bank.unreachable = True
    waiting = await till.approve(refund, "Otieno")
    assert isinstance(waiting, Refund)
    assert waiting.state is RefundState.APPROVED
    till.bank.unreachable = False
    sent = await till.refunds.send(refund.id)
    assert isinstance(sent, Refund)
    assert (sent.state, till.bank.paid) == (RefundState.PENDING, {refund.originator_id: 400})
    assert isinstance(await till.refunds.send(refund.id), Refused)


async def test_two_presses_on_send_are_one_request(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    till.bank.unreachable = True
    await till.approve(refund, "Otieno")
    till.bank.unreachable = False
    answers = await asyncio.gather(*(till.refunds.send(refund.id) for _ in range(5)))
    assert sum(isinstance(answer, Refund) for answer in answers) == 1
    assert till.bank.paid == {refund.originator_id: 400}


async def test_a_forged_or_unreadable_result_moves_nothing(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, success(refund), trusted=False)
    await till.hears("result", refund.nonce, {"Result": []})
    await till.hears("result", "f" * 32, success(refund))
    assert await till.state(refund) is RefundState.PENDING
    (said,) = till.said
    assert said.startswith("A message about refund 1 of KES 400 does not fit it or is of unknown origin.")


async def test_a_result_that_the_relay_could_not_read_is_heard_as_far_as_it_can_be(till: Till) -> None:
    """Without a ConversationID, or torn: the address says whose it is."""
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("unparsed", refund.nonce, None)
    assert await till.state(refund) is RefundState.PENDING
    told = success(refund)
    del told["Result"]["ConversationID"]
    await till.hears("unparsed", refund.nonce, told)
    assert await till.state(refund) is RefundState.COMPLETED
    await till.hears("unparsed", "e" * 32, told)


async def test_the_same_message_again_changes_nothing(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    for _ in range(3):
        await till.hears("result", refund.nonce, success(refund))
    await till.hears("result", refund.nonce, result(refund.originator_id, 1))
    assert await till.state(refund) is RefundState.COMPLETED
    assert len(till.said) == 1, "a failure after the success is said"


async def test_what_is_said_of_a_failure_afterwards_is_shown_to_people(till: Till) -> None:
    """Its money is free for another refund by then, and Safaricom may still send it (contract §5.2, 100000000)."""
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, result(refund.originator_id, 1))
    assert till.said == []
    await till.hears("result", refund.nonce, result(refund.originator_id, 100_000_000))
    await till.hears("timeout", refund.nonce, {"OriginatorConversationID": refund.originator_id})
    assert await till.state(refund) is RefundState.FAILED
    assert len(till.said) == 2
    assert till.said[0].startswith("Refund 1 of KES 400: Safaricom says something else")


async def test_cash_is_done_when_it_is_released_and_asks_nobody(till: Till) -> None:
    sale = await till.paid_sale()
    refund = await till.prepared(sale, 300, Route.CASH)
    done = await till.approve(refund, "Kamau")
    assert isinstance(done, Refund)
    assert (done.state, till.bank.requests) == (RefundState.COMPLETED, [])
    assert (await till.refunds.options(sale.id)).left == KES(700)


async def test_without_mpesa_for_refunds_only_cash_is_offered_and_why_is_said(till: Till) -> None:
    sale = await till.paid_sale()
    till.refunds.paying = None
    offers = await till.refunds.routes(await till.refunds.options(sale.id), KES(300), RECEIPT)
    assert [offer.route for offer in offers if offer.is_open] == [Route.CASH, Route.CREDIT_NOTE]
    assert isinstance(await till.refunds.prepare(till.draft(sale, 300, Route.B2C)), Refused)


async def test_other_reasons_need_a_few_words(till: Till) -> None:
    sale = await till.paid_sale()
    wordless = replace(till.draft(sale, 1000, Route.REVERSAL), why=RefundReason.OTHER, note="  ")
    assert isinstance(await till.refunds.prepare(wordless), Refused)
    assert isinstance(await till.refunds.prepare(replace(wordless, note="spilt milk")), Refund)


async def test_a_balance_that_was_asked_for_is_kept(till: Till) -> None:
    await till.database.run(lambda connection: refunds.ask(connection, "b" * 32, till.now))
    told = result("x", AccountBalance="Utility Account|KES|18430.00|18355.00|75.00|0.00")
    await till.hears("timeout", "b" * 32, {})
    await till.hears("result", "b" * 32, told, trusted=False)
    assert await till.database.read(accounts.newest) is None
    await till.hears("result", "b" * 32, told)
    held = await till.database.read(accounts.newest)
    assert held is not None
    assert held.utility_available == KES(18_355)


@pytest.mark.parametrize(
    ("age", "rung"), [(0, 60), (60, 300), (299, 300), (300, 1800), (1800, 3600), (3600, 7200), (9000, 10800)]
)
def test_safaricom_is_asked_after_a_minute_five_thirty_and_every_hour(age: float, rung: float) -> None:
    assert next_rung(age) == rung


async def test_whether_the_payee_paid_is_found_out_here_and_not_believed(till: Till) -> None:
    sale = await till.paid_sale()
    same = await till.prepared(sale, 100, Route.B2C)
    another = await till.prepared(sale, 100, Route.B2C, payee=Msisdn("254799000111"))
    assert (same.other_number, another.other_number) == (False, True)
    nobody = await till.refunds.prepare(till.draft(sale, 100, Route.B2C, payee=None))
    assert nobody == Refused("Type the number that the money goes to.")
    held = await till.refunds.detail(another.id)
    assert held is not None
    assert (held.sale_number, held.approvals_needed, held.told) == (sale.number, 2, ())
    assert await till.refunds.detail(99) is None
    assert [one.id for one in await till.refunds.newest()] == [another.id, same.id]
    assert [one.id for one in await till.refunds.newest(limit=1)] == [another.id, same.id], (
        "what is open stays in sight"
    )
    assert [one.id for one in await till.refunds.newest(before=another.id, limit=1)] == [same.id]
    assert [one.id for one in await till.refunds.of_sale(sale.id)] == [same.id, another.id]
