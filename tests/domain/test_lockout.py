"""Wrong PINs: five tries, then longer and longer waits, then locked (money-safety §5, row 3)."""

from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.lockout import FREE_TRIES, MOST_TRIES, WAITS, Lockout


def after(tries: int) -> Lockout:
    lockout = Lockout()
    for _ in range(tries):
        lockout = lockout.wrong()
    return lockout


def test_four_wrong_tries_cost_nothing_and_are_counted() -> None:
    assert [after(tries).tries_left for tries in range(FREE_TRIES)] == [5, 4, 3, 2, 1]
    assert all(after(tries).may_try for tries in range(FREE_TRIES))


def test_from_the_fifth_each_wrong_try_waits_longer() -> None:
    waits = [after(tries).waits for tries in range(FREE_TRIES, MOST_TRIES)]
    assert waits == list(WAITS)
    assert not after(FREE_TRIES).may_try
    assert after(FREE_TRIES).after(59.9).may_try is False
    assert after(FREE_TRIES).after(60).may_try
    assert after(FREE_TRIES).after(60).tries_left == 1


def test_the_tenth_locks_and_no_time_unlocks() -> None:
    locked = after(MOST_TRIES)
    assert locked.is_locked
    assert not locked.after(1e9).may_try
    assert locked.wrong() == locked
    assert locked.tries_left == 0


def test_a_clock_that_goes_back_shortens_nothing() -> None:
    assert after(6).after(-1e9) == after(6)


@given(st.lists(st.one_of(st.just("wrong"), st.floats(0, 4000)), max_size=40))
def test_an_older_copy_never_forgives(steps: list[object]) -> None:
    lockout = Lockout()
    for step in steps:
        before = lockout
        lockout = lockout.wrong() if isinstance(step, str) else lockout.after(float(str(step)))
        assert lockout.worse(before) in {lockout, before}
        assert lockout.worse(before).tries == lockout.tries
        assert lockout.is_locked >= before.is_locked
