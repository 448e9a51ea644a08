"""Frames of any content on a till's websocket: left alone, or closed with a stated code; the relay never fails."""

import json
import logging
import os
import random
from typing import Any

import pytest
from mutations import Mutator

from relay import protocol
from relay.log import Head
from relay.protocol import CaughtUp, PairResponse

pytestmark = pytest.mark.anyio

FULL = os.environ.get("TILL_TEST_FULL") == "1"
SOCKETS = 20_000 if FULL else 150
STATED = {
    protocol.CLOSE_HELLO_TIMEOUT,
    protocol.CLOSE_BAD_FRAME,
    protocol.CLOSE_REPLACED,
    protocol.CLOSE_NO_SUCH_STREAM,
    protocol.CLOSE_UPGRADE_REQUIRED,
}


@pytest.fixture
def rng() -> random.Random:
    seed = int(os.environ.get("TILL_TEST_SEED") or random.SystemRandom().randrange(2**31))
    print(f"seed {seed}: TILL_TEST_SEED={seed} plays it again")  # noqa: T201
    return random.Random(seed)


def frames(till: PairResponse, head: Head) -> list[Any]:
    cursor = {"s": till.stream, "epoch": head.epoch, "seq": head.seq, "chain": head.chain}
    return [
        {"t": "hello", "v": 1, "app": "x", "streams": [cursor], "caps": ["validate"]},
        {"t": "hello", "streams": [{"s": till.stream}]},
        {"t": "ack", "s": till.stream, "seq": 1},
        {"t": "verdict", "id": "q1", "code": "0"},
        {"t": "other", "s": till.stream},
    ]


@pytest.mark.timeout(3600 if FULL else 300)
async def test_no_frame_makes_the_relay_fail(
    bench: Any, till: PairResponse, bodies: Any, rng: random.Random, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    for number in range(3):
        await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b(f"UJE{number}"))
    shapes = frames(till, await bench.relay._log.head(till.stream))
    mutator = Mutator(rng, shapes)
    for _ in range(SOCKETS):
        socket = bench.socket(till.token)
        await socket.raw()
        if rng.random() < 0.5:
            socket.say_text(json.dumps(shapes[1]))
        for _ in range(rng.randrange(4)):
            said = mutator.body()
            if rng.random() < 0.9:
                socket.say_text(said.decode("utf-8", "replace"))
            else:
                socket.say_bytes(said)
        socket.say_text("no frame")
        assert await socket.until_closed() in STATED
        bench.sockets.remove(socket)
        await socket.task
    assert caplog.records == []
    socket = await bench.connect(till)
    assert [frame.seq for frame in await socket.until(CaughtUp) if isinstance(frame, protocol.Event)] == [1, 2, 3]
