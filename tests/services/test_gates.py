"""Every role at every gated door of the services: what the matrix denies leaves only a line in the log."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from staffing import KeyBox

from pos_app.domain.balance import Gap
from pos_app.domain.held_back import HeldBack
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.receipt import Heading
from pos_app.domain.refund import Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.shop import AccountKind, ShopAccount, TillIdentity
from pos_app.domain.staff import Action, Person, Role, may
from pos_app.domain.validation import ValidationRules
from pos_app.services.authority import NOBODY
from pos_app.services.changes import Changes
from pos_app.services.refunds import Draft
from pos_app.services.till import Till

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
PIN = "58203917"
KES = Money.shillings
ACCOUNT = ShopAccount(AccountKind.PAYBILL, "600966")
GAP: Any = Gap.__new__(Gap)
HELD: Any = HeldBack.__new__(HeldBack)
ELSEWHERE = {
    Action.SEE_HISTORY,
    Action.SEE_UNCLAIMED,
    Action.SEE_ACCOUNTS,
    Action.SEE_AUDIT,
    Action.APPROVE_REFUND,
    Action.ATTEST_REFUND,
}
"""Pages ask for what is only seen; releasing and attesting are by a PIN of their own, tested with the refunds."""


@dataclass
class Doors:
    till: Till
    sale: Sale

    async def open(self) -> "Doors":
        self.network = await self.till.network()
        self.office = await self.till.office()
        return self

    def all(self) -> dict[str, tuple[Action, Callable[[], Awaitable[object]]]]:
        till, network, sale_id = self.till, self.network, self.sale.id
        draft = Draft(sale_id, "", KES(10), Route.CASH, RefundReason.RETURNED)
        staff = till.staff
        return {
            "open a sale": (Action.SELL, lambda: till.sales.open(Cart((SaleLine("Unga", KES(5)),)))),
            "change a sale": (Action.SELL, lambda: till.sales.update(sale_id, Cart((SaleLine("Unga", KES(5)),)))),
            "charge again": (Action.SELL, lambda: till.payments.send_again(99)),
            "give a charge up": (Action.SELL, lambda: till.payments.withdraw(99)),
            "take cash": (Action.SELL, lambda: till.sales.pay_cash(sale_id, KES(5))),
            "give change": (Action.SELL, lambda: till.sales.give_change(sale_id)),
            "charge": (Action.SELL, lambda: till.payments.charge(sale_id, KES(5), Msisdn("254712345678"))),
            "accept a payment": (Action.SELL, lambda: till.matching.accept("UKO7K2M9QX", sale_id)),
            "cancel a sale": (Action.CANCEL_SALE, lambda: till.sales.void(sale_id)),
            "release a payment": (Action.RELEASE_PAYMENT, lambda: till.matching.release("UKO7K2M9QX", "wrong sale")),
            "explain a gap": (Action.SETTLE_DOUBT, lambda: network.balance_watch.explain(GAP, "drawn", ACCOUNT)),
            "put a message aside": (Action.SETTLE_DOUBT, lambda: network.quarantine.put_aside(HELD, "forged")),
            "settle a hole": (Action.SETTLE_DOUBT, lambda: till.statement_tasks.settle(1, "compared", ACCOUNT)),
            "import": (Action.SETTLE_DOUBT, lambda: network.statements.import_statement(b"", ACCOUNT)),
            "change the rules": (Action.CHANGE_SETTINGS, lambda: network.rule_book.save(ValidationRules())),
            "pair": (
                Action.CHANGE_CREDENTIALS,
                lambda: network.connections.pair("http://127.0.0.1:1", "code", TillIdentity("0" * 32, "Counter 1")),
            ),
            "prepare a refund": (Action.PREPARE_REFUND, lambda: self.office.refunds.prepare(draft)),
            "send a refund again": (Action.PREPARE_REFUND, lambda: self.office.refunds.send(99)),
            "decline a refund": (Action.DECLINE_REFUND, lambda: self.office.refunds.decline(99)),
            "switch refunds on": (Action.SWITCH_REFUNDS_ON, self.office.refunds.switch_on),
            "ask for balances": (Action.ASK_BALANCE, self.office.accounts.ask),
            "add a cashier": (Action.MANAGE_STAFF, lambda: staff.add("Njeri", Role.CASHIER, "615382")),
            "add a manager": (Action.MANAGE_OWNERS, lambda: staff.add("Njeri", Role.MANAGER, PIN)),
            "unlock a cashier": (Action.UNLOCK_STAFF, lambda: staff.unlock(2)),
            "close the day": (Action.CLOSE_DAY, self.office.day_close.close),
            "export the record": (Action.EXPORT_AUDIT, self.office.record_export.export),
        }


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    till = Till(tmp_path, Changes(), lambda: Heading("Duka", "1"), KeyBox())
    await till.open()
    till.authority.begin(Person(1, "Wanjiru", Role.OWNER), NOW)
    assert isinstance(await till.staff.add("Amina", Role.CASHIER, "482915"), Person)
    assert isinstance(await till.staff.add("Baraka", Role.CASHIER, "730264"), Person)
    sale = await till.sales.open(Cart((SaleLine("Unga", KES(100)),)))
    assert isinstance(sale, Sale)
    yield await Doors(till, sale).open()
    await till.close()


def everything(folder: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{folder / 'till.db'}?mode=ro", uri=True)) as connection:
        return list(connection.iterdump())


async def test_every_role_at_every_door_is_refused_what_the_matrix_denies_without_a_trace_but_the_log(
    doors: Doors, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = everything(tmp_path)
    for role in Role:
        doors.till.authority.begin(Person(7, "Somebody", role), NOW)
        for name, (action, knock) in doors.all().items():
            if may(role, action):
                continue
            caplog.clear()
            answer = await knock()
            assert isinstance(answer, Refused), (role, name)
            assert answer.sentence.startswith(f"Somebody ({role}) may not do that. Nothing was done."), (role, name)
            assert caplog.messages == [f"denied: {action} for person 7, {role}"], (role, name)
    assert everything(tmp_path) == before


async def test_nobody_is_let_through_any_door(doors: Doors, tmp_path: Path) -> None:
    doors.till.authority.end()
    before = everything(tmp_path)
    for name, (_action, knock) in doors.all().items():
        assert await knock() == NOBODY, name
    assert everything(tmp_path) == before


async def test_every_action_that_changes_something_has_a_door_that_is_tried_here(doors: Doors) -> None:
    tried = {action for action, _knock in doors.all().values()}
    assert tried == set(Action) - ELSEWHERE


async def test_what_is_lent_opens_one_door_once(doors: Doors) -> None:
    doors.till.authority.begin(Person(7, "Somebody", Role.CASHIER), NOW)
    doors.till.authority.lend(Action.CANCEL_SALE, Person(1, "Wanjiru", Role.OWNER))
    assert isinstance(await doors.till.sales.void(doors.sale.id), Sale)
    assert isinstance(await doors.till.sales.void(doors.sale.id), Refused)


async def test_an_auditor_takes_the_record_along_with_every_seal_and_no_formula_in_it(doors: Doors) -> None:
    doors.till.authority.begin(Person(1, "Wanjiru", Role.OWNER), NOW)
    assert isinstance(await doors.till.staff.add("=cmd()", Role.CASHIER, "615382"), Person)
    doors.till.authority.begin(Person(8, "Odhiambo", Role.AUDITOR), NOW)
    exported = await doors.office.record_export.export()
    assert isinstance(exported, str)
    rows = exported.splitlines()
    entries = await doors.till.record.newest()
    assert len(rows) == 1 + len(entries)
    assert (rows[-1].split(",")[2:4], rows[-1].split(",")[-1]) == (["audit_exported", "Odhiambo"], entries[0].mac)
    assert "'=cmd(), cashier" in exported
