"""The short way in, over real sockets: what takes it, what does not, and that the caller cannot tell which it was."""

import asyncio
import contextlib
import socket
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import pytest

from relay import protocol, server
from relay.addresses import Addresses
from relay.app import Relay
from relay.callbacks import Callbacks
from relay.http import MAX_BODY, Answer
from relay.log import EventLog, Incoming, Meta
from relay.protocol import PairResponse, make_nonce

pytestmark = pytest.mark.anyio

ACCEPTED = b'{"ResultCode":0,"ResultDesc":"Accepted"}'


class Wire:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def reply(self) -> tuple[int, dict[str, str], bytes]:
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 20)).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await asyncio.wait_for(self._reader.readexactly(int(headers["content-length"])), 20)
        return int(head[0].split()[1]), headers, body

    async def closed(self) -> bool:
        return await asyncio.wait_for(self._reader.read(), 20) == b""

    def close(self) -> None:
        self._writer.close()


class Served:
    """The relay of a bench behind its real server."""

    def __init__(self, relay: Relay) -> None:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        self._port = listening.getsockname()[1]
        self.server = server._Server(server._config(relay))
        self.task = asyncio.create_task(self.server.serve(sockets=[listening]))
        self._wires: list[Wire] = []

    async def wire(self) -> Wire:
        await self.server.listening.wait()
        self._wires.append(Wire(*await asyncio.open_connection("127.0.0.1", self._port)))
        return self._wires[-1]

    async def end(self) -> None:
        for wire in self._wires:
            wire.close()
        self.server.should_exit = True
        await asyncio.wait_for(self.task, 20)


@contextlib.asynccontextmanager
async def serving(bench: Any, till: PairResponse) -> AsyncIterator[Served]:
    """Its shop is known: the first callback of a shop always goes the long way."""
    made = Served(bench.relay)
    wire = await made.wire()
    wire.send(post(till, b"{}", "/c2b/confirm"))
    assert (await wire.reply())[0] == 200
    yield made
    await made.end()


@pytest.fixture
async def served(bench: Any, till: PairResponse) -> AsyncIterator[Served]:
    async with serving(bench, till) as made:
        yield made


def post(till: PairResponse, body: bytes, tail: str = "", *, version: str = "1.1", headers: str = "") -> bytes:
    path = till.callback_base.removeprefix("http://relay.test") + (tail or f"/stk/{make_nonce(till.nonce_key)}")
    return f"POST {path} HTTP/{version}\r\nHost: r\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def keys(bench: Any, till: PairResponse) -> list[str]:
    """Of the charges, without their nonces."""
    return [event.key.split(":")[-1] for event in await bench.events(till) if event.kind == protocol.KIND_STK]


async def keys_at_last(bench: Any, till: PairResponse) -> list[str]:
    """When the spool is empty."""
    for _ in range(2000):
        if not bench.relay._spool.depth:
            break
        await asyncio.sleep(0.01)
    return await keys(bench, till)


