"""Payments that nobody told of: looked for in time and far enough, told to the relay once, and no hole in silence."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from pos_app.daraja.obstacles import Effect, Obstacle
from pos_app.daraja.pull import Pulled, pull_row
from pos_app.domain.msisdn import Msisdn
from pos_app.relay_link.delivery import LinkStatus
from pos_app.services.changes import LogReset, PullingChanged, StatementTasksChanged
from pos_app.services.pulling import Pulling, PullLine
from pos_app.services.statement_tasks import StatementTasks
from pos_app.simulator.customer_control import CustomerControl
from pos_app.simulator.customers import Purchase
from pos_app.simulator.payment_scenarios import payment_scenario
from pos_app.simulator.shop import TRAINING_SHOP
from pos_app.store import pulls
from relay.reading import read_pulled

pytestmark = pytest.mark.anyio
HOUR = 3600.0
MINUTE = 60.0
DOWN = Obstacle(Effect.NOT_REACHED, "M-Pesa is busy.", "down")
REFUSED = Obstacle(Effect.REFUSED, "The app lacks the product “Pull Transactions”.", "404.001.03")


class Counter:
    """A till that pulls, before the simulator, and the relay's log; times are simulated."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.reachable = True
        self.pages: list[int] = []
        self.asked: list[tuple[datetime, datetime]] = []
        self.answers: list[Pulled | Exception] = []
        self.hold: asyncio.Event | None = None
        self.told: list[Any] = []
        self.running: asyncio.Task[None] | None = None
        self.start()

    def start(self) -> None:
        """Also after `stop`: the program started again, on the same records."""
        for kind in (PullingChanged, StatementTasksChanged):
            self.desk.changes.subscribe(kind, self.told.append)
        self.tasks: Any = StatementTasks(self.desk.database, self.desk.changes, self.desk.guard, self.desk.now)
        self.pulling = Pulling(
            self.desk.database,
            self.desk.changes,
            self.tasks,
            clock=self.desk.now,
            elapsed=self.desk.elapsed,
            rng=random.Random(3),
        )
        self.line = PullLine(self.desk.account, self.pull, self.report)
        self.running = asyncio.create_task(self.pulling.run(self.line))

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.wait({self.running})
            self.running = None

    async def restart(self) -> None:
        await self.stop()
        await self.desk.close()
        await self.desk.open()
        self.start()

    @property
    def daraja(self) -> Any:
        return self.desk.payments.charging.daraja

    async def pull(self, start: datetime, end: datetime) -> Pulled:
        self.asked.append((start, end))
        if self.hold is not None:
            await self.hold.wait()
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return await self.daraja.pull(start, end)  # type: ignore[no-any-return]

    async def report(self, short_code: str, rows: Sequence[str]) -> bool:
        if not self.reachable:
            return False
        self.pages.append(len(rows))
        known = {event.key for event in self.desk.log.events}
        for row in rows:
            reading = read_pulled(row.encode(), short_code)
            assert reading is not None
            if reading.key not in known:
                self.desk.log.append(reading, row.encode())
        return True

    async def settle(self) -> None:
        """Until the loop has done all that is due and waits."""
        wake = self.pulling._wake
        wake.set()
        while wake.is_set() or not wake._waiters:  # noqa: ASYNC110 — no event says so
            await asyncio.sleep(0)

    async def until_asked(self, count: int) -> None:
        while len(self.asked) < count:  # noqa: ASYNC110 — as above
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        await self.desk.transport.advance(seconds)
        await self.settle()

    async def through(self, seconds: float, step: float = 5 * MINUTE) -> None:
        until = self.desk.core.clock.now() + seconds
        while self.desk.core.clock.now() < until:
            await self.advance(min(step, until - self.desk.core.clock.now()))

    def pay(self, amount: int = 350, scenario: str = "confirmation_lost") -> str:
        shortcode = TRAINING_SHOP.shortcode("174379")
        assert shortcode is not None
        purchase = Purchase(shortcode, "254712345678", amount, "A-142")
        return str(self.desk.core.pay(purchase, payment_scenario(scenario)).payment.receipt)

    def link(self, status: LinkStatus) -> None:
        self.desk.health.link_changed(status)

    @property
    def in_the_log(self) -> list[str]:
        return [event.receipt for event in self.desk.log.events if event.receipt]

    @property
    def banked(self) -> set[str]:
        return {payment.receipt for payment in self.desk.core.ledger.payments}

    @property
    def reach(self) -> timedelta:
        start, end = self.asked[-1]
        return end - start

    async def covered(self) -> pulls.Coverage | None:
        return await self.desk.database.read(lambda c: pulls.coverage(c, "174379"))  # type: ignore[no-any-return]


