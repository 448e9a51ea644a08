"""The newest of what is unclaimed, whatever was put, replaced and dropped before."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.services.unclaimed import Unclaimed

BASE = datetime(2026, 10, 14, tzinfo=UTC)
STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5) | st.none()), max_size=40)


def payment(number: int, minute: int) -> Payment:
    return Payment(f"TJE1A2B3C{number}", Money(100), "174379", BASE + timedelta(minutes=minute))


@given(STEPS, st.integers(1, 12))
def test_the_newest_are_those_that_were_received_last(steps: list[tuple[int, int | None]], limit: int) -> None:
    held, expected = Unclaimed(), dict[str, Payment]()
    for number, minute in steps:
        one = payment(number, minute or 0)
        if minute is None:
            held.drop(one.id)
            expected.pop(one.id, None)
        else:
            held.put(one)
            expected[one.id] = one
    in_time = sorted(expected.values(), key=lambda one: (one.received_at, one.id), reverse=True)
    assert held.newest(limit) == tuple(in_time[:limit])
    assert len(held) == len(expected)
    assert {one.id for one in held} == expected.keys()
    assert all(one.id in held and held[one.id] is one for one in in_time)
