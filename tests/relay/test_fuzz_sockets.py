"""A relay process on the other end of a socket: whole callbacks in any cut, and requests that are hardly HTTP."""

import asyncio
import contextlib
import os
import random
import re
from base64 import b64decode
from hashlib import sha256
from typing import Any

import httpx
import pytest
from mutations import Mutator

from relay import protocol
from relay.http import MAX_BODY
from relay.protocol import PairResponse, make_nonce
from relay.reading_results import without_credential

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
        self.accepted: set[str] = set()

    async def whole(self) -> None:
        """Several on one connection, in any cut, whole or in chunks; each is answered, and each answer is stated."""
        rng = self._rng
        bodies = [self._mutator.body() for _ in range(rng.randrange(1, 4))]
        wire = b"".join(map(self._chunked if rng.random() < 0.3 else self._plain, bodies))
        reader, writer = await asyncio.open_connection(self._host, self._port)
        cuts = sorted(rng.randrange(len(wire) + 1) for _ in range(rng.randrange(4)))
        try:
            for start, end in zip([0, *cuts], [*cuts, None], strict=True):
                writer.write(wire[start:end])
                await writer.drain()
                await asyncio.sleep(0)
            for body in bodies:
                status = await _answered(reader)
                assert status == (413 if len(body) > MAX_BODY else 200)
                if status == 413:
                    return
                self.accepted.add(sha256(without_credential(body)).hexdigest())
        except ConnectionResetError:
            # The answer to one that is too large may be lost with what was still on its way.
            assert max(map(len, bodies)) > MAX_BODY
        finally:
            writer.close()

    async def broken(self) -> None:
        """A request of which anything may be wrong: answered as stated, or not at all."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(self._mutator.mangled(self._plain(self._mutator.body())))
            with contextlib.suppress(OSError):  # it may have hung up before that
                writer.write_eof()
            said = await asyncio.wait_for(reader.read(), 20)
        except ConnectionResetError:
            said = b""
        finally:
            writer.close()
        assert {int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)} <= STATED, said

    def _plain(self, body: bytes) -> bytes:
        return self._head(f"Content-Length: {len(body)}") + body

    def _chunked(self, body: bytes) -> bytes:
        cut = self._rng.randrange(len(body) + 1)
        chunks = [piece for piece in (body[:cut], body[cut:]) if piece] + [b""]
        return self._head("Transfer-Encoding: chunked") + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks)

    def _head(self, length: str) -> bytes:
        door = self._rng.choice(("c2b/confirm", "stk", "result", "timeout"))
        tail = door if "/" in door else f"{door}/{make_nonce(self._till.nonce_key)}"
        return f"POST /{self._path}/{tail} HTTP/1.1\r\nHost: r\r\n{length}\r\n\r\n".encode()


async def _answered(reader: asyncio.StreamReader) -> int:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    length = re.search(rb"(?i)content-length: (\d+)", head)
    assert length is not None
    await reader.readexactly(int(length[1]))
    return int(head.split()[1])


def follow(till: PairResponse, url: str) -> set[str]:
    """Digests of the bodies that the till is told."""
    cursor, digests = protocol.Cursor(), set[str]()
    headers = {"Authorization": f"Bearer {till.token}"}
    while True:
        asked = {"epoch": cursor.epoch, "after": cursor.seq, "chain": cursor.chain, "wait": 0}
        reply = httpx.get(url + protocol.EVENTS_PATH + till.stream, params=asked, headers=headers).raise_for_status()
        frames = protocol.decode_frames(reply.content)
        assert isinstance(frames[0], protocol.Welcome)
        cursor = protocol.Cursor(frames[0].streams[0].epoch, cursor.seq, cursor.chain)
        events = [frame for frame in frames if isinstance(frame, protocol.Event)]
        for event in events:
            assert event.follows(cursor)
            cursor = protocol.Cursor(cursor.epoch, event.seq, event.chain)
            digests.add(event.body_sha256)
            if event.raw is not None:
                assert sha256(b64decode(event.raw)).hexdigest() == event.body_sha256
        if not events:
            return digests


@pytest.mark.timeout(3600 if FULL else 300)
async def test_a_process_lives_through_whatever_comes_over_its_sockets(start_relay: Any, rng: random.Random) -> None:
    relay = start_relay("--log-level", "error")
    relay.add_shop("Duka")
    till = relay.pair("Duka")
    sender = Sender(till, rng)
    for _ in range(REQUESTS // AT_ONCE):
        await asyncio.gather(*(sender.whole() if rng.random() < 0.5 else sender.broken() for _ in range(AT_ONCE)))
    assert sender.accepted <= follow(till, relay.url)
    assert relay.process.poll() is None
    code, logged = await asyncio.to_thread(relay.end)
    assert code == 0
    # The server says of each that it is no HTTP, whatever it is told to say.
    assert set(re.findall(r"(?:WARNING|ERROR|CRITICAL) (\S+)", logged)) <= {"uvicorn.error"}
    assert re.search("ERROR|Traceback", logged) is None
