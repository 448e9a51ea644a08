"""kill -9 of the relay between receiving a callback and answering it: what was answered survives (Must show 4, R1)."""

import random
import time
from typing import Any

import pytest


def ended(till: Any, phone: str) -> bool:
    return any(found["state"] in {"PAID", "FAILED"} for found in till.attempts(phone))


def is_dead(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/status") as status:
            return "State:\tZ" in status.read()
    except FileNotFoundError:
        return True


def shot(till: Any, syscall: str, number: int) -> bool:
    relay, phone = till.world.relay, till.world.phone()
    with till.world.struck(relay.pid, syscall, number):
        till.sell(300, phone)
        till.world.until(lambda: is_dead(relay.pid) or _is_read(till, phone), "the callback is taken")
    dead = is_dead(relay.pid)  # Until nobody strikes any more it may still die of what follows the callback.
    if dead:
        relay.kill()
        relay.start()
    return dead


def _is_read(till: Any, phone: str) -> bool:
    """The charge has ended, and the confirmation that follows has named the payer."""
    return ended(till, phone) and bool(till.payments()[-1]["payer_name"])


@pytest.mark.parametrize("syscall", ["fdatasync", "pwrite64", "recvfrom,read", "sendto,write,sendmsg,writev"])
def test_a_relay_killed_on_a_system_call_loses_nothing_it_answered(world: Any, figure: Any, syscall: str) -> None:
    till, started, killed = world.till(), time.monotonic(), 0
    till.start()
    till.wait_live()
    step = 1 if world.full else {"pwrite64": 12, "recvfrom,read": 6}.get(syscall, 2)
    for number in range(1, 60, step):
        if not shot(till, syscall, number):
            break
        killed += 1
        till.judge()
        till.has_heard_all()
        till.wait_live()
    till.judge()
    till.has_heard_all()
    assert killed
    assert till.ask("look")["notices"] == []
    figure(f"relay killed on {killed} calls of {syscall}: {time.monotonic() - started:.1f} s")


def test_a_relay_killed_at_any_moment_loses_nothing_it_answered(world: Any, figure: Any, seed: int) -> None:
    rng, till, started = random.Random(seed), world.till(), time.monotonic()
    till.start()
    till.wait_live()
    tries = 60 if world.full else 4
    for _ in range(tries):
        phone = world.phone()
        world.simulator.behave(
            phone, rng.choice(["approve", "decline", "callback_duplicated", "callback_before_reply"])
        )
        till.sell(400, phone)
        time.sleep(rng.uniform(0, 0.08))  # the moment is what is tried, not waited for
        world.relay.kill()
        world.relay.start()
        till.judge()
        till.has_heard_all()
    till.wait_live()
    assert till.ask("look")["notices"] == []
    figure(f"relay killed at {tries} random moments, seed={seed}: {time.monotonic() - started:.1f} s")
