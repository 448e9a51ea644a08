"""One charge through real processes, and the two ways to press the button twice (Must show 8, S10)."""

from typing import Any

import pytest


@pytest.mark.parametrize("kind", ["paybill", "buy_goods"])
def test_an_approved_charge_is_paid_once_with_its_receipt(world: Any, kind: str) -> None:
    till, phone = world.till(kind), world.phone()
    till.start()
    till.wait_live()
    assert till.sell(150, phone)["state"] == "PENDING"
    paid = till.becomes(phone, "PAID")
    (truth,) = world.simulator.paid(phone)
    assert paid["receipt"] == truth["receipt"]
    till.judge()
