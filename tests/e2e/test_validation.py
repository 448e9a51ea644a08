"""M-Pesa asks before it takes money: simulator, relay and till as processes of their own (contract §2.5)."""

import os
import signal
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest
from processes import SimulatorProcess

NUMBER = "174379"
ALL_DAY = [["00:00", "12:00"], ["12:00", "00:00"]]


@pytest.fixture(scope="module")
def safaricom(parts: Any) -> Iterator[SimulatorProcess]:
    """At the pace of life: M-Pesa waits eight seconds for an answer, and a till has three."""
    made = SimulatorProcess(parts.folder / "unhurried", speed=1)
    made.tell("c2b/validation", on=True)
    yield made
    made.close()


@pytest.fixture
def till(world: Any, safaricom: SimulatorProcess) -> Any:
    """Of a shop that registered its addresses itself."""
    made = world.till()
    made.daraja_url = safaricom.url
    made.start()
    made.wait_live()
    assert made.ask("register") == "registered"
    return made


@pytest.fixture
def pay(world: Any, safaricom: SimulatorProcess) -> Callable[..., tuple[str, str]]:
    """A customer's payment: its receipt, and `paid` or the code by which it was refused."""

    def decided(receipt: str) -> str:
        (found,) = [payment for payment in safaricom.ask("c2b/payments") if payment["receipt"] == receipt]
        return "" if found["state"] == "validating" else found["code"] or found["state"]

    def pay(amount: int, account: str = "HSE 12B") -> tuple[str, str]:
        receipt = safaricom.pay(to=NUMBER, phone="254712345678", amount=amount, account=account)
        return receipt, world.until(lambda: decided(receipt), "M-Pesa has its answer")

    return pay


def has(till: Any, receipt: str) -> bool:
    return receipt in {payment["receipt"] for payment in till.payments()}


def test_a_payment_that_the_rules_allow_arrives_and_others_never_were(world: Any, till: Any, pay: Any) -> None:
    rules = {"min": 2_000, "max": 50_000, "references": ["HSE 12B"]}
    assert till.ask("rules", document=rules) == "in force"
    refused = [pay(19), pay(501), pay(100, "HSE 99")]
    assert [code for _, code in refused] == ["C2B00013", "C2B00013", "C2B00012"]
    receipt, outcome = pay(100, "hse-12b")
    assert outcome == "paid"
    world.until(lambda: has(till, receipt), "the payment is at the till")
    assert len(till.payments()) == 1
    asked = [*(other for other, _ in refused), receipt, receipt]
    world.until(lambda: sorted(world.relay.receipts(till.pairing)) == sorted(asked), "every question is recorded")
    till.judge(strangers={receipt: 100})


def test_a_closed_shop_takes_no_payment(till: Any, pay: Any) -> None:
    assert till.ask("rules", document={"closed": ALL_DAY, "ask": True}) == "in force"
    assert pay(100)[1] == "C2B00016"
    till.judge()


def test_a_till_that_is_asked_knows_its_open_sales(world: Any, till: Any, pay: Any) -> None:
    rules = {"references": ["HSE 12B"], "ask": True, "default": "reject"}
    assert till.ask("rules", document=rules) == "in force"
    (sale,) = till.rows("SELECT number FROM sale WHERE id = ?", till.ask("open", amount=100)["sale"])
    receipt, outcome = pay(100, f"{till.code}-{sale['number']}")
    assert outcome == "paid"
    world.until(lambda: has(till, receipt), "the payment is at the till")
    assert pay(100, f"{till.code}-999")[1] == "C2B00012"


@contextmanager
def hanging(till: Any) -> Iterator[None]:
    """The till's computer stands still; its connection does not end."""
    os.kill(till.channel.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(till.channel.pid, signal.SIGCONT)


@pytest.mark.parametrize(("default", "outcome"), [("accept", "paid"), ("reject", "C2B00016")])
def test_a_till_that_is_asked_and_silent_leaves_it_to_the_default(
    till: Any, pay: Any, default: str, outcome: str
) -> None:
    assert till.ask("rules", document={"ask": True, "default": default}) == "in force"
    with hanging(till):
        assert pay(100)[1] == outcome


def body(number: int) -> dict[str, str]:
    return {"TransID": f"UJE2A9C{number:03d}", "TransAmount": "100.00", "BillRefNumber": "HSE 12B"}


def test_the_answer_leaves_within_three_and_a_half_seconds_though_no_till_speaks(till: Any) -> None:
    assert till.ask("rules", document={"ask": True, "default": "reject"}) == "in force"
    with hanging(till), httpx.Client(trust_env=False) as http:
        began = time.monotonic()
        answer = http.post(till.pairing["callback_base"] + "/c2b/validate", json=body(1)).json()
        assert 2.9 < time.monotonic() - began < 3.5
    assert answer["ResultCode"] == "C2B00016"


def test_rules_answer_in_time_while_the_log_stands_still_and_are_recorded_afterwards(
    world: Any, till: Any, figure: Callable[[str], None]
) -> None:
    assert till.ask("rules", document={"max": 5_000}) == "in force"
    took, url = [], till.pairing["callback_base"] + "/c2b/validate"
    with closing(sqlite3.connect(world.relay.database)) as other, httpx.Client(trust_env=False) as http:
        other.execute("BEGIN IMMEDIATE")  # nobody else can write now
        for number in range(50):
            began = time.monotonic()
            assert http.post(url, json=body(number)).json()["ResultCode"] == "C2B00013"
            took.append(time.monotonic() - began)
        other.rollback()
    figure(f"validation by rule, log stalled: median {statistics.median(took) * 1000:.1f} ms, most {max(took):.3f} s")
    assert statistics.median(took) < 0.2
    assert max(took) < 1
    world.until(lambda: len(world.relay.receipts(till.pairing)) == 50, "every question is recorded")
    assert till.payments() == []
