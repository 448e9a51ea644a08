"""The ladder of queries: every rung of money-safety §1.2 and of the day after, once each."""

import pytest

from pos_app.domain.ladder import RUNGS, SILENCE_SECONDS, next_rung


def test_the_rungs_are_seconds_then_minutes_then_hours_for_a_day() -> None:
    assert RUNGS[:8] == (20, 40, 60, 90, 120, 300, 900, 3600)
    assert RUNGS[8:] == tuple(hour * 3600 for hour in range(2, 25))


@pytest.mark.parametrize(
    ("age", "rung"),
    [(0, 20), (19.9, 20), (20, 40), (120, 300), (3600, 7200), (86_399, 86_400), (86_400, None), (200_000, None)],
)
def test_the_next_question_is_the_first_rung_still_ahead(age: float, rung: float | None) -> None:
    assert next_rung(age) == rung


def test_climbing_from_rung_to_rung_asks_at_each_once() -> None:
    climbed, age = [], next_rung(0.0)
    while age is not None:
        climbed.append(age)
        age = next_rung(age)
    assert tuple(climbed) == RUNGS


def test_silence_is_declared_after_the_early_questions_and_before_the_late_ones() -> None:
    assert 120 < SILENCE_SECONDS < 300
