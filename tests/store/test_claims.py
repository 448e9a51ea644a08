"""Claims on disk: made again from their rows, kept for ever, one of each generation; how an older file gets them."""

import importlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pos_app.domain.attempt import Attempt
from pos_app.domain.claim import Claim, Claims, Release
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.sale import Cart, Sale
from pos_app.domain.tender import cash_tender, change_given
from pos_app.store import attempts, claims, payments, sales
from pos_app.store.database import Database
from pos_app.store.times import to_text

pytestmark = pytest.mark.anyio
RECEIPT = "TJE1A2B3C4"
OURS = Claim(RECEIPT, 1, "till_1", "Till 1", "1", "Wanjiku", None)
WISH = Claim(RECEIPT, 0, "till_1", "", "1", "Wanjiku", None)


@pytest.fixture
async def payment(database: Database, now: datetime) -> Payment:
    paid = Payment(RECEIPT, Money.shillings(185), "174379", now, RECEIPT)
    await database.run(lambda connection: payments.add(connection, paid))
    return paid


async def known(database: Database) -> Claims | None:
    return (await database.read(lambda connection: claims.of_receipts(connection, [RECEIPT]))).get(RECEIPT)


async def test_what_is_known_of_a_receipt_is_made_again_from_its_rows(database: Database, now: datetime) -> None:
    assert await known(database) is None
    charge = Claim(RECEIPT, 0, "", "", "", "", now, nonce="ab" * 16)
    theirs = Claim(RECEIPT, 2, "till_2", "Till 2", "7", "Otieno", now)
    expected = Claims(RECEIPT).ask(WISH)
    await database.run(lambda connection: claims.ask(connection, WISH))
    assert await known(database) == expected
    assert await database.read(claims.wishes) == (WISH,)
    for told in (charge, OURS, Release(RECEIPT, 1, "till_1", "wrong sale", now), theirs):
        expected, _ = expected.apply(told)

    def tell(connection: sqlite3.Connection) -> None:
        claims.hold(connection, charge, now)
        claims.hold(connection, OURS, now)
        claims.release(connection, Release(RECEIPT, 1, "till_1", "wrong sale", now), None)
        claims.hold(connection, theirs, now)
        claims.answer_wish(connection, RECEIPT, now)

    await database.run(tell)
    assert await known(database) == expected.answered()
    assert await database.read(claims.wishes) == ()


async def test_a_release_is_unheard_until_the_relay_knows_of_it(database: Database, now: datetime) -> None:
    given_back = Release(RECEIPT, 1, "till_1", "wrong sale", now)
    await database.run(lambda connection: claims.release(connection, given_back, None))
    assert await database.read(claims.unheard_releases) == (given_back,)
    await database.run(lambda connection: claims.answer_releases(connection, RECEIPT, 1, now))
    assert await database.read(claims.unheard_releases) == ()
    assert (await known(database) or Claims("")).released == 1


async def test_this_file_knows_what_it_asked_for(database: Database) -> None:
    await database.run(lambda connection: claims.ask(connection, WISH))
    assert await database.read(lambda connection: claims.was_wished(connection, RECEIPT, "1"))
    assert not await database.read(lambda connection: claims.was_wished(connection, RECEIPT, "2"))


async def refused(database: Database, work: Callable[[sqlite3.Connection], object]) -> str:
    with pytest.raises(sqlite3.IntegrityError) as refusal:
        await database.run(work)
    return str(refusal.value)


