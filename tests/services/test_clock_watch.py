"""A clock that is wrong is said once, with which way and how much (money-safety T4)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from pos_app.services.changes import Changes, Notice
from pos_app.services.clock_watch import ClockWatch

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


class Outside:
    """A server whose clock is right; `ahead` is how many seconds ours is ahead of it."""

    def __init__(self) -> None:
        self.ahead, self.header, self.said = 0.0, "", list[str]()
        changes = Changes()
        changes.subscribe(Notice, lambda notice: self.said.append(notice.sentence))
        watch = ClockWatch(changes, clock=lambda: NOW + timedelta(seconds=self.ahead))
        self.http = httpx.AsyncClient(
            transport=httpx.MockTransport(self._answer), event_hooks={"response": [watch.answered]}
        )

    def _answer(self, _request: httpx.Request) -> httpx.Response:
        header = self.header or format_datetime(NOW, usegmt=True)
        return httpx.Response(200, headers={"Date": header} if header != "none" else {})

    async def asked(self, ahead: float) -> list[str]:
        self.ahead = ahead
        assert (await self.http.get("https://api.example.co.ke/")).status_code == 200
        return self.said


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.mark.parametrize("ahead", [0, 119, -119])
async def test_a_clock_that_is_nearly_right_is_not_spoken_of(outside: Outside, ahead: float) -> None:
    assert await outside.asked(ahead) == []


@pytest.mark.parametrize(
    ("ahead", "words"), [(121, "2 minutes fast"), (-600, "10 minutes slow"), (86_400, "24 hours fast")]
)
async def test_a_wrong_clock_is_said_with_which_way_and_how_much(outside: Outside, ahead: float, words: str) -> None:
    (sentence,) = await outside.asked(ahead)
    assert sentence.startswith(f"This computer’s clock is {words}. No money is lost")


async def test_it_is_said_once_and_again_only_after_it_was_right(outside: Outside) -> None:
    for ahead in (600, 601, 90, 600):
        assert len(await outside.asked(ahead)) == 1
    await outside.asked(0)
    assert len(await outside.asked(600)) == 2


@pytest.mark.parametrize("header", ["none", "yesterday", "Tue, 99 Nov 2026 08:00:00 GMT", "\x00"])
async def test_an_answer_without_a_time_says_nothing(outside: Outside, header: str) -> None:
    outside.header = header
    assert await outside.asked(9_999) == []
