"""Chance: how many confirmations are lost, told twice, late or overtaken, by payment and by day, always by seed."""

from random import Random
from typing import Any

import pytest

from pos_app.simulator import day
from pos_app.simulator.payment_scenarios import PaymentScenario, payment_scenario
from pos_app.simulator.shop import TRAINING_SHOP
from pos_app.simulator.weather import KINDS, weather

ISSUE = {"lost": 0.05, "duplicated": 0.02, "late": 0.10}


def test_a_deal_is_exactly_as_the_rates_say_and_its_order_by_seed() -> None:
    sky = weather({**ISSUE, "overtaken": 0.01})
    dealt = sky.deal(2000, Random(1))
    assert [dealt.count(kind) for kind in KINDS] == [100, 40, 200, 20, 1640]
    assert dealt == sky.deal(2000, Random(1)) != sky.deal(2000, Random(2))


def test_a_deal_of_few_is_never_too_many_or_too_few() -> None:
    sky = weather({"lost": 0.5, "late": 0.5})
    assert [len(sky.deal(payments, Random(0))) for payments in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "wrong", [{"lost": 0.6, "late": 0.5}, {"lost": -0.1}, {"lost": True}, {"lost": 2}, {"rain": 1}, {"seed": "x"}]
)
def test_impossible_weather_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rates|nothing|no knob"):
        weather(wrong)


def test_lasting_weather_changes_the_default_only(caller: Any) -> None:
    script = caller.core.c2b.script
    script.turn(weather({"lost": 1}))
    script.queue = [payment_scenario("plain")]
    script.by_amount[7] = payment_scenario("hashed")
    told = [caller.pay(), caller.pay(7), caller.pay(8)]
    assert [tried.scenario.confirmation_copies for tried in told] == [1, 1, 0]
    assert len(caller.told()) == 2
    caller.core.reset()
    assert caller.pay().scenario == PaymentScenario()


def test_every_kind_of_weather_comes_by_seed(caller: Any) -> None:
    sky = weather({"lost": 0.2, "duplicated": 0.2, "late": 0.2, "overtaken": 0.2, "late_seconds": 600, "seed": 4})
    stories = []
    for _ in range(2):
        caller.core.c2b.script.turn(sky)
        stories.append([caller.pay().scenario for _ in range(60)])
    assert stories[0] == stories[1]
    seen = {(one.confirmation_copies, min(one.confirmation_delay, 61)) for one in stories[0]}
    assert {(0, 1.0), (2, 1.0), (1, 61), (1, 1.0)} <= seen
    assert any(1 < delay < 61 for _, delay in seen)


def test_a_day_is_planned_from_one_seed() -> None:
    told, sky = day.read({**ISSUE, "payments": 50, "seconds": 600, "seed": 3, "accounts": ["INV {n}"]})
    planned = day.plan(told, sky, PaymentScenario(), TRAINING_SHOP.shortcodes)
    assert planned == day.plan(told, sky, PaymentScenario(), TRAINING_SHOP.shortcodes)
    moments = [one.after for one in planned]
    assert moments == sorted(moments)
    assert 0 <= moments[0] < moments[-1] <= 600
    assert {one.purchase.shortcode.receiver for one in planned} == {"174379", "5512345"}
    assert all(one.purchase.account.startswith("INV ") for one in planned)


@pytest.mark.parametrize(
    "wrong",
    [
        {"payments": 0},
        {"payments": 100_001},
        {"payments": "5"},
        {"customers": True},
        {"seconds": -1},
        {"seconds": "x"},
        {"smallest": 0},
        {"smallest": 9, "largest": 8},
        {"largest": 250_001},
        {"accounts": []},
        {"accounts": ["x" * 21]},
        {"accounts": [5]},
        {"weather": 1},
    ],
)
def test_an_impossible_day_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        day.read(wrong)
