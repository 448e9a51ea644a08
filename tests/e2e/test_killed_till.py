"""kill -9 of the till at every boundary of a charge; the simulator's ledger is the judge (Must show 4, S1–S3)."""

import itertools
import random
import time
from pathlib import Path
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
    attempt = next(iter(till.attempts(phone)), {"state": "", "id": 0})
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
    till.has_heard_all()


@pytest.mark.parametrize("scenario", ["approve", "decline", "callback_before_reply", "reply_lost"])
def test_killed_at_every_boundary_a_charge_is_neither_lost_nor_doubled(
    world: Any, died: type[Exception], figure: Any, scenario: str
) -> None:
    """Between two boundaries nothing reaches the disk or the network, so these are all the crashes there are."""
    step = 1 if world.full else 3 if scenario == "approve" else 10
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
    figure(f"till killed at {killed} of {len(names)} boundaries, {scenario}: {time.monotonic() - started:.1f} s")
    assert killed >= 30 // step


def shot(till: Any, syscall: str, number: int, phone: str) -> bool:
    """Killed by the kernel on entering that call for the n-th time in one of its threads; False if it never does."""
    sale = till.ask("open", amount=500)["sale"]
    with till.world.struck(till.channel.pid, syscall, number):
        till.channel.send("charge", sale=sale, amount=500, phone=phone)
        till.world.until(lambda: _is_zombie(till.channel.pid) or _is_complete(till, phone), "the charge is complete")
    if _is_zombie(till.channel.pid):
        till.world.until(lambda: till.channel.is_dead, "the till is dead")
    return bool(till.channel.is_dead)


def _is_zombie(pid: int) -> bool:
    """Killed, whether or not its tracer has let it go."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # gone before, or while, it is read
        return True


@pytest.mark.parametrize("syscall", ["fdatasync", "pwrite64", "sendto", "recvfrom"])
def test_killed_on_a_system_call_a_charge_is_neither_lost_nor_doubled(world: Any, figure: Any, syscall: str) -> None:
    till, started, killed = world.till(), time.monotonic(), 0
    till.start()
    till.wait_live()
    step = 1 if world.full else {"fdatasync": 2, "pwrite64": 24, "sendto": 8, "recvfrom": 8}[syscall]
    for number in itertools.count(1, step):
        if not shot(till, syscall, number, world.phone()):
            break
        killed += 1
        come_back(till)
    till.judge()
    figure(f"till killed on {killed} calls of {syscall}: {time.monotonic() - started:.1f} s")
    assert killed


def test_killed_at_any_moment_a_charge_is_neither_lost_nor_doubled(world: Any, figure: Any, seed: int) -> None:
    rng, till, started, killed = random.Random(seed), world.till(), time.monotonic(), 0
    till.start()
    till.wait_live()
    tries = 150 if world.full else 6
    for _ in range(tries):
        phone = world.phone()
        world.simulator.behave(
            phone, rng.choice(["approve", "decline", "wrong_pin", "reply_lost", "callback_duplicated"])
        )
        till.channel.send("sell", amount=rng.randrange(1, 70_000), phone=phone)
        time.sleep(rng.uniform(0, 0.15))  # the moment is what is tried, not waited for
        till.kill()
        killed += 1
        come_back(till)
    till.judge()
    figure(f"till killed at {killed} random moments, seed={seed}: {time.monotonic() - started:.1f} s")
