"""A payment that a customer made by himself and two tills want: one sale has it, whoever dies on the way (C3, C4).

Two real tills of one shop, one relay, one simulator; the tills' files and the simulator's ledger are the judges.
"""

import time
from typing import Any

AMOUNT = 150
ACCEPTING = ("BEGIN IMMEDIATE", "INSERT INTO claim", "committed", "recv", "telling")
"""The wish, its commit, the relay's answer, what it is made of."""


class Tills:
    """Two of one shop, and the payments that both have heard of."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.one = world.till()
        self.two = world.till(shop=self.one.shop)
        self.both = (self.one, self.two)
        self.paid: dict[str, int] = {}
        for till in self.both:
            till.start()
            till.wait_live()

    def payment(self) -> str:
        receipt: str = self.world.simulator.pay(to="174379", phone=self.world.phone(), amount=AMOUNT)
        self.paid[receipt] = AMOUNT
        for till in self.both:
            self.world.until(lambda till=till: _row(till, receipt), "the payment has arrived")
        return receipt

    def judge(self) -> None:
        """Each till has every payment that the simulator's ledger has, once, and no other."""
        for till in self.both:
            till.judge(strangers=self.paid)

    def agree(self, receipt: str) -> None:
        """Waits until no wish is open and both have read from the log who has it; that is one sale of one till."""

        def same() -> bool:
            one, two = (_holders(till, receipt) for till in self.both)
            return len(one) == 1 and one == two and not any(_wishes(till) for till in self.both)

        self.world.until(same, f"both tills name one holder, not {[_holders(till, receipt) for till in self.both]}")
        ((till_id, number),) = _holders(self.one, receipt)
        held = [till for till in self.both if _row(till, receipt)["sale_id"] is not None]
        assert [till.pairing["till_id"] for till in held] == [till_id], "not once across both tills"
        assert _number_of(held[0], receipt) == number
        self.judge()


def _row(till: Any, receipt: str) -> Any:
    return next((payment for payment in till.payments() if payment["receipt"] == receipt), None)


def _holders(till: Any, receipt: str) -> list[tuple[str, str]]:
    rows = till.rows("SELECT till_id, sale FROM claim WHERE said = 'held' AND receipt = ?", receipt)
    return [(row["till_id"], row["sale"]) for row in rows]


def _wishes(till: Any) -> list[Any]:
    return till.rows("SELECT * FROM claim WHERE said = 'asked' AND answered_at IS NULL")  # type: ignore[no-any-return]


def _number_of(till: Any, receipt: str) -> str:
    (row,) = till.rows("SELECT number FROM sale WHERE id = ?", _row(till, receipt)["sale_id"])
    return str(row["number"])


def rung(till: Any) -> int:
    return till.ask("open", amount=AMOUNT)["sale"]  # type: ignore[no-any-return]


def state(till: Any, sale: int) -> str:
    return till.ask("sale", sale=sale)["state"]  # type: ignore[no-any-return]


def crossed(till: Any, receipt: str, sale: int, at: int, died: type[Exception]) -> list[str] | None:
    """The boundaries of accepting that nothing stopped; None when the till died on the way."""
    try:
        till.ask("arm", at=at)
        till.ask("accept", payment=receipt, sale=sale, cashier="Wanjiku")
        names: list[str] = till.ask("rest")
    except died:
        return None
    return names


def come_back(till: Any) -> None:
    till.forget()
    till.start()
    till.wait_live()


def test_a_second_till_is_refused_and_told_who_has_it(world: Any) -> None:
    tills = Tills(world)
    one, two = tills.both
    receipt, mine, theirs = tills.payment(), rung(one), rung(two)
    assert two.ask("look_up", code=receipt) == f"KES {AMOUNT} received, free."
    accepted = one.ask("accept", payment=receipt, sale=mine, cashier="Wanjiku")
    assert accepted == {"confirmed": True, "sentence": f"KES {AMOUNT} counts for sale 1."}
    refused = two.ask("accept", payment=receipt, sale=theirs, cashier="Otieno")["refused"]
    assert refused.startswith(f"Taken by {one.name} (Wanjiku) at ")
    tills.agree(receipt)
    assert two.ask("look_up", code=receipt).startswith(f"Used by sale 1 at {one.name}, ")
    assert (state(one, mine), state(two, theirs)) == ("PAID", "OPEN")
    assert one.ask("look")["notices"] == two.ask("look")["notices"] == []


def test_killed_at_every_boundary_of_accepting_a_payment_counts_once_at_the_next_start(
    world: Any, died: type[Exception], figure: Any
) -> None:
    """Nobody else wants it: the claim ends by itself, or had not begun and is made again."""
    tills, began, at, names = Tills(world), time.monotonic(), 0, None
    one, step = tills.one, 1 if world.full else 6
    while names is None:
        at += step
        receipt, sale = tills.payment(), rung(one)
        names = crossed(one, receipt, sale, at, died)
        if names is None:
            come_back(one)
            one.ask("accept", payment=receipt, sale=sale, cashier="Wanjiku")
        tills.agree(receipt)
        assert state(one, sale) == "PAID"
    assert set(ACCEPTING) <= set(names)
    figure(f"till killed at {at // step - 1} of {len(names)} boundaries of accepting: {time.monotonic() - began:.1f} s")


def test_killed_at_every_boundary_of_accepting_while_another_till_takes_the_payment(
    world: Any, died: type[Exception], figure: Any
) -> None:
    """Whoever the relay heard first has it; the other is told so, and its sale is unpaid."""
    tills, began, at, names, lost = Tills(world), time.monotonic(), 0, None, 0
    one, two = tills.both
    while names is None:
        at += 1
        receipt, mine, theirs = tills.payment(), rung(one), rung(two)
        names = crossed(one, receipt, mine, at, died)
        answer = two.ask("accept", payment=receipt, sale=theirs, cashier="Otieno")
        if names is None:
            come_back(one)
        tills.agree(receipt)
        won = "refused" in answer
        lost += not won
        assert (state(one, mine), state(two, theirs)) == (("PAID", "OPEN") if won else ("OPEN", "PAID"))
        told = two.ask("look_up", code=receipt) if won else one.ask("look_up", code=receipt)
        assert told.startswith("Used by sale ")
        assert (one if won else two).name in told
    assert set(ACCEPTING) <= set(names)
    assert 0 < lost < at
    figure(
        f"till killed at {at - 1} boundaries of accepting, another till took {lost} of the payments meanwhile: "
        f"{time.monotonic() - began:.1f} s"
    )
