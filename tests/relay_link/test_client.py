"""The link that keeps following: real websockets, scripted to misbehave, and the real relay as its own process."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.relay_link import client as module
from pos_app.relay_link.client import RelayLink
from pos_app.relay_link.delivery import Cursor, LinkStatus
from pos_app.relay_link.follower import Follower
from pos_app.relay_link.pairing import nonce_maker, pair
from relay.protocol import (
    ERROR_BAD_TOKEN,
    ERROR_NO_SUCH_STREAM,
    ERROR_REVOKED,
    Ack,
    Bye,
    CaughtUp,
    Heartbeat,
    Hello,
    Reset,
    StreamCursor,
    encode_frames,
    error_body,
)

pytestmark = pytest.mark.anyio
STREAM = "st_1"
TILL = TillIdentity("ab" * 16, "Till 1")
Scripted = Callable[..., Awaitable[Pairing]]
Linked = Callable[..., AbstractAsyncContextManager[asyncio.Task[None]]]


class Hurried(random.Random):
    """Comes back at once, and keeps how long it might have waited."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.asked.append((a, b))
        return 0.0


@pytest.fixture
def hurried() -> Hurried:
    return Hurried()


@pytest.fixture
def linked(kept: Any, http: httpx.AsyncClient, hurried: Hurried) -> Linked:
    @asynccontextmanager
    async def run(pairing: Pairing, client: httpx.AsyncClient = http) -> AsyncIterator[asyncio.Task[None]]:
        link = asyncio.create_task(RelayLink(pairing, kept, lambda: client, hurried).run())
        try:
            yield link
        finally:
            link.cancel()
            await asyncio.wait({link})

    return run


async def test_it_says_hello_with_its_cursor_and_token_and_acknowledges(
    scripted: Scripted, kept: Any, frames: Any, linked: Linked
) -> None:
    heard: list[object] = []
    acknowledged = asyncio.Event()

    async def script(talk: Any) -> None:
        heard.extend([talk.authorization, await talk.hear()])
        await talk.say(frames["welcome"](2), *frames["run_of"](2), CaughtUp(STREAM, 2))
        heard.append(await talk.hear())
        acknowledged.set()
        await talk.wait()

    kept.held = Cursor("e1")
    async with linked(await scripted(script)):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
        await asyncio.wait_for(acknowledged.wait(), 10)
    assert heard == ["Bearer token", Hello([StreamCursor(STREAM, "e1")]), Ack(STREAM, 2)]
    assert kept.seqs == [1, 2]