@pytest.fixture
async def shop(desk: Any) -> AsyncIterator[Counter]:
    await desk.payments.charging.daraja.pull_register(
        nominated=Msisdn.parse("0712000111"), callback_url="https://pay.example.co.ke/pull"
    )
    counter = Counter(desk)
    await counter.settle()
    yield counter
    await counter.stop()


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


# When, and how far back.


async def test_it_begins_with_the_long_look_and_then_looks_every_quarter_of_an_hour(shop: Counter) -> None:
    assert shop.reach == hours(47)
    await shop.through(HOUR, step=MINUTE)
    assert 4 <= len(shop.asked) - 1 <= 5
    # From where the last complete answer ended, less the overlap.
    (_, before), (start, _) = shop.asked[-2:]
    assert start == before - hours(2)


async def test_the_long_look_comes_once_a_night(shop: Counter) -> None:
    await shop.through(4 * 24 * HOUR)
    long = [end for start, end in shop.asked if end - start >= hours(47)]
    assert len(long) == 5
    assert all(2 <= (end + hours(3)).hour < 5 for end in long[1:])


async def test_a_payment_that_was_never_told_of_is_in_the_log_within_a_quarter_of_an_hour(shop: Counter) -> None:
    receipt = shop.pay()
    await shop.through(16 * MINUTE, step=MINUTE)
    assert shop.in_the_log == [receipt]
    event = shop.desk.log.events[-1]
    assert (event.kind, event.key) == ("c2b.pulled", f"c2b:174379:{receipt}")
    row = pull_row(json.loads(bytes(event.body)))
    assert row is not None
    assert (row.amount.cents, row.bill_reference, row.payer_phone[-3:]) == (35_000, "A-142", "678")


async def test_what_was_told_of_already_is_not_told_again(shop: Counter) -> None:
    shop.pay(scenario="usual")
    await shop.through(3 * HOUR)
    assert len(shop.in_the_log) == 1
    assert sum(shop.pages) > 1


async def test_rows_go_to_the_relay_in_pages(shop: Counter) -> None:
    for amount in range(1, 251):
        shop.pay(amount)
    await shop.pulling.look_now()
    assert shop.pages == [100, 100, 50]
    assert set(shop.in_the_log) == shop.banked


async def test_after_an_outage_of_the_relay_it_looks_far_back_and_after_a_blink_it_does_not(shop: Counter) -> None:
    shop.link(LinkStatus.LIVE)
    await shop.through(20 * MINUTE)
    for away, wanted in ((4 * MINUTE, False), (6 * MINUTE, True)):
        count = len(shop.asked)
        shop.link(LinkStatus.OFFLINE)
        await shop.advance(away)
        shop.link(LinkStatus.LIVE)
        await shop.advance(31)
        assert any(end - start == hours(47) for start, end in shop.asked[count:]) is wanted


@pytest.mark.parametrize("reason", ["trimmed", "epoch"])
async def test_a_relay_that_begins_anew_is_made_good(shop: Counter, reason: str) -> None:
    await shop.through(16 * MINUTE)
    shop.desk.changes.publish(LogReset(reason))
    await shop.advance(31)
    assert shop.reach == hours(47)


async def test_a_clock_that_was_set_back_makes_the_look_a_long_one(shop: Counter) -> None:
    shop.desk.wall_step = -24 * HOUR
    await shop.through(16 * MINUTE)
    assert shop.reach >= hours(47)


# On demand.


async def test_a_look_on_demand_waits_for_an_answer_that_was_asked_for_after_it(shop: Counter) -> None:
    shop.hold = asyncio.Event()
    first = asyncio.create_task(shop.pulling.look_now())
    count = len(shop.asked)
    await shop.until_asked(count + 1)
    receipt = shop.pay()
    others = [asyncio.create_task(shop.pulling.look_now()) for _ in range(5)]
    await asyncio.sleep(0)
    shop.hold.set()
    assert (await first).is_complete
    found = await asyncio.gather(*others)
    assert all(receipt in one.receipts and one.is_complete for one in found)
    await shop.settle()
    assert len(shop.asked) == count + 2


