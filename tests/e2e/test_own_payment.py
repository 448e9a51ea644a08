"""A customer pays on his own phone: simulator, relay, till and window are real; the till offers it within a second."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from counter import Counter
from PySide6.QtCore import Qt

from pos_app.domain.claim import Claim
from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.relay_link.claims import ClaimDesk
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.view_model import SETTLE

pytest_plugins = ("window_fixtures",)
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints", extend=True)

Made = Callable[..., Counter]


def pays(world: Any, shop: Any, amount: int, **told: Any) -> str:
    """What the customer does on the phone page; the receipt that he is told."""
    fields = {"to": shop.account["till_number"], "phone": world.phone(), "amount": amount, "name": "WANJIKU", **told}
    with httpx.Client(trust_env=False) as customer:
        answer = customer.post(f"{world.simulator.url}/simulator/c2b/pay", json=fields).raise_for_status().json()
    receipt: str = answer["payment"]["receipt"]
    return receipt


def second_till(world: Any, shop: Any) -> Pairing:
    return Pairing(**world.relay.pair(shop.shop, TillIdentity("f" * 32, "Till 2", "2B")))


async def claimed_by_another(pairing: Pairing, receipt: str) -> object:
    async with httpx.AsyncClient(trust_env=False) as line:
        return await ClaimDesk(line, pairing).claim(Claim(receipt, 0, pairing.till_id, "", "9", "Otieno", None))


def waits_at_till(desk: Counter, amount: str) -> None:
    desk.ring_up(amount)
    desk.key(Qt.Key.Key_F3)
    desk.page(Page.TILL)


def accepts(desk: Counter) -> None:
    """Enter, once the offer takes it."""
    desk.until(lambda: time.monotonic() - desk.desk.offers._since >= SETTLE, "Enter is for this offer")
    desk.enter()


def test_a_payment_made_on_the_phone_is_offered_within_a_second_and_enter_accepts_it(
    world: Any, shop: Any, desk: Counter, figure: Callable[[str], None]
) -> None:
    waits_at_till(desk, "450")
    began = time.monotonic()
    receipt = pays(world, shop, 450)
    desk.until(lambda: desk.reads("KES 450 from Wanjiku •••"), "the payment is offered")
    took = time.monotonic() - began
    figure(f"from the customer's PIN to the offer in the window: {took * 1000:.0f} ms")
    assert took < 1
    assert desk.reads("KES 450 received from Wanjiku.")
    accepts(desk)
    desk.page(Page.RECEIVED)
    assert desk.reads("PAID")
    assert desk.reads(receipt)
    sale = desk.desk.payment.sale
    assert sale is not None
    paper = desk.run(desk.desk.till.receipts.of_sale(sale.id))
    assert receipt in str(paper)
    desk.next_sale()
    desk.keys(receipt)
    desk.enter()
    desk.until(lambda: desk.reads(f"{receipt}: Used by sale {sale.number} at this till"), "the code is used")


def test_what_another_till_claimed_first_is_refused_with_who_has_it(world: Any, shop: Any, desk: Counter) -> None:
    waits_at_till(desk, "300")
    receipt = pays(world, shop, 300)
    desk.until(lambda: desk.reads("KES 300 from Wanjiku •••"), "the payment is offered")
    held = desk.run(claimed_by_another(second_till(world, shop), receipt))
    assert isinstance(held, Claim)
    assert held.sale == "9"
    desk.until(lambda: desk.reads("Taken by Till 2 (Otieno)"), "the chip says who has it")
    desk.until(lambda: desk.desk.offers.line is None, "nothing is offered any more")
    desk.enter()
    assert desk.desk.payment.state.page is Page.TILL
