"""Two relays of one database in this process: who is there, whom each serves, what one asks of the other's tills."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from relay import protocol, replicas
from relay.log import EventLog, UnavailableError
from relay.protocol import CAP_VALIDATE, CaughtUp, Hello, StreamCursor, Validate, Verdict
from relay.rules import ACCEPTED
from relay.stores import postgresql_replicas

pytestmark = pytest.mark.anyio
STORES = ["postgresql"]
BODY = b'{"TransID":"UJE2A9C4KF","TransAmount":"500.00","BillRefNumber":"HSE 12B"}'
REFUSED = "C2B00012"


@pytest.fixture
async def both(
    settings: Any, running: Any, changed: Any, tmp_path: Path, eventually: Any
) -> AsyncIterator[tuple[Any, Any]]:
    """Each knows that the other is there."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(running(changed(settings, high_water=tmp_path / f"high.water.{at}")))
            for at in (0, 1)
        ]
        await eventually(lambda: all(bench.relay._replicas._others for bench in made))
        yield made[0], made[1]


@pytest.fixture
async def shop(both: Any) -> Any:
    return both[0].add_shop("Duka")


async def till_of(bench: Any, name: str = "till one") -> Any:
    return await bench.pair("Duka", name)


async def answering(bench: Any, till: Any, code: str | None) -> "asyncio.Task[None]":
    """A till that is connected there, and answers so what it is asked; not at all with None."""
    socket = bench.socket(till.token)
    await socket.raw()
    socket.say(Hello([StreamCursor(till.stream)], caps=[CAP_VALIDATE]))
    await socket.until(CaughtUp)

    async def answer() -> None:
        while True:
            (*_, asked) = await socket.until(Validate)
            if code is not None:
                socket.say(Verdict(asked.id, code))

    return asyncio.create_task(answer())


async def ask(bench: Any, shop: Any, seconds: float = 5.0) -> str | None:
    code: str | None = await bench.relay._replicas.ask(shop.stream, BODY, seconds)
    return code


@pytest.mark.parametrize(
    ("here", "there", "answer"),
    [
        ("nobody", "nobody", None),
        ("nobody", ACCEPTED, ACCEPTED),
        ("nobody", REFUSED, REFUSED),
        (REFUSED, ACCEPTED, ACCEPTED),
        (ACCEPTED, REFUSED, ACCEPTED),
        (REFUSED, REFUSED, REFUSED),
        (REFUSED, "nobody", REFUSED),
        (ACCEPTED, None, ACCEPTED),
    ],
)
async def test_one_that_accepts_is_enough_and_a_refusal_needs_all(
    both: Any, shop: Any, here: str | None, there: str | None, answer: str | None
) -> None:
    tills = []
    for bench, code in zip(both, (here, there), strict=True):
        if code != "nobody":
            tills.append(await answering(bench, await till_of(bench), code))
    assert await ask(both[0], shop) == answer
    for till in tills:
        till.cancel()


@pytest.mark.parametrize(("here", "there"), [(None, REFUSED), (REFUSED, None), (None, None)])
async def test_a_till_that_says_nothing_leaves_it_undecided(
    both: Any, shop: Any, here: str | None, there: str | None
) -> None:
    tills = [
        await answering(bench, await till_of(bench), code) for bench, code in zip(both, (here, there), strict=True)
    ]
    assert await ask(both[0], shop, 0.3) is None
    for till in tills:
        till.cancel()


async def test_without_a_single_hint_it_is_found_by_looking(
    both: Any, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventLog, "hint", lambda *_: None)
    till = await answering(both[1], await till_of(both[1]), ACCEPTED)
    assert await ask(both[0], shop) == ACCEPTED
    till.cancel()


