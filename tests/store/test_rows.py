"""Each noun on disk: what is written comes back the same, in order, and is found again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.catalogue import Product
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.reason import Reason
from pos_app.domain.sale import Cart, Sale, SaleLine, SaleState
from pos_app.domain.tender import Tender, TenderKind, cash_tender
from pos_app.store import attempts, catalogue, evidence, payments, relay_events, sales, times
from pos_app.store.catalogue import BarcodeTakenError
from pos_app.store.database import Database
from pos_app.store.evidence import Linked
from pos_app.store.payments import Received
from pos_app.store.relay_events import Position
from pos_app.store.sales import Bill, Search

pytestmark = pytest.mark.anyio
MakeAttempt = Callable[..., Attempt]


# Times.


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=3)), timezone(timedelta(hours=-11))])))
def test_an_instant_comes_back_to_the_microsecond(instant: datetime) -> None:
    try:
        text = times.to_text(instant)
    except OverflowError:  # the first and the last hours there are
        return
    assert times.from_text(text) == instant


@given(st.lists(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)), min_size=2, max_size=5))  # noqa: DTZ001
def test_text_order_is_time_order(instants: list[datetime]) -> None:
    assert sorted(map(times.to_text, instants)) == [times.to_text(instant) for instant in sorted(instants)]


def test_no_instant_stays_none() -> None:
    assert (times.to_text_or_none(None), times.from_text_or_none(None)) == (None, None)


# Sales.


async def test_a_sale_comes_back_with_its_lines_in_order(database: Database, sale: Sale, bread: Cart) -> None:
    again = await database.read(lambda connection: sales.by_id(connection, sale.id))
    assert again == sale
    assert (again.number, again.cart, again.state) == (1, bread, SaleState.OPEN)


async def test_sales_are_numbered_without_gaps(database: Database, sale: Sale, bread: Cart, now: datetime) -> None:
    numbers = [(await database.run(lambda connection: sales.add(connection, bread, now))).number for _ in range(3)]
    assert numbers == [2, 3, 4]


async def test_a_cart_can_be_replaced(database: Database, sale: Sale) -> None:
    cart = Cart((SaleLine("Eggs", Money.shillings(15), 30),))
    await database.run(lambda connection: sales.replace_cart(connection, sale.id, cart))
    again = await database.read(lambda connection: sales.by_id(connection, sale.id))
    assert (again.cart, again.total) == (cart, Money.shillings(450))


async def test_what_settles_a_sale_comes_back_in_the_order_of_time(
    database: Database, sale: Sale, now: datetime
) -> None:
    cash = cash_tender(Money.shillings(100), Money.shillings(50), now + timedelta(seconds=1))
    paid = Payment("TJE1A2B3C4", Money.shillings(135), "174379", now, "TJE1A2B3C4", sale_id=sale.id)
    await database.run(lambda connection: sales.add_cash(connection, sale.id, cash))
    await database.run(lambda connection: payments.add(connection, paid))
    again = await database.read(lambda connection: sales.by_id(connection, sale.id))
    by_mpesa = Tender(TenderKind.MPESA, paid.amount, now, payment_id=paid.id, receipt=paid.receipt)
    assert again.tenders == (by_mpesa, cash)
    assert (again.state, again.remaining) == (SaleState.PAID, Money(0))


async def test_a_superseded_payment_settles_nothing(database: Database, sale: Sale, now: datetime) -> None:
    first = Payment("stk:ws_CO_1", Money.shillings(185), "174379", now, sale_id=sale.id)
    second = Payment("TJE1A2B3C4", Money.shillings(185), "174379", now, "TJE1A2B3C4", sale_id=sale.id)
    await database.run(lambda connection: payments.add(connection, first))
    await database.run(lambda connection: payments.add(connection, second))
    await database.run(lambda connection: payments.supersede(connection, first.id, second.id))
    again = await database.read(lambda connection: sales.by_id(connection, sale.id))
    assert (again.paid, again.state) == (Money.shillings(185), SaleState.PAID)
    assert await database.read(lambda connection: payments.by_id(connection, first.id)) is None


async def test_a_live_charge_makes_a_sale_await(database: Database, sale: Sale, new_attempt: MakeAttempt) -> None:
    await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id)))
    assert (await database.read(lambda connection: sales.by_id(connection, sale.id))).state is SaleState.AWAITING


async def test_a_bill_says_what_the_whole_sale_says(
    database: Database, sale: Sale, now: datetime, new_attempt: MakeAttempt
) -> None:
    async def bill() -> Bill:
        return await database.read(lambda connection: sales.bill(connection, sale.id))

    assert await bill() == Bill(sale.number, is_void=False, charges=0, remaining=sale.total)
    cash = cash_tender(Money.shillings(100), sale.remaining, now)
    receiptless = Payment("stk:ws_CO_1", Money.shillings(50), "174379", now, sale_id=sale.id)
    same_money = Payment("TJE1A2B3C4", Money.shillings(50), "174379", now, "TJE1A2B3C4", sale_id=sale.id)
    await database.run(lambda connection: sales.add_cash(connection, sale.id, cash))
    await database.run(lambda connection: payments.add(connection, receiptless, same_money))
    await database.run(lambda connection: payments.supersede(connection, receiptless.id, same_money.id))
    await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id)))
    whole = await database.read(lambda connection: sales.by_id(connection, sale.id))
    assert await bill() == Bill(sale.number, is_void=False, charges=1, remaining=whole.remaining)
    too_much = Payment("TJE9A2B3C4", Money.shillings(900), "174379", now, "TJE9A2B3C4", sale_id=sale.id)
    await database.run(lambda connection: payments.add(connection, too_much))
    await database.run(lambda connection: sales.void(connection, sale.id, now))
    assert await bill() == Bill(sale.number, is_void=True, charges=1, remaining=Money(0))


async def test_open_sales_are_found_until_closed_or_void(
    database: Database, sale: Sale, bread: Cart, now: datetime
) -> None:
    second = await database.run(lambda connection: sales.add(connection, bread, now))
    third = await database.run(lambda connection: sales.add(connection, bread, now))
    await database.run(lambda connection: sales.close(connection, second.id, now))
    await database.run(lambda connection: sales.close(connection, second.id, now + timedelta(days=1)))
    await database.run(lambda connection: sales.void(connection, third.id, now))
    assert await database.read(sales.unsettled) == (sale,)
    assert (await database.read(lambda connection: sales.by_id(connection, second.id))).closed_at == now
    assert (await database.read(lambda connection: sales.by_id(connection, third.id))).state is SaleState.VOID


async def test_prints_are_counted(database: Database, sale: Sale) -> None:
    assert [await database.run(lambda connection: sales.count_print(connection, sale.id)) for _ in range(3)] == [
        0,
        1,
        2,
    ]


async def test_a_sale_or_charge_that_is_not_there_is_a_broken_assumption(database: Database) -> None:
    with pytest.raises(LookupError, match="no sale 77"):
        await database.read(lambda connection: sales.by_id(connection, 77))
    with pytest.raises(LookupError, match="no sale 77"):
        await database.read(lambda connection: sales.bill(connection, 77))
    with pytest.raises(LookupError, match="no charge attempt 77"):
        await database.read(lambda connection: attempts.by_id(connection, 77))


# The history.


@pytest.fixture
async def history(database: Database, now: datetime, new_attempt: MakeAttempt) -> list[Sale]:
    """Twelve sales of 100, 200 … 1,200; the third by M-Pesa, from 0712 345 678."""
    made = []
    for number in range(1, 13):
        cart = Cart((SaleLine(f"Item {number} 100%_", Money.shillings(100 * number)),))
        made.append(await database.run(lambda connection, cart=cart: sales.add(connection, cart, now)))  # type: ignore[misc]
    paid = new_attempt(3, amount=Money.shillings(300), state=AttemptState.PAID, receipt="TJE1A2B3C4")
    await database.run(lambda connection: attempts.add(connection, paid))
    payment = Payment("TJE1A2B3C4", paid.amount, "174379", now, "TJE1A2B3C4", sale_id=3)
    await database.run(lambda connection: payments.add(connection, payment))
    return made


async def found(database: Database, text: str, amount: Money | None = None) -> list[int]:
    rows = await database.read(lambda connection: sales.newest(connection, Search(text, amount), None, 50))
    return [sale.number for sale in rows]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("text", "amount", "numbers"),
    [
        ("", None, list(range(12, 0, -1))),
        ("7", None, [7]),
        ("item 1 ", None, [1]),
        ("ITEM 12", None, [12]),
        ("tje1a2", None, [3]),
        ("1A2B", None, []),
        ("0712345678", None, [3]),
        ("678", None, [3]),
        ("78", None, []),
        ("345", None, []),
        ("1,200", Money.shillings(1200), [12]),
        ("100%_", None, list(range(12, 0, -1))),
        ("%", None, list(range(12, 0, -1))),
        ("_", None, list(range(12, 0, -1))),
        ("I%m", None, []),
        ("'; DROP TABLE sale; --", None, []),
    ],
)
async def test_the_history_is_searched_by_number_item_receipt_phone_and_amount(
    database: Database, text: str, amount: Money | None, numbers: list[int]
) -> None:
    assert await found(database, text, amount) == numbers


@pytest.mark.usefixtures("history")
async def test_pages_of_the_history_join_without_a_gap_or_a_repetition(database: Database) -> None:
    seen: list[int] = []
    before: int | None = None
    while page := await database.read(
        lambda connection, before=before: sales.newest(connection, Search(""), before, 5)  # type: ignore[misc]
    ):
        seen += [sale.number for sale in page]
        before = page[-1].id
    assert seen == list(range(12, 0, -1))


# Charges and payments.


async def test_a_charge_comes_back_as_it_was(database: Database, sale: Sale, new_attempt: MakeAttempt) -> None:
    kept = await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id)))
    told = Evidence(
        Fact.PAID,
        Source.CALLBACK,
        kept.created_at + timedelta(seconds=9),
        code="0",
        merchant_request_id="m-1",
        checkout_request_id="ws_CO_1",
        receipt="TJE1A2B3C4",
        amount=kept.amount,
    )
    paid, disposition = kept.apply(told)
    await database.run(lambda connection: attempts.save(connection, paid))
    assert disposition is Disposition.APPLIED
    assert await database.read(lambda connection: attempts.by_nonces(connection, [kept.nonce, "f" * 32])) == {
        kept.nonce: paid
    }
    assert await database.read(lambda connection: attempts.by_reference(connection, "T1-1-1")) == (paid,)
    assert await database.read(lambda connection: attempts.of_sale(connection, sale.id)) == (paid,)
    assert await database.read(attempts.live) == ()


async def test_ids_that_stand_for_another_charge_are_known(
    database: Database, sale: Sale, new_attempt: MakeAttempt
) -> None:
    first = new_attempt(sale.id, 1, state=AttemptState.PAID, checkout_request_id="ws_CO_1", receipt="TJE1A2B3C4")
    kept = await database.run(lambda connection: attempts.add(connection, first))
    second = await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id, 2)))

    async def others(attempt_id: int, checkout: str, receipt: str) -> bool:
        return await database.read(lambda connection: attempts.others_with(connection, attempt_id, checkout, receipt))

    assert await others(second.id, "ws_CO_1", "")
    assert await others(second.id, "", "TJE1A2B3C4")
    assert not await others(kept.id, "ws_CO_1", "TJE1A2B3C4")
    assert not await others(second.id, "", "")
    assert not await others(kept.id, "ws_CO_2", "")


async def test_a_confirmation_may_be_the_money_of_a_charge_without_receipt(
    database: Database, sale: Sale, new_attempt: MakeAttempt, now: datetime
) -> None:
    kept = await database.run(
        lambda connection: attempts.add(connection, new_attempt(sale.id, state=AttemptState.PAID))
    )
    minute = timedelta(minutes=1)

    async def likely(since: datetime) -> tuple[Attempt, ...]:
        return await database.read(lambda connection: attempts.receiptless(connection, since))

    assert await likely(now - minute) == (kept,)
    assert await likely(now + minute) == ()


async def test_a_payment_comes_back_as_it_was(database: Database, sale: Sale, now: datetime) -> None:
    payment = Payment(
        "TJE1A2B3C4", Money.shillings(10), "174379", now, "TJE1A2B3C4", now, "JANE", "0712 ••• 678", "T1-1-1"
    )
    await database.run(lambda connection: payments.add(connection, payment))
    assert await database.read(lambda connection: payments.by_receipt(connection, "TJE1A2B3C4")) == payment
    matched = Payment(**{**{f: getattr(payment, f) for f in payment.__slots__}, "sale_id": sale.id})
    await database.run(lambda connection: payments.save(connection, matched))
    assert await database.read(lambda connection: payments.of_sale(connection, sale.id)) == (matched,)
    assert await database.read(lambda connection: payments.of_attempt(connection, 1)) is None
    assert await database.read(lambda connection: payments.newest(connection, 1)) == (
        Received(matched, sale.number, is_late=False),
    )
    assert await database.read(payments.total_received) == payment.amount


async def test_a_charge_without_receipt_and_its_likely_receipt_are_one_sum(
    database: Database, sale: Sale, now: datetime, new_attempt: MakeAttempt
) -> None:
    kept = await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id)))
    charge = Payment("stk:ws_CO_1", Money.shillings(185), "174379", now, sale_id=sale.id, attempt_id=kept.id)
    likely = Payment("TJE1A2B3C4", charge.amount, "174379", now, "TJE1A2B3C4", likely_attempt_id=kept.id)
    other = Payment("TJE2A2B3C4", Money.shillings(10), "174379", now, "TJE2A2B3C4", likely_attempt_id=kept.id)

    async def totals(*payment: Payment) -> Money:
        await database.run(lambda connection: payments.add(connection, *payment))
        return await database.read(payments.total_received)

    assert await totals(other) == other.amount
    assert await totals(charge) == charge.amount + other.amount
    assert await totals(likely) == likely.amount + other.amount
    with_receipt = replace(charge, receipt="TJE3A2B3C4")
    await database.run(lambda connection: payments.save(connection, with_receipt))
    assert await database.read(payments.total_received) == charge.amount * 2 + other.amount


# Evidence, and the relay's log.


async def test_evidence_comes_back_in_order_and_as_it_was(
    database: Database, sale: Sale, new_attempt: MakeAttempt, now: datetime
) -> None:
    kept = await database.run(lambda connection: attempts.add(connection, new_attempt(sale.id)))
    told = [
        Evidence(Fact.ACCEPTED, Source.REPLY, now, Reason.WAIT, "0", "Success", "m-1", "ws_CO_1"),
        Evidence(Fact.PAID, Source.CALLBACK, now, receipt="TJE1A2B3C4", amount=Money(100), paid_at=now, trusted=False),
    ]
    for number, one in enumerate(told):
        await database.run(
            lambda connection, one=one, number=number: evidence.append(  # type: ignore[misc]
                connection, Linked(one, Disposition.NOTED, now, attempt_id=kept.id, event_key=f"key-{number}")
            )
        )
    rows = await database.read(lambda connection: evidence.of_attempt(connection, kept.id))
    assert [row.evidence for row in rows] == told
    assert {(row.disposition, row.recorded_at) for row in rows} == {(Disposition.NOTED, now)}
    assert await database.read(lambda connection: evidence.known(connection, ["key-1", "key-2"])) == {"key-1"}
    assert await database.read(lambda connection: evidence.known(connection, [])) == set()


async def test_the_cursor_moves_and_each_stream_has_its_own(database: Database) -> None:
    async def position(stream: str) -> Position:
        return await database.read(lambda connection: relay_events.position(connection, stream))

    assert await position("st_1") == Position()
    for seq in (1, 2):
        await database.run(
            lambda connection, seq=seq: relay_events.move(connection, "st_1", Position("e1", seq, "c"))  # type: ignore[misc]
        )
    assert (await position("st_1"), await position("st_2")) == (Position("e1", 2, "c"), Position())
    await database.run(lambda connection: relay_events.move(connection, "st_2", Position("e2", 5, "d")))
    assert (await position("st_1"), await position("st_2")) == (Position("e1", 2, "c"), Position("e2", 5, "d"))


async def test_an_event_is_parked_once(database: Database, now: datetime) -> None:
    parked = [
        await database.run(lambda connection: relay_events.park(connection, "key", "stk", "unreadable", now))
        for _ in "ab"
    ]
    assert parked == [True, False]


# Products.


async def test_products_are_found_by_name_and_barcode_until_removed(database: Database, now: datetime) -> None:
    bread = await database.run(lambda connection: catalogue.add(connection, "Bread 100%", Money(6500), "6001"))
    milk = await database.run(lambda connection: catalogue.add(connection, "Milk", Money(6000), ""))
    juice = await database.run(lambda connection: catalogue.add(connection, "Juice", Money(9000), ""))

    async def find(search: str) -> tuple[Product, ...]:
        return await database.read(lambda connection: catalogue.find(connection, search))

    assert await find("") == (bread, juice, milk)
    assert (await find("100%"), await find("6001"), await find("%"), await find("_")) == (
        (bread,),
        (bread,),
        (bread,),
        (),
    )
    assert await database.read(lambda connection: catalogue.by_barcode(connection, "6001")) == bread
    with pytest.raises(BarcodeTakenError):
        await database.run(lambda connection: catalogue.add(connection, "Bun", Money(100), "6001"))
    await database.run(lambda connection: catalogue.remove(connection, bread.id, now))
    assert await find("") == (juice, milk)
    assert await database.read(lambda connection: catalogue.by_barcode(connection, "6001")) is None
    await database.run(lambda connection: catalogue.add(connection, "Bun", Money(100), "6001"))
