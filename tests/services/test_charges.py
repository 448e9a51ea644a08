"""Charges by STK push, row by row of money-safety §1.3 (S1–S13), and the ways to ask for the same money twice."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import AmountError, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Sale, SaleState
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.services import payments as module
from pos_app.services.payments import NOT_SET_UP, STILL_CHECKING
from pos_app.simulator.daraja import PUSH_PATH, TOKEN_PATH
from pos_app.simulator.scenarios import Scenario, scenario
from pos_app.store import attempts

pytestmark = pytest.mark.anyio
Body = Callable[..., dict[str, Any]]


async def test_a_charge_is_paid_by_its_callback(desk: Any) -> None:
    desk.core.script.queue.append(Scenario())
    attempt = await desk.charged(150)
    assert (attempt.state, attempt.reason) == (AttemptState.PENDING, Reason.WAIT)
    await desk.advance(10)
    paid = await desk.attempt(attempt.id)
    (payment,) = await desk.standing()
    sale = await desk.sales.get(attempt.sale_id)
    assert (paid.state, paid.receipt, sale.state) == (AttemptState.PAID, payment.receipt, SaleState.PAID)
    assert payment.id == desk.core.ledger.payments[0].receipt
    assert await desk.received() == desk.banked


async def test_s1_killed_before_the_commit_daraja_saw_nothing(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_connection: sqlite3.Connection, _attempt: Attempt) -> Attempt:
        raise KeyboardInterrupt

    sale = await desk.sale()
    monkeypatch.setattr(attempts, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        await desk.charge(sale)
    monkeypatch.undo()
    await desk.close()
    await desk.open()
    assert await desk.reconciliation.recover() == ()
    assert (desk.network.sent, (await desk.sales.get(sale.id)).state) == ([], SaleState.OPEN)


async def test_i1_the_intent_is_on_disk_when_the_request_leaves(desk: Any) -> None:
    on_disk: list[AttemptState] = []

    async def look(request: httpx.Request) -> None:
        if request.url.path == PUSH_PATH:
            on_disk.extend(attempt.state for attempt in await desk.payments.open_attempts())

    desk.network.before = look
    await desk.charged()
    assert on_disk == [AttemptState.SUBMITTING]


@pytest.mark.parametrize("path", [TOKEN_PATH, PUSH_PATH], ids=["before the POST", "during the POST"])
async def test_s2_killed_around_the_post_the_charge_is_unknown_and_locked(desk: Any, path: str) -> None:
    reached = asyncio.Event()

    async def hang(request: httpx.Request) -> None:
        if request.url.path == path:
            reached.set()
            await asyncio.Event().wait()

    desk.network.before = hang
    sale = await desk.sale()
    charging = asyncio.create_task(desk.charge(sale))
    await reached.wait()
    charging.cancel()
    await asyncio.wait({charging})
    posts = desk.pushes
    desk.network.before = None
    await desk.payments.charging.daraja.aclose()
    await desk.close()
    await desk.open()
    (recovered,) = await desk.reconciliation.recover()
    assert (recovered.state, recovered.reason) == (AttemptState.UNKNOWN, Reason.UNKNOWN)
    assert await desk.charge(sale) == STILL_CHECKING
    desk.start_ladder()
    await desk.advance(4000)
    assert desk.pushes == posts


async def test_s3_the_reply_was_never_recorded_and_the_callback_finds_its_charge(desk: Any) -> None:
    async def cut(request: httpx.Request) -> None:
        if request.url.path == PUSH_PATH:
            await desk.transport.handle_async_request(request)
            raise asyncio.CancelledError

    desk.network.before = cut
    sale = await desk.sale()
    with pytest.raises(asyncio.CancelledError):
        await desk.charge(sale)
    desk.network.before = None
    await desk.close()
    await desk.open()
    await desk.reconciliation.recover()
    (prompt,) = desk.core.prompts()
    desk.core.act(prompt.checkout_request_id, "approve")
    await desk.advance(5)
    (payment,) = await desk.standing()
    assert (await desk.sales.get(sale.id)).state is SaleState.PAID
    assert payment.amount == desk.banked


@pytest.mark.parametrize("wait", [1.0, 60.0, 3600.0, 48 * 3600.0])
async def test_s4_a_lost_reply_is_unknown_until_the_callback_names_the_charge(desk: Any, wait: float) -> None:
    desk.core.script.queue.append(told_as("reply_lost", callback_delay=wait, confirmation_copies=0))
    attempt = await desk.charged()
    assert (attempt.state, attempt.checkout_request_id) == (AttemptState.UNKNOWN, "")
    await desk.advance(wait + 10)
    paid = await desk.attempt(attempt.id)
    assert paid.state is AttemptState.PAID
    assert paid.checkout_request_id == desk.core.pushes[0].checkout_request_id
    assert await desk.received() == desk.banked


async def test_s5_reply_and_callback_lost_the_confirmation_settles_it_by_its_reference(desk: Any) -> None:
    desk.core.script.queue.append(told_as("reply_lost+callback_lost"))
    attempt = await desk.charged()
    assert attempt.state is AttemptState.UNKNOWN
    await desk.advance(10)
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID
    assert await desk.received() == desk.banked


async def test_s6_a_lost_callback_is_made_good_by_the_query_at_20_seconds(desk: Any) -> None:
    desk.core.script.queue.append(told_as("callback_lost+confirmation_lost"))
    desk.start_ladder()
    attempt = await desk.charged()
    await desk.advance(19.9)
    assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING
    await desk.advance(0.2)
    paid = await desk.attempt(attempt.id)
    (payment,) = await desk.standing()
    assert (paid.state, paid.receipt) == (AttemptState.PAID, "")
    assert payment.id == f"stk:{paid.checkout_request_id}"
    assert await desk.received() == desk.banked


@pytest.mark.parametrize("spelling", ["4999", "500", "200", "alternate"])
async def test_s6_while_it_is_being_processed_it_stays_pending(desk: Any, spelling: str) -> None:
    desk.core.script.queue.append(told_as("ask", pending=spelling, answer_after=150))
    desk.start_ladder()
    attempt = await desk.charged()
    for _ in range(12):
        await desk.advance(10)
        assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING


@pytest.mark.parametrize(
    ("code", "reason"),
    [("1032", Reason.CANCEL), ("1", Reason.LOWBAL), ("2001", Reason.WRONGPIN), ("E3008", Reason.NOPAY)],
)
async def test_s7_a_definite_failure_ends_it_and_another_charge_may_follow(
    desk: Any, code: str, reason: Reason
) -> None:
    desk.core.script.queue.append(told_as(f"code:{code}"))
    attempt = await desk.charged()
    await desk.advance(5)
    failed = await desk.attempt(attempt.id)
    assert (failed.state, failed.reason, failed.code) == (AttemptState.FAILED, reason, code)
    again = await desk.charge(attempt.sale_id)
    assert isinstance(again, Attempt)
    assert again.account_reference == "T1-1-2"


@pytest.mark.parametrize("code", ["1037", "1019"])
async def test_s7_no_answer_and_expired_count_only_after_a_query_agrees(
    desk: Any, make_callback: Body, code: str
) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt, int(code)))
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING
    assert desk.checks == [attempt.id]
    assert await desk.charge(attempt.sale_id) == STILL_CHECKING
    (prompt,) = desk.core.prompts()
    desk.core.act(prompt.checkout_request_id, f"code:{code}")
    failed = await desk.payments.check_now(attempt.id)
    assert failed.state is AttemptState.FAILED


async def test_s7_the_query_may_say_that_no_answer_was_an_answer(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt, 1037))
    await desk.pump()
    (prompt,) = desk.core.prompts()
    desk.core.act(prompt.checkout_request_id, "approve")
    assert (await desk.payments.check_now(attempt.id)).state is AttemptState.PAID


async def test_s8_a_late_success_of_a_failed_charge_pays_its_sale(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt, 1032))
    await desk.pump()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID_LATE
    assert (await desk.sales.get(attempt.sale_id)).state is SaleState.PAID
    (recent,) = await desk.payments.recent()
    assert (recent.late, recent.receipt, recent.sale_number) == (True, "TJE1A2B3C4", 1)


async def test_s8_a_late_success_of_a_sale_paid_by_cash_makes_it_overpaid(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt, 1032))
    await desk.pump()
    await desk.sales.pay_cash(attempt.sale_id, Money.shillings(200))
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    sale = await desk.sales.get(attempt.sale_id)
    assert (sale.state, sale.overpaid) == (SaleState.OVERPAID, Money.shillings(150))


async def test_s8_a_late_success_of_a_cancelled_sale_is_kept_as_received(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt, 1032))
    await desk.pump()
    assert isinstance(await desk.sales.void(attempt.sale_id), Sale)
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    (payment,) = await desk.standing()
    assert (payment.sale_id, payment.attempt_id, payment.amount) == (None, attempt.id, attempt.amount)
    assert (await desk.sales.get(attempt.sale_id)).state is SaleState.VOID
    assert any("cancelled sale" in notice for notice in desk.notices)
    (recent,) = await desk.payments.recent()
    assert (recent.sale_number, recent.late) == (None, True)


async def test_s9_while_one_is_unknown_the_next_is_refused_with_the_sentence_that_says_why(desk: Any) -> None:
    desk.core.script.queue.append(told_as("request_lost"))
    attempt = await desk.charged()
    assert attempt.state is AttemptState.UNKNOWN
    refused = await desk.charge(attempt.sale_id)
    assert refused == STILL_CHECKING
    assert refused.sentence.startswith("Checking with Safaricom. Do not charge again yet")
    assert desk.pushes == 1


async def test_s9_if_both_succeed_the_second_is_an_overpayment(desk: Any, make_callback: Body) -> None:
    first = await desk.charged()
    desk.log.stk(first.nonce, make_callback(first, 1032))
    await desk.pump()
    second = await desk.charge(first.sale_id)
    for attempt, receipt in ((second, "TJE2A2B3C4"), (first, "TJE1A2B3C4")):
        desk.log.stk(attempt.nonce, make_callback(attempt, receipt=receipt))
    await desk.pump()
    sale = await desk.sales.get(first.sale_id)
    assert (sale.state, sale.paid, sale.total) == (SaleState.OVERPAID, Money.shillings(300), Money.shillings(150))


async def test_s10_a_double_click_is_one_attempt_and_one_post(desk: Any) -> None:
    sale = await desk.sale()
    answers = await asyncio.gather(*(desk.charge(sale) for _ in range(5)))
    assert [type(answer) for answer in answers].count(Attempt) == 1
    assert [answer for answer in answers if isinstance(answer, Refused)] == [STILL_CHECKING] * 4
    assert desk.pushes == 1


@pytest.mark.parametrize(
    "lie", ["other_amount", "other_shortcode", "other_id"], ids=["amount", "short code", "checkout id"]
)
async def test_s11_a_callback_that_disagrees_is_quarantined_and_safaricom_is_asked(desk: Any, lie: str) -> None:
    desk.core.script.queue.append(told_as(f"{lie}+confirmation_lost"))
    attempt = await desk.charged()
    await desk.advance(5)
    held = await desk.attempt(attempt.id)
    assert (held.state, await desk.standing()) == (AttemptState.PENDING, ())
    assert (await desk.sales.get(attempt.sale_id)).paid == Money(0)
    assert (await desk.evidence(attempt.id))[-1].disposition is Disposition.QUARANTINED
    assert any("does not fit" in notice for notice in desk.notices)
    assert desk.checks == [attempt.id]
    await desk.payments.check_now(attempt.id)
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID
    assert await desk.received() == desk.banked


@pytest.mark.parametrize("spelling", ["token_invalidated", "token_invalidated_401", "token_invalidated_400"])
async def test_s12_a_token_that_dies_is_refreshed_once_for_the_same_attempt(desk: Any, spelling: str) -> None:
    desk.core.script.by_amount[150] = told_as(spelling)
    attempt = await desk.charged(150)
    assert (attempt.state, desk.pushes, len(desk.core.pushes)) == (AttemptState.PENDING, 2, 1)
    files = b"".join(path.read_bytes() for path in desk.folder.iterdir())
    assert desk.core.tokens is not None
    assert b"Bearer" not in files


@pytest.mark.parametrize(
    "amount", [Money(0), Money(150), Money.shillings(250_001), Money(-100)], ids=["0", "1.5", "250001", "-1"]
)
async def test_s13_only_whole_shillings_of_1_to_250000_are_asked_for(desk: Any, amount: Money) -> None:
    sale = await desk.sale(250_100)
    refused = await desk.payments.charge(sale.id, amount, Msisdn("254712345678"))
    assert isinstance(refused, Refused)
    assert (desk.network.sent, (await desk.sales.get(sale.id)).state) == ([], SaleState.OPEN)


@pytest.mark.parametrize("shillings", [1, 250_000])
async def test_s13_the_limits_themselves_are_asked_for(desk: Any, shillings: int) -> None:
    attempt = await desk.charge(await desk.sale(250_000), shillings)
    assert isinstance(attempt, Attempt)
    assert desk.core.pushes[0].order.amount == shillings


@pytest.mark.parametrize("typed", ["1.5.0", "1,00", "0x10", "1e3", "١٢", "-5", ""])
def test_s13_what_is_no_amount_never_becomes_one(typed: str) -> None:
    with pytest.raises(AmountError):
        Money.typed(typed)


async def test_more_than_remains_is_refused(desk: Any) -> None:
    sale = await desk.sale(150)
    refused = await desk.charge(sale, 151)
    assert isinstance(refused, Refused)
    assert "Only KES 150" in refused.sentence
    assert desk.network.sent == []


async def test_a_cancelled_sale_is_not_charged(desk: Any) -> None:
    sale = await desk.sale()
    await desk.sales.void(sale.id)
    refused = await desk.charge(sale, 150)
    assert isinstance(refused, Refused)
    assert "cancelled" in refused.sentence
    assert desk.network.sent == []


async def test_parts_by_mpesa_and_cash_add_up(desk: Any, make_callback: Body) -> None:
    sale = await desk.sale(300)
    first = await desk.charge(sale, 100)
    desk.log.stk(first.nonce, make_callback(first))
    await desk.pump()
    assert (await desk.sales.get(sale.id)).state is SaleState.PART_PAID
    await desk.sales.pay_cash(sale.id, Money.shillings(50))
    second = await desk.charge(sale)
    assert second.amount == Money.shillings(150)
    desk.log.stk(second.nonce, make_callback(second, receipt="TJE2A2B3C4"))
    await desk.pump()
    paid = await desk.sales.get(sale.id)
    assert (paid.state, paid.paid_by_mpesa) == (SaleState.PAID, Money.shillings(250))
    assert isinstance(await desk.charge(sale, 1), Refused)


async def test_cash_while_the_prompt_is_open_and_then_both(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    await desk.sales.pay_cash(attempt.sale_id, Money.shillings(150))
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    sale = await desk.sales.get(attempt.sale_id)
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID
    assert (sale.state, sale.overpaid) == (SaleState.OVERPAID, Money.shillings(150))


# Requests that never left.


async def test_a_request_that_never_left_may_be_sent_again_and_is_the_same_intent(desk: Any) -> None:
    desk.core.offline = True
    attempt = await desk.charged()
    assert (attempt.state, attempt.reason) == (AttemptState.CREATED, Reason.NOT_SENT)
    assert await desk.charge(attempt.sale_id) == STILL_CHECKING
    desk.core.offline = False
    again = await desk.payments.send_again(attempt.id)
    assert (again.id, again.nonce, again.state) == (attempt.id, attempt.nonce, AttemptState.PENDING)
    assert len(desk.core.pushes) == 1


async def test_sending_again_twice_at_once_sends_once(desk: Any) -> None:
    desk.core.offline = True
    attempt = await desk.charged()
    desk.core.offline = False
    answers = await asyncio.gather(*(desk.payments.send_again(attempt.id) for _ in range(4)))
    assert answers.count(STILL_CHECKING) == 3
    assert len(desk.core.pushes) == 1


async def test_a_request_whose_outcome_is_unknown_is_never_sent_again(desk: Any) -> None:
    desk.core.script.queue.append(told_as("request_lost"))
    attempt = await desk.charged()
    assert await desk.payments.send_again(attempt.id) == STILL_CHECKING
    assert await desk.payments.withdraw(attempt.id) == STILL_CHECKING
    assert desk.pushes == 1


async def test_a_request_that_never_left_can_be_given_up(desk: Any) -> None:
    desk.core.offline = True
    attempt = await desk.charged()
    withdrawn = await desk.payments.withdraw(attempt.id)
    assert (withdrawn.state, withdrawn.reason) == (AttemptState.FAILED, Reason.NOT_SENT)
    assert (await desk.sales.get(attempt.sale_id)).state is SaleState.OPEN


async def test_after_the_shop_changed_its_number_the_old_request_is_not_sent_to_the_new_one(desk: Any) -> None:
    desk.core.offline = True
    attempt = await desk.charged()
    desk.core.offline = False
    desk.connect(ShopAccount(AccountKind.BUY_GOODS, "7654321", "5512345"))
    refused = await desk.payments.send_again(attempt.id)
    assert isinstance(refused, Refused)
    assert "was changed" in refused.sentence
    assert len(desk.core.pushes) == 0
    assert (await desk.payments.withdraw(attempt.id)).state is AttemptState.FAILED


async def test_what_cannot_be_asked_for_never_leaves_and_does_not_lock_the_sale(desk: Any) -> None:
    desk.payments.charging = replace(desk.payments.charging, callback_base="not an address")
    attempt = await desk.charged()
    assert (attempt.state, attempt.reason) == (AttemptState.CREATED, Reason.NOT_SENT)
    assert desk.network.sent == []


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("lock_subscriber", AttemptState.FAILED, Reason.BUSYLINE),
        ("waf_html", AttemptState.FAILED, Reason.DOWN),
        ("no_iccid", AttemptState.FAILED, Reason.BADPHONE),
        ("spike_arrest", AttemptState.FAILED, Reason.DOWN),
        ("internal_error_accepted", AttemptState.UNKNOWN, Reason.UNKNOWN),
        ("gateway_timeout_accepted", AttemptState.UNKNOWN, Reason.UNKNOWN),
        ("reply_hangs", AttemptState.UNKNOWN, Reason.UNKNOWN),
    ],
)
async def test_every_kind_of_answer_becomes_a_state(desk: Any, name: str, state: AttemptState, reason: Reason) -> None:
    desk.core.script.queue.append(told_as(name))
    attempt = await desk.charged()
    assert (attempt.state, attempt.reason) == (state, reason)
    await desk.advance(200)
    assert await desk.received() == desk.banked


async def test_a_callback_before_the_reply_is_the_truth_and_the_reply_changes_nothing(desk: Any) -> None:
    desk.core.script.queue.append(told_as("callback_before_reply+confirmation_lost"))
    original = desk.log.take

    async def take_and_pump(*args: Any) -> int:
        status: int = await original(*args)
        await desk.pump()
        return status

    desk.transport._deliver = take_and_pump
    attempt = await desk.charged()
    assert attempt.state is AttemptState.PAID
    facts = [(row.evidence.fact, row.evidence.source) for row in await desk.evidence(attempt.id)]
    assert facts == [
        (Fact.SUBMITTED, Source.CASHIER),
        (Fact.PAID, Source.CALLBACK),
        (Fact.ACCEPTED, Source.REPLY),
    ]


async def test_without_settings_nothing_is_sent(desk: Any) -> None:
    desk.core.offline = True
    attempt = await desk.charged()
    desk.payments.charging = None
    assert await desk.charge(await desk.sale()) == NOT_SET_UP
    assert await desk.payments.send_again(attempt.id) == NOT_SET_UP
    assert await desk.payments.check_now(attempt.id) == attempt


@pytest.mark.parametrize("answers", [True, False])
async def test_a_window_closed_while_the_request_is_on_its_way_leaves_its_reply_a_moment(
    desk: Any, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    """Without the reply’s id nobody could ever ask Safaricom about the charge."""
    monkeypatch.setattr(module, "REPLY_GRACE_SECONDS", 10 if answers else 0.01)
    sent, go = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> None:
        if request.url.path == PUSH_PATH:
            sent.set()
            await go.wait()

    desk.network.before = slow
    sale = await desk.sale()
    charging = asyncio.create_task(desk.charge(sale))
    await sent.wait()
    charging.cancel()
    await asyncio.sleep(0)
    if answers:
        go.set()
    await asyncio.wait({charging})
    assert charging.cancelled()
    attempt = await desk.payments.of_sale(sale.id)
    expected = AttemptState.PENDING if answers else AttemptState.SUBMITTING
    assert (attempt.state, bool(attempt.checkout_request_id)) == (expected, answers)
    assert {task.get_name() for task in asyncio.all_tasks()}.isdisjoint({"charge on its way"})


async def test_settings_saved_before_a_charge_has_left_leave_it_to_be_sent_again(desk: Any) -> None:
    """The old client is closed while the charge waits for a token: certainly nothing left, so it is not in doubt."""
    asked = asyncio.Event()

    async def never(request: httpx.Request) -> None:
        if request.url.path == TOKEN_PATH:
            asked.set()
            await asyncio.Event().wait()

    desk.network.before = never
    charging = asyncio.create_task(desk.charged())
    await asked.wait()
    await desk.payments.charging.daraja.aclose()
    attempt = await charging
    assert (attempt.state, attempt.reason, desk.pushes) == (AttemptState.CREATED, Reason.NOT_SENT, 0)
    desk.network.before = None
    desk.connect(desk.account)
    assert (await desk.payments.send_again(attempt.id)).state is AttemptState.PENDING
    assert desk.pushes == 1


async def test_the_last_charge_of_a_sale_is_found(desk: Any, make_callback: Body) -> None:
    sale = await desk.sale()
    assert await desk.payments.of_sale(sale.id) is None
    first = await desk.charge(sale)
    desk.log.stk(first.nonce, make_callback(first, 1032))
    await desk.pump()
    second = await desk.charge(sale)
    assert await desk.payments.of_sale(sale.id) == second
    assert await desk.payments.open_attempts() == (second,)


def told_as(preset: str, **knobs: Any) -> Scenario:
    return scenario({"preset": preset, **knobs})


async def test_a_charge_of_another_number_is_not_asked_about_under_this_one(desk: Any) -> None:
    attempt = await desk.charged()
    desk.connect(ShopAccount(AccountKind.PAYBILL, "600966"))
    refused = await desk.payments.check_now(attempt.id)
    assert isinstance(refused, Refused)
    assert "do not charge again" in refused.sentence
    await desk.advance(60)
    assert desk.queries == []
    desk.connect(desk.account)
    assert not isinstance(await desk.payments.check_now(attempt.id), Refused)
    assert len(desk.queries) == 1


async def test_no_code_that_is_none_of_darajas_reaches_the_log(desk: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    attempt = await desk.charged()
    told = Evidence(Fact.REJECTED, Source.REPLY, desk.now(), code="254712345678 UJE7BX41QP")
    desk.payments.charging.daraja.stk_push = _answering(told)
    await desk.charged()
    assert f"charge {attempt.id}: accepted 0" in caplog.text
    assert "rejected ***999" in caplog.text
    assert "UJE7BX41QP" not in caplog.text


def _answering(told: Evidence) -> Callable[..., Awaitable[Evidence]]:
    async def answer(**_fields: object) -> Evidence:
        return told

    return answer
