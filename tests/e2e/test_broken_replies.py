"""The answer to a push cut, reset, dripped or delayed on its way: never a second push, and PAID by callback (S4)."""

import json
import time
from typing import Any

import pytest

PUSH = "/stkpush/"
LONGEST = 480
"""Bytes of an accepted push's whole answer, head and body; beyond it nothing is cut."""


@pytest.mark.parametrize("reset", [False, True])
def test_an_answer_cut_after_any_byte_never_makes_a_second_push(
    world: Any, proxy: Any, figure: Any, reset: bool
) -> None:
    till, started, cut = world.till(), time.monotonic(), 0
    till.daraja_url = proxy.url
    till.start()
    till.wait_live()
    step = 1 if world.full else 37
    doubtful = 0
    for cut in range(0, LONGEST, step):
        phone = world.phone()
        proxy.spoil(path=PUSH, cut=cut, reset=reset)
        doubtful += till.sell(10 + cut, phone)["state"] != "PENDING"
        till.becomes(phone, "PAID")
        assert len(world.simulator.pushes(phone)) == 1
    till.judge()
    took = time.monotonic() - started
    figure(f"push answers cut at {-(-LONGEST // step)} places, reset={reset}, {doubtful} in doubt: {took:.1f} s")
    assert 0 < doubtful < LONGEST // step + 1


@pytest.mark.parametrize("fault", [{"drip": 0.001}, {"delay": 0.3}])
def test_a_slow_answer_is_waited_for(world: Any, proxy: Any, fault: dict[str, float]) -> None:
    till, phone = world.till(), world.phone()
    till.daraja_url = proxy.url
    till.start()
    till.wait_live()
    proxy.spoil(path=PUSH, **fault)
    till.sell(30, phone)
    till.becomes(phone, "PAID")
    till.judge()


def test_an_answer_that_does_not_come_in_time_is_unknown_and_never_asked_for_again(world: Any, proxy: Any) -> None:
    till, phone = world.till(), world.phone()
    till.daraja_url, till.read_timeout = proxy.url, 0.2
    till.start()
    till.wait_live()
    world.simulator.behave(phone, "ask")
    proxy.spoil(path=PUSH, delay=2)
    assert till.sell(40, phone)["state"] == "UNKNOWN"
    world.simulator.tell("act", phone=phone, action="approve")
    till.becomes(phone, "PAID")
    till.judge()


def test_a_query_cut_short_says_nothing_and_is_asked_again(world: Any, proxy: Any) -> None:
    till, phone = world.till(), world.phone()
    till.daraja_url = proxy.url
    till.start()
    till.wait_live()
    world.simulator.behave(phone, "callback_lost+confirmation_lost")
    proxy.spoil(path="/stkpushquery/", cut=200)
    attempt = till.sell(50, phone)["attempt"]
    world.until(lambda: world.simulator.pushes(phone)[0]["queries"] > 0, "a query was asked")
    assert till.payments() == []
    proxy.spoil()
    till.becomes(phone, "PAID")
    sources = till.rows("SELECT fact FROM evidence WHERE attempt_id = ? AND source = 'query'", attempt)
    assert json.dumps(sources[0]) == '{"fact": "no_answer"}'
    till.judge()
