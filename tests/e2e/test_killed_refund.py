"""kill -9 of the till at every boundary of a refund; the simulator's ledger is the judge (money-safety B1 to B3)."""

import random
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from refunding import RefundingTill

OUTCOMES = {
    "usual": "COMPLETED",
    "reply_lost": "COMPLETED",
    "result_lost": "COMPLETED",
    "reply_lost+result_lost": "COMPLETED",
    "result_duplicated": "COMPLETED",
    "result_before_reply": "COMPLETED",
    "queue_timeout_paid": "COMPLETED",
    "queue_timeout": "FAILED",
    "low_float": "FAILED",
    "request_lost": "UNKNOWN",
}
"""How a refund by B2C ends that nothing stops: what is lost on the way is found out by our own id, if it arrived."""
ONE_PERSON = 5_000
SMALL_STEPS = {"usual": 31, "reply_lost+result_lost": 11}
SMALL_STEP = 59


class Refunds:
    """What to refund next: by B2C a little of a large payment, by reversal a whole payment of its own."""

    def __init__(self, world: Any, made: RefundingTill) -> None:
        self.world, self.made = world, made
        self._amounts, self._left = count(10), 0

    def b2c(self) -> dict[str, Any]:
        """Of each sale less than two people must release."""
        amount = next(self._amounts)
        if self._left <= amount:
            self._left, self._phone = ONE_PERSON, self.world.phone()
            self._sale = self.made.sold(self._left, self._phone)
        self._left -= amount
        return {"sale": self._sale, "amount": amount, "route": "b2c", "phone": self._phone}

    def reversal(self) -> dict[str, Any]:
        amount = next(self._amounts)
        return {"sale": self.made.sold(amount, self.world.phone()), "amount": amount, "route": "reversal"}


@pytest.fixture
def made(world: Any) -> RefundingTill:
    made = RefundingTill(world.till())
    made.start()
    return made


@pytest.fixture
def refunds(world: Any, made: RefundingTill) -> Refunds:
    return Refunds(world, made)


def crossed(made: RefundingTill, fields: dict[str, Any], outcome: str, at: int, died: type[Exception]) -> Any:
    """The boundaries from the wish to the end of a refund that nothing stopped; None when the till died on the way."""
    before = len(made.refunds())

    def stands() -> bool:
        new = made.refunds()[before:]
        return bool(made.till.channel.is_dead or (new and new[0]["state"] == outcome))

    try:
        made.till.ask("arm", at=at)
        made.till.channel.send("refund", **fields)
        made.till.world.until(
            stands, f"the refund is {outcome}, not {[one['state'] for one in made.refunds()[before:]]}"
        )
        return made.till.ask("rest")
    except died:
        return None


def come_back(made: RefundingTill) -> None:
    """On the same folder; a person goes on, and every refund must reach its true state."""
    made.till.forget()
    made.start()
    made.go_on()
    made.judge()


def points(made: RefundingTill, todo: Iterator[dict[str, Any]], outcome: str, step: int, died: Any) -> tuple[int, int]:
    """How often the till was killed, and at how many boundaries it could have been."""
    for at in count(step, step):
        names = crossed(made, next(todo), outcome, at, died)
        if names is not None:
            made.judge()
            return at // step - 1, len(names)
        come_back(made)
    raise AssertionError("unreachable")


@pytest.mark.parametrize("spec", OUTCOMES)
def test_killed_at_every_boundary_a_refund_by_b2c_is_paid_once_at_most_and_never_forgotten(
    made: RefundingTill, refunds: Refunds, died: type[Exception], figure: Any, spec: str
) -> None:
    """Between two boundaries nothing reaches the disk or the network, so these are all the crashes there are."""
    made.plays(spec)
    step, started = 1 if made.till.world.full else SMALL_STEPS.get(spec, SMALL_STEP), time.monotonic()
    killed, boundaries = points(made, iter(refunds.b2c, None), OUTCOMES[spec], step, died)
    assert made.till.ask("record_fault") == "", "the record of who did what is whole"
    figure(f"refund killed at {killed} of {boundaries} boundaries, {spec}: {time.monotonic() - started:.1f} s")
    assert killed >= 60 // step


@pytest.mark.parametrize("spec", ["usual", "reply_lost", "result_lost"])
def test_killed_at_every_boundary_a_payment_is_reversed_once_at_most_and_never_forgotten(
    made: RefundingTill, refunds: Refunds, died: type[Exception], figure: Any, spec: str
) -> None:
    made.plays(spec)
    step, started = 1 if made.till.world.full else SMALL_STEP, time.monotonic()
    killed, boundaries = points(made, iter(refunds.reversal, None), OUTCOMES[spec], step, died)
    figure(f"reversal killed at {killed} of {boundaries} boundaries, {spec}: {time.monotonic() - started:.1f} s")
    assert killed >= 60 // step


def test_killed_at_any_moment_with_a_relay_that_dies_too_a_refund_is_paid_once_at_most(
    world: Any, made: RefundingTill, refunds: Refunds, figure: Any, seed: int
) -> None:
    rng, started, tries = random.Random(seed), time.monotonic(), 120 if world.full else 2
    for _ in range(tries):
        made.plays(rng.choice(list(OUTCOMES)))
        made.till.channel.send("refund", **rng.choice([refunds.b2c, refunds.reversal])())
        time.sleep(rng.uniform(0, 0.25))  # the moment is what is tried, not waited for
        if rng.random() < 0.3:
            world.relay.kill()
            world.relay.start()
        made.till.kill()
        made.plays(rng.choice(list(OUTCOMES)))  # also of what is released, or sent on, afterwards
        come_back(made)
    figure(f"refunds killed at {tries} random moments, seed={seed}: {time.monotonic() - started:.1f} s")