async def test_after_each_cut_it_goes_on_from_its_cursor(
    scripted: Scripted, kept: Any, frames: Any, linked: Linked
) -> None:
    events = frames["run_of"](60)

    async def script(talk: Any) -> None:
        hello = await talk.hear()
        at = hello.streams[0].seq
        await talk.say(frames["welcome"](60), *events[at : at + 7])
        await talk.close(1011)

    async def polled(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(503)

    kept.held = Cursor("e1")
    offline = httpx.AsyncClient(transport=httpx.MockTransport(polled))
    async with linked(await scripted(script), offline):
        await kept.until(lambda: kept.held.seq == 60)
    await offline.aclose()
    assert kept.seqs == list(range(1, 61))
    assert kept.statuses.count(LinkStatus.OFFLINE) >= 8


async def test_a_bye_is_obeyed_but_not_for_ever(
    scripted: Scripted, kept: Any, frames: Any, http: httpx.AsyncClient
) -> None:
    waits: list[float] = []
    link = RelayLink(await scripted(_hang), kept, lambda: http, random.Random(5))
    follower = Follower(STREAM, Cursor(), kept)
    for retry_in in ((1.0, 30.0), (7.0, 7.0), (1e9, 2e9)):
        await follower.take([Bye("drain", retry_in)])
        waits.append(link._pause(follower))
    assert 1.0 <= waits[0] <= 30.0
    assert waits[1:] == [7.0, 60.0]


async def test_a_real_bye_sets_the_pause_and_the_till_comes_back(
    scripted: Scripted, kept: Any, frames: Any, hurried: Hurried, linked: Linked
) -> None:
    async def drain(talk: Any) -> None:
        await talk.hear()
        await talk.say(frames["welcome"](), Bye("drain", (11, 22)))
        await talk.close(1001)

    async with linked(await scripted(drain, _welcome(frames))):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
    assert hurried.asked == [(11, 22)]


async def test_the_pause_grows_with_each_failure_to_a_minute_and_never_breaks(
    kept: Any, http: httpx.AsyncClient, hurried: Hurried, make_pairing: Callable[[str], Pairing]
) -> None:
    link = RelayLink(make_pairing("http://127.0.0.1:1"), kept, lambda: http, hurried)
    follower = Follower(STREAM, Cursor(), kept)
    for failures in (0, 1, 5, 20, 2000, 10**6):
        link._failures = failures
        link._pause(follower)
    assert hurried.asked == [(0, 0.5), (0, 1.0), (0, 16.0), (0, 60.0), (0, 60.0), (0, 60.0)]


@pytest.mark.parametrize("code", [4501, 4503, 4504, 4526])
async def test_a_till_that_is_not_wanted_stops_and_says_so(
    scripted: Scripted, kept: Any, code: int, linked: Linked
) -> None:
    async def refuse(talk: Any) -> None:
        await talk.close(code)

    async with linked(await scripted(refuse)) as link:
        await asyncio.wait_for(link, 10)
    assert kept.statuses == [LinkStatus.CONNECTING, LinkStatus.REFUSED]


@pytest.mark.parametrize("code", [1001, 1011, 1012, 4001, 4008, 4009, 4029])
async def test_any_other_close_is_only_a_pause(
    scripted: Scripted, kept: Any, frames: Any, code: int, linked: Linked
) -> None:
    async def close(talk: Any) -> None:
        await talk.close(code)

    async with linked(await scripted(close, _welcome(frames))):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)


async def test_a_silent_connection_is_noticed(
    scripted: Scripted, kept: Any, frames: Any, monkeypatch: pytest.MonkeyPatch, linked: Linked
) -> None:
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.1)

    async with linked(await scripted(_hang, _welcome(frames))):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
    assert LinkStatus.OFFLINE in kept.statuses


async def test_a_head_that_does_not_come_is_asked_for_again(
    scripted: Scripted, kept: Any, frames: Any, monkeypatch: pytest.MonkeyPatch, linked: Linked
) -> None:
    monkeypatch.setattr(module, "STALLED_SECONDS", 0.1)
    (event,) = frames["run_of"](1)

    async def stalled(talk: Any) -> None:
        await talk.hear()
        await talk.say(frames["welcome"](), CaughtUp(STREAM, 0), Heartbeat({STREAM: 1}))
        await talk.wait()

    async def serve(talk: Any) -> None:
        await talk.hear()
        await talk.say(frames["welcome"](1), event, CaughtUp(STREAM, 1))
        await talk.wait()

    kept.held = Cursor("e1")
    async with linked(await scripted(stalled, serve)):
        await kept.until(lambda: kept.seqs == [1])


@pytest.mark.parametrize("text", ["{", '{"t":"event"}', "[]", '"' + "x" * 300_000 + '"'])
async def test_nonsense_ends_the_connection_and_not_the_link(
    scripted: Scripted, kept: Any, frames: Any, text: str, linked: Linked
) -> None:
    async def nonsense(talk: Any) -> None:
        await talk.hear()
        await talk.say_text(text)
        await talk.wait()

    async def serve(talk: Any) -> None:
        await talk.hear()
        await talk.say_text('{"t":"from the future","x":1}')
        await talk.say(frames["welcome"](), CaughtUp(STREAM, 0))
        await talk.wait()

    async with linked(await scripted(nonsense, serve)):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)


