"""Charges without an answer: asked about rung by rung by a clock that cannot jump, and recovered after a restart."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.evidence import Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.services.payments import STILL_CHECKING
from pos_app.services.settlement import Settlement
from pos_app.simulator.scenarios import scenario
from pos_app.store.database import StoreError

pytestmark = pytest.mark.anyio
Body = Callable[..., dict[str, Any]]
HOURS = [3600.0 * hour for hour in range(1, 25)]
RUNGS = [20.0, 40.0, 60.0, 90.0, 120.0, 300.0, 900.0, *HOURS]


async def stuck(desk: Any) -> Any:
    """A charge that M-Pesa never decides, with the ladder at work."""
    desk.core.script.queue.append(scenario("stuck"))
    desk.start_ladder()
    return await desk.charged()


async def climb(desk: Any, rungs: list[float]) -> None:
    """To just before each rung, where nothing is asked, then just past it."""
    start = desk.core.clock.now()
    for rung in rungs:
        asked = desk.answered
        await desk.advance(start + rung - 0.5 - desk.core.clock.now())
        assert desk.answered == asked, f"asked too early, before {rung}"
        await desk.advance(1.0)
        assert desk.answered == asked + 1, f"asked {desk.answered - asked} times at {rung}"


async def test_every_rung_is_asked_once_to_the_end_of_the_day_and_never_again(desk: Any) -> None:
    attempt = await stuck(desk)
    await climb(desk, RUNGS)
    await desk.advance(10 * 86_400)
    assert desk.answered == len(RUNGS)
    assert (await desk.attempt(attempt.id)).state is AttemptState.UNKNOWN


async def test_a_rung_met_to_the_very_second_is_asked_once(desk: Any) -> None:
    await stuck(desk)
    for number, rung in enumerate(RUNGS[:7], 1):
        await desk.advance(desk.born + rung - desk.core.clock.now())
        for _ in range(3):
            await desk.settle()
        assert len(desk.queries) == number


@pytest.mark.parametrize("start", [0.1, 1e6 / 3, 1234567.891])
async def test_sums_that_do_not_come_apart_exactly_ask_no_rung_twice(desk: Any, start: float) -> None:
    desk.born -= start
    attempt = await stuck(desk)
    watch = desk.reconciliation._watched[attempt.id]
    for number, rung in enumerate(RUNGS[:7], 1):
        monotonic = watch.submitted + rung
        desk.elapsed = lambda at=monotonic: at
        desk.reconciliation._elapsed = desk.elapsed
        for _ in range(3):
            await desk.settle()
        assert len(desk.queries) == number


async def test_after_180_seconds_of_silence_it_is_unknown(desk: Any) -> None:
    attempt = await stuck(desk)
    await desk.advance(179)
    assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING
    await desk.advance(2)
    unknown = await desk.attempt(attempt.id)
    assert (unknown.state, unknown.reason) == (AttemptState.UNKNOWN, Reason.UNKNOWN)


@pytest.mark.parametrize("step", [86_400.0, -86_400.0, -3600.0], ids=["+1 day", "-1 day", "-1 hour"])
async def test_t4_a_step_of_the_wall_clock_does_not_disturb_the_ladder(desk: Any, step: float) -> None:
    attempt = await stuck(desk)
    start = desk.core.clock.now()
    for number, rung in enumerate(RUNGS[:9], 1):
        desk.wall_step = step * (number % 2)
        await desk.advance(start + rung - 0.5 - desk.core.clock.now())
        assert desk.answered == number - 1
        await desk.advance(1.0)
        assert desk.answered == number
        state = (await desk.attempt(attempt.id)).state
        assert state is (AttemptState.PENDING if rung < 180 else AttemptState.UNKNOWN)


async def test_slow_queries_take_no_rung_from_each_other(desk: Any) -> None:
    desk.network.hold = asyncio.Event()
    charges = [await stuck_one(desk) for _ in range(12)]
    desk.start_ladder()
    for rung in (20, 40, 60):
        await desk.transport.advance(desk.born + rung + 0.1 - desk.core.clock.now())
        desk.reconciliation._wake.set()
        for _ in range(20):
            await asyncio.sleep(0)
    assert len(desk.queries) <= 5, "no more than five at a time"
    desk.network.hold.set()
    await desk.settle()
    assert len(desk.queries) == 3 * len(charges)


async def stuck_one(desk: Any) -> Any:
    desk.core.script.queue.append(scenario("stuck"))
    return await desk.charged()


async def test_an_answer_ends_the_asking(desk: Any, make_callback: Body) -> None:
    attempt = await stuck(desk)
    await desk.advance(25)
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.advance(90_000)
    assert len(desk.queries) == 1
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID


async def test_a_doubtful_callback_is_asked_about_at_once(desk: Any, make_callback: Body) -> None:
    attempt = await stuck(desk)
    await desk.advance(5)
    desk.log.stk(attempt.nonce, make_callback(attempt, 1037))
    await desk.pump()
    await desk.settle()
    assert desk.queries == [5.0]
    await desk.advance(15.5)
    assert len(desk.queries) == 2


async def test_r5_a_late_success_of_unknown_origin_is_asked_about_though_the_charge_had_failed(
    desk: Any, make_callback: Body
) -> None:
    """Safaricom’s own message from an address that nobody listed: money came, and only a query can say so."""
    desk.core.script.queue.append(scenario("approve"))
    attempt = await desk.charged()
    desk.start_ladder()
    desk.log.stk(attempt.nonce, make_callback(attempt, 1))
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.FAILED
    desk.log.losing = True
    await desk.transport.advance(10)
    (paid,) = desk.core.ledger.payments
    desk.log.stk(attempt.nonce, make_callback(attempt, receipt=paid.receipt), trusted=False)
    await desk.pump()
    await desk.settle()
    late = await desk.attempt(attempt.id)
    assert (late.state, late.receipt) == (AttemptState.PAID_LATE, paid.receipt)
    assert await desk.received() == desk.banked
    queries = len(desk.queries)
    await desk.advance(200)
    assert len(desk.queries) == queries


async def test_a_check_for_a_charge_that_is_over_is_nothing(desk: Any) -> None:
    desk.start_ladder()
    desk.reconciliation.check_soon(77)
    await desk.settle()
    assert desk.queries == []


async def test_a_lost_reply_is_not_asked_about_for_there_is_nothing_to_ask_by(desk: Any) -> None:
    desk.core.script.queue.append(scenario("reply_lost"))
    desk.start_ladder()
    attempt = await desk.charged()
    await desk.advance(100, pump=False)
    assert (desk.queries, (await desk.attempt(attempt.id)).state) == ([], AttemptState.UNKNOWN)


async def test_a_failed_question_does_not_end_the_asking(desk: Any, caplog: pytest.LogCaptureFixture) -> None:
    attempt = await stuck(desk)

    async def broken(_request: object) -> None:
        raise RuntimeError("the transport broke")

    desk.network.before = broken
    await desk.advance(21)
    assert "could not be checked" in caplog.text
    desk.network.before = None
    await desk.advance(20)
    facts = [row.evidence.fact for row in await desk.evidence(attempt.id)]
    assert facts[-1] is Fact.STILL_OPEN


async def test_a_silence_that_could_not_be_written_is_written_later(
    desk: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = await stuck(desk)

    async def busy(_attempt_id: int) -> None:
        raise StoreError("busy")

    monkeypatch.setattr(desk.payments, "note_silence", busy)
    await desk.advance(181)
    monkeypatch.undo()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING
    assert "could not be checked" in caplog.text
    await desk.advance(31)
    assert (await desk.attempt(attempt.id)).state is AttemptState.UNKNOWN


async def test_without_internet_the_ladder_goes_on_and_finds_out_later(desk: Any) -> None:
    desk.core.script.queue.append(scenario("callback_lost+confirmation_lost"))
    desk.start_ladder()
    attempt = await desk.charged()
    desk.core.offline = True
    await desk.advance(200)
    assert (await desk.attempt(attempt.id)).state is AttemptState.UNKNOWN
    desk.core.offline = False
    await desk.advance(200)
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID
    assert await desk.received() == desk.banked


async def test_a_request_that_waits_to_be_sent_again_is_not_asked_about(desk: Any) -> None:
    desk.core.offline = True
    desk.start_ladder()
    attempt = await desk.charged()
    await desk.advance(4000)
    assert (await desk.attempt(attempt.id)).state is AttemptState.CREATED
    desk.core.offline = False
    await desk.payments.send_again(attempt.id)
    await desk.advance(19.9)
    assert desk.queries == []
    await desk.advance(0.2)
    assert len(desk.queries) == 1


# After a restart.


async def put(desk: Any, told: list[Fact], age: float = 5.0) -> int:
    """A charge that these facts have brought to its state, `age` seconds ago."""
    sale = await desk.sale()
    at = desk.now() - timedelta(seconds=age)

    def write(connection: sqlite3.Connection) -> int:
        settlement = Settlement(connection, at)
        attempt = settlement.intend(intent(desk, sale.id, at))
        for fact in told:
            checkout = f"ws_CO_{attempt.id}" if fact is Fact.ACCEPTED else ""
            one = Evidence(fact, Source.REPLY, at, checkout_request_id=checkout)
            attempt = settlement.record(attempt, one)
        settlement.ledger.flush()
        return attempt.id

    attempt_id: int = await desk.database.run(write)
    return attempt_id


def intent(desk: Any, sale_id: int, at: datetime) -> Attempt:
    return Attempt(
        id=0,
        sale_id=sale_id,
        nonce=f"{sale_id:032x}",
        amount=Money.shillings(150),
        msisdn=Msisdn("254712345678"),
        account=desk.account,
        account_reference=f"T1-{sale_id}-1",
        created_at=at,
    )


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ([], (AttemptState.UNKNOWN, Reason.UNKNOWN)),
        ([Fact.NOT_SENT], (AttemptState.FAILED, Reason.NOT_SENT)),
        ([Fact.ACCEPTED], (AttemptState.PENDING, Reason.WAIT)),
        ([Fact.REPLY_LOST], (AttemptState.UNKNOWN, Reason.UNKNOWN)),
        ([Fact.ACCEPTED, Fact.SILENCE], (AttemptState.UNKNOWN, Reason.UNKNOWN)),
    ],
    ids=["SUBMITTING", "CREATED", "PENDING", "reply lost", "UNKNOWN"],
)
async def test_recovery_finds_every_live_charge_and_sends_nothing(
    desk: Any, facts: list[Fact], found: tuple[AttemptState, Reason]
) -> None:
    attempt_id = await put(desk, facts)
    await desk.close()
    await desk.open()
    (recovered,) = await desk.reconciliation.recover()
    assert (recovered.id, recovered.state, recovered.reason) == (attempt_id, *found)
    assert desk.pushes == 0
    if found[0].is_live:
        assert await desk.charge(recovered.sale_id) == STILL_CHECKING
    assert await desk.reconciliation.recover() == ((recovered,) if found[0].is_live else ())


async def test_recovery_leaves_what_is_final_alone(desk: Any, make_callback: Body) -> None:
    paid, failed = await desk.charged(), await desk.charged()
    desk.log.stk(paid.nonce, make_callback(paid))
    desk.log.stk(failed.nonce, make_callback(failed, 1032))
    await desk.pump()
    await desk.close()
    await desk.open()
    assert await desk.reconciliation.recover() == ()


async def test_after_a_restart_each_open_charge_is_asked_about_at_once_and_the_ladder_goes_on(desk: Any) -> None:
    attempt = await stuck(desk)
    await desk.advance(30)
    await desk.close()
    await desk.open()
    desk.network.sent.clear()
    await desk.reconciliation.recover()
    desk.start_ladder()
    await desk.advance(0.1)
    assert desk.queries == [30.1]
    await desk.advance(10)
    assert len(desk.queries) == 2
    await desk.advance(145)
    assert (await desk.attempt(attempt.id)).state is AttemptState.UNKNOWN


@pytest.mark.parametrize("days", [2, -2])
async def test_after_a_restart_with_a_wrong_clock_the_charge_is_asked_about_still(desk: Any, days: int) -> None:
    desk.core.script.queue.append(scenario("callback_lost+confirmation_lost"))
    attempt = await desk.charged()
    await desk.close()
    desk.wall_step = days * 86_400.0
    await desk.open()
    await desk.transport.advance(30)
    await desk.reconciliation.recover()
    desk.start_ladder()
    await desk.advance(1)
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID


async def test_a_callback_read_before_the_restart_ended_is_not_lost(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    await desk.close()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.open()
    await desk.reconciliation.recover()
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID


async def test_a_query_that_answers_about_another_charge_is_quarantined(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = await desk.charged()
    other = Evidence(Fact.PAID, Source.QUERY, desk.now(), checkout_request_id="ws_CO_other")

    async def answers(_checkout: str) -> Evidence:
        return other

    monkeypatch.setattr(desk.payments.charging.daraja, "stk_query", answers)
    assert (await desk.payments.check_now(attempt.id)).state is AttemptState.PENDING
    assert await desk.standing() == ()


async def test_a_held_back_receipt_that_another_charge_took_is_not_lent(desk: Any, make_callback: Body) -> None:
    first, second = await desk.charged(), await desk.charged()
    desk.log.stk(first.nonce, make_callback(first), trusted=False)
    desk.log.stk(second.nonce, make_callback(second))
    await desk.pump()
    desk.core.act(first.checkout_request_id, "approve")
    paid = await desk.payments.check_now(first.id)
    assert (paid.state, paid.receipt) == (AttemptState.PAID, "")
    assert len(await desk.standing()) == 2


async def test_nothing_personal_reaches_the_log(
    desk: Any, make_callback: Body, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    attempt = await stuck(desk)
    desk.log.stk(attempt.nonce, make_callback(attempt, 1032), trusted=False)
    desk.log.stk(attempt.nonce, b"garbage 254712345678")
    await desk.advance(400)
    held = await desk.attempt(attempt.id)
    for secret in (held.msisdn.digits, held.msisdn.local, held.checkout_request_id, held.nonce, "garbage"):
        assert secret not in caplog.text


async def test_the_ladder_wakes_by_itself_when_a_rung_is_due(desk: Any) -> None:
    attempt = await stuck(desk)
    await desk.settle()
    started, rung = time.monotonic(), desk.reconciliation._watched[attempt.id].next_query
    desk.reconciliation._elapsed = lambda: rung - 0.05 + time.monotonic() - started
    asked = asyncio.Event()

    async def note(_request: object) -> None:
        asked.set()

    desk.network.before = note
    await desk.settle()
    await asyncio.wait_for(asked.wait(), 10)
    await desk.settle()