async def test_who_gave_up_waiting_disturbs_nobody(shop: Counter) -> None:
    shop.hold = asyncio.Event()
    waiting = [asyncio.create_task(shop.pulling.look_now()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait({waiting[0]})
    shop.hold.set()
    assert (await waiting[1]).is_complete


async def test_without_a_connection_nobody_waits(shop: Counter) -> None:
    shop.hold = asyncio.Event()
    waiting = asyncio.create_task(shop.pulling.look_now())
    await shop.until_asked(2)
    later = asyncio.create_task(shop.pulling.look_now())
    await asyncio.sleep(0)
    await shop.stop()
    for swept in (await waiting, await later, await shop.pulling.look_now()):
        assert not swept.is_complete
        assert swept.trouble


# Answers in part, and none.


async def test_rows_that_came_before_a_break_are_kept_and_all_is_asked_for_again_soon(shop: Counter) -> None:
    before = await shop.covered()
    receipt = shop.pay()
    whole = await shop.daraja.pull(shop.desk.now() - hours(2), shop.desk.now())
    shop.answers = [Pulled(whole.rows, gap=DOWN)]
    swept = await shop.pulling.look_now()
    assert (swept.receipts, swept.is_complete, swept.trouble) == (frozenset([receipt]), False, DOWN.sentence)
    await shop.settle()
    assert shop.in_the_log == [receipt]
    assert await shop.covered() == before
    assert shop.pulling.current.trouble == DOWN.sentence
    await shop.advance(61)
    assert (await shop.covered()) != before
    assert shop.pulling.current.trouble == ""


async def test_while_safaricom_is_down_it_asks_less_and_less_often(shop: Counter) -> None:
    shop.answers = [Pulled((), gap=DOWN)] * 40
    await shop.pulling.look_now()
    count = len(shop.asked)
    await shop.through(15 * MINUTE, step=10)
    assert len(shop.asked) - count == 4
    await shop.through(2 * HOUR, step=MINUTE)
    assert len(shop.asked) - count <= 13


async def test_a_failure_of_ours_ends_no_asking(shop: Counter, caplog: pytest.LogCaptureFixture) -> None:
    shop.answers = [ZeroDivisionError()]
    assert not (await shop.pulling.look_now()).is_complete
    await shop.advance(61)
    assert (await shop.pulling.look_now()).is_complete
    assert "payments could not be asked for" in caplog.text


async def test_a_row_that_cannot_be_read_is_said_once_and_nothing_counts_as_complete(shop: Counter) -> None:
    before = await shop.covered()
    shop.answers = [Pulled((), unreadable=({"transactionId": 7},))] * 2
    for _ in range(2):
        swept = await shop.pulling.look_now()
        assert not swept.is_complete
        assert "cannot read" in swept.trouble
    await shop.settle()
    assert len([one for one in shop.desk.notices if "cannot read" in one]) == 1
    assert await shop.covered() == before


async def test_a_payment_that_safaricom_lists_with_another_amount_is_said_once(
    shop: Counter, make_confirmation: Any
) -> None:
    receipt = shop.pay(50)
    shop.desk.log.confirm(make_confirmation(TransID=receipt, TransAmount="5000.00"))
    await shop.desk.pump()
    for _ in range(2):
        await shop.pulling.look_now()
    (said,) = [one for one in shop.desk.notices if receipt in one]
    assert said.startswith(f"Safaricom lists payment {receipt} with KES 50, but here it counts as KES 5,000.")


# The relay away.


async def test_while_the_relay_is_away_rows_are_kept_and_told_when_it_is_back(shop: Counter) -> None:
    shop.link(LinkStatus.OFFLINE)
    shop.reachable = False
    receipts = {shop.pay(amount) for amount in range(1, 6)}
    await shop.through(HOUR)
    assert shop.in_the_log == []
    assert shop.pulling.current.untold == 5
    await shop.restart()
    await shop.settle()
    assert shop.pulling.current.untold == 5
    shop.reachable = True
    shop.link(LinkStatus.LIVE)
    await shop.settle()
    assert set(shop.in_the_log) == receipts
    assert len(shop.in_the_log) == 5
    assert shop.pulling.current.untold == 0


async def test_a_restart_in_the_middle_of_a_look_skips_nothing(shop: Counter) -> None:
    await shop.through(HOUR)
    before = await shop.covered()
    receipt = shop.pay()
    shop.hold = asyncio.Event()
    waiting = asyncio.create_task(shop.pulling.look_now())
    count = len(shop.asked)
    await shop.until_asked(count + 1)
    await shop.stop()
    assert not (await waiting).is_complete
    assert await shop.covered() == before
    shop.hold = None
    await shop.desk.transport.advance(5 * HOUR)
    await shop.restart()
    await shop.settle()
    assert shop.in_the_log == [receipt]


async def test_a_whole_day_with_losses_and_an_hour_without_the_relay_ends_with_every_payment(shop: Counter) -> None:
    CustomerControl(shop.desk.core).commands()["c2b/day"](
        {"payments": 800, "seconds": 12 * HOUR, "number": "174379", "lost": 0.05, "duplicated": 0.02, "late": 0.1}
    )
    shop.link(LinkStatus.LIVE)
    await shop.through(5 * HOUR)
    shop.link(LinkStatus.OFFLINE)
    shop.reachable, shop.desk.log.losing = False, True
    await shop.through(HOUR)
    shop.reachable, shop.desk.log.losing = True, False
    shop.link(LinkStatus.LIVE)
    await shop.through(7 * HOUR)
    assert len(shop.banked) == 800
    assert set(shop.in_the_log) == shop.banked
    pulled = [event.receipt for event in shop.desk.log.events if event.kind == "c2b.pulled"]
    assert len(pulled) == len(set(pulled)) >= 40
    assert shop.tasks.open == ()


# Holes (money-safety R11).


@pytest.mark.parametrize(("away", "lost"), [(47, False), (49, True)])
async def test_after_47_hours_all_is_recovered_and_after_49_there_is_a_loud_task(
    shop: Counter, *, away: float, lost: bool
) -> None:
    await shop.through(HOUR)
    await shop.stop()
    covered = await shop.covered()
    assert covered is not None
    receipt = shop.pay()
    await shop.desk.transport.advance(away * HOUR - 30 * MINUTE)
    await shop.restart()
    await shop.settle()
    assert (receipt in shop.in_the_log) is not lost
    sentences = [told.sentence for told in shop.told if isinstance(told, StatementTasksChanged)]
    if not lost:
        assert (shop.tasks.open, sentences) == ((), [])
        return
    (task,) = shop.tasks.open
    assert task.since == covered.until
    assert task.until == shop.asked[-1][0]
    assert "Import the M-Pesa statement" in sentences[-1]
    assert sentences[-1] in shop.desk.notices


async def test_a_task_outlives_the_program_and_ends_with_the_words_of_a_person(shop: Counter) -> None:
    await shop.stop()
    await shop.desk.transport.advance(60 * HOUR)
    await shop.restart()
    await shop.settle()
    await shop.restart()
    await shop.settle()
    (task,) = shop.tasks.open
    assert await shop.tasks.settle(task.id, "  ", shop.desk.account) is not None
    assert await shop.tasks.settle(task.id, "compared by phone", shop.desk.account) is None
    assert await shop.tasks.settle(task.id, "again", shop.desk.account) is not None
    assert shop.told[-1] == StatementTasksChanged((), "")


async def test_a_hole_grows_while_nobody_answers(shop: Counter) -> None:
    covered = await shop.covered()
    assert covered is not None
    shop.answers = [Pulled((), gap=DOWN)] * 1000
    await shop.through(50 * HOUR, step=30 * MINUTE)
    (task,) = shop.tasks.open
    assert task.since == covered.until
    assert task.until - task.since >= hours(1)
    shop.answers = []
    await shop.through(HOUR)
    (grown,) = shop.tasks.open
    assert grown.id == task.id
    assert grown.until >= task.until


async def test_a_shop_that_never_had_pull_goes_by_the_relay(desk: Any) -> None:
    shop = Counter(desk)
    shop.answers = [Pulled((), gap=REFUSED)] * 1000
    await shop.settle()
    shop.link(LinkStatus.LIVE)
    await shop.through(60 * HOUR, step=30 * MINUTE)
    assert shop.tasks.open == ()
    assert shop.pulling.current == PullingChanged(None, REFUSED.sentence, 0)
    shop.link(LinkStatus.OFFLINE)
    await shop.through(47 * HOUR, step=30 * MINUTE)
    assert shop.tasks.open == ()
    await shop.through(2 * HOUR, step=30 * MINUTE)
    (task,) = shop.tasks.open
    shop.link(LinkStatus.LIVE)
    await shop.through(HOUR, step=30 * MINUTE)
    (grown,) = shop.tasks.open
    assert (grown.id, grown.since) == (task.id, task.since)
    assert grown.until - grown.since >= hours(48)
    await shop.through(50 * HOUR, step=30 * MINUTE)
    assert shop.tasks.open == (grown,)
    await shop.stop()


async def test_a_hole_goes_on_until_the_relay_is_back_even_within_one_instant(desk: Any) -> None:
    shop = Counter(desk)
    shop.answers = [Pulled((), gap=REFUSED)] * 1000
    await shop.settle()
    since = desk.now()
    shop.link(LinkStatus.OFFLINE)
    await shop.advance(50 * HOUR)
    assert shop.tasks.open[0].until == desk.now() - hours(48)
    shop.link(LinkStatus.LIVE)
    await shop.pulling.look_now()
    (task,) = shop.tasks.open
    assert (task.since, task.until) == (since, desk.now())
    await shop.stop()
