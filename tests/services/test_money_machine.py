"""Random days at one till: messages lost, doubled, late and forged, and restarts; the simulator's ledger judges.

`TILL_TEST_FULL=1` runs the full size. A failure prints its seed: `--hypothesis-seed=N` plays it again.
"""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.money import Money
from pos_app.domain.sale import SaleState
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.simulator.scenarios import scenario
from pos_app.store.database import Database

T = TypeVar("T")
FULL = os.environ.get("TILL_TEST_FULL") == "1"
SIZE = settings(
    max_examples=2000 if FULL else 12,
    stateful_step_count=50 if FULL else 25,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
# Each makes its money move at most once in the ledger; what the shop hears of it differs.
ANSWERS = (
    "approve",
    "decline",
    "no_money",
    "ignore",
    "callback_lost",
    "callback_duplicated",
    "callback_late",
    "confirmation_lost",
    "confirmation_before_callback",
    "callback_lost+confirmation_lost",
    "callback_lost+confirmation_late",
    "other_amount",
    "other_shortcode",
    "other_id+confirmation_lost",
    "all_shapes",
    "reply_lost",
    "reply_lost+callback_lost",
    "reply_lost+confirmation_lost",
    "reply_hangs",
    "request_lost",
    "internal_error_accepted",
    "gateway_timeout",
    "lock_subscriber",
    "waf_html",
    "token_invalidated",
    "pending_alternating",
    "query_unlucky",
    "paid_late",
    "stuck",
)
PAYBILL = ShopAccount(AccountKind.PAYBILL, "174379")
TILL = ShopAccount(AccountKind.BUY_GOODS, "7654321", "5512345")
FINAL = {AttemptState.PAID, AttemptState.PAID_LATE}
pick = st.integers(min_value=0, max_value=10_000)


class Day(RuleBasedStateMachine):
    make_desk: Callable[..., Any]
    make_callback: Callable[..., dict[str, Any]]
    make_confirmation: Callable[..., dict[str, Any]]
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="till-day-"))
        shutil.copy(self.template, self.folder / "till.db")
        self.sales: list[int] = []
        self.seen: dict[int, Attempt] = {}

    async def _open(self, account: ShopAccount) -> Any:
        desk = type(self).make_desk(self.folder, account, default="approve")
        await desk.open()
        desk.start_ladder()
        return desk

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            self.quiet_down()
        finally:
            self.do(self.desk.close())
            self.do(self.desk.http.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)

    # The day.

    @initialize(account=st.sampled_from([PAYBILL, TILL]))
    def the_first_customer_comes(self, account: ShopAccount) -> None:
        self.desk = self.do(self._open(account))
        self.a_sale_is_rung_up(100)

    @rule(shillings=st.sampled_from([1, 100, 150, 999]))
    def a_sale_is_rung_up(self, shillings: int) -> None:
        self.sales.append(self.do(self.desk.sale(shillings)).id)

    @rule(which=pick, answer=st.sampled_from(ANSWERS), clicks=st.integers(1, 3), part=st.booleans())
    def it_is_charged(self, which: int, answer: str, clicks: int, part: bool) -> None:
        sale_id = self.sales[which % len(self.sales)]
        sent = self.desk.pushes
        self.desk.core.script.queue[:] = [scenario(answer)]
        amount = 1 if part else None

        async def click() -> list[object]:
            clicking = [self.desk.charge(sale_id, amount) for _ in range(clicks)]
            return list(await asyncio.gather(*clicking))

        answers = self.do(click())
        assert sum(isinstance(one, Attempt) for one in answers) <= 1
        assert self.desk.pushes - sent <= 2, "the second only for a refused token"

    @rule(which=pick)
    def the_network_is_gone_and_it_is_charged(self, which: int) -> None:
        self.desk.core.offline = True
        self.do(self.desk.charge(self.sales[which % len(self.sales)]))
        self.desk.core.offline = False

    @rule(which=pick, again=st.booleans())
    def what_never_left_is_sent_again_or_given_up(self, which: int, again: bool) -> None:
        live = self.do(self.desk.payments.open_attempts())
        if live:
            attempt = live[which % len(live)]
            self.desk.core.script.queue.clear()
            work = self.desk.payments.send_again if again else self.desk.payments.withdraw
            self.do(work(attempt.id))

    @rule(seconds=st.sampled_from([0.5, 3.0, 21.0, 65.0, 185.0, 3700.0]))
    def time_passes(self, seconds: float) -> None:
        self.do(self.desk.advance(seconds))

    @rule(seconds=st.sampled_from([3.0, 65.0]))
    def time_passes_while_the_relay_is_away(self, seconds: float) -> None:
        self.do(self.desk.advance(seconds, pump=False))

    @rule(which=pick, handed=st.sampled_from([1, 50, 1000]))
    def cash_is_taken(self, which: int, handed: int) -> None:
        self.do(self.desk.sales.pay_cash(self.sales[which % len(self.sales)], Money.shillings(handed)))

    @rule(which=pick)
    def a_sale_is_cancelled(self, which: int) -> None:
        self.do(self.desk.sales.void(self.sales[which % len(self.sales)]))

    @rule(which=pick)
    def a_sale_is_closed(self, which: int) -> None:
        self.do(self.desk.sales.close(self.sales[which % len(self.sales)]))

    @rule(which=pick)
    def somebody_asks_safaricom_now(self, which: int) -> None:
        live = self.do(self.desk.payments.open_attempts())
        if live:
            self.do(self.desk.payments.check_now(live[which % len(live)].id))

    @precondition(lambda self: self.seen)
    @rule(
        which=pick,
        kind=st.sampled_from(["success", "failure", "another amount", "confirmation", "garbage"]),
        receipt=st.sampled_from(["FAA1A2B3C4", "FAA2A2B3C4"]),
    )
    def somebody_forges_a_message(self, which: int, kind: str, receipt: str) -> None:
        """The forger knows address and reference, but not that Safaricom's own senders are told apart."""
        attempt = self.seen[sorted(self.seen)[which % len(self.seen)]]
        log, make = self.desk.log, type(self).make_callback
        if kind == "confirmation":
            body = type(self).make_confirmation(
                TransID=receipt,
                BillRefNumber=attempt.account_reference,
                TransAmount=str(attempt.amount.whole_shillings),
            )
            log.confirm(body, trusted=False)
        elif kind == "garbage":
            log.stk(attempt.nonce, b"\xffgarbage")
        else:
            code, lie = (1032, {}) if kind == "failure" else (0, {"receipt": receipt, "checkout": "ws_CO_forged"})
            if kind == "another amount":
                lie["amount"] = attempt.amount.whole_shillings + 1  # type: ignore[assignment]
            log.stk(attempt.nonce, make(attempt, code, **lie), trusted=False)
        self.do(self.desk.pump())

    @precondition(lambda self: self.desk.log.events)
    @rule(which=pick)
    def an_old_message_is_in_the_log_again(self, which: int) -> None:
        log = self.desk.log
        old = log.events[which % len(log.events)]
        log.restart(log.epoch, [*log.events, old])
        self.do(self.desk.pump())

    @rule(seed=pick)
    def the_relay_is_restored_in_another_order(self, seed: int) -> None:
        log = self.desk.log
        order = log.events[seed % (len(log.events) + 1) :] + log.events[: seed % (len(log.events) + 1)]
        log.restart(f"{log.epoch}+", order)
        self.do(self.desk.pump())

    @rule(days=st.sampled_from([-1, 0, 1]))
    def the_wall_clock_jumps(self, days: int) -> None:
        self.desk.wall_step = days * 86_400.0

    @rule()
    def the_till_restarts(self) -> None:
        async def restart() -> None:
            await self.desk.close()
            await self.desk.open()
            await self.desk.reconciliation.recover()
            self.desk.start_ladder()
            await self.desk.settle()

        posts = self.desk.pushes
        self.do(restart())
        assert self.desk.pushes == posts, "a restart never sends a push"

    # What must hold after every step.

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "till.db")) as connection:
            return connection.execute(query).fetchall()

    @invariant()
    def i1_every_push_has_its_intent_on_disk(self) -> None:
        known = {nonce for (nonce,) in self.rows("SELECT nonce FROM attempt")}
        asked = Counter(push.order.callback_url.rsplit("/", 1)[1] for push in self.desk.core.pushes)
        assert asked.keys() <= known
        assert max(asked.values(), default=1) == 1, "a customer was asked twice for one intent"

    @invariant()
    def i3_a_receipt_is_one_payment_of_one_sale(self) -> None:
        standing = self.rows("SELECT receipt FROM payment WHERE superseded_by IS NULL AND receipt <> ''")
        assert max(Counter(standing).values(), default=1) == 1

    @invariant()
    def i4_a_sale_has_one_live_charge(self) -> None:
        live = self.rows("SELECT sale_id FROM attempt WHERE state IN ('CREATED', 'SUBMITTING', 'PENDING', 'UNKNOWN')")
        assert max(Counter(live).values(), default=1) == 1
        void = set(self.rows("SELECT id FROM sale WHERE voided_at IS NOT NULL"))
        assert not void & set(live), "a cancelled sale may still be paid"

    @invariant()
    def i7_never_more_than_the_ledger_has(self) -> None:
        """Every payment that stands is one of the ledger; none is invented, none is counted twice."""
        ledger = {payment.receipt: payment for payment in self.desk.core.ledger.payments}
        by_checkout = Counter(payment.checkout_request_id for payment in ledger.values())
        for receipt, cents, checkout in self.rows(
            "SELECT p.receipt, p.amount_cents, a.checkout_request_id FROM payment p"
            " LEFT JOIN attempt a ON a.id = p.attempt_id WHERE p.superseded_by IS NULL"
        ):
            if receipt:
                assert ledger[receipt].amount * 100 == cents
            else:
                assert by_checkout[checkout] == 1
        assert self.counted() <= self.desk.banked

    def counted(self) -> Money:
        """At a till number a charge that a query has proved and its own confirmation stand side by side until the
        callback names the receipt; of two charges of one amount, nobody can tell whose the confirmation is.
        """
        held = self.do(self.desk.standing())
        if self.desk.account is PAYBILL:
            received: Money = self.do(self.desk.received())
            return received
        receiptless = Counter(one.amount for one in held if not one.receipt)
        twice = receiptless & Counter(one.amount for one in held if one.attempt_id is None)
        total = sum(one.amount.cents for one in held)
        return Money(total - sum(amount.cents * times for amount, times in twice.items()))

    @invariant()
    def i8_paid_means_that_the_money_is_in_the_ledger(self) -> None:
        paid = {payment.reference for payment in self.desk.core.ledger.payments}
        for (reference,) in self.rows("SELECT account_reference FROM attempt WHERE state IN ('PAID', 'PAID_LATE')"):
            assert reference in paid

    @invariant()
    def i9_final_states_never_regress(self) -> None:
        for sale_id in self.sales:
            for detail in self.do(self.desk.sales.detail(sale_id)).attempts:
                now, before = detail.attempt, self.seen.get(detail.attempt.id)
                self.seen[now.id] = now
                if before is not None and not before.state.is_live and now.state is not before.state:
                    assert (now.state, before.state in FINAL) == (AttemptState.PAID_LATE, False)

    @invariant()
    def i10_the_cursor_is_never_ahead_of_the_log(self) -> None:
        cursor = self.do(self.desk.callbacks.cursor())
        assert cursor.seq <= len(self.desk.log.events)
        assert cursor.seq == 0 or self.desk.log.events[cursor.seq - 1].chain == cursor.chain

    # At the end of the day.

    def quiet_down(self) -> None:
        self.desk.wall_step = 0.0
        self.the_till_restarts()
        for _ in range(4):
            self.do(self.desk.advance(3700.0))
        self.the_till_restarts()
        assert len({event.key for event in self.desk.log.events}) >= len(self.rows("SELECT * FROM parked_event"))
        self.every_shilling_that_can_be_known_is_known()
        self.sales_are_paid_by_what_was_received()
        self.reading_all_again_changes_nothing()

    def every_shilling_that_can_be_known_is_known(self) -> None:
        """I7 and I11: all but what nobody told the shop and nobody can be asked about."""
        held = self.do(self.desk.standing())
        receipts, checkouts = {one.receipt for one in held}, set()
        for one in held:
            if one.attempt_id is not None:
                checkouts.add(self.do(self.desk.attempt(one.attempt_id)).checkout_request_id)
        told = {event.receipt for event in self.desk.log.events if event.trust == "trusted"}
        askable = {checkout for (checkout,) in self.rows("SELECT checkout_request_id FROM attempt")}
        missing = 0
        for payment in self.desk.core.ledger.payments:
            if payment.receipt in receipts or payment.checkout_request_id in checkouts:
                continue
            missing += payment.amount
            assert payment.receipt not in told or self.contradicted(payment.receipt), "money that was told is lost"
            assert payment.checkout_request_id not in askable, "money that could be asked about is lost"
        assert self.counted() == self.desk.banked - Money.shillings(missing)

    def contradicted(self, receipt: str) -> bool:
        """Every message that told of it lied about something else."""
        rows = self.rows("SELECT disposition FROM evidence WHERE receipt = '" + receipt + "'")
        return {disposition for (disposition,) in rows} == {"quarantined"}

    def sales_are_paid_by_what_was_received(self) -> None:
        for sale_id in self.sales:
            sale = self.do(self.desk.sales.get(sale_id))
            mine = [one for one in self.do(self.desk.standing()) if one.sale_id == sale_id]
            assert sale.paid_by_mpesa == Money(sum(one.amount.cents for one in mine))
            if sale.state in {SaleState.PAID, SaleState.CLOSED}:
                assert sale.paid == sale.total

    def reading_all_again_changes_nothing(self) -> None:
        self.do(self.desk.stop_ladder())
        tables = ("attempt", "payment", "evidence", "parked_event")
        before = [self.rows(f"SELECT * FROM {name} ORDER BY id") for name in tables]
        self.desk.log.restart(f"{self.desk.log.epoch}!", self.desk.log.events[::-1])
        self.do(self.desk.pump())
        assert [self.rows(f"SELECT * FROM {name} ORDER BY id") for name in tables] == before


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A migrated database, copied for each day."""

    async def make() -> None:
        database = Database(tmp_path / "till.db")
        await database.open()
        await database.close()

    asyncio.run(make())
    return tmp_path / "till.db"


@pytest.mark.timeout(3600 if FULL else 300)
def test_random_days_lose_nothing_and_double_nothing(
    template: Path,
    make_desk: Callable[..., Any],
    make_callback: Callable[..., Any],
    make_confirmation: Callable[..., Any],
) -> None:
    class ThisDay(Day):
        pass

    ThisDay.template = template
    for name, made in (
        ("make_desk", make_desk),
        ("make_callback", make_callback),
        ("make_confirmation", make_confirmation),
    ):
        setattr(ThisDay, name, staticmethod(made))
    run_state_machine_as_test(ThisDay, settings=SIZE)
