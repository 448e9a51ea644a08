"""The rules that the file itself keeps, whatever a program asks of it: triggers, checks and unique indexes."""

import sqlite3
from collections.abc import Callable

import pytest

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.sale import Sale
from pos_app.store import attempts, evidence, payments
from pos_app.store.attempts import LiveAttemptError
from pos_app.store.database import Database
from pos_app.store.evidence import Linked

pytestmark = pytest.mark.anyio
MakeAttempt = Callable[..., Attempt]


@pytest.fixture
async def attempt(database: Database, sale: Sale, new_attempt: MakeAttempt) -> Attempt:
    return await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id)))


@pytest.fixture
async def payment(database: Database, sale: Sale, attempt: Attempt) -> Payment:
    paid = Payment("TJE1A2B3C4", attempt.amount, "174379", attempt.created_at, "TJE1A2B3C4", sale_id=sale.id)
    await database.run(lambda connection: payments.add(connection, paid))
    return paid


@pytest.fixture
async def told(database: Database, attempt: Attempt) -> Evidence:
    told = Evidence(Fact.ACCEPTED, Source.REPLY, attempt.created_at, code="0")
    await database.run(
        lambda connection: evidence.append(
            connection, Linked(told, Disposition.APPLIED, told.at, attempt_id=attempt.id, event_key="stk:1")
        )
    )
    return told


async def refused(database: Database, statement: str) -> str:
    def run(connection: sqlite3.Connection) -> None:
        connection.execute(statement)

    with pytest.raises(sqlite3.IntegrityError) as refusal:
        await database.run(run)
    return str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        "id = id + 1",
        "nonce = '11111111111111111111111111111111'",
        "amount_cents = amount_cents + 100",
        "msisdn = '254700000000'",
        "kind = 'buy_goods'",
        "short_code = '600000'",
        "till_number = '600000'",
        "account_reference = 'T9-9-9'",
        "created_at = '2027'",
        "sale_id = NULL",
    ],
)
async def test_the_intent_of_a_charge_never_changes(database: Database, attempt: Attempt, change: str) -> None:
    await refused(database, f"UPDATE attempt SET {change}")
    assert await database.read(lambda connection: attempts.by_id(connection, attempt.id)) == attempt


@pytest.mark.parametrize("kept", ["attempt", "payment", "evidence"])
async def test_what_tells_of_money_is_never_deleted(
    database: Database, attempt: Attempt, payment: Payment, told: Evidence, kept: str
) -> None:
    assert "never deleted" in await refused(database, f"DELETE FROM {kept}")


async def test_a_replacing_insert_is_no_way_around_either(
    database: Database, attempt: Attempt, payment: Payment, told: Evidence
) -> None:
    await refused(database, "INSERT OR REPLACE INTO evidence SELECT * FROM evidence")


async def test_evidence_never_changes(database: Database, told: Evidence) -> None:
    assert "never changed" in await refused(database, "UPDATE evidence SET fact = 'paid'")


@pytest.mark.parametrize("change", ["id = 'X'", "amount_cents = 1", "receipt = 'TJE9Z9Z9Z9'", "receipt = ''"])
async def test_identity_and_amount_of_a_payment_never_change(database: Database, payment: Payment, change: str) -> None:
    assert "never change" in await refused(database, f"UPDATE payment SET {change}")


@pytest.mark.parametrize(
    "final", [AttemptState.PAID, AttemptState.PAID_LATE, AttemptState.FAILED, AttemptState.EXPIRED]
)
async def test_a_final_state_never_regresses(
    database: Database, sale: Sale, new_attempt: MakeAttempt, final: AttemptState
) -> None:
    kept = await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id, state=final)))
    late = {AttemptState.FAILED, AttemptState.EXPIRED}
    for state in AttemptState:
        update = f"UPDATE attempt SET state = '{state}' WHERE id = {kept.id}"
        if state is final or (final in late and state is AttemptState.PAID_LATE):
            continue
        assert "never regresses" in await refused(database, update)


async def test_a_sale_has_one_live_attempt(
    database: Database, sale: Sale, attempt: Attempt, new_attempt: MakeAttempt
) -> None:
    with pytest.raises(LiveAttemptError):
        await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id, 2)))
    failed, _ = attempt.apply(Evidence(Fact.FAILED, Source.CALLBACK, attempt.created_at))
    await database.run(lambda connection: attempts.save(connection, failed))
    second = await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id, 2)))
    assert await database.read(attempts.live) == (second,)


async def test_a_nonce_names_one_attempt(database: Database, attempt: Attempt, new_attempt: MakeAttempt) -> None:
    await refused(database, "INSERT INTO sale (id, number, opened_at, total_cents) VALUES (7, 1, 'now', 100)")
    with pytest.raises(LiveAttemptError):
        await database.run(lambda connection: attempts.add(connection, new_attempt(attempt.sale_id, 1)))


async def test_a_receipt_is_one_payment_and_a_charge_has_one(
    database: Database, sale: Sale, attempt: Attempt, payment: Payment
) -> None:
    values = "'other', receipt, 100, '', 'now', '', '', ''"
    same = "INSERT INTO payment (id, receipt, amount_cents, short_code, received_at, payer_name, payer_phone,"
    assert "receipt" in await refused(database, f"{same} bill_reference) SELECT {values} FROM payment")
    of_charge = Payment("stk:ws_CO_1", attempt.amount, "174379", attempt.created_at, attempt_id=attempt.id)
    await database.run(lambda connection: payments.add(connection, of_charge))
    twin = Payment("stk:ws_CO_2", attempt.amount, "174379", attempt.created_at, attempt_id=attempt.id)
    with pytest.raises(sqlite3.IntegrityError, match="attempt_id"):
        await database.run(lambda connection: payments.add(connection, twin))
    await database.run(lambda connection: payments.supersede(connection, "stk:ws_CO_1", payment.id))
    await database.run(lambda connection: payments.add(connection, twin))
    standing = await database.read(lambda connection: {held.payment.id for held in payments.newest(connection, 9)})
    assert standing == {payment.id, "stk:ws_CO_2"}
    assert await database.read(payments.total_received) == attempt.amount * 2


async def test_an_event_of_the_relay_is_evidence_once(database: Database, told: Evidence) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="event_key"):
        await database.run(
            lambda connection: evidence.append(connection, Linked(told, Disposition.NOTED, told.at, event_key="stk:1"))
        )


@pytest.mark.parametrize("amount", [Money(0), Money(-100), Money(150)])
async def test_no_charge_of_nothing_or_of_cents(
    database: Database, sale: Sale, new_attempt: MakeAttempt, amount: Money
) -> None:
    with pytest.raises(LiveAttemptError):
        await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id, amount=amount)))
    assert await database.read(attempts.live) == ()


@pytest.mark.parametrize(
    "values",
    [
        "(9, 1, 0.5, 100, 'now')",
        "(9, 1, 100, 99, 'now')",
        "(9, 77, 100, 100, 'now')",
        "(9, 1, 0, 0, 'now')",
        "(9, 1, -100, 50, 'now')",
        "(9, 1, -100, -50, 'now')",
    ],
    ids=[
        "half a cent",
        "less than it settles",
        "no such sale",
        "nothing",
        "change that was handed over",
        "less than nothing handed over",
    ],
)
async def test_cash_is_whole_cents_of_a_sale(database: Database, sale: Sale, values: str) -> None:
    await refused(database, f"INSERT INTO cash_tender VALUES {values}")
