"""A day is closed: the accounts are asked, an entry is sealed, the slip says where the record ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from bank import result
from refund_till import KES, Till, staffed, success

from pos_app.domain.audit import Event
from pos_app.domain.day_slip import DayRefunds, DaySlip
from pos_app.domain.receipt import Heading
from pos_app.domain.refund import Route
from pos_app.domain.refused import Refused
from pos_app.services.accounts import Accounts
from pos_app.services.anchoring import Anchoring
from pos_app.services.audit_log import LOST_KEYS
from pos_app.services.day_close import DayClose
from pos_app.services.guard import Guard
from pos_app.services.receipts import Receipts

pytestmark = pytest.mark.anyio
BALANCE = "Utility Account|KES|350.00|350.00|0.00|0.00"


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with staffed(tmp_path) as made:
        yield made


def closing(till: Till, patience: float = 5.0) -> DayClose:
    guard = Guard(till.authority, till.record)
    accounts = Accounts(till.database, till.changes, till.refunds, guard, clock=lambda: till.now)
    return DayClose(
        till.database,
        till.record,
        guard,
        accounts=accounts,
        anchoring=Anchoring(till.database, till.record, till.changes),
        heading=lambda: Heading("Duka", "1"),
        clock=lambda: till.now,
        patience=patience,
    )


async def closed(till: Till) -> DaySlip:
    """With Safaricom's answer about the accounts coming while the till waits for it."""
    running = asyncio.create_task(closing(till).close())
    async with asyncio.timeout(10):
        while not till.bank.asked("accountbalance"):  # noqa: ASYNC110 — a request has no event
            await asyncio.sleep(0.005)
        nonce = till.bank.asked("accountbalance")[-1]["ResultURL"].rpartition("/")[2]
        await till.hears("result", nonce, result("question", AccountBalance=BALANCE))
        slip = await running
    assert isinstance(slip, DaySlip)
    return slip


async def test_the_slip_counts_the_days_refunds_and_names_the_entry_that_closed_it(till: Till) -> None:
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    await till.approve(refund, "Otieno")
    await till.hears("result", refund.nonce, success(refund))
    await till.signs_in("Kamau")
    slip = await closed(till)
    assert (slip.refunds, slip.closed_by, slip.by_mpesa) == (DayRefunds(1, KES(400)), "Kamau", True)
    assert slip.balances is not None
    assert slip.balances.utility_available == KES(350)
    (entry,) = await till.record.newest(event=Event.DAY_CLOSED)
    assert (entry.seq, entry.mac) == (slip.head.seq, slip.head.mac)
    assert (entry.actor, entry.subject, entry.detail) == ("Kamau", "day 2026-11-24", "1 given back, KES 400")


async def test_what_is_not_known_is_counted_and_the_refunds_of_yesterday_are_not(till: Till) -> None:
    sale = await till.paid_sale()
    ended = await till.prepared(sale, 400, Route.B2C)
    await till.approve(ended, "Otieno")
    await till.hears("result", ended.nonce, success(ended))
    till.bank.lose = True
    await till.approve(await till.prepared(sale, 300, Route.B2C), "Otieno")
    till.now += timedelta(days=1)
    await till.signs_in("Kamau")
    slip = await closing(till, patience=0.0).close()
    assert isinstance(slip, DaySlip)
    assert (slip.refunds, slip.balances) == (DayRefunds(0, KES(0), 1), None)


async def test_without_an_operator_nobody_is_asked_for_balances(till: Till) -> None:
    till.refunds.paying = None
    await till.signs_in("Kamau")
    slip = await closing(till).close()
    assert isinstance(slip, DaySlip)
    assert (slip.balances, slip.by_mpesa, till.bank.requests) == (None, False, [])


async def test_a_refused_question_does_not_keep_the_day_open(till: Till) -> None:
    await till.signs_in("Kamau")
    till.bank.unreachable = True
    slip = await closing(till).close()
    assert isinstance(slip, DaySlip)
    assert (slip.balances, slip.by_mpesa) == (None, True)


async def test_without_the_keys_of_the_record_no_day_is_closed(till: Till) -> None:
    await till.signs_in("Kamau")
    till.refunds.paying = None
    till.keys.clear()
    assert await closing(till).close() == LOST_KEYS


async def test_the_slip_is_kept_as_a_page_and_the_second_is_a_copy(till: Till, tmp_path: Path, qapp: object) -> None:
    await till.signs_in("Kamau")
    till.refunds.paying = None
    slip = await closing(till).close()
    assert isinstance(slip, DaySlip)
    receipts = Receipts(till.database, lambda: Heading("Duka", "1"), tmp_path / "receipts")
    first, second = await receipts.save_day_pdf(slip), await receipts.save_day_pdf(slip)
    assert isinstance(first, Path)
    assert isinstance(second, Path)
    assert first.read_bytes().startswith(b"%PDF")
    assert (first.name, second.name) == (f"day-2026-11-24-{slip.head.seq:06d}.pdf", f"{first.stem}-copy-1.pdf")
    (tmp_path / "blocked").write_text("a file where a folder should be")
    refused = await Receipts(till.database, lambda: Heading("Duka", "1"), tmp_path / "blocked").save_day_pdf(slip)
    assert isinstance(refused, Refused)
    assert "The day is closed in the record all the same" in refused.sentence
