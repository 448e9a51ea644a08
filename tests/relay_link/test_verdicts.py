"""A till that is asked whether a payment may come in: answers in time, and never keeps the log waiting."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from pos_app.domain.shop import Pairing
from pos_app.relay_link.client import RelayLink
from pos_app.relay_link.delivery import LinkStatus
from pos_app.relay_link.verdicts import AT_ONCE, Judge, Verdicts
from relay.protocol import CAP_VALIDATE, CaughtUp, Hello, Validate, Verdict, encode

pytestmark = pytest.mark.anyio
STREAM = "st_1"
Scripted = Callable[..., Awaitable[Pairing]]
Asked = Callable[[Pairing, Judge | None], AbstractAsyncContextManager[None]]


@pytest.fixture
def linked(kept: Any, http: httpx.AsyncClient) -> Asked:
    @asynccontextmanager
    async def run(pairing: Pairing, judge: Judge | None) -> AsyncIterator[None]:
        link = asyncio.create_task(RelayLink(pairing, kept, lambda: http, judge=judge).run())
        try:
            yield
        finally:
            link.cancel()
            await asyncio.wait({link})

    return run


def question(number: int = 1, deadline_ms: int = 3000, body: bytes = b'{"TransID":"UJE2A9C4KF"}') -> Validate:
    return Validate(f"q{number}", deadline_ms, msgspec.Raw(body))


async def test_it_says_that_it_can_be_asked_and_answers_with_what_the_judge_says(
    scripted: Scripted, frames: Any, linked: Asked
) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    bodies: list[object] = []

    async def script(talk: Any) -> None:
        heard.put_nowait(await talk.hear())
        await talk.say(frames["welcome"](), CaughtUp(STREAM, 0), question())
        heard.put_nowait(await talk.hear())
        await talk.wait()

    async def judge(body: object) -> str:
        bodies.append(body)
        return "C2B00013"

    async with linked(await scripted(script), judge), asyncio.timeout(20):
        hello = await heard.get()
        assert isinstance(hello, Hello)
        assert hello.caps == [CAP_VALIDATE]
        assert await heard.get() == Verdict("q1", "C2B00013")
    assert bodies == [{"TransID": "UJE2A9C4KF"}]


async def test_a_judge_that_takes_long_delays_no_payment_and_no_other_question(
    scripted: Scripted, kept: Any, frames: Any, linked: Asked
) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    thinking = asyncio.Event()

    async def script(talk: Any) -> None:
        await talk.hear()
        await talk.say(frames["welcome"](2), question(1), *frames["run_of"](2), question(2, body=b'{"quick":1}'))
        await talk.say(CaughtUp(STREAM, 2))
        while True:
            heard.put_nowait(await talk.hear())

    async def judge(body: object) -> str:
        if body != {"quick": 1}:
            await thinking.wait()
        return "0"

    async with linked(await scripted(script), judge), asyncio.timeout(20):
        await kept.until(lambda: kept.seqs == [1, 2])
        while (told := await heard.get()) != Verdict("q2", "0"):
            assert not isinstance(told, Verdict)
        thinking.set()
        while await heard.get() != Verdict("q1", "0"):
            pass


async def test_an_answer_that_would_come_too_late_is_not_given(caplog: pytest.LogCaptureFixture) -> None:
    said: list[bytes] = []

    async def say(frame: bytes) -> None:
        said.append(frame)

    async def judge(_body: object) -> str:
        await asyncio.sleep(20)
        return "0"

    verdicts = Verdicts(judge, say)
    verdicts.ask(question(deadline_ms=1))
    async with asyncio.timeout(20):
        await asyncio.gather(*verdicts._open)
    assert said == []
    assert "not answered in time" in caplog.text


async def test_what_is_no_json_is_judged_as_nothing() -> None:
    said: list[bytes] = []

    async def say(frame: bytes) -> None:
        said.append(frame)

    async def judge(body: object) -> str:
        assert body is None
        return "C2B00016"

    verdicts = Verdicts(judge, say)
    verdicts.ask(question(body=b"{"))
    await asyncio.gather(*verdicts._open)
    assert said == [encode(Verdict("q1", "C2B00016"))]


@pytest.mark.parametrize("fault", ["silent", "fails"])
async def test_a_question_without_an_answer_ends_nothing(
    scripted: Scripted, kept: Any, frames: Any, linked: Asked, fault: str
) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()

    async def script(talk: Any) -> None:
        await talk.hear()
        await talk.say(frames["welcome"](), CaughtUp(STREAM, 0), question(1, body=b"7"))
        await talk.say(question(2))
        heard.put_nowait(await talk.hear())
        await talk.wait()

    async def judge(body: object) -> str:
        if body == 7 and fault == "fails":
            raise RuntimeError("the disk is busy")
        return "" if body == 7 else "0"

    async with linked(await scripted(script), judge), asyncio.timeout(20):
        assert await heard.get() == Verdict("q2", "0")
    assert LinkStatus.OFFLINE not in kept.statuses


async def test_no_more_are_judged_at_once_than_the_till_can_bear(
    scripted: Scripted, kept: Any, frames: Any, linked: Asked
) -> None:
    judged: list[object] = []
    done = asyncio.Event()

    async def script(talk: Any) -> None:
        await talk.hear()
        await talk.say(frames["welcome"](), *(question(number) for number in range(3 * AT_ONCE)), CaughtUp(STREAM, 0))
        await talk.wait()

    async def judge(body: object) -> str:
        judged.append(body)
        await done.wait()
        return ""

    async with linked(await scripted(script), judge):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
        assert len(judged) == AT_ONCE


async def test_a_till_without_a_judge_is_not_asked_and_leaves_the_question_alone(
    scripted: Scripted, kept: Any, frames: Any, linked: Asked
) -> None:
    caps: list[list[str]] = []

    async def script(talk: Any) -> None:
        caps.append((await talk.hear()).caps)
        await talk.say(frames["welcome"](), question(), CaughtUp(STREAM, 0))
        await talk.wait()

    async with linked(await scripted(script), None):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
    assert caps == [[]]