def changing(change: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute(f"UPDATE claim SET {change}")


async def test_a_claim_is_kept_and_changed_by_its_answer_alone(database: Database, now: datetime) -> None:
    await database.run(lambda connection: claims.ask(connection, WISH))
    assert "never deleted" in await refused(database, lambda connection: connection.execute("DELETE FROM claim"))
    for change in ("receipt = 'X'", "sale = '2', answered_at = 'now'", "at = 'now'"):
        assert "never changed" in await refused(database, changing(change))
    await database.run(lambda connection: claims.answer_wish(connection, RECEIPT, now))
    for change in ("answered_at = NULL", "answered_at = 'later'"):
        assert "never changed" in await refused(database, changing(change))


async def test_one_claim_per_generation_and_one_open_wish_per_receipt(database: Database, now: datetime) -> None:
    await database.run(lambda connection: claims.ask(connection, WISH))
    await refused(database, lambda connection: claims.ask(connection, WISH))
    await database.run(lambda connection: claims.hold(connection, OURS, now))
    await refused(database, lambda connection: claims.hold(connection, OURS, now))
    await database.run(lambda connection: claims.answer_wish(connection, RECEIPT, now))
    await database.run(lambda connection: claims.ask(connection, WISH))


async def test_a_payment_comes_back_with_who_holds_it(database: Database, payment: Payment, now: datetime) -> None:
    theirs = Claim(RECEIPT, 1, "till_2", "Till 2", "7", "Otieno", now)
    held = payment.held_by(theirs)

    def hold(connection: sqlite3.Connection) -> None:
        claims.hold(connection, theirs, now)
        payments.save(connection, held)

    assert await database.read(lambda connection: payments.unclaimed(connection, now, 9)) == (payment,)
    await database.run(hold)
    for found in (
        await database.read(lambda connection: payments.by_id(connection, RECEIPT)),
        await database.read(lambda connection: payments.newest(connection, 1)[0].payment),
    ):
        assert found == held
    assert await database.read(lambda connection: payments.unclaimed(connection, now, 9)) == ()


async def test_unclaimed_payments_are_the_newest_of_late(database: Database, payment: Payment, now: datetime) -> None:
    older = Payment("TJE1A2B3C5", payment.amount, "174379", now - timedelta(days=1), "TJE1A2B3C5", from_customer=False)
    await database.run(lambda connection: payments.add(connection, older))
    since = now - timedelta(days=2)
    assert await database.read(lambda connection: payments.unclaimed(connection, since, 9)) == (payment, older)
    assert await database.read(lambda connection: payments.unclaimed(connection, since, 1)) == (payment,)
    assert await database.read(lambda connection: payments.unclaimed(connection, now, 9)) == (payment,)


async def test_a_payment_has_one_sale_or_another_till(
    database: Database, sale: Sale, bread: Cart, payment: Payment, now: datetime
) -> None:
    def second(connection: sqlite3.Connection) -> Sale:
        claims.hold(connection, OURS, now)
        payments.save(connection, payment.matched_to(sale.id))
        return sales.add(connection, bread, now)

    other = await database.run(second)
    move = f"UPDATE payment SET sale_id = {other.id}"
    assert "leaves its sale" in await refused(database, lambda connection: connection.execute(move))
    take = "UPDATE payment SET taken_by = (SELECT id FROM claim)"
    await refused(database, lambda connection: connection.execute(take))


async def test_change_given_is_cash_that_settles_less_than_nothing(
    database: Database, sale: Sale, now: datetime
) -> None:
    def tender(connection: sqlite3.Connection) -> Sale:
        sales.add_cash(connection, sale.id, cash_tender(Money.shillings(185), sale.total, now))
        sales.add_cash(connection, sale.id, change_given(Money.shillings(5), now))
        return sales.by_id(connection, sale.id)

    after = await database.run(tender)
    assert after.paid == Money.shillings(180)
    assert after.tenders[-1] == change_given(Money.shillings(5), now)


async def test_sales_that_money_may_be_for(
    database: Database, sale: Sale, bread: Cart, new_attempt: Callable[..., Attempt], now: datetime
) -> None:
    def prepare(connection: sqlite3.Connection) -> tuple[Sale, Sale, Attempt]:
        closed, void = sales.add(connection, bread, now), sales.add(connection, bread, now)
        sales.close(connection, closed.id, now)
        sales.void(connection, void.id, now)
        sales.add_cash(connection, sale.id, cash_tender(Money.shillings(85), sale.total, now))
        return closed, void, attempts.add(connection, new_attempt(sale.id))

    closed, void, attempt = await database.run(prepare)
    since = await database.read(lambda connection: sales.matchable_since(connection, now))
    assert [(one.sale_id, one.number, one.remaining) for one in since] == [
        (sale.id, 1, sale.total - Money.shillings(85)),
        (closed.id, 2, Money(0)),
    ]
    assert (since[0].charge_references, since[0].attempt_ids) == (
        (attempt.account_reference,),
        frozenset({attempt.id}),
    )
    later = now + timedelta(days=1)
    assert await database.read(lambda connection: sales.matchable_since(connection, later)) == since[:1]
    wanted = [closed.id, void.id, 99]
    assert await database.read(lambda connection: sales.matchable(connection, wanted)) == since[1:]
    assert await database.read(lambda connection: sales.id_of_number(connection, 2)) == closed.id
    assert await database.read(lambda connection: sales.id_of_number(connection, 3)) is None


# An older file.

_OLD_ROWS = """
INSERT INTO sale (id, number, opened_at, total_cents) VALUES (1, 1, '{at}', 18500);
INSERT INTO cash_tender VALUES (1, 1, 8500, 10000, '{at}');
INSERT INTO attempt VALUES (1, 1, '{ours}', 10000, '254712345678', 'paybill', '174379', '', 'T1-1-1', '{at}',
    'PAID', '', '0', '', 'ws_CO_1', 'TJE1A2B3C4', '{at}', '{at}');
INSERT INTO payment VALUES ('TJE1A2B3C4', 'TJE1A2B3C4', 10000, '174379', '{at}', NULL, '', '', '',
    1, 1, NULL, NULL);
INSERT INTO payment VALUES ('TJE1A2B3C5', 'TJE1A2B3C5', 10000, '174379', '{at}', NULL, '', '', '',
    NULL, NULL, NULL, NULL);
INSERT INTO payment VALUES ('TJE1A2B3C6', 'TJE1A2B3C6', 10000, '174379', '{at}', NULL, '', '', '',
    NULL, NULL, NULL, NULL);
INSERT INTO evidence VALUES (1, 1, 'TJE1A2B3C4', 'stk:{ours}:ws_CO_1#t#1', 'paid', 'callback', '{at}', '{at}', '', '0',
    '', '', 'ws_CO_1', 'TJE1A2B3C4', 10000, '', NULL, 1, 'applied');
INSERT INTO evidence VALUES (2, NULL, 'TJE1A2B3C5', 'stk:{theirs}:ws_CO_2#t#1', 'paid', 'callback', '{at}', '{at}', '',
    '0', '', '', 'ws_CO_2', 'TJE1A2B3C5', 10000, '', NULL, 1, 'noted');
INSERT INTO evidence VALUES (3, NULL, 'TJE1A2B3C6', 'c2b:174379:TJE1A2B3C6#t#1', 'paid', 'confirmation', '{at}', '{at}',
    '', '', '', '', '', 'TJE1A2B3C6', 10000, '174379', NULL, 1, 'noted');
"""


def first_version(path: Path, at: datetime) -> None:
    """As the program before claims left it."""
    first = importlib.import_module("pos_app.store.migrations.versions.0001_charges")
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in first._STATEMENTS:
            connection.execute(statement)
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
        connection.executescript(_OLD_ROWS.format(at=to_text(at), ours="a" * 32, theirs="b" * 32))


async def test_a_file_of_the_first_version_keeps_its_money_and_learns_who_holds_it(path: Path, now: datetime) -> None:
    first_version(path, now)
    database = Database(path)
    await database.open()
    sale = await database.read(lambda connection: sales.by_id(connection, 1))
    held = await database.read(lambda connection: claims.of_receipts(connection, [RECEIPT, "TJE1A2B3C5", "TJE1A2B3C6"]))
    of_another = await database.read(lambda connection: payments.by_receipt(connection, "TJE1A2B3C5"))
    free = await database.read(lambda connection: payments.unclaimed(connection, now, 9))
    await database.close()
    assert (sale.paid, sale.paid_by_mpesa) == (Money.shillings(185), Money.shillings(100))
    assert {receipt: known.holder.nonce for receipt, known in held.items() if known.holder} == {
        RECEIPT: "a" * 32,
        "TJE1A2B3C5": "b" * 32,
    }
    assert of_another is not None
    assert of_another.taken_by == held["TJE1A2B3C5"].holder
    assert [payment.id for payment in free] == ["TJE1A2B3C6"]
