"""One client that measures: websocket echoes, callbacks until their frame or answer, or when it posted at a pace.

Asked by one line of JSON; answers one JSON line of microseconds, or of monotonic nanoseconds for posts.
It must not know which server it talks to.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from itertools import islice
from typing import Any, Self

import uvloop
from msgspec import Raw
from shops import Shop, callbacks
from wire import Socket, posted

from relay.protocol import (
    GENESIS,
    SUBPROTOCOL,
    TRUSTED,
    Ack,
    CaughtUp,
    Event,
    Hello,
    StreamCursor,
    decode_from_relay,
    encode,
)

_PAYLOAD = b"x" * 600
_CONNECTIONS = 32
_AT = "2026-10-14T12:30:15.000Z"


class Rounds:
    """Each turn waits until it was told as often as it says."""

    def __init__(self) -> None:
        self._left = 0
        self._waiting: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def told(self, _text: bytes = b"") -> None:
        self._left -= 1
        if not self._left:
            self._waiting.set_result(time.perf_counter())

    def again(self, times: int = 1) -> "asyncio.Future[float]":
        self._left, self._waiting = times, asyncio.get_running_loop().create_future()
        return self._waiting


async def _echoes(spec: dict[str, Any]) -> list[float]:
    rounds, took = Rounds(), []
    socket = await Socket.connect(rounds.told, spec["host"], spec["port"], "/echo")
    pace = 1 / spec["pace"] if spec.get("pace") else 0.0
    due = time.perf_counter()
    for _ in range(spec["count"]):
        due += pace
        if pace:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        begun, waiting = time.perf_counter(), rounds.again()
        socket.send(_PAYLOAD)
        took.append((await waiting - begun) * 1e6)
    socket.close()
    return took


async def _frames(spec: dict[str, Any]) -> list[float]:
    """A callback is posted when every till has the frame of the one before; the answer to the POST is awaited too."""
    shop, rounds, took = Shop(**spec["shop"]), Rounds(), []
    tills = [await _Till.connected(where, shop, rounds.told) for where in spec["tills"]]
    _, post = await posted(spec["tills"][0]["host"], spec["tills"][0]["port"])
    for request in islice(callbacks([shop], spec["seed"]), spec["count"]):
        waiting = rounds.again(len(tills))
        begun = time.perf_counter()
        answered = post(request)
        took.append((await waiting - begun) * 1e6)
        if not await answered:
            raise RuntimeError("a callback was not answered with 200")
    return took


async def _broadcasts(spec: dict[str, Any]) -> list[float]:
    """One client says what a callback's frame would be, and all read it as tills do."""
    rounds, took = Rounds(), []

    def heard(text: bytes) -> None:
        if isinstance(decode_from_relay(text), Event):
            rounds.told()

    sockets = [await Socket.connect(heard, spec["host"], spec["port"], "/") for _ in range(spec["clients"])]
    body = next(callbacks([Shop("0" * 32, "0" * 32, "")], 1)).partition(b"\r\n\r\n")[2].strip()
    frame = encode(
        Event("st", 1, GENESIS, "stk", "k" * 60, TRUSTED, "daraja", _AT, "0" * 64, "UJE7K2M9QX", body=Raw(body))
    )
    for _ in range(spec["count"]):
        begun, waiting = time.perf_counter(), rounds.again(len(sockets))
        sockets[0].send(frame)
        took.append((await waiting - begun) * 1e6)
    return took


async def _answers(spec: dict[str, Any]) -> list[float]:
    """From when each was to be posted, at the pace, to its answer."""
    posts = [(await posted(spec["host"], spec["port"]))[1] for _ in range(_CONNECTIONS)]
    begun, pace = time.perf_counter(), spec["pace"]

    async def one(at: int, request: bytes) -> float:
        due = begun + at / pace
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if not await posts[at % _CONNECTIONS](request):
            raise RuntimeError("a callback was not answered with 200")
        return (time.perf_counter() - due) * 1e6

    requests = islice(callbacks([Shop(**spec["shop"])], spec["seed"]), spec["count"])
    return await asyncio.gather(*(one(at, request) for at, request in enumerate(requests)))


class _Till:
    """Reads from the start of the log, and tells of each event once it has caught up."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self.live: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.socket: Socket | None = None

    @classmethod
    async def connected(cls, where: dict[str, Any], shop: Shop, told: Callable[[], None]) -> Self:
        till = cls(told)
        till.socket = await Socket.connect(
            till.heard, where["host"], where["port"], where["path"], token=where["token"], protocol=SUBPROTOCOL
        )
        till.socket.send(encode(Hello([StreamCursor(shop.stream)])))
        await till.live
        return till

    def heard(self, text: bytes) -> None:
        frame = decode_from_relay(text)
        if isinstance(frame, Event):
            if self.live.done():
                self._told()
            if frame.seq % 100 == 0 and self.socket is not None:
                self.socket.send(encode(Ack(frame.s, frame.seq)))
        elif isinstance(frame, CaughtUp) and not self.live.done():
            self.live.set_result(None)


async def _posts(spec: dict[str, Any]) -> list[float]:
    """When each was sent, as monotonic nanoseconds: at a pace, whether or not the one before was answered."""
    posts = [(await posted(spec["host"], spec["port"]))[1] for _ in range(_CONNECTIONS)]
    sent, answers = [], list[asyncio.Future[bool]]()
    for at, request in enumerate(spec["requests"]):
        due_ns = spec["start_ns"] + at * 1_000_000_000 // spec["pace"]
        await asyncio.sleep(max(0.0, (due_ns - time.monotonic_ns()) / 1e9))
        if at >= _CONNECTIONS:
            await answers[at - _CONNECTIONS]
        sent.append(float(time.monotonic_ns()))
        answers.append(posts[at % _CONNECTIONS](request.encode()))
    if not all(await asyncio.gather(*answers)):
        raise RuntimeError("a callback was not answered with 200")
    return sent


_WHAT = {"echo": _echoes, "frames": _frames, "broadcast": _broadcasts, "answers": _answers, "post": _posts}

if __name__ == "__main__":
    asked = json.loads(sys.stdin.readline())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(json.dumps(runner.run(_WHAT[asked["what"]](asked))) + "\n")
