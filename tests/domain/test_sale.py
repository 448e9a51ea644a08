"""Carts and sales: totals, rounding, and the state that follows from the tenders alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pos_app.domain.catalogue import ProductError
from pos_app.domain.money import ZERO, AmountError, Money
from pos_app.domain.sale import QUANTITY_MAX, Cart, Sale, SaleError, SaleLine, SaleState
from pos_app.domain.tender import Tender, TenderKind, cash_tender

AT = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)
MILK = SaleLine("Milk", Money.shillings(65))
BREAD = SaleLine("Bread", Money.shillings(70))
SALE = Sale(id=7, number=12, cart=Cart((SaleLine("Rice", Money.shillings(350)),)), opened_at=AT)


def mpesa(shillings: int) -> Tender:
    return Tender(TenderKind.MPESA, Money.shillings(shillings), AT, payment_id=f"R{shillings}")


def cash(shillings: int) -> Tender:
    return Tender(TenderKind.CASH, Money.shillings(shillings), AT, received=Money.shillings(shillings))


class TestCart:
    def test_the_same_product_again_raises_its_quantity(self) -> None:
        cart = Cart().with_line(MILK).with_line(BREAD).with_line(replace(MILK, quantity=2))
        assert cart.lines == (replace(MILK, quantity=3), BREAD)
        assert cart.total == Money.shillings(265)

    def test_the_same_name_at_another_price_is_another_line(self) -> None:
        cheaper = SaleLine("Milk", Money.shillings(60))
        assert Cart().with_line(MILK).with_line(cheaper).lines == (MILK, cheaper)

    def test_a_change_gives_a_new_cart(self) -> None:
        cart = Cart((MILK, BREAD))
        assert cart.with_quantity(1, 4).lines == (MILK, replace(BREAD, quantity=4))
        assert cart.without_line(0).lines == (BREAD,)
        assert cart.lines == (MILK, BREAD)

    @pytest.mark.parametrize("position", [-1, -2, 2, 99])
    def test_no_row_is_not_the_last_row(self, position: int) -> None:
        cart = Cart((MILK, BREAD))
        with pytest.raises(IndexError):
            cart.without_line(position)
        with pytest.raises(IndexError):
            cart.with_quantity(position, 2)

    def test_an_empty_cart_costs_nothing(self) -> None:
        assert (Cart().subtotal, Cart().total, Cart().rounding) == (ZERO, ZERO, ZERO)

    @pytest.mark.parametrize(
        ("cents", "total", "rounding"), [(6_549, 6_500, -49), (6_550, 6_600, 50), (6_500, 6_500, 0)]
    )
    def test_the_total_is_whole_shillings_and_says_by_how_much(self, cents: int, total: int, rounding: int) -> None:
        cart = Cart((SaleLine("Sugar, loose", Money(cents)),))
        assert (cart.subtotal, cart.total, cart.rounding) == (Money(cents), Money(total), Money(rounding))

    @pytest.mark.parametrize("quantity", [0, -1, QUANTITY_MAX + 1])
    def test_a_quantity_is_1_to_9999(self, quantity: int) -> None:
        with pytest.raises(AmountError, match="The quantity must be 1 to 9999"):
            Cart((MILK,)).with_quantity(0, quantity)
        assert SaleLine("Milk", Money.shillings(65), QUANTITY_MAX).total == Money.shillings(65 * QUANTITY_MAX)

    def test_adding_cannot_pass_the_largest_quantity(self) -> None:
        with pytest.raises(AmountError):
            Cart((replace(MILK, quantity=QUANTITY_MAX),)).with_line(MILK)

    def test_a_line_has_a_name_and_a_price(self) -> None:
        with pytest.raises(ProductError):
            SaleLine(" ", Money.shillings(65))
        with pytest.raises(AmountError):
            SaleLine("Milk", ZERO)


# Total KES 350. Columns: tenders, awaiting, closed, voided, state.
STATES = [
    ((), False, False, False, SaleState.OPEN),
    ((), True, False, False, SaleState.AWAITING),
    ((), False, True, False, SaleState.OPEN),
    ((), False, False, True, SaleState.VOID),
    ((cash(349),), False, False, False, SaleState.PART_PAID),
    ((cash(349),), True, False, False, SaleState.AWAITING),
    ((mpesa(350),), False, False, False, SaleState.PAID),
    ((cash(100), mpesa(250)), False, False, False, SaleState.PAID),
    ((mpesa(350),), False, True, False, SaleState.CLOSED),
    ((cash(350),), True, False, False, SaleState.PAID),
    ((cash(350), mpesa(350)), False, False, False, SaleState.OVERPAID),
    ((cash(350), mpesa(350)), False, True, False, SaleState.OVERPAID),
    ((mpesa(351),), True, False, False, SaleState.OVERPAID),
    ((mpesa(350),), False, False, True, SaleState.VOID),
]


@pytest.mark.parametrize(("tenders", "awaiting", "closed", "voided", "state"), STATES)
def test_a_sale_is_in_the_state_that_its_money_says(
    tenders: tuple[Tender, ...], awaiting: bool, closed: bool, voided: bool, state: SaleState
) -> None:
    sale = replace(
        SALE, tenders=tenders, awaiting=awaiting, closed_at=AT if closed else None, voided_at=AT if voided else None
    )
    assert sale.state is state
    assert sale.is_settled is (state in {SaleState.PAID, SaleState.OVERPAID, SaleState.CLOSED})
    assert sale.paid + sale.remaining - sale.overpaid == sale.total
    assert not (sale.remaining and sale.overpaid)


def test_every_state_of_a_sale_is_in_the_table() -> None:
    assert {row[-1] for row in STATES} == set(SaleState)


@pytest.mark.parametrize("lines", [(), (SaleLine("Sweet", Money(49)),)])
def test_a_sale_of_nothing_is_not_paid(lines: tuple[SaleLine, ...]) -> None:
    sale = replace(SALE, cart=Cart(lines))
    assert (sale.total, sale.state, sale.is_settled) == (ZERO, SaleState.OPEN, False)


def test_what_mpesa_paid_is_told_apart_from_cash() -> None:
    sale = replace(SALE, tenders=(cash(100), mpesa(200), mpesa(100)))
    assert (sale.paid, sale.paid_by_mpesa, sale.overpaid) == (
        Money.shillings(400),
        Money.shillings(300),
        Money.shillings(50),
    )


def test_cash_for_the_rest_settles_a_sale_exactly() -> None:
    part = replace(SALE, tenders=(mpesa(200),))
    settled = replace(part, tenders=(*part.tenders, cash_tender(Money.shillings(500), part.remaining, AT)))
    assert (settled.state, settled.remaining, settled.overpaid) == (SaleState.PAID, ZERO, ZERO)


def test_only_a_sale_without_money_or_a_live_charge_is_voided() -> None:
    assert SALE.checked_void() is SALE
    with pytest.raises(SaleError, match="Wait until it is known"):
        replace(SALE, awaiting=True).checked_void()
    with pytest.raises(SaleError, match="cannot be cancelled, only refunded"):
        replace(SALE, tenders=(cash(1),)).checked_void()