@pytest.fixture
def only_short(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise AssertionError("this went the long way")

    monkeypatch.setattr("relay.callbacks.Callbacks.__call__", refuse)


@pytest.mark.usefixtures("only_short")
async def test_a_whole_callback_takes_the_short_way_again_and_again(
    bench: Any, till: PairResponse, bodies: Any, served: Served
) -> None:
    wire = await served.wire()
    for number in range(3):
        wire.send(post(till, bodies.stk(f"ws_{number}"), headers="BusinessShortCode: 174379\r\n"))
        status, headers, body = await wire.reply()
        assert (status, body) == (200, ACCEPTED)
        assert headers == {"content-type": "application/json", "content-length": str(len(ACCEPTED))}
    wire.send(post(till, b"\xff", "/c2b/confirm"))
    assert (await wire.reply())[0] == 200
    assert await keys(bench, till) == ["ws_0", "ws_1", "ws_2"]
    assert {event.trust for event in await bench.events(till)} == {protocol.TRUSTED}
    assert {event.short_code for event in await bench.events(till) if event.kind == "stk"} == {"174379"}


async def test_requests_behind_each_other_in_one_read_are_answered_in_order(
    bench: Any, till: PairResponse, bodies: Any, served: Served
) -> None:
    wire = await served.wire()
    several = [post(till, bodies.stk(f"ws_{number}")) for number in range(4)]
    wire.send(b"".join(several[:2]) + b"GET /livez HTTP/1.1\r\nHost: r\r\n\r\n" + b"".join(several[2:]))
    answers = [(await wire.reply())[2] for _ in range(5)]
    assert answers == [ACCEPTED, ACCEPTED, b'{"alive":true}', ACCEPTED, ACCEPTED]
    assert await keys(bench, till) == ["ws_0", "ws_1", "ws_2", "ws_3"]


async def test_a_body_in_pieces_is_one_callback(bench: Any, till: PairResponse, bodies: Any, served: Served) -> None:
    wire = await served.wire()
    whole = post(till, bodies.stk("ws_pieces"))
    for cut in (len(whole) - 20, whole.index(b"\r\n\r\n") + 4, 10):
        wire.send(whole[:cut])
        await asyncio.sleep(0.01)
        wire.send(whole[cut:])
        assert (await wire.reply())[0] == 200
    assert await keys(bench, till) == ["ws_pieces"]


@pytest.mark.parametrize("way", ["", "?the=long"])
async def test_what_follows_a_body_is_no_header_of_our_proxy(
    settings: Any, running: Any, changed: Any, bodies: Any, *, way: str
) -> None:
    ours = changed(settings, source_ips=frozenset({"1.1.1.1"}), trusted_proxies=Addresses("127.0.0.1"))
    async with running(ours) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        async with serving(bench, till) as served:
            wire = await served.wire()
            for sender in ("1.1.1.1", "9.9.9.9"):
                body = bodies.stk(f"ws_{sender}")
                head, _, _ = post(till, b"", headers=f"X-Forwarded-For: {sender}\r\n").partition(b"Content-Length")
                head = head.replace(b" HTTP/", f"{way} HTTP/".encode()) + b"Transfer-Encoding: chunked\r\n\r\n"
                wire.send(head + b"%x\r\n%b\r\n0\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n" % (len(body), body))
                assert (await wire.reply())[0] == 200
        assert [event.trust for event in await bench.events(till)][1:] == [protocol.TRUSTED, protocol.QUARANTINED]


async def test_limits_hold_on_either_way(bench: Any, till: PairResponse, bodies: Any, served: Served) -> None:
    wire = await served.wire()
    wire.send(post(till, b'"' + b"x" * (MAX_BODY - 2) + b'"', "/c2b/confirm"))
    assert (await wire.reply())[0] == 200
    wire.send(post(till, b"x" * (MAX_BODY + 1), "/c2b/confirm"))
    status, headers, _ = await wire.reply()
    assert (status, headers["connection"]) == (413, "close")
    assert await wire.closed()
    slow = await served.wire()
    slow.send(post(till, bodies.stk())[:-1])
    assert (await slow.reply())[0] == 408
    odd = await served.wire()
    odd.send(post(till, b"", headers="Transfer-Encoding: nonsense\r\n"))
    assert (await odd.reply())[0] == 400


@pytest.mark.parametrize("how", [("1.1", "Connection: close\r\n"), ("1.0", "")])
async def test_a_connection_that_is_not_to_stay_is_closed(
    bench: Any, till: PairResponse, bodies: Any, served: Served, how: tuple[str, str]
) -> None:
    wire = await served.wire()
    wire.send(post(till, bodies.stk("ws_last"), version=how[0], headers=how[1]))
    status, said, body = await wire.reply()
    assert (status, said["connection"], body) == (200, "close", ACCEPTED)
    assert await wire.closed()
    assert await keys(bench, till) == ["ws_last"]


async def test_what_is_no_callback_of_a_shop_is_refused_as_ever(till: PairResponse, served: Served) -> None:
    wire = await served.wire()
    for path, status in (("/h/" + "0" * 32 + "/c2b/confirm", 404), ("/h/x%20y", 404), ("/h/x?y=1", 404), ("/h/é", 400)):
        wire = await served.wire()
        wire.send(f"POST {path} HTTP/1.1\r\nHost: r\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        assert (await wire.reply())[0] == status


@contextlib.contextmanager
def busy(store: Any) -> Any:
    """Nothing can be committed meanwhile."""
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.usefixtures("only_short")
async def test_a_caller_that_hangs_up_is_stored_all_the_same(
    bench: Any, till: PairResponse, bodies: Any, served: Served, eventually: Any
) -> None:
    with busy(bench.file):
        wire = await served.wire()
        wire.send(post(till, bodies.stk("ws_gone")))
        await eventually(lambda: bench.relay._log.waited() > 0)
        wire.close()
        await eventually(lambda: len(served.server.server_state.connections) == 1)

    async def stored() -> bool:
        return await keys(bench, till) == ["ws_gone"]

    await eventually(stored)


@pytest.mark.usefixtures("only_short")
async def test_what_waits_when_the_server_ends_is_answered_and_the_connection_closed(
    bench: Any, till: PairResponse, bodies: Any, served: Served, eventually: Any
) -> None:
    wire = await served.wire()
    with busy(bench.file):
        wire.send(post(till, bodies.stk("ws_late")))
        await eventually(lambda: bench.relay._log.waited() > 0)
        served.server.should_exit = True
        await eventually(lambda: len(served.server.server_state.connections) == 1)
    status, headers, body = await wire.reply()
    assert (status, headers["connection"], body) == (200, "close", ACCEPTED)
    assert await wire.closed()
    assert await keys(bench, till) == ["ws_late"]


@pytest.mark.usefixtures("only_short")
async def test_what_could_not_be_stored_is_503_on_the_short_way_too(
    bench: Any, till: PairResponse, bodies: Any, served: Served, broken_disks: Any
) -> None:
    wire = await served.wire()
    request = post(till, bodies.stk("ws_again"))
    with broken_disks():
        wire.send(request)
        assert (await wire.reply())[0] == 503
    wire.send(request)
    assert (await wire.reply())[0] == 200
    assert await keys_at_last(bench, till) == ["ws_again"]


async def test_after_the_log_is_closed_nothing_is_accepted(
    till: PairResponse, bodies: Any, served: Served, bench: Any
) -> None:
    wire = await served.wire()
    await bench.relay._log.close()
    wire.send(post(till, bodies.stk()))
    assert (await wire.reply())[0] == 503


async def test_one_that_fails_is_refused_and_keeps_no_other_from_the_disk(
    bench: Any, till: PairResponse, bodies: Any, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Callbacks._judge

    def breaks(*said: Any) -> Any:
        if "ws_1" in repr(said):
            raise ZeroDivisionError
        return judge(*said)

    monkeypatch.setattr(Callbacks, "_judge", breaks)
    wires = [await served.wire() for _ in range(3)]
    for number, wire in enumerate(wires):
        wire.send(post(till, bodies.stk(f"ws_{number}")))
    assert [(await wire.reply())[0] for wire in wires] == [200, 503, 200]
    assert sorted(await keys(bench, till)) == ["ws_0", "ws_2"]


async def test_a_turn_that_the_log_does_not_take_is_refused_and_may_come_again(
    bench: Any, till: PairResponse, bodies: Any, served: Served
) -> None:
    def breaks(*_: Any) -> bool:
        raise ZeroDivisionError

    wires = [await served.wire() for _ in range(3)]
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(EventLog, "put_all", breaks)
        for number, wire in enumerate(wires):
            wire.send(post(till, bodies.stk(f"ws_{number}")))
        assert [(await wire.reply())[0] for wire in wires] == [503] * 3
    wires[0].send(post(till, bodies.stk("ws_0")))
    assert (await wires[0].reply())[0] == 200
    assert await keys_at_last(bench, till) == ["ws_0"]


@pytest.mark.usefixtures("only_short")
async def test_what_was_taken_when_the_log_closes_is_stored_first(
    bench: Any, till: PairResponse, bodies: Any, served: Served
) -> None:
    told: list[Answer] = []
    base = till.callback_base.removeprefix("http://relay.test")
    scope = {"path": f"{base}/stk/{make_nonce(till.nonce_key)}", "headers": [], "client": ("127.0.0.1", 1)}
    assert bench.relay.take(scope, bodies.stk("ws_last"), told.append)
    await bench.relay._log.close()
    assert [answer.start["status"] for answer in told] == [200]


async def test_one_that_cannot_be_told_does_not_keep_the_others_waiting(
    bench: Any, till: PairResponse, bodies: Any, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(_: object) -> None:
        raise ZeroDivisionError

    log = bench.relay._log
    (stream,) = log._streams
    assert log.put(Incoming.of(stream, "stk", "a", b"{}", Meta(1)), breaks)
    assert (await log.append(stream, "stk", "b", b"{}", Meta(1))).seq == 3
    assert "could not be told" in caplog.text


@pytest.mark.parametrize("way", [b" HTTP/1.1", b"?the=long HTTP/1.1"])
async def test_a_connection_on_which_nothing_happens_is_closed(
    till: PairResponse, bodies: Any, served: Served, way: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.connection.HEAD_SECONDS", 0.1)
    served.server.config.timeout_keep_alive = 0
    wire = await served.wire()
    wire.send(post(till, bodies.stk()).replace(b" HTTP/1.1", way))
    assert (await wire.reply())[0] == 200
    assert await wire.closed()


async def test_a_connection_on_which_something_happened_meanwhile_stays(
    bench: Any, till: PairResponse, bodies: Any, served: Served, eventually: Any
) -> None:
    before = set(served.server.server_state.connections)
    wire = await served.wire()
    wire.send(post(till, bodies.stk("ws_1")))
    assert (await wire.reply())[0] == 200
    connection: Any
    (connection,) = set(served.server.server_state.connections) - before
    connection.timeout_keep_alive_handler()
    with busy(bench.file):
        wire.send(post(till, bodies.stk("ws_2")))
        await eventually(lambda: bench.relay._log.waited() > 0)
        connection.timeout_keep_alive = 0
        connection.timeout_keep_alive_handler()
    assert (await wire.reply())[0] == 200
    assert await wire.closed()
    assert await keys(bench, till) == ["ws_1", "ws_2"]
