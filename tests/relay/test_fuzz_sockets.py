"""A relay process on the other end of a socket: whole callbacks in any cut, and requests that are hardly HTTP."""

import asyncio
import contextlib
import os
import random
import re
from typing import Any

import httpx
import pytest
from copies import Told, reading_of
from mutations import Mutator

from relay import protocol
from relay.http import MAX_BODY
from relay.protocol import PairResponse, make_nonce

pytestmark = pytest.mark.anyio

FULL = os.environ.get("TILL_TEST_FULL") == "1"
REQUESTS = 20_000 if FULL else 400
AT_ONCE = 20
STATED = {100, 200, 400, 404, 405, 408, 413}
"""100 where it was asked for, before the answer."""


@pytest.fixture
def rng() -> random.Random:
    seed = int(os.environ.get("TILL_TEST_SEED") or random.SystemRandom().randrange(2**31))
    print(f"seed {seed}: TILL_TEST_SEED={seed} plays it again")  # noqa: T201
    return random.Random(seed)


class Sender:
    def __init__(self, till: PairResponse, rng: random.Random) -> None:
        host, _, self._path = till.callback_base.removeprefix("http://").partition("/")
        self._host, _, port = host.partition(":")
        self._port = int(port)
        self._till = till
        self._rng = rng
        self._mutator = Mutator(rng)
        self.accepted: list[tuple[str, str, bytes]] = []

    async def whole(self) -> None:
        """Several on one connection, in any cut, whole or in chunks; each is answered, and each answer is stated."""
        rng = self._rng
        sent = [(*self._door(), self._mutator.body()) for _ in range(rng.randrange(1, 4))]
        wire = b"".join(self._chunked(*one) if rng.random() < 0.3 else self._plain(*one) for one in sent)
        reader, writer = await asyncio.open_connection(self._host, self._port)
        cuts = sorted(rng.randrange(len(wire) + 1) for _ in range(rng.randrange(4)))
        try:
            for start, end in zip([0, *cuts], [*cuts, None], strict=True):
                writer.write(wire[start:end])
                await writer.drain()
                await asyncio.sleep(0)
            for one in sent:
                status = await _answered(reader)
                assert status == (413 if len(one[2]) > MAX_BODY else 200)
                if status == 413:
                    return
                self.accepted.append(one)
        except ConnectionResetError:
            # The answer to one that is too large may be lost with what was still on its way.
            assert max(len(body) for *_, body in sent) > MAX_BODY
        finally:
            writer.close()

    async def broken(self) -> None:
        """A request of which anything may be wrong: answered as stated, or not at all."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(self._mutator.mangled(self._plain(*self._door(), self._mutator.body())))
            with contextlib.suppress(OSError):  # it may have hung up before that
                writer.write_eof()
            said = await asyncio.wait_for(reader.read(), 20)
        except ConnectionResetError:
            said = b""
        finally:
            writer.close()
        assert {int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)} <= STATED, said

    def _door(self) -> tuple[str, str]:
        return self._rng.choice(("confirm", "stk", "result", "timeout")), make_nonce(self._till.nonce_key)

    def _plain(self, door: str, nonce: str, body: bytes) -> bytes:
        return self._head(door, nonce, f"Content-Length: {len(body)}") + body

    def _chunked(self, door: str, nonce: str, body: bytes) -> bytes:
        cut = self._rng.randrange(len(body) + 1)
        chunks = [piece for piece in (body[:cut], body[cut:]) if piece] + [b""]
        head = self._head(door, nonce, "Transfer-Encoding: chunked")
        return head + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks)

    def _head(self, door: str, nonce: str, length: str) -> bytes:
        tail = "c2b/confirm" if door == "confirm" else f"{door}/{nonce}"
        return f"POST /{self._path}/{tail} HTTP/1.1\r\nHost: r\r\n{length}\r\n\r\n".encode()


async def _answered(reader: asyncio.StreamReader) -> int:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    length = re.search(rb"(?i)content-length: (\d+)", head)
    assert length is not None
    await reader.readexactly(int(length[1]))
    return int(head.split()[1])


def told(till: PairResponse, url: str) -> Told:
    """All that the till is told, by long poll."""
    cursor, seen = protocol.Cursor(), Told()
    headers = {"Authorization": f"Bearer {till.token}"}
    while True:
        asked = {"epoch": cursor.epoch, "after": cursor.seq, "chain": cursor.chain, "wait": 0}
        reply = httpx.get(url + protocol.EVENTS_PATH + till.stream, params=asked, headers=headers).raise_for_status()
        welcome, *frames = protocol.decode_frames(reply.content)
        assert isinstance(welcome, protocol.Welcome)
        cursor = protocol.Cursor(welcome.streams[0].epoch, cursor.seq, cursor.chain)
        events = [frame for frame in frames if isinstance(frame, protocol.Event)]
        for event in events:
            assert event.follows(cursor)
            cursor = protocol.Cursor(cursor.epoch, event.seq, event.chain)
            seen.add(event)
        if not events:
            return seen


@pytest.mark.timeout(3600 if FULL else 300)
async def test_a_process_lives_through_whatever_comes_over_its_sockets(start_relay: Any, rng: random.Random) -> None:
    relay = start_relay("--log-level", "error")
    relay.add_shop("Duka")
    till = relay.pair("Duka")
    sender = Sender(till, rng)
    for _ in range(REQUESTS // AT_ONCE):
        await asyncio.gather(*(sender.whole() if rng.random() < 0.5 else sender.broken() for _ in range(AT_ONCE)))
    seen = told(till, relay.url)
    missing = [one for one in sender.accepted if not seen.has(one[2])]
    assert [one for one in missing if not ((reading := reading_of(*one)) and seen.has_copy_of(reading))] == []
    assert relay.process.poll() is None
    code, logged = await asyncio.to_thread(relay.end)
    assert code == 0
    # The server says of each that it is no HTTP, whatever it is told to say.
    assert set(re.findall(r"(?:WARNING|ERROR|CRITICAL) (\S+)", logged)) <= {"uvicorn.error"}
    assert re.search("ERROR|Traceback", logged) is None
