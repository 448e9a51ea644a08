"""The balance-gap detector: what is missing is found, what is only out of order is not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pos_app.domain.balance import Credit, Explanation, Gap, gaps
from pos_app.domain.money import ZERO, Money

AT = datetime(2026, 10, 14, 11, 2, tzinfo=UTC)
MANY = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def credit(second: int, shillings: int, balance: int | None) -> Credit:
    led_to = None if balance is None else Money.shillings(balance)
    return Credit(f"R{second}x{shillings}", AT + timedelta(seconds=second), Money.shillings(shillings), led_to)


def gap(since: int, until: int, shillings: int) -> Gap:
    return Gap(AT + timedelta(seconds=since), AT + timedelta(seconds=until), Money.shillings(shillings))


FIRST, SECOND, THIRD = credit(0, 100, 1100), credit(60, 200, 1300), credit(120, 50, 1350)


class TestGaps:
    def test_balances_that_continue_each_other_leave_no_gap_in_any_order(self) -> None:
        for order in permutations([FIRST, SECOND, THIRD, SECOND]):
            assert gaps(order) == ()

    def test_a_lost_payment_is_a_gap_of_its_amount_between_its_neighbours(self) -> None:
        assert gaps([FIRST, THIRD]) == (gap(0, 120, 200),)

    @pytest.mark.parametrize("late", [SECOND, replace(SECOND, balance=None)])
    def test_a_payment_that_comes_late_or_by_pull_explains_it(self, late: Credit) -> None:
        assert gaps([FIRST, THIRD, late]) == ()

    def test_money_drawn_is_a_gap_below_zero_that_a_person_explains(self) -> None:
        drawn = [FIRST, credit(60, 200, 800)]
        assert gaps(drawn) == (gap(0, 60, -500),)
        told = Explanation(AT, AT + timedelta(seconds=60), Money.shillings(-500), "banked")
        assert gaps(drawn, [told]) == ()

    def test_nothing_is_known_before_the_first_balance_or_after_the_last(self) -> None:
        assert gaps([]) == ()
        assert gaps([credit(0, 70, None), FIRST, credit(200, 30, None)]) == ()

    def test_payments_of_one_second_lie_end_to_end_in_whatever_order_they_are_told(self) -> None:
        together = [credit(60, 200, 1300), credit(60, 50, 1350), credit(60, 150, 1500)]
        for order in permutations([FIRST, *together]):
            assert gaps(order) == ()

    def test_fractions_of_a_second_are_no_order(self) -> None:
        early = replace(credit(60, 50, 1350), paid_at=AT + timedelta(seconds=60))
        late = replace(credit(60, 200, 1300), paid_at=AT + timedelta(seconds=60, microseconds=900_000))
        assert gaps([FIRST, early, late]) == ()

    def test_a_second_that_holds_something_unknown_proves_nothing_until_the_next_one(self) -> None:
        unseen = [FIRST, credit(60, 200, 1300), credit(60, 50, 1400)]
        assert gaps(unseen) == ()
        assert gaps([*unseen, credit(120, 10, 1410)]) == (gap(0, 120, 50),)

    def test_a_row_without_balance_in_the_same_second_may_come_before_or_after(self) -> None:
        assert gaps([FIRST, credit(60, 200, 1300), credit(60, 50, None), credit(120, 10, 1360)]) == ()
        assert gaps([FIRST, credit(60, 200, 1350), credit(60, 50, None), credit(120, 10, 1360)]) == ()

    def test_two_balances_of_one_receipt_prove_nothing(self) -> None:
        disputed = replace(SECOND, balance=Money.shillings(9_000))
        for order in permutations([FIRST, SECOND, disputed, THIRD]):
            assert gaps(order) == ()

    def test_an_empty_balance_of_zero_is_a_balance(self) -> None:
        empty = Credit("R", AT + timedelta(seconds=60), Money.shillings(5), Money.shillings(5))
        assert gaps([credit(0, 5, 5), empty]) == (gap(0, 60, -5),)


class TestExplanations:
    drawn = (credit(0, 100, 1100), credit(100, 10, 710), credit(200, 10, 520))
    whole = (gap(0, 100, -400), gap(100, 200, -200))

    @pytest.mark.parametrize(
        ("told", "left"),
        [
            ([(0, 100, -400)], (gap(100, 200, -200),)),
            ([(0, 200, -200)], (gap(0, 100, -400),)),
            ([(0, 200, -600)], ()),
            ([(0, 200, -500)], (gap(100, 200, -100),)),
            ([(0, 100, -900)], (gap(100, 200, -200),)),
            ([(0, 100, 50)], whole),
            ([(300, 400, -200)], whole),
            ([(0, 100, -300), (0, 100, -100)], (gap(100, 200, -200),)),
        ],
    )
    def test_it_takes_off_what_it_explains_and_no_more(
        self, told: list[tuple[int, int, int]], left: tuple[Gap, ...]
    ) -> None:
        assert gaps(self.drawn) == self.whole
        explanations = [
            Explanation(AT + timedelta(seconds=since), AT + timedelta(seconds=until), Money.shillings(amount), "")
            for since, until, amount in told
        ]
        assert gaps(self.drawn, explanations) == left

    def test_missing_money_can_be_explained_too(self) -> None:
        told = Explanation(AT, AT + timedelta(seconds=120), Money.shillings(150), "interest")
        assert gaps([FIRST, THIRD], [told]) == (gap(0, 120, 50),)


def test_a_gap_says_when_and_how_much() -> None:
    now = AT + timedelta(hours=1)
    missing, drawn = gap(0, 120, 200), gap(0, 120, -500)
    assert missing.is_missing_money
    assert missing.sentence(now) == (
        "KES 200 arrived between 14:02 and 14:04 that this till has not seen. Safaricom is being asked."
    )
    assert not drawn.is_missing_money
    assert drawn.sentence(now) == (
        "KES 500 left the account between 14:02 and 14:04. A supervisor must say what it was."
    )


# What is true of any account


@dataclass(frozen=True)
class Step:
    """What truly happened: so much came or, below zero, was drawn, so many seconds after the step before."""

    seconds: int
    shillings: int
    is_lost: bool = False
    lacks_balance: bool = False


def steps(*, drawings: bool, losses: bool) -> st.SearchStrategy[list[Step]]:
    amounts = st.integers(1, 5) | (st.integers(-5, -1) if drawings else st.nothing())
    one = st.builds(
        Step,
        seconds=st.sampled_from([0, 0, 1, 30]),
        shillings=amounts,
        is_lost=st.booleans() if losses else st.just(False),
        lacks_balance=st.sampled_from([False, False, False, True]),
    )
    return st.lists(one, max_size=14)


def play(happened: Sequence[Step]) -> tuple[list[Credit], list[Credit]]:
    """What the till is told, and what it is not told."""
    at, balance = AT, 1000
    seen: list[Credit] = []
    lost: list[Credit] = []
    for number, step in enumerate(happened):
        at, balance = at + timedelta(seconds=step.seconds), balance + step.shillings
        if step.shillings > 0:
            led_to = None if step.lacks_balance else Money.shillings(balance)
            one = Credit(f"R{number}", at, Money.shillings(step.shillings), led_to)
            (lost if step.is_lost else seen).append(one)
    return seen, lost


def total(money: Sequence[Money]) -> Money:
    return sum(money, ZERO)


@MANY
@given(happened=steps(drawings=True, losses=True), data=st.data())
def test_order_and_repetition_say_nothing(happened: list[Step], data: st.DataObject) -> None:
    seen, _ = play(happened)
    again = data.draw(st.lists(st.sampled_from(seen), max_size=5)) if seen else []
    assert gaps(data.draw(st.permutations([*seen, *again]))) == gaps(seen)


@MANY
@given(happened=steps(drawings=False, losses=False))
def test_nothing_lost_and_nothing_drawn_is_never_an_alarm(happened: list[Step]) -> None:
    assert gaps(play(happened)[0]) == ()


@MANY
@given(happened=steps(drawings=False, losses=True))
def test_every_gap_is_exactly_the_payments_lost_in_it(happened: list[Step]) -> None:
    seen, lost = play(happened)
    for found in gaps(seen):
        certain = [one.amount for one in lost if found.since < one.paid_at < found.until]
        possible = [one.amount for one in lost if found.since <= one.paid_at <= found.until]
        assert found.is_missing_money
        assert total(certain) <= found.difference <= total(possible)


@MANY
@given(happened=steps(drawings=False, losses=True))
def test_every_payment_lost_between_two_certain_balances_is_found(happened: list[Step]) -> None:
    """A second to itself before and after, with its balance, makes the account certain at both ends."""
    seen, lost = play([Step(0, 1), *(replace(step, seconds=step.seconds + 1) for step in happened), Step(1, 1)])
    assert total([found.difference for found in gaps(seen)]) == total([one.amount for one in lost])


@MANY
@given(happened=steps(drawings=True, losses=False))
def test_drawings_alone_never_look_like_missing_money(happened: list[Step]) -> None:
    assert not [found for found in gaps(play(happened)[0]) if found.is_missing_money]


@MANY
@given(happened=steps(drawings=True, losses=True), data=st.data())
def test_what_a_pull_finds_leaves_only_what_was_drawn(happened: list[Step], data: st.DataObject) -> None:
    seen, lost = play(happened)
    pulled = [replace(one, balance=None) for one in lost]
    found = gaps(data.draw(st.permutations([*seen, *pulled])))
    assert not [one for one in found if one.is_missing_money]


@MANY
@given(happened=steps(drawings=True, losses=False))
def test_an_explanation_for_every_gap_leaves_none(happened: list[Step]) -> None:
    seen, _ = play(happened)
    told = [Explanation(one.since, one.until, one.difference, "banked") for one in gaps(seen)]
    assert gaps(seen, told) == ()
