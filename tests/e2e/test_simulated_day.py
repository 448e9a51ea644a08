"""A day of customers who pay by themselves, with losses and an hour without the relay; its books are the judge.

The relay is a real process that is killed; Safaricom and the till keep the simulator's time (money-safety R3–R12).
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest
from day_till import ACCOUNT, DayTill
from witness import Witness

from pos_app.domain.money import Money
from pos_app.domain.sale import Sale, SaleState
from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.services.matching import Accepted
from pos_app.services.statement import Imported
from pos_app.simulator.books import statement_csv
from pos_app.simulator.customers import Purchase
from pos_app.simulator.day import Day, Planned, plan
from pos_app.simulator.ledger import shop
from pos_app.simulator.payment_scenarios import PaymentScenario, payment_scenario
from pos_app.simulator.shop import paybill
from pos_app.simulator.weather import Weather

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]
RELAY_OPTIONS = ("--till-pace", "0")
"""A till asks in a minute here for what it would in a day."""
MINUTE, HOUR = 60.0, 3600.0
DAY, AWAY = 12 * HOUR, 5 * HOUR
SHOPPING = 3
"""Of so many customers one types the sale's own reference, one shows the code, and one only pays."""
LATEST = timedelta(minutes=17)
"""By then Safaricom has been asked again."""


@pytest.fixture
def open_till(world: Any, tmp_path: Path, seed: int) -> Callable[[], Any]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[DayTill]:
        name = f"Day {tmp_path.name}"
        world.relay.command("shop", "add", name)
        pairing = Pairing(**world.relay.pair(name, TillIdentity(f"{seed:032x}", "Till 1", "T1")))
        async with DayTill(tmp_path, world.relay, pairing, seed) as till:
            yield till

    return opened


@dataclass
class Cashier:
    """Rings sales up, and takes the money of customers who show its code."""

    till: DayTill
    witness: Witness
    chance: Random
    waiting: list[tuple[Sale, str]] = field(default_factory=list)
    """Sales whose customer has paid or is about to, with the account that he types."""
    served: dict[int, str] = field(default_factory=dict)

    async def prepare(self, one: Planned, number: int) -> Purchase:
        """What this customer really types, with a sale rung up for it if he stands at the counter."""
        kind = number % SHOPPING
        if kind == 2:
            return one.purchase
        sale = await self.till.rung(one.purchase.amount)
        account = f"{self.till.pairing.till_code}-{sale.number}" if kind == 0 else f"SHOP {number}"
        self.waiting.append((sale, account))
        return replace(one.purchase, account=account)

    async def serve(self) -> None:
        """Who has paid shows the code; whoever typed the reference must not be needed."""
        self.witness.look()
        paid = {payment.reference: payment.receipt for payment in self.witness.banked.values()}
        for sale, account in tuple(self.waiting):
            receipt = paid.get(account)
            if receipt is not None:
                await self._take(sale, account, receipt)
        known = list(self.witness.banked)
        for receipt in [*self.chance.sample(known, min(3, len(known))), "TJZZZZZZZZ"]:
            await self.witness.look_up(receipt)

    async def _take(self, sale: Sale, account: str, receipt: str) -> None:
        await self.witness.look_up(receipt)
        state = (await self.till.sales.get(sale.id)).state
        if receipt not in self.witness.arrived:
            assert state is SaleState.OPEN, f"sale {sale.number} is {state}, and its money has not come"
            return
        if account.startswith("SHOP"):
            accepted = await self.till.matching.accept(receipt, sale.id, "Wanjiku")
            assert isinstance(accepted, Accepted), accepted
            state = (await self.till.sales.get(sale.id)).state
        assert state is SaleState.PAID, f"sale {sale.number} is {state}, and its money is here"
        self.served[sale.id] = receipt
        self.waiting.remove((sale, account))


async def ledger_of(till: DayTill) -> dict[str, Money]:
    query = "SELECT receipt, amount_cents FROM payment WHERE superseded_by IS NULL"
    rows = await till.database.read(lambda connection: connection.execute(query).fetchall())
    assert len(rows) == len({receipt for receipt, _ in rows}), "a payment is there twice"
    return {receipt: Money(cents) for receipt, cents in rows}


async def told_by(till: DayTill) -> Counter[tuple[str, str]]:
    """How many messages there are of each receipt and source."""
    query = "SELECT receipt, source FROM evidence"
    rows = await till.database.read(lambda connection: connection.execute(query).fetchall())
    return Counter((receipt, source) for receipt, source in rows)


async def the_books_agree(till: DayTill) -> None:
    """The till has what the double-entry ledger has, and no other shilling."""
    held, books = await ledger_of(till), till.core.ledger
    assert held == {paid.receipt: Money.shillings(paid.amount) for paid in books.payments}
    assert books.total() == 0
    assert sum((amount for amount in held.values()), Money(0)) == Money.shillings(
        books.balance(shop(ACCOUNT.short_code))
    )


async def nothing_is_open(till: DayTill) -> None:
    assert till.watch.open == ()
    assert till.tasks.open == ()
    assert await till.matching.unconfirmed() == ()
    assert till.pulling.current.untold == 0


async def each_sale_has_its_own_money(till: DayTill, cashier: Cashier) -> None:
    assert cashier.waiting == []
    query = "SELECT sale_id, receipt FROM payment WHERE sale_id IS NOT NULL"
    rows = await till.database.read(lambda connection: connection.execute(query).fetchall())
    assert sorted(rows) == sorted(cashier.served.items())
    for sale_id in cashier.served:
        assert (await till.sales.get(sale_id)).state is SaleState.PAID


