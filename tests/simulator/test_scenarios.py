"""How scenarios are named, combined and refused."""

import pytest

from pos_app.simulator.knobs import UnknownScenarioError
from pos_app.simulator.scenarios import Scenario, describe, scenario


def test_names_combine_from_left_to_right() -> None:
    chosen = scenario("approve+callback_lost+reply_lost+code:E3008")
    assert describe(chosen) == {"outcome": "E3008", "callback_copies": 0, "reply": "lost"}


def test_knobs_change_a_preset() -> None:
    chosen = scenario({"preset": "unreachable", "answer_after": 1, "callback_first": True})
    assert (chosen.outcome, chosen.answer_after, chosen.callback_first) == ("1037", 1, True)
    assert scenario({}) == Scenario()
    assert scenario(chosen) is chosen


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "no_such_thing",
        "approve+",
        "code:",
        "code:a b",
        {"preset": "x"},
        {"knob": 1},
        {"callback_copies": "3"},
        {"callback_copies": True},
        {"callback_delay": -1},
        {"callback_delay": float("nan")},
        {"callback_delay": True},
        {"callback_first": 1},
        {"callback_shape": "E99"},
        {"pending": "x"},
        {"reply": "x"},
        {"refusal": "x"},
        {"outcome": "nothing like a code"},
        {"outcome": 0},
        {"callback_shortcode": 5},
    ],
)
def test_what_is_no_scenario_is_refused(spec: object) -> None:
    with pytest.raises(UnknownScenarioError):
        scenario(spec)  # type: ignore[arg-type]
