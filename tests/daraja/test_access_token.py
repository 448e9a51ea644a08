"""One token for everybody: fetched once, renewed before it ends, never kept after a failure."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pos_app.daraja.access_token import AccessTokens, TokenRefused
from pos_app.daraja.client import DarajaClient
from pos_app.daraja.exchange import Exchange
from pos_app.daraja.wire import token_reply

pytestmark = pytest.mark.anyio


class SlowDaraja:
    """Counts token requests and answers each when told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.was_asked = asyncio.Event()
        self.status = 200
        self.lifetime = 3599

    async def __call__(self, request: Any) -> Any:
        self.asked += 1
        self.was_asked.set()
        number = self.asked
        await self.gate.wait()
        return httpx.Response(self.status, json={"access_token": f"token-{number}", "expires_in": self.lifetime})


@pytest.fixture
def slow() -> Any:
    return SlowDaraja()


class Stopwatch:
    seconds = 1000.0

    def __call__(self) -> Any:
        return self.seconds


@pytest.fixture
def stopwatch() -> Any:
    return Stopwatch()


@pytest.fixture
async def tokens(slow: SlowDaraja, stopwatch: Stopwatch) -> Any:
    async with httpx.AsyncClient(transport=httpx.MockTransport(slow)) as http:
        exchange = Exchange(http, "https://daraja.example", connect_timeout=5, read_timeout=5)
        tokens = AccessTokens(exchange, "key", "secret", monotonic=stopwatch)
        yield tokens
        await tokens.aclose()


async def test_fifty_who_ask_at_once_share_one_fetch(slow: SlowDaraja, tokens: AccessTokens) -> None:
    waiting = [asyncio.create_task(tokens.get()) for _ in range(50)]
    await asyncio.wait_for(slow.was_asked.wait(), 5)
    slow.gate.set()
    assert await asyncio.gather(*waiting) == ["token-1"] * 50
    assert await tokens.get() == "token-1"
    assert slow.asked == 1


async def test_one_who_stops_waiting_does_not_end_the_fetch_of_the_others(
    slow: SlowDaraja, tokens: AccessTokens
) -> None:
    first, *others = [asyncio.create_task(tokens.get()) for _ in range(50)]
    await asyncio.wait_for(slow.was_asked.wait(), 5)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    slow.gate.set()
    assert await asyncio.gather(*others) == ["token-1"] * 49
    assert slow.asked == 1


async def test_a_failure_is_shared_by_those_who_wait_and_forgotten_after(
    slow: SlowDaraja, tokens: AccessTokens
) -> None:
    slow.status = 500
    slow.gate.set()
    answers = await asyncio.gather(*(tokens.get() for _ in range(50)))
    assert all(isinstance(answer, TokenRefused) for answer in answers)
    assert slow.asked == 1
    slow.status = 200
    assert await tokens.get() == "token-2"


async def test_a_token_is_renewed_a_minute_before_it_ends(
    slow: SlowDaraja, tokens: AccessTokens, stopwatch: Stopwatch
) -> None:
    slow.gate.set()
    assert await tokens.get() == "token-1"
    stopwatch.seconds += 3599 - 60 - 1
    assert await tokens.get() == "token-1"
    stopwatch.seconds += 1
    assert await tokens.get() == "token-2"


async def test_a_token_that_lives_less_than_a_minute_is_used_once(slow: SlowDaraja, tokens: AccessTokens) -> None:
    slow.lifetime = 30
    slow.gate.set()
    assert [await tokens.get(), await tokens.get()] == ["token-1", "token-2"]


async def test_only_the_cached_token_can_be_invalidated(slow: SlowDaraja, tokens: AccessTokens) -> None:
    slow.gate.set()
    assert await tokens.get() == "token-1"
    tokens.invalidate("token-1")
    assert await tokens.get() == "token-2"
    tokens.invalidate("token-1")
    assert await tokens.get() == "token-2"


async def test_closing_ends_a_fetch_under_way_and_who_waits_has_sent_nothing(
    slow: SlowDaraja, tokens: AccessTokens
) -> None:
    waiting = asyncio.create_task(tokens.get())
    await asyncio.wait_for(slow.was_asked.wait(), 5)
    await tokens.aclose()
    told = await waiting
    assert isinstance(told, TokenRefused)
    assert told.broken is not None
    assert not told.broken.may_have_left
    await tokens.aclose()


async def test_a_warm_client_pushes_without_asking_for_another_token(
    daraja: Any, make_client: Callable[..., DarajaClient], charge: dict[str, Any], example: Callable[[str], Any]
) -> None:
    client = make_client()
    await client.warm_up()
    daraja.push(httpx.Response(200, json=example("E6")))
    await client.stk_push(**charge)
    assert [request.url.path.rsplit("/", 1)[1] for request in daraja.requests] == ["generate", "processrequest"]


async def test_a_token_is_asked_for_with_the_key_and_secret(
    daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    await make_client().warm_up()
    (request,) = daraja.tokens
    assert (request.method, request.content) == ("GET", b"")
    assert str(request.url.query, "ascii") == "grant_type=client_credentials"
    assert (
        request.headers["authorization"] == httpx.BasicAuth("the-consumer-key-1", "the-consumer-secret-1")._auth_header
    )


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadError("x")])
async def test_warming_up_without_network_raises_nothing(
    daraja: Any, make_client: Callable[..., DarajaClient], error: Any
) -> None:
    daraja.token(error)
    await make_client().warm_up()


@pytest.mark.parametrize(
    ("expires_in", "lifetime_s"),
    [(3599, 3599), ("3599", 3599), (" 3599 ", 3599), (0, 0), (None, 3600), ("soon", 3600), (-5, 3600), (True, 3600),
     (3599.0, 3600), ("9" * 5000, 3600), (10**6, 3600), ([1], 3600)],
)  # fmt: skip
def test_a_lifetime_of_any_type_is_read_or_counts_as_the_documented_one(expires_in: Any, lifetime_s: Any) -> None:
    reply = token_reply({"access_token": "a-token", "expires_in": expires_in})
    assert reply is not None
    assert (reply.lifetime_s, repr(reply)) == (lifetime_s, "TokenReply()")


@pytest.mark.parametrize("token", [None, "", " ", "a b", "naïve", ["x"], True, "a\x00b", "x" * 5000])
def test_a_token_that_cannot_stand_in_a_header_is_no_token(token: Any) -> None:
    assert token_reply({"access_token": token}) is None