async def test_a_delivery_that_raises_is_delivered_again_without_loss(
    scripted: Scripted, kept: Any, frames: Any, caplog: pytest.LogCaptureFixture, linked: Linked
) -> None:
    events = frames["run_of"](5)
    kept.held, kept.failing = Cursor("e1"), 1

    async def serve(talk: Any) -> None:
        hello = await talk.hear()
        await talk.say(frames["welcome"](5), *events[hello.streams[0].seq :], CaughtUp(STREAM, 5))
        await talk.wait()

    async with linked(await scripted(serve)):
        await kept.until(lambda: kept.seqs == [1, 2, 3, 4, 5])
    assert "the relay link failed" in caplog.text


async def test_a_cursor_that_cannot_be_read_just_now_is_read_again(
    scripted: Scripted, kept: Any, frames: Any, linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, failing = kept.cursor, [RuntimeError("the disk is busy")]

    async def cursor() -> Cursor:
        if failing:
            raise failing.pop()
        found: Cursor = await held()
        return found

    monkeypatch.setattr(kept, "cursor", cursor)
    async with linked(await scripted(_welcome(frames))) as link:
        live = asyncio.create_task(kept.until(lambda: LinkStatus.LIVE in kept.statuses))
        await asyncio.wait({link, live}, return_when=asyncio.FIRST_COMPLETED)
        assert not link.done()
        await live


async def test_a_gap_connects_again_from_the_cursor(scripted: Scripted, kept: Any, frames: Any, linked: Linked) -> None:
    events = frames["run_of"](3)
    kept.held = Cursor("e1")

    async def gap(talk: Any) -> None:
        await talk.hear()
        await talk.say(frames["welcome"](3), events[0], events[2])
        await talk.wait()

    async def serve(talk: Any) -> None:
        hello = await talk.hear()
        await talk.say(frames["welcome"](3), *events[hello.streams[0].seq :], CaughtUp(STREAM, 3))
        await talk.wait()

    async with linked(await scripted(gap, serve)):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
    assert kept.seqs == [1, 2, 3]


# The long poll.


def polling(pages: list[httpx.Response]) -> tuple[httpx.AsyncClient, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if pages:
            return pages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    return httpx.AsyncClient(transport=httpx.MockTransport(answer)), asked


async def test_where_websockets_fail_twice_it_polls(
    kept: Any, frames: Any, make_pairing: Callable[[str], Pairing], linked: Linked
) -> None:
    events = frames["run_of"](3)
    pages = [
        httpx.Response(200, content=encode_frames([frames["welcome"](3), *events[:2]])),
        httpx.Response(200, content=encode_frames([frames["welcome"](3), events[2]])),
        httpx.Response(200, content=encode_frames([frames["welcome"](3), CaughtUp(STREAM, 3)])),
    ]
    http, asked = polling(pages)
    kept.held = Cursor("e1")
    async with linked(make_pairing("http://127.0.0.1:1"), http):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
    await http.aclose()
    assert (kept.seqs, kept.statuses.count(LinkStatus.OFFLINE)) == ([1, 2, 3], 2)
    assert [dict(request.url.params)["after"] for request in asked[:3]] == ["0", "2", "3"]
    assert asked[0].headers["authorization"] == "Bearer token"
    assert asked[0].url.path == "/v1/events/st_1"


@pytest.mark.parametrize(
    ("status", "error"), [(401, ERROR_BAD_TOKEN), (403, ERROR_REVOKED), (404, ERROR_NO_SUCH_STREAM)]
)
async def test_a_poll_that_the_relay_itself_refuses_stops_too(
    kept: Any, make_pairing: Callable[[str], Pairing], status: int, error: str, linked: Linked
) -> None:
    http, _ = polling([httpx.Response(status, content=error_body(error))])
    async with linked(make_pairing("http://127.0.0.1:1"), http) as link:
        await asyncio.wait_for(link, 10)
    await http.aclose()
    assert kept.statuses[-1] is LinkStatus.REFUSED


STRANGERS = [
    (401, b""),
    (403, b"<html>Blocked by the firewall</html>"),
    (403, b'{"error":"Forbidden"'),
    (403, b'{"message":"revoked"}'),
    (302, b""),
    (511, b"<html>Sign in to this network</html>"),
]


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_poll_that_something_in_between_answers_is_only_weather_and_said(
    kept: Any, frames: Any, scripted: Scripted, stranger: tuple[int, bytes], linked: Linked
) -> None:
    status, body = stranger

    async def broken(talk: Any) -> None:
        await talk.close(1011)

    http, _ = polling([httpx.Response(status, content=body)])
    async with linked(await scripted(broken, broken, _welcome(frames)), http):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
    await http.aclose()
    assert LinkStatus.INTERCEPTED in kept.statuses
    assert LinkStatus.REFUSED not in kept.statuses


async def test_what_the_relay_itself_finds_wrong_with_a_request_is_no_stranger(
    kept: Any, frames: Any, scripted: Scripted, linked: Linked
) -> None:
    async def broken(talk: Any) -> None:
        await talk.close(1011)

    http, _ = polling([httpx.Response(400, content=error_body("bad cursor"))])
    async with linked(await scripted(broken, broken, _welcome(frames)), http):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
    await http.aclose()
    assert not {LinkStatus.INTERCEPTED, LinkStatus.REFUSED} & set(kept.statuses)


@pytest.mark.parametrize("page", [httpx.Response(500), httpx.Response(200, content=b"\xff<html>")])
async def test_a_poll_that_fails_tries_the_websocket_again(
    kept: Any, frames: Any, scripted: Scripted, page: httpx.Response, linked: Linked
) -> None:
    async def broken(talk: Any) -> None:
        await talk.close(1011)

    http, asked = polling([page])
    async with linked(await scripted(broken, broken, _welcome(frames)), http):
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
    await http.aclose()
    assert len(asked) == 1


async def test_after_a_while_of_polling_the_websocket_is_tried_again(
    kept: Any, frames: Any, hurried: Hurried, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLLED_SECONDS", 0.0)
    monkeypatch.setattr(module, "STABLE_SECONDS", -1.0)

    async def broken(talk: Any) -> None:
        await talk.close(1011)

    http, asked = polling([])
    link = RelayLink(await scripted(broken, _welcome(frames)), kept, lambda: http, hurried)
    link._failures = 2
    running = asyncio.create_task(link.run())
    await kept.until(lambda: LinkStatus.LIVE in kept.statuses)
    running.cancel()
    await asyncio.wait({running})
    await http.aclose()
    assert asked == []


async def test_a_relay_that_lets_nobody_in_is_left_alone_for_as_long_as_it_says_and_not_polled_instead(
    kept: Any, hurried: Hurried, make_pairing: Any, linked: Linked
) -> None:
    said = iter(["7", "soon", "999", "7", "7", "7"])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            told = next(said, "7")
            body = error_body("busy")
            head = f"HTTP/1.1 503 no\r\nRetry-After: {told}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    http, asked = polling([])
    async with linked(make_pairing(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), http):
        await kept.until(lambda: kept.statuses.count(LinkStatus.OFFLINE) == 6)
    server.close()
    await http.aclose()
    assert hurried.asked[:5] == [(7.0, 8.0), (0, 0.5), (999.0, 1000.0), (7.0, 8.0), (7.0, 8.0)]
    assert asked == []


@pytest.mark.parametrize("stranger", [*STRANGERS, (503, b"")])
async def test_a_handshake_that_is_refused_is_tried_again_with_longer_and_longer_pauses(
    kept: Any, hurried: Hurried, stranger: tuple[int, bytes], make_pairing: Any, linked: Linked
) -> None:
    status, body = stranger

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            # Only the relay's own word puts the long poll off: a proxy that carries no websocket may say this for ever.
            writer.write(
                f"HTTP/1.1 {status} no\r\nRetry-After: 7\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    wanted = LinkStatus.OFFLINE if status == 503 else LinkStatus.INTERCEPTED
    http, _ = polling([httpx.Response(status, content=body) for _ in range(2)])
    async with linked(make_pairing(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), http) as link:
        await kept.until(lambda: kept.statuses.count(wanted) == 4)
        assert not link.done()
    server.close()
    await http.aclose()
    assert [longest for _, longest in hurried.asked[:4]] == [0.5, 1.0, 2.0, 4.0]


def _welcome(frames: Any) -> Callable[[Any], Awaitable[None]]:
    async def serve(talk: Any) -> None:
        await talk.hear()
        await talk.say(frames["welcome"](), CaughtUp(STREAM, 0))
        await talk.wait()

    return serve


async def _hang(talk: Any) -> None:
    await talk.wait()


# The real relay, as a process.


async def test_callbacks_posted_to_the_real_relay_arrive_once_in_order_and_across_a_revocation(
    relay: Any, kept: Any, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, linked: Linked
) -> None:
    caplog.set_level(logging.DEBUG)
    pairing = await pair(http, relay.url, relay.invite(), TILL)
    assert isinstance(pairing, Pairing)
    make_nonce = nonce_maker(pairing)

    async def post(number: int) -> None:
        body = {"Body": {"stkCallback": {"CheckoutRequestID": f"ws_CO_{number}", "ResultCode": 1032}}}
        for _ in range(2):
            answer = await http.post(f"{pairing.callback_base}/stk/{nonces[number]}", json=body)
            assert answer.status_code == 200

    nonces = [make_nonce() for _ in range(6)]
    for number in range(3):
        await post(number)
    async with linked(pairing) as link:
        await kept.until(lambda: LinkStatus.LIVE in kept.statuses and len(kept.seqs) == 3)
        for number in range(3, 6):
            await post(number)
        await kept.until(lambda: len(kept.seqs) == 6)
        assert [delivery.nonce for delivery in kept.deliveries] == nonces
        assert all(delivery.trusted for delivery in kept.deliveries)
        await http.post(f"{pairing.callback_base}/stk/{'0' * 32}", json={"Body": {}})
        await kept.until(lambda: len(kept.seqs) == 7)
        assert not kept.deliveries[-1].trusted
        relay.run("till", "revoke", pairing.till_id)
        await asyncio.wait_for(link, 20)
    assert kept.statuses[-1] is LinkStatus.REFUSED
    for secret in (pairing.token, pairing.callback_base, pairing.nonce_key, *nonces):
        assert secret not in "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("pos_app"))


async def test_the_real_relay_by_long_poll_gives_the_same_deliveries(
    relay: Any, kept: Any, http: httpx.AsyncClient, hurried: Hurried
) -> None:
    pairing = await pair(http, relay.url, relay.invite(), TILL)
    assert isinstance(pairing, Pairing)
    nonce = nonce_maker(pairing)()
    body = {"Body": {"stkCallback": {"CheckoutRequestID": "ws_CO_1", "ResultCode": 0}}}
    await http.post(f"{pairing.callback_base}/stk/{nonce}", json=body)
    link = RelayLink(pairing, kept, lambda: http, hurried)
    link._failures = 2
    running = asyncio.create_task(link.run())
    await kept.until(lambda: kept.seqs == [1])
    running.cancel()
    await asyncio.wait({running})
    assert kept.deliveries[0].body == body


async def test_a_cursor_of_another_log_is_reset_by_the_real_relay(
    relay: Any, kept: Any, http: httpx.AsyncClient, linked: Linked
) -> None:
    pairing = await pair(http, relay.url, relay.invite(), TILL)
    assert isinstance(pairing, Pairing)
    await http.post(f"{pairing.callback_base}/stk/{nonce_maker(pairing)()}", json={"Body": {}})
    kept.held = Cursor("a log that is gone", 400, "f" * 32)
    async with linked(pairing):
        await kept.until(lambda: kept.seqs == [1])
    ((cursor, reason),) = kept.resets
    assert (cursor.seq, reason) == (0, "epoch")
    assert Reset(STREAM, reason, cursor.epoch).epoch == kept.held.epoch


async def test_what_came_before_the_end_of_a_connection_is_applied_before_it(frames: Any) -> None:
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    events = frames["run_of"](2)
    for item in (*events, ConnectionResetError()):
        inbox.put_nowait(item)
    assert await module._next_batch(inbox, 1) == events
    with pytest.raises(ConnectionResetError):
        await module._next_batch(inbox, 1)
    with pytest.raises(TimeoutError):
        await module._next_batch(inbox, 0.01)
