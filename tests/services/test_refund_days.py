"""Random days of refunds: two managers, three routes, parts, lost replies, restarts; the bank's ledger is the judge."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from bank import result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refund_till import KES, PINS, RECEIPT, ROLES, Till

from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_states import RefundState
from pos_app.domain.staff import Person
from pos_app.services import pins
from pos_app.store import refunds

PAID = 1000
STEPS = st.one_of(
    st.tuples(st.just("prepare"), st.sampled_from(list(Route)), st.sampled_from([10, 300, 500, 700, PAID])),
    st.tuples(st.just("approve"), st.sampled_from(["Otieno", "Wanjiru", "Kamau"])),
    st.tuples(st.just("bank"), st.sampled_from(["answers", "loses", "is away"])),
    st.tuples(st.just("send")),
    st.tuples(st.just("hears"), st.sampled_from(["success", "failure", "timeout", "again"])),
    st.tuples(st.just("restart")),
    st.tuples(st.just("later")),
)


@pytest.fixture(autouse=True)
def _quick_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """How slow a PIN is to try has tests of its own."""
    monkeypatch.setattr(pins, "_MEMORY_KIB", 16)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=30))
def test_random_days_never_pay_more_than_was_paid_and_no_refund_twice(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), steps))


async def _play(folder: Path, steps: list[tuple[Any, ...]]) -> None:
    till = await Till(folder).open()
    try:
        assert isinstance(await till.staff.set_up("Wanjiru", PINS["Wanjiru"]), str)
        for name, role in ROLES.items():
            assert isinstance(await till.staff.add(name, role, PINS[name]), Person)
        sale = await till.paid_sale(PAID)
        for step in steps:
            await _step(till, sale, *step)
            await _holds(till)
    finally:
        await till.close()


async def _step(till: Till, sale: Any, what: str, *told: Any) -> None:
    found = await till.database.read(refunds.newest)
    newest = found[0] if found else None
    if what == "prepare":
        await till.signs_in("Akinyi")
        await till.refunds.prepare(till.draft(sale, told[1], told[0]))
    elif what == "approve" and newest is not None:
        await till.approve(newest, told[0])
    elif what == "bank":
        till.bank.lose, till.bank.unreachable = told[0] == "loses", told[0] == "is away"
    elif what == "send" and newest is not None:
        await till.signs_in("Akinyi")
        await till.refunds.send(newest.id)
    elif what == "hears" and newest is not None and newest.route.is_by_mpesa:
        await _hears(till, newest, told[0])
    elif what == "restart":
        await till.restart()
    elif what == "later":
        till.seconds += 3600


async def _hears(till: Till, refund: Refund, what: str) -> None:
    """The bank tells the truth, as far as it knows the refund; a failure only of what it never paid."""
    paid = till.bank.paid[refund.originator_id] or till.bank.paid[RECEIPT] if refund.originator_id else 0
    if what == "timeout":
        await till.hears("timeout", refund.nonce, {})
    elif what == "failure" and not paid and refund.originator_id not in till.bank.seen:
        await till.hears("result", refund.nonce, result(refund.originator_id, 1))
    elif paid:
        amount = refund.amount.whole_shillings
        told = result(refund.originator_id, Amount=amount, TransactionReceipt=f"UKO{refund.id:07d}")
        for _ in range(2 if what == "again" else 1):
            await till.hears("result", refund.nonce, told)


async def _holds(till: Till) -> None:
    """I2: no payment gives back more than it brought. I5: no id is paid twice, and what was paid is never forgotten."""
    found = await till.database.read(lambda connection: refunds.newest(connection, limit=100))
    counted = sum((one.amount for one in found if one.counts), KES(0))
    assert counted <= KES(PAID)
    by_bank = sum(till.bank.paid.values())
    in_hand = sum(
        one.amount.whole_shillings for one in found if not one.route.is_by_mpesa and one.state is RefundState.COMPLETED
    )
    assert by_bank + in_hand <= PAID
    sent = [fields for fields in till.bank.requests if "status" not in fields["path"]]
    assert len({fields["ResultURL"] for fields in sent}) == len(sent), "no refund leaves twice"
    assert by_bank <= counted.whole_shillings