def until_arrival(till: DayTill, witness: Witness, receipts: set[str]) -> list[timedelta]:
    paid_at = {
        receipt: datetime.fromtimestamp(witness.banked[receipt].paid_at, till.now().tzinfo) for receipt in receipts
    }
    return [witness.arrived[receipt] - paid_at[receipt] for receipt in receipts]


async def live_through(till: DayTill, cashier: Cashier, planned: list[Planned]) -> None:
    """Minute by minute, and two hours more for what comes late; the relay is dead for the hour after `AWAY`."""
    begin, ahead = till.core.clock.now(), list(enumerate(planned))
    while (passed := till.core.clock.now() - begin) < DAY + 2 * HOUR:
        if not till.relay_is_dead and AWAY <= passed < AWAY + HOUR:
            await till.relay_dies()
        elif till.relay_is_dead and passed >= AWAY + HOUR:
            await till.relay_comes_back()
        while ahead and ahead[0][1].after <= passed + MINUTE:
            number, one = ahead.pop(0)
            till.core.pay_later(await cashier.prepare(one, number), max(0.0, one.after - passed), one.scenario)
        await till.advance(MINUTE)
        await cashier.serve()


async def test_a_day_with_losses_and_an_hour_without_the_relay_ends_with_the_books_of_safaricom(
    world: Any, open_till: Callable[[], Any], figure: Any, seed: int
) -> None:
    count = 2000 if world.full else 200
    sky = Weather(lost=0.05, duplicated=0.02, late=0.10, seed=seed)
    planned = plan(Day(payments=count, seconds=DAY), sky, PaymentScenario(), (paybill(ACCOUNT.short_code),))
    async with open_till() as till:
        await till.register_pull()
        witness = Witness(till)
        cashier = Cashier(till, witness, Random(seed))
        await live_through(till, cashier, planned)
        assert (witness.lies, witness.notices, witness.tasks) == ([], [], [])
        assert len(witness.banked) == count
        await the_books_agree(till)
        await nothing_is_open(till)
        await each_sale_has_its_own_money(till, cashier)
        told = await told_by(till)
        unconfirmed = {receipt for receipt in witness.banked if not told[receipt, "confirmation"]}
        assert len(unconfirmed) > 0.05 * count, "the hour without the relay lost nothing"
        assert all(told[receipt, "pull"] == 1 for receipt in unconfirmed)
        named, slow = unconfirmed & witness.named, until_arrival(till, witness, unconfirmed)
        assert named, "the balance said nothing"
        assert max(slow) <= timedelta(hours=1) + LATEST
        figure(
            f"{count} payments in a day, {len(unconfirmed)} never confirmed: the balance named {len(named)}, "
            f"Pull found all, after {median(each.seconds for each in slow):.0f} s at the median, seed={seed}"
        )


async def pay(till: DayTill, witness: Witness, step: float, hours: float) -> None:
    """A payment every so often; nobody is told of those while the relay is dead."""
    code, end = paybill(ACCOUNT.short_code), till.core.clock.now() + hours * HOUR
    amount = 100
    while till.core.clock.now() < end:
        till.core.pay(Purchase(code, "254712345678", amount, "HSE 12B"), payment_scenario("usual"))
        await till.advance(step)
        amount += 1
        witness.look()
        for receipt in list(witness.banked)[-3:]:
            await witness.look_up(receipt)


async def test_with_the_relay_down_for_49_hours_what_pull_found_meanwhile_is_all_there(
    open_till: Callable[[], Any],
) -> None:
    async with open_till() as till:
        await till.register_pull()
        witness = Witness(till)
        await pay(till, witness, 30 * MINUTE, 2)
        await till.relay_dies()
        await pay(till, witness, 30 * MINUTE, 49)
        assert till.health.current.sentence, "the screen does not say that the relay is away"
        assert len(witness.arrived) < len(witness.banked)
        await till.relay_comes_back()
        await pay(till, witness, 10 * MINUTE, 1)
        await the_books_agree(till)
        await nothing_is_open(till)
        assert (witness.lies, witness.tasks) == ([], [])


async def test_with_the_relay_down_for_49_hours_and_no_pull_a_loud_task_stands_until_the_statement_is_imported(
    open_till: Callable[[], Any],
) -> None:
    async with open_till() as till:
        witness = Witness(till)
        await pay(till, witness, 30 * MINUTE, 2)
        dead_at = till.now()
        await till.relay_dies()
        await pay(till, witness, 30 * MINUTE, 49)
        await till.relay_comes_back()
        back_at = till.now()
        await pay(till, witness, 10 * MINUTE, 1)
        missing = set(witness.banked) - set(witness.arrived)
        assert len(missing) == 98
        (task,) = till.tasks.open
        assert task.since <= dead_at
        assert task.until >= back_at - timedelta(minutes=30)
        sentence = task.sentence(till.now())
        assert "Import the M-Pesa statement" in sentence
        assert any("Import the M-Pesa statement" in notice for notice in witness.notices)
        assert witness.tasks[-1].sentence == sentence
        statement = statement_csv(till.core, {"shortcode": ACCOUNT.short_code}).encode()
        imported = await till.statements.import_statement(statement, ACCOUNT)
        assert isinstance(imported, Imported)
        assert imported.new == len(missing)
        await till.settle()
        await the_books_agree(till)
        await nothing_is_open(till)
        assert witness.lies == []
