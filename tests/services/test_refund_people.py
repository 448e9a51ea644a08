"""Who may let a refund go, at the moment it goes: nobody who may no more, and nobody who never might (B8, B9)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from refund_till import PINS, Till, staffed

from pos_app.domain.audit import Event
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Person, Role
from pos_app.services.audit_log import LOST_KEYS
from pos_app.services.authority import NOBODY
from pos_app.services.refunds import ATTEST_AFTER

pytestmark = pytest.mark.anyio


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with staffed(tmp_path) as made:
        yield made


async def changes(till: Till, name: str, **into: object) -> None:
    """By the owner."""
    await till.signs_in("Wanjiru")
    changed = replace(await till.person(name), **into)  # type: ignore[arg-type]  # fields of it
    assert isinstance(await till.staff.change(changed), Person)
    await till.signs_in("Akinyi")


async def kept_back(till: Till) -> Refund:
    """Released by a manager, while Safaricom was out of reach."""
    refund = await till.prepared(await till.paid_sale(), 400, Route.B2C)
    till.bank.unreachable = True
    await till.approve(refund, "Otieno")
    till.bank.unreachable = False
    assert await till.state(refund) is RefundState.APPROVED
    return refund


async def test_b8_nobody_sends_what_was_released_without_being_signed_in_and_allowed_to(till: Till) -> None:
    refund = await kept_back(till)
    await till.staff.sign_out()
    assert await till.refunds.send(refund.id) == NOBODY
    till.authority.begin(Person(9, "Jane", Role.AUDITOR), till.now)
    refused = await till.refunds.send(refund.id)
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("Jane (auditor) may not do that.")
    assert till.bank.requests == []


@pytest.mark.parametrize("into", [{"active": False}, {"role": Role.CASHIER}])
async def test_b9_a_release_by_who_left_since_counts_no_more(till: Till, into: dict[str, object]) -> None:
    refund = await till.prepared(await till.paid_sale(8000), 8000)
    assert isinstance(await till.approve(refund, "Otieno"), Refund)
    await changes(till, "Otieno", **into)
    once = await till.approve(refund, "Wanjiru")
    assert isinstance(once, Refund)
    assert (once.state, till.bank.requests) == (RefundState.REQUESTED, [])
    held = await till.refunds.detail(refund.id)
    assert held is not None
    assert held.approvals_needed == 1


async def test_b9_what_was_released_by_who_left_since_does_not_leave_any_more(till: Till) -> None:
    refund = await kept_back(till)
    await changes(till, "Otieno", active=False)
    refused = await till.refunds.send(refund.id)
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("Who released it may release no more. Nothing was sent.")
    assert (await till.state(refund), till.bank.requests) == (RefundState.APPROVED, [])
    await till.signs_in("Kamau")
    assert isinstance(await till.refunds.decline(refund.id), Refund)


async def test_who_is_demoted_while_the_pin_is_looked_at_releases_nothing(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund, otieno = await till.prepared(await till.paid_sale(), 400, Route.B2C), await till.person("Otieno")
    prove = till.proving.proved

    async def demoted_meanwhile(person_id: int, pin: str) -> Person | Refused:
        person = await prove(person_id, pin)
        monkeypatch.undo()
        await changes(till, "Otieno", role=Role.CASHIER)
        return person

    monkeypatch.setattr(till.proving, "proved", demoted_meanwhile)
    released = await till.refunds.approve(refund.id, otieno.id, PINS["Otieno"])
    assert released == Refused("Otieno (cashier) may not release a refund.")
    assert (await till.state(refund), till.bank.requests) == (RefundState.REQUESTED, [])


async def test_what_is_allowed_in_place_is_allowed_to_who_stood_there_and_to_nobody_who_came_since(till: Till) -> None:
    otieno, baraka = await till.person("Otieno"), Person(9, "Baraka", Role.CASHIER)
    allowing = asyncio.create_task(till.staff.allow(Action.CANCEL_SALE, otieno.id, PINS["Otieno"]))
    await asyncio.sleep(0)
    till.authority.begin(baraka, till.now)
    assert isinstance(await allowing, Refused)
    assert isinstance(till.authority.check(Action.CANCEL_SALE), Refused)


async def test_nobody_is_unlocked_without_an_entry_in_the_record(till: Till) -> None:
    await till.signs_in("Otieno")
    akinyi = await till.person("Akinyi")
    for _ in range(5):
        await till.staff.sign_in(akinyi.id, "000000")
    del till.keys["audit_seal"]
    assert await till.staff.unlock(akinyi.id) == LOST_KEYS
    assert (await till.proving.lockout(akinyi.id)).tries == 5


async def test_nobody_finds_out_a_pin_by_giving_it_to_somebody_else(till: Till) -> None:
    """That a PIN is in use is a hint; five of them make whoever tries wait, and each is in the record."""
    await till.signs_in("Otieno")
    for _ in range(5):
        refused = await till.staff.add("Njeri", Role.CASHIER, PINS["Akinyi"])
        assert refused == Refused("That PIN cannot be used here. Choose another.")
    refused = await till.staff.add("Njeri", Role.CASHIER, "615382")
    assert refused == Refused("Wait 1 minute before the next try.")
    assert [one.event for one in await till.record.newest(limit=5)] == [Event.WRONG_PIN] * 5
    till.seconds += 61
    assert isinstance(await till.staff.add("Njeri", Role.CASHIER, "615382"), Person)


async def test_b8_each_denial_of_a_release_and_of_an_attestation_is_logged(
    till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    refund = await till.prepared(await till.paid_sale(3000), 3000)
    akinyi, kamau, otieno = [await till.person(name) for name in ("Akinyi", "Kamau", "Otieno")]
    await till.approve(refund, "Akinyi")
    await till.approve(refund, "Kamau")
    till.bank.lose = True
    await till.approve(refund, "Otieno")
    till.passes(ATTEST_AFTER)
    two = (otieno.id, PINS["Otieno"]), (kamau.id, PINS["Kamau"])
    assert isinstance(await till.refunds.attest(refund.id, *two, paid=True), Refused)
    assert [line for line in caplog.messages if line.startswith("denied: ")] == [
        f"denied: approve_refund for person {akinyi.id}, cashier",
        f"denied: approve_refund for person {kamau.id}, supervisor",
        f"denied: attest_refund for person {kamau.id}, supervisor",
    ]
