"""Sales, their history, their receipts, and the products: what a cashier may do, and each “no” as a sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pos_app.domain.catalogue import Product
from pos_app.domain.money import Money
from pos_app.domain.receipt import Heading
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine, SaleState
from pos_app.services.catalogue import Catalogue
from pos_app.services.changes import CatalogueChanged, SaleChanged
from pos_app.services.receipts import Receipts
from pos_app.store.database import StoreError

pytestmark = pytest.mark.anyio
Body = Callable[..., dict[str, Any]]
EGGS = Cart((SaleLine("Eggs", Money.shillings(15), 2),))


def words(answer: object) -> str:
    assert isinstance(answer, Refused)
    return answer.sentence


async def test_an_empty_cart_is_no_sale(desk: Any) -> None:
    assert "nothing to sell" in words(await desk.sales.open(Cart()))
    sale = await desk.sale()
    assert "nothing to sell" in words(await desk.sales.update(sale.id, Cart()))
    assert (await desk.sales.get(sale.id)).cart.lines


async def test_lines_change_until_something_is_paid_or_asked(desk: Any) -> None:
    sale = await desk.sale()
    assert (await desk.sales.update(sale.id, EGGS)).cart == EGGS
    await desk.charge(sale)
    assert "still open" in words(await desk.sales.update(sale.id, EGGS))
    paid = await desk.sale()
    await desk.sales.pay_cash(paid.id, Money.shillings(10))
    assert "is paid" in words(await desk.sales.update(paid.id, EGGS))


async def test_a_cancelled_sale_takes_no_lines_and_no_money(desk: Any) -> None:
    sale = await desk.sale()
    await desk.sales.void(sale.id)
    assert "cancelled" in words(await desk.sales.update(sale.id, EGGS))
    assert "Nothing remains" in words(await desk.sales.pay_cash(sale.id, Money.shillings(10)))


async def test_a_sale_is_found_by_its_number_also_when_it_was_cancelled(desk: Any) -> None:
    kept, cancelled = await desk.sale(), await desk.sale()
    await desk.sales.void(cancelled.id)
    for sale in (kept, cancelled):
        assert await desk.sales.id_of(sale.number) == sale.id
    assert await desk.sales.id_of(cancelled.number + 1) is None


async def test_cash_settles_what_remains_and_the_rest_is_change(desk: Any) -> None:
    sale = await desk.sale(150)
    part = await desk.sales.pay_cash(sale.id, Money.shillings(100))
    assert (part.state, part.remaining) == (SaleState.PART_PAID, Money.shillings(50))
    paid = await desk.sales.pay_cash(sale.id, Money.shillings(200))
    assert (paid.state, paid.tenders[-1].change_due) == (SaleState.PAID, Money.shillings(150))
    assert "Nothing remains" in words(await desk.sales.pay_cash(sale.id, Money.shillings(1)))
    assert "Type the cash" in words(await desk.sales.pay_cash((await desk.sale()).id, Money(0)))


async def test_only_a_settled_sale_closes(desk: Any) -> None:
    sale = await desk.sale()
    assert (await desk.sales.close(sale.id)).state is SaleState.OPEN
    await desk.sales.pay_cash(sale.id, Money.shillings(150))
    assert (await desk.sales.close(sale.id)).state is SaleState.CLOSED
    assert await desk.sales.parked() == ()


async def test_nothing_paid_or_asked_can_be_cancelled(desk: Any) -> None:
    asked, paid = await desk.sale(), await desk.sale()
    await desk.charge(asked)
    await desk.sales.pay_cash(paid.id, Money.shillings(10))
    assert "still open" in words(await desk.sales.void(asked.id))
    assert "only refunded" in words(await desk.sales.void(paid.id))
    assert {sale.id for sale in await desk.sales.parked()} == {asked.id, paid.id}


async def test_a_disk_that_fails_is_a_sentence(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_args: object, **_kwargs: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(desk.database, "run", full)
    assert words(await desk.sales.open(EGGS)) == "The disk is full."
    catalogue = Catalogue(desk.database, desk.changes)
    assert words(await catalogue.add("Eggs", Money(100))) == "The disk is full."


async def test_every_change_is_told(desk: Any) -> None:
    sale = await desk.sale()
    await desk.sales.pay_cash(sale.id, Money.shillings(150))
    await desk.sales.close(sale.id)
    assert desk.told.count(SaleChanged(sale.id)) == 3


async def test_the_history_says_how_each_sale_was_paid(desk: Any, make_callback: Body) -> None:
    cart = Cart(tuple(SaleLine(name, Money.shillings(50)) for name in ("Bread", "Milk", "Eggs", "Tea")))
    sale = await desk.sales.open(cart)
    attempt = await desk.charge(sale, 120)
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    await desk.sales.pay_cash(sale.id, Money.shillings(80))
    await desk.sale(99)
    newest, row = await desk.sales.history()
    assert (newest.tenders, newest.phone, newest.receipt, newest.state) == ("", "", "", SaleState.OPEN)
    assert (row.tenders, row.receipt, row.lines) == ("Cash + M-Pesa", "TJE1A2B3C4", "Bread, Milk +2")
    assert (row.total, row.paid, row.phone) == (Money.shillings(200),) * 2 + (attempt.msisdn.masked,)
    for search in ("tje1a2", "KES 200", "200.00", "milk", str(sale.number), attempt.msisdn.local):
        assert [found.sale_id for found in await desk.sales.history(f"  {search} ")] == [sale.id]
    assert [found.sale_id for found in await desk.sales.history(limit=1, before_id=newest.sale_id)] == [sale.id]
    detail = await desk.sales.detail(sale.id)
    assert [len(one.evidence) for one in detail.attempts] == [3]
    assert [payment.receipt for payment in detail.payments] == ["TJE1A2B3C4"]


# Receipts.


@pytest.fixture
def receipts(qapp: object, desk: Any, tmp_path: Path) -> Receipts:
    assert qapp is not None  # the fonts of the page need Qt
    return Receipts(desk.database, lambda: Heading("Duka", "T1"), tmp_path / "receipts")


async def test_a_receipt_on_paper_is_a_copy_the_second_time(desk: Any, receipts: Receipts) -> None:
    sale = await desk.sale()
    await desk.sales.pay_cash(sale.id, Money.shillings(150))
    assert not (await receipts.of_sale(sale.id)).copy
    first, second = await receipts.save_pdf(sale.id), await receipts.save_pdf(sale.id)
    assert isinstance(first, Path)
    assert isinstance(second, Path)
    assert (first.name, second.name) == ("receipt-000001.pdf", "receipt-000001-copy-1.pdf")
    assert first.read_bytes().startswith(b"%PDF")


async def test_a_receipt_that_cannot_be_written_is_a_sentence(desk: Any, receipts: Receipts, tmp_path: Path) -> None:
    sale = await desk.sale()
    (tmp_path / "receipts").touch()
    assert "safe in the history" in words(await receipts.save_pdf(sale.id))


async def test_a_charge_proved_by_query_prints_that_its_code_follows(desk: Any, receipts: Receipts) -> None:
    attempt = await desk.charged()
    desk.core.act(attempt.checkout_request_id, "approve")
    await desk.payments.check_now(attempt.id)
    (tender,) = (await receipts.of_sale(attempt.sale_id)).tenders
    assert (tender.code, tender.phone) == ("code to follow", attempt.msisdn.masked)


# Products.


async def test_products_are_added_found_and_removed(desk: Any) -> None:
    told: list[object] = []
    desk.changes.subscribe(CatalogueChanged, told.append)
    catalogue = Catalogue(desk.database, desk.changes, desk.now)
    bread = await catalogue.add("  White   bread ", Money.shillings(65), " 6001 ")
    assert isinstance(bread, Product)
    assert (bread.name, bread.barcode) == ("White bread", "6001")
    assert await catalogue.products(" bread ") == (bread,)
    assert await catalogue.by_barcode(" 6001 ") == bread
    assert "already has that barcode" in words(await catalogue.add("Bun", Money(100), "6001"))
    assert "Type a name" in words(await catalogue.add(" ", Money(100)))
    assert "more than zero" in words(await catalogue.add("Bun", Money(0)))
    await catalogue.remove(bread.id)
    assert (await catalogue.products(), len(told)) == ((), 2)


async def test_two_cashiers_closing_one_sale_close_it_once(desk: Any) -> None:
    sale = await desk.sale()
    await desk.sales.pay_cash(sale.id, Money.shillings(150))
    first: Sale = await desk.sales.close(sale.id)
    desk.wall_step = 600
    again: Sale = await desk.sales.close(sale.id)
    assert first.closed_at == again.closed_at
