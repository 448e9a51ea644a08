"""The operator's password is said to be dying in time, and dead once it is."""

from datetime import date, timedelta

import pytest

from pos_app.domain.api_password import password_task

SET = date(2026, 9, 1)


@pytest.mark.parametrize(("days", "said"), [(0, ""), (74, ""), (75, "dies in 15 days"), (89, "dies in 1 day.")])
def test_it_is_said_from_day_75_on_how_long_it_lasts(days: int, said: str) -> None:
    task = password_task(SET, SET + timedelta(days=days))
    assert said in task
    assert bool(task) == bool(said)


@pytest.mark.parametrize("days", [90, 400])
def test_after_90_days_it_is_dead(days: int) -> None:
    assert "no longer works" in password_task(SET, SET + timedelta(days=days))


def test_a_clock_that_was_set_back_says_nothing() -> None:
    assert password_task(SET, SET - timedelta(days=400)) == ""