async def test_where_the_database_cannot_be_had_the_own_tills_decide(
    both: Any, shop: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(*_: object) -> None:
        raise UnavailableError("the store failed")

    till = await answering(both[0], await till_of(both[0]), REFUSED)
    with monkeypatch.context() as broken:
        broken.setattr(both[0].relay._log, "run", gone)
        assert await ask(both[0], shop) == REFUSED
    assert "the other relays could not be asked" in caplog.text
    till.cancel()


async def test_a_relay_that_cannot_answer_says_so_and_goes_on(
    both: Any, shop: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, eventually: Any
) -> None:
    failing: list[Exception] = [UnavailableError("the store failed"), ZeroDivisionError("a bug")]

    def fails(*_: object) -> None:
        raise failing.pop()

    with monkeypatch.context() as broken:
        broken.setattr(both[1].relay._replicas, "_tell", fails)
        for _ in range(2):
            assert await ask(both[0], shop, 0.3) is None
        await eventually(lambda: not failing)
    await eventually(lambda: "another relay was not answered" in caplog.text)
    await eventually(lambda: "another relay could not be answered" in caplog.text)
    assert await ask(both[0], shop) is None


async def test_questions_and_verdicts_are_forgotten_once_they_are_answered(
    both: Any, shop: Any, eventually: Any
) -> None:
    till = await answering(both[1], await till_of(both[1]), ACCEPTED)
    assert await ask(both[0], shop) == ACCEPTED
    count = "SELECT (SELECT count(*) FROM question) + (SELECT count(*) FROM verdict)"

    def nothing_is_left() -> bool:
        return bool(both[0].in_store(lambda connection: connection.exec_driver_sql(count).scalar_one()) == 0)

    await eventually(nothing_is_left)
    till.cancel()


async def test_a_validation_goes_all_the_way(both: Any, shop: Any) -> None:
    one, two = both
    till = await till_of(one)
    rules = {"references": ["other"], "ask": True, "version": 1}
    headers = {"Authorization": f"Bearer {till.token}"}
    await two.request("PUT", protocol.RULES_PATH, json.dumps(rules).encode(), headers=headers)
    answers = await answering(two, till, REFUSED)
    reply = await one.post(f"/h/{shop.callback_key}/c2b/validate", BODY)
    assert json.loads(reply.body)["ResultCode"] == REFUSED
    answers.cancel()


async def test_a_till_is_served_where_it_came_last_also_after_the_database_crashed(
    both: Any, shop: Any, eventually: Any
) -> None:
    """What the relays told each other is empty then."""
    one, two = both
    till = await till_of(one)
    first = await one.connect(till)
    await first.until(CaughtUp)
    emptied = "TRUNCATE replica, till_session, question, verdict"
    count = "SELECT count(*) FROM till_session"
    one.in_store(lambda connection: connection.exec_driver_sql(emptied))
    await eventually(lambda: one.in_store(lambda connection: connection.exec_driver_sql(count).scalar_one()) == 1)
    second = await two.connect(till)
    await second.until(CaughtUp)
    assert await first.until_closed() == protocol.CLOSE_REPLACED
    third = await two.connect(till)
    assert await second.until_closed() == protocol.CLOSE_REPLACED
    await third.until(CaughtUp)


async def test_an_older_session_never_takes_the_place_of_a_newer_one(both: Any, shop: Any) -> None:
    """Whichever relay says it first: two that connect within a second may be told in either order."""
    told = postgresql_replicas

    def say(connection: Any, session: str, age: float) -> dict[str, str]:
        told.note_sessions(connection, {"till": told.Began(session, age)})
        return told.noted_lately(connection, None)[1]

    for session, age, newest in (("newer", 0.5, "newer"), ("older", 0.9, "newer"), ("newest", 0.1, "newest")):
        assert both[0].in_store(partial(say, session=session, age=age)) == {"till": newest}


async def test_a_relay_that_went_in_good_order_is_not_waited_for(
    settings: Any, running: Any, both: Any, shop: Any, eventually: Any
) -> None:
    async with running(settings) as third:
        await eventually(lambda: len(both[0].relay._replicas._others) == 2)
        assert third.relay._log.name in both[0].relay._replicas._others
    await eventually(lambda: len(both[0].relay._replicas._others) == 1)
    assert await ask(both[0], shop) is None
    assert replicas.LOOK_SECONDS < 0.3
