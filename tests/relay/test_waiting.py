"""What waits for the disk: gathered by turns of the loop, answered a few in a turn, given up when it is too late."""

import asyncio
from typing import Any

import pytest

from relay.stores.sequence import Incoming, Meta
from relay.waiting import ANSWERS_IN_A_TURN, ENOUGH, MANY, WORTH_A_BATCH, Waiting, WaitingRoom

pytestmark = pytest.mark.anyio

BATCH = 3 * ANSWERS_IN_A_TURN


class Room:
    """A waiting room with a writer that only notes what it was given, and callers that note what they are told."""

    def __init__(self) -> None:
        self.batches: list[list[Waiting[str]]] = []
        self.told: list[str] = []
        self.room: WaitingRoom[str] = WaitingRoom(self.batches.append)

    def put(self, count: int) -> None:
        one = Incoming("st", "stk", "k", b"{}", "{}", Meta(1))
        self.room.put([Waiting(one, self.told.append) for _ in range(count)])

    async def commit(self, count: int) -> None:
        """The first batch."""
        self.put(count)
        await asyncio.sleep(0)
        self.decide(self.batches[0])

    def decide(self, batch: list[Waiting[str]]) -> None:
        self.room.answer((waiting, str(number)) for number, waiting in enumerate(batch))


async def test_what_comes_in_one_turn_is_one_batch() -> None:
    made = Room()
    made.put(3)
    assert made.batches == []
    await asyncio.sleep(0)
    made.put(1)
    await asyncio.sleep(0)
    assert [len(batch) for batch in made.batches] == [3, 1]


async def test_what_ends_a_turn_is_done_once_and_what_it_puts_belongs_to_that_turn() -> None:
    made = Room()
    made.room.at_end_of_turn(lambda: made.put(2))
    made.put(1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [len(batch) for batch in made.batches] == [3]


async def test_a_turn_that_fails_is_not_the_last() -> None:
    def breaks() -> None:
        made.put(1)
        raise ZeroDivisionError

    made, failed = Room(), []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failed.append(context["exception"]))
    made.room.at_end_of_turn(breaks)
    await asyncio.sleep(0)
    made.put(1)
    await asyncio.sleep(0)
    assert [len(batch) for batch in made.batches] == [2]
    assert [type(one) for one in failed] == [ZeroDivisionError]


async def test_who_hands_over_now_ends_the_turn_first() -> None:
    made = Room()
    made.room.at_end_of_turn(lambda: made.put(2))
    made.room.hand_over()
    assert [len(batch) for batch in made.batches] == [2]
    await asyncio.sleep(0)
    made.put(1)
    await asyncio.sleep(0)
    assert [len(batch) for batch in made.batches] == [2, 1]


async def test_a_batch_is_answered_in_order_and_in_several_turns() -> None:
    made = Room()
    await made.commit(BATCH)
    seen = [len(made.told)]
    while len(made.told) < BATCH:
        await asyncio.sleep(0)
        seen.append(len(made.told))
    assert seen == [ANSWERS_IN_A_TURN, 2 * ANSWERS_IN_A_TURN, BATCH]
    assert made.told == [str(number) for number in range(BATCH)]


async def test_while_answers_are_given_a_batch_is_gathered_until_it_is_worth_a_commit() -> None:
    made = Room()
    await made.commit(BATCH)
    made.put(1)
    await asyncio.sleep(0)
    assert len(made.batches) == 1
    made.put(WORTH_A_BATCH)
    await asyncio.sleep(0)
    assert [len(batch) for batch in made.batches] == [BATCH, WORTH_A_BATCH + 1]


async def test_what_was_gathered_goes_with_the_last_answer() -> None:
    made = Room()
    await made.commit(BATCH)
    made.put(ENOUGH)
    while len(made.told) < BATCH:
        assert len(made.batches) == 1
        await asyncio.sleep(0)
    assert [len(batch) for batch in made.batches] == [BATCH, ENOUGH]


async def test_many_who_were_answered_are_waited_for() -> None:
    made = Room()
    await made.commit(MANY)
    for _ in range(MANY * 9 // 10):
        assert len(made.batches) == 1
        made.put(1)
        await asyncio.sleep(0)
    assert [len(batch) for batch in made.batches] == [MANY, MANY * 9 // 10]


async def test_who_waits_for_those_who_do_not_come_goes_on_alone(eventually: Any) -> None:
    made = Room()
    await made.commit(MANY)
    made.put(1)
    await asyncio.sleep(0)
    assert len(made.batches) == 1
    await eventually(lambda: len(made.batches) == 2)
    made.put(1)
    await asyncio.sleep(0)
    assert [len(batch) for batch in made.batches] == [MANY, 1, 1]


async def test_a_few_are_not_waited_for() -> None:
    made = Room()
    await made.commit(MANY - 2)
    made.put(1)
    await asyncio.sleep(0)
    assert [len(batch) for batch in made.batches] == [MANY - 2, 1]


async def test_a_batch_that_is_decided_meanwhile_waits_its_turn() -> None:
    made = Room()
    made.put(BATCH)
    await asyncio.sleep(0)
    made.decide(made.batches[0][:-1])
    made.decide(made.batches[0][-1:])
    assert len(made.told) == ANSWERS_IN_A_TURN
    made.room.answer_all()
    assert made.told[-2:] == [str(BATCH - 2), "0"]
    await asyncio.sleep(0)
    assert len(made.told) == BATCH


async def test_who_waits_too_long_is_told_so_once() -> None:
    made = Room()
    made.put(2)
    made.room.give_up(60, "late")
    assert made.told == []
    made.room.give_up(0, "late")
    assert made.told == ["late", "late"]
    await asyncio.sleep(0)
    assert len(made.room) == 2
    made.decide(made.batches[0])
    assert (len(made.room), made.told) == (0, ["late", "late"])
