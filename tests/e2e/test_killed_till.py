"""kill -9 of the till at every boundary of a charge; the simulator's ledger is the judge (Must show 4, S1–S3)."""

import time
from typing import Any

import pytest


def a_charge(till: Any, phone: str, at: int) -> None:
    """Until it has ended and the confirmation has named the payer, or until the till is dead at that boundary."""
    amount = 100 + int(phone[-3:])
    sale = till.ask("open", amount=amount)["sale"]
    till.ask("arm", at=at)
    till.ask("charge", sale=sale, amount=amount, phone=phone)
    till.world.until(lambda: till.channel.is_dead or _is_complete(till, phone), "the charge is complete")


def _is_complete(till: Any, phone: str) -> bool:
    attempt = till.attempt(phone)
    if attempt["state"] == "FAILED":
        return True
    return any(payment["payer_name"] for payment in till.payments() if payment["attempt_id"] == attempt["id"])


def crossed(till: Any, phone: str, at: int, died: type[Exception]) -> list[str] | None:
    """The boundaries of a charge that nothing stopped; None when the till died on the way."""
    try:
        a_charge(till, phone, at)
        names: list[str] = till.ask("rest")
    except died:
        return None
    return names


def come_back(till: Any) -> None:
    """On the same folder; then every attempt must reach its true state by itself."""
    till.forget()
    till.start()
    till.judge()
    till.wait_live()


@pytest.mark.parametrize("scenario", ["approve", "decline", "callback_before_reply", "reply_lost"])
def test_killed_at_every_boundary_a_charge_is_neither_lost_nor_doubled(
    world: Any, died: type[Exception], scenario: str
) -> None:
    """Between two boundaries nothing reaches the disk or the network, so these are all the crashes there are."""
    step = 1 if world.full or scenario == "approve" else 5
    till, started = world.till(), time.monotonic()
    till.start()
    till.wait_live()
    at, killed, names = 0, 0, None
    while names is None:
        at += step
        phone = world.phone()
        world.simulator.behave(phone, scenario)
        names = crossed(till, phone, at, died)
        if names is None:
            killed += 1
            come_back(till)
    till.judge()
    print(f"\n{scenario}: killed at {killed} boundaries in {time.monotonic() - started:.1f} s: {', '.join(names)}")
    assert killed >= 30 // step
