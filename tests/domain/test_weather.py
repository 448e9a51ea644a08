"""Network weather: the shop's own results say how it is, how much is missing, and since when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pos_app.domain.weather import ENOUGH, WINDOW, Outcome, Weather, WeatherLevel, weather

NOW = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)


def ended(minutes_ago: float, seconds: float | None = 8.0) -> Outcome:
    return Outcome(NOW - timedelta(minutes=minutes_ago), seconds)


def level_of(seconds: Sequence[float | None]) -> WeatherLevel:
    return weather([ended(number, one) for number, one in enumerate(seconds)], NOW).level


def test_quick_answers_are_good_weather() -> None:
    told = weather([ended(3, 6.0), ended(2, 20.0), ended(1, 8.0)], NOW)
    assert told == Weather(WeatherLevel.OK, 3, 8.0, 0.0)


def test_without_results_or_with_too_few_there_is_nothing_to_say() -> None:
    assert weather([], NOW) == Weather(WeatherLevel.OFF, 0, None, 0.0)
    assert level_of([None] * (ENOUGH - 1)) is WeatherLevel.OFF


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        ([29.0, 29.0, 29.0], WeatherLevel.OK),
        ([30.0, 30.0, 30.0], WeatherLevel.SLOW),
        ([75.0, 75.0, 75.0], WeatherLevel.DOWN),
        ([8.0] * 10 + [None], WeatherLevel.OK),
        ([8.0] * 9 + [None], WeatherLevel.SLOW),
        ([8.0, 8.0, None, None], WeatherLevel.DOWN),
        ([None, None, None], WeatherLevel.DOWN),
    ],
)
def test_slow_and_missing_answers_are_bad_weather(seconds: list[float | None], level: WeatherLevel) -> None:
    assert level_of(seconds) is level
    assert level.is_bad is (level is not WeatherLevel.OK)


def test_without_any_answer_there_is_no_median() -> None:
    told = weather([ended(1, None), ended(2, None), ended(3, None)], NOW)
    assert (told.median_seconds, told.missing_share) == (None, 1.0)
    assert ended(1, None).is_missing
    assert not ended(1).is_missing


def test_what_is_older_than_the_window_or_yet_to_come_counts_for_nothing() -> None:
    minutes = WINDOW / timedelta(minutes=1)
    told = [ended(minutes, None), ended(-1, None), ended(2), ended(1), ended(0)]
    assert weather(told, NOW) == Weather(WeatherLevel.OK, 3, 8.0, 0.0)


def test_it_says_since_when_it_is_bad_without_a_break() -> None:
    good = [ended(minutes) for minutes in (120, 115, 110)]
    bad = [ended(minutes, None) for minutes in (70, 50, 45, 40, 25, 20, 10)]
    told = weather([*bad, *good], NOW)
    assert (told.level, told.since) == (WeatherLevel.DOWN, bad[0].ended_at)


def test_a_time_of_good_weather_is_a_break() -> None:
    earlier = [ended(minutes, None) for minutes in (120, 115, 110)]
    good = [ended(minutes) for minutes in (70, 65, 60)]
    now_bad = [ended(minutes, 90.0) for minutes in (20, 10, 5)]
    assert weather([*earlier, *good, *now_bad], NOW).since == now_bad[0].ended_at


def test_what_is_bad_only_since_good_results_went_out_of_sight_began_in_this_window() -> None:
    good = [ended(31 - number / 100) for number in range(20)]
    bad = [ended(2, None), ended(1, None), ended(0.5)]
    assert weather([*good, *bad], NOW).since == bad[0].ended_at


OUTCOMES = st.lists(
    st.builds(ended, st.integers(0, 90), st.one_of(st.none(), st.sampled_from([5.0, 29.0, 31.0, 80.0]))), max_size=12
)


@settings(deadline=None, derandomize=True, database=None)
@given(outcomes=OUTCOMES, data=st.data())
def test_the_order_of_the_results_says_nothing_and_bad_weather_began_with_a_bad_result(
    outcomes: list[Outcome], data: st.DataObject
) -> None:
    told = weather(outcomes, NOW)
    assert weather(data.draw(st.permutations(outcomes)), NOW) == told
    assert (told.since is not None) is told.level.is_bad
    if told.since is not None:
        begun = [one for one in outcomes if one.ended_at == told.since]
        assert any(one.seconds is None or one.seconds >= 30 for one in begun)
