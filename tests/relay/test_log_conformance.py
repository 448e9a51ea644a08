"""The contract of the event log, one sentence each: for the plain log in memory, on SQLite and on PostgreSQL."""

import asyncio
import hashlib
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

from reference_log import ReferenceLog

from relay import protocol
from relay.log import (
    Appended,
    Encoding,
    EventLog,
    Meta,
    NotStorableError,
    Outcome,
    UnavailableError,
    UnknownStreamError,
)
from relay.protocol import GENESIS, QUARANTINED, TRUSTED, Cursor
from relay.stores.sequence import COMPARED, Incoming
from relay.stores.store import opened
from relay.stores.streams import create_stream

pytestmark = pytest.mark.anyio
STORES = ["memory", "sqlite", "postgresql"]

Open = Callable[[], Awaitable[Any]]


@pytest.fixture
async def open_log(store: str, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the log, again too; what is in memory is the same log each time."""
    made: list[Any] = []

    async def open_it() -> Any:
        if store == "memory":
            made.append(made[0] if made else ReferenceLog())
        else:
            made.append(await EventLog.open(opened(store), tmp_path / f"high.water.{len(made)}"))
        return made[-1]

    yield open_it
    for log in made:
        await log.close()


@pytest.fixture
async def log(open_log: Open) -> Any:
    made = await open_log()
    for name in ("st", "other"):
        await create(made, name)
    return made


async def create(log: Any, name: str) -> None:
    if isinstance(log, ReferenceLog):
        await log.create(name, f"epoch-{name}")
    else:
        await log.run(partial(create_stream, name=name, epoch=f"epoch-{name}"))


async def add(
    log: Any, key: str, money: str = "m", *, trust: str = TRUSTED, stream: str = "st", body: bytes = b"{}"
) -> Any:
    return await log.append(stream, "stk", key, body, Meta(1_700_000_000_000, trust, money.encode()))


async def everything(log: Any, stream: str = "st", page: int = 200) -> list[protocol.Event]:
    """Read as a till reads it: each event must follow the one before."""
    found: list[protocol.Event] = []
    cursor = Cursor("", 0, GENESIS)
    while events := await log.read(stream, cursor.seq, page):
        for event in events:
            assert event.follows(cursor)
            cursor = Cursor("", event.seq, event.chain)
        found += events
    return found


async def test_seq_has_no_gaps_and_the_chain_holds(log: Any) -> None:
    answers = await asyncio.gather(*(add(log, f"k{number}") for number in range(600)))
    events = await everything(log)
    assert [event.seq for event in events] == list(range(1, 601))
    assert {(event.seq, event.chain) for event in events} == {(one.seq, one.chain) for one in answers}
    head = await log.head("st")
    assert (head.seq, head.chain) == (600, events[-1].chain)
    assert await log.chain_at("st", 0) == GENESIS
    assert await log.chain_at("st", 250) == events[249].chain
    assert await log.chain_at("st", 601) is None


async def test_streams_count_for_themselves(log: Any) -> None:
    got = await asyncio.gather(*(add(log, "k", stream=name) for name in ("st", "other", "st", "other")))
    assert [(one.epoch, one.seq) for one in got] == [("epoch-st", 1), ("epoch-other", 1)] * 2


async def test_an_event_comes_back_as_it_was_put(log: Any) -> None:
    meta = Meta(1_700_000_000_123, QUARANTINED, b"m", "UJE7K2M9QX", "ab" * 16, "600966")
    key, body = f"stk:{'ab' * 16}:ws_CO_1", '{"a":"é\\u0000"}'.encode()
    await log.append("st", "stk", key, body, meta)
    (event,) = await everything(log)
    assert (event.kind, event.key, event.trust, event.src) == ("stk", key, "quarantined", "daraja")
    assert (event.receipt, event.nonce, event.short_code, event.rev) == ("UJE7K2M9QX", "ab" * 16, "600966", 0)
    assert (event.at, bytes(event.body), event.raw) == ("2023-11-14T22:13:20.123Z", body, None)


async def test_a_body_that_is_no_json_comes_back_as_base64(log: Any) -> None:
    await log.append("st", "unparsed", "u", b"\xff\x00", Meta(1_700_000_000_000, encoding=Encoding.BASE64))
    (event,) = await everything(log)
    assert (event.raw, bytes(event.body)) == ("/wA=", b"null")
    assert event.body_sha256 == hashlib.sha256(b"\xff\x00").hexdigest()


async def test_a_copy_names_the_first_and_other_money_is_a_revision(log: Any) -> None:
    first = await add(log, "k")
    assert await add(log, "k") == Appended(first.epoch, 1, first.chain, Outcome.DUPLICATE)
    other = await add(log, "k", "other money")
    assert (other.seq, other.outcome) == (2, Outcome.REVISION)
    assert (await add(log, "k", "other money")).seq == 2
    assert [event.rev for event in await everything(log)] == [0, 1]


async def test_of_any_number_of_revisions_only_some_are_compared_and_none_is_lost(log: Any) -> None:
    for number in range(COMPARED + 5):
        assert (await add(log, "k", str(number), trust=QUARANTINED)).seq == number + 1
    first, beyond, newest = [
        await add(log, "k", str(number), trust=QUARANTINED) for number in (3, COMPARED + 1, COMPARED + 1)
    ]
    assert [one.outcome for one in (first, beyond, newest)] == ["dup", "revision", "dup"]
    assert (first.seq, beyond.seq, newest.seq) == (4, COMPARED + 6, COMPARED + 6)
    together = await asyncio.gather(*(add(log, key, "real") for key in ("k", "other", "k")))
    assert [one.outcome for one in together] == ["revision", "new", "dup"]
    assert [event.rev for event in await everything(log)] == [*range(COMPARED + 7), 0]


async def test_copies_in_one_batch_are_counted_from_those_in_the_log(log: Any) -> None:
    await add(log, "k", "1")
    got = await asyncio.gather(*(add(log, "k", money) for money in "1232"))
    assert [one.outcome for one in got] == ["dup", "revision", "revision", "dup"]
    assert [event.rev for event in await everything(log)] == [0, 1, 2]


async def test_a_forgery_never_hides_the_real_event(log: Any) -> None:
    assert (await add(log, "k", trust=QUARANTINED)).outcome is Outcome.NEW
    assert (await add(log, "k", trust=QUARANTINED)).outcome is Outcome.DUPLICATE
    assert (await add(log, "k")).outcome is Outcome.REVISION
    assert (await add(log, "k", trust=QUARANTINED)).outcome is Outcome.DUPLICATE
    assert [event.trust for event in await everything(log)] == [QUARANTINED, TRUSTED]


async def test_a_hundred_copies_at_once_are_one_event(log: Any) -> None:
    got = await asyncio.gather(*(add(log, "k") for _ in range(100)))
    assert {(one.seq, one.chain) for one in got} == {(1, got[0].chain)}
    assert sorted(one.outcome for one in got).count(Outcome.DUPLICATE) == 99


async def test_reading_stops_at_the_limit_and_at_the_head(log: Any) -> None:
    await asyncio.gather(*(add(log, f"k{number}") for number in range(10)))
    assert [event.seq for event in await log.read("st", 3, 4)] == [4, 5, 6, 7]
    assert [event.seq for event in await log.read("st", 8, 4)] == [9, 10]
    assert await log.read("st", 10, 4) == []
    assert await log.read("other", 0, 4) == []
    assert len(await everything(log, page=3)) == 10


async def test_a_page_is_bounded_in_bytes_too_but_never_empty(log: Any) -> None:
    big = b'"' + b"x" * 60_000 + b'"'
    for number in range(12):
        await add(log, f"k{number}", body=big)
    assert [event.seq for event in await log.read("st", 0)] == [1, 2, 3, 4, 5]
    assert len(await everything(log)) == 12


async def test_everything_is_there_after_a_restart(open_log: Open, log: Any, store: str) -> None:
    before = [await add(log, f"k{number}") for number in range(5)]
    if store != "memory":
        await log.close()
    again = await open_log()
    assert [event.chain for event in await everything(again)] == [one.chain for one in before]
    after = await add(again, "k5")
    assert (after.epoch, after.seq) == (before[0].epoch, 6)


async def test_a_reader_that_registers_first_misses_nothing(log: Any) -> None:
    """Whatever the wake-ups do: here they come doubled, and for nothing, too."""
    await log.head("st")
    flag, seen, draw = asyncio.Event(), list[int](), random.Random(7)

    async def follow() -> None:
        with log.wakeups("st", flag):
            while len(seen) < 300:
                flag.clear()
                if events := await log.read("st", len(seen)):
                    seen.extend(event.seq for event in events)
                else:
                    await flag.wait()

    async def disturb() -> None:
        while True:
            flag.set()
            await asyncio.sleep(draw.random() / 200)

    following, disturbing = asyncio.create_task(follow()), asyncio.create_task(disturb())
    await asyncio.gather(*(add(log, f"k{number}") for number in range(300)))
    await asyncio.wait_for(following, 20)
    disturbing.cancel()
    assert seen == list(range(1, 301))


async def test_who_listens_is_woken_by_an_append_and_by_a_new_epoch_alone(log: Any) -> None:
    await log.head("st")
    flag = asyncio.Event()
    with log.wakeups("st", flag):
        await add(log, "k", stream="other")
        await add(log, "k")
        await asyncio.wait_for(flag.wait(), 5)
        flag.clear()
        await log.rotate("st", "epoch-st", "fork")
        await asyncio.wait_for(flag.wait(), 5)
        flag.clear()
    await add(log, "l")
    assert not flag.is_set()


async def test_what_is_read_while_somebody_listens_is_what_is_read_later(log: Any) -> None:
    await log.head("st")
    with log.wakeups("st", asyncio.Event()):
        big = b'"' + b"x" * 60_000 + b'"'
        for number in range(24):
            await add(log, f"k{number}", body=big if number % 2 else b"{}")
        listening = [(await log.read("st", after, 1))[0] for after in range(24)]
    later = [(await log.read("st", after, 1))[0] for after in range(24)]
    assert [protocol.encode(event) for event in listening] == [protocol.encode(event) for event in later]


async def test_a_cancelled_caller_does_not_cancel_the_append(log: Any) -> None:
    calling = asyncio.create_task(add(log, "k"))
    await asyncio.sleep(0)
    calling.cancel()
    assert (await add(log, "k")).outcome is Outcome.DUPLICATE


async def test_after_close_nothing_is_taken(log: Any) -> None:
    await log.close()
    with pytest.raises(UnavailableError):
        await add(log, "k")


async def test_the_epoch_turns_once_for_two_who_ask(log: Any) -> None:
    await add(log, "k")
    one, two = await asyncio.gather(log.rotate("st", "epoch-st", "fork"), log.rotate("st", "epoch-st", "fork"))
    assert one.epoch == two.epoch > "epoch-st"
    assert log.reset_reason("st") == "fork"
    assert (await log.rotate("st", "epoch-st", "ahead")).epoch == one.epoch
    assert (await add(log, "l")) == Appended(one.epoch, 2, (await log.head("st")).chain, Outcome.NEW)
    assert (await log.head("other")).epoch == "epoch-other"
    assert [event.key for event in await everything(log)] == ["k", "l"]


async def test_one_that_cannot_be_stored_does_not_take_the_others_with_it(log: Any) -> None:
    keys = ["a", "\ud800", "b"]
    results = await asyncio.gather(
        *(add(log, key) for key in keys), add(log, "d", stream="nowhere"), return_exceptions=True
    )
    assert [type(result) for result in results] == [Appended, NotStorableError, Appended, UnknownStreamError]
    assert [event.key for event in await everything(log)] == ["a", "b"]
    with pytest.raises(UnknownStreamError):
        await log.head("nowhere")


def said(key: str, stream: str = "st") -> Incoming:
    return Incoming(stream, "claim", key, b"{}", "{}", Meta(1_700_000_000_000))


async def test_a_decision_is_appended_where_it_was_made(log: Any) -> None:
    await add(log, "k")
    heads: list[int] = []

    def decide(_connection: Any, head: Any) -> tuple[list[Incoming], str]:
        heads.append(head.seq)
        return [said("claim:A:1"), said("claim:A:2")], "yes"

    assert await log.append_if("st", decide) == "yes"
    assert await log.append_if("st", lambda _connection, head: ([], head.seq)) == 3
    assert heads == [1]
    assert [(event.key, event.kind) for event in await everything(log)][1:] == [
        ("claim:A:1", "claim"),
        ("claim:A:2", "claim"),
    ]
    with pytest.raises(UnknownStreamError):
        await log.append_if("nowhere", decide)


async def test_of_many_who_decide_on_what_they_see_one_is_first(log: Any) -> None:
    async def claim(who: int) -> bool:
        def decide(_connection: Any, head: Any) -> tuple[list[Incoming], bool]:
            return ([said(f"claim:A:{who}")], True) if head.seq == 0 else ([], False)

        return bool(await log.append_if("st", decide))

    assert sorted(await asyncio.gather(*map(claim, range(20)))) == [False] * 19 + [True]
    assert len(await everything(log)) == 1


async def test_decisions_and_appends_share_one_order(log: Any) -> None:
    await log.head("st")
    with log.wakeups("st", asyncio.Event()):
        one = lambda number: log.append_if("st", lambda _connection, head: ([said(f"claim:{number}")], head.seq))  # noqa: E731
        work = [one(number) if number % 3 else add(log, f"k{number}") for number in range(60)]
        await asyncio.gather(*work)
        assert len(await everything(log, page=7)) == 60


async def test_a_cancelled_decision_counts_all_the_same(log: Any, store: str) -> None:
    deciding = asyncio.create_task(log.append_if("st", lambda _connection, _head: ([said("claim:A:1")], None)))
    await asyncio.sleep(0)
    deciding.cancel()
    assert await log.append_if("st", lambda _connection, head: ([], head.seq)) == 1
