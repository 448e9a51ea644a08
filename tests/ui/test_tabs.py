"""The sales beside the cart: what changed is read, one sale at a time, and everything only where that is much."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pos_app.domain.money import Money
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.ui.sale.tabs import MOST, BesideSales

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Shelf:
    """The sales of a till, and what was read of them."""

    def __init__(self, count: int) -> None:
        cart = Cart((SaleLine("Milk", Money.shillings(60)),))
        self.held = {number: Sale(number, number, cart, NOW) for number in range(1, count + 1)}
        self.read: list[int | str] = []

    async def get(self, sale_id: int) -> Sale:
        self.read.append(sale_id)
        return self.held[sale_id]

    async def parked(self) -> tuple[Sale, ...]:
        self.read.append("all")
        return tuple(sale for sale in self.held.values() if not sale.closed_at)[:MOST]

    def close(self, sale_id: int) -> None:
        self.held[sale_id] = replace(self.held[sale_id], closed_at=NOW)


def numbers(beside: BesideSales, held: int | None = None) -> list[int]:
    return [tab.number for tab in beside.tabs(held)]


async def test_all_are_read_once_and_then_only_what_changed() -> None:
    shelf = Shelf(4)
    beside = BesideSales(shelf)
    await beside.read(set())
    shelf.close(2)
    await beside.read({2, 3})
    assert shelf.read == ["all", 2, 3]
    assert numbers(beside) == [1, 3, 4]
    assert numbers(beside, held=3) == [1, 4]
    assert beside.sale(3) == shelf.held[3]
    assert beside.sale(2) is None


async def test_many_changes_are_read_at_once() -> None:
    shelf = Shelf(20)
    beside = BesideSales(shelf)
    await beside.read(set())
    await beside.read(set(range(1, 20)))
    assert shelf.read == ["all", "all"]


async def test_a_sale_that_had_no_room_gets_the_tab_that_was_left() -> None:
    shelf = Shelf(MOST + 1)
    beside = BesideSales(shelf)
    await beside.read(set())
    assert numbers(beside)[-1] == MOST
    await beside.read({MOST + 1})
    assert numbers(beside)[-1] == MOST
    shelf.close(1)
    await beside.read({1})
    assert numbers(beside) == list(range(2, MOST + 2))


async def test_after_a_read_that_failed_everything_is_read() -> None:
    shelf = Shelf(2)
    beside = BesideSales(shelf)
    await beside.read(set())
    with pytest.raises(KeyError):
        await beside.read({3})
    await beside.read({1})
    assert shelf.read == ["all", 3, "all"]
