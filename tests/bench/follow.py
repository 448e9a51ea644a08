"""One client that measures latencies, in a process of its own: websocket echoes, or callbacks until their frame.

Asked by one JSON argument; answers one JSON line of microseconds. It must not know which server it talks to.
"""

import asyncio
import json
import sys
import time
from itertools import islice
from typing import Any

import uvloop
from figures import percentile
from machine import CLIENT_CORE, HERE, Bench, Child
from shops import Shop, callbacks
from wire import Socket, posted

from relay.protocol import SUBPROTOCOL, Ack, CaughtUp, Event, Hello, StreamCursor, decode_from_relay, encode

_PAYLOAD = b"x" * 600


class Following:
    """Runs beside whatever else is measured."""

    def __init__(self, bench: Bench, spec: dict[str, Any], core: int | None = CLIENT_CORE) -> None:
        self._child = Child([str(HERE / "follow.py"), json.dumps(spec)], bench.log, core)

    def took_us(self) -> list[float]:
        """One for each; waits for the end."""
        with self._child as child:
            return [float(one) for one in child.answer()]

    def p99_ms(self) -> float:
        return percentile(self.took_us(), 0.99) / 1000


class Rounds:
    """`told` by what comes; each turn waits for one telling."""

    def __init__(self) -> None:
        self.waiting: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def told(self, _text: bytes = b"") -> None:
        if not self.waiting.done():
            self.waiting.set_result(time.perf_counter())

    def again(self) -> "asyncio.Future[float]":
        self.waiting = asyncio.get_running_loop().create_future()
        return self.waiting


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
    """A callback is posted when the frame of the one before has come; the answer to the POST is awaited as well."""
    live, rounds, took = asyncio.get_running_loop().create_future(), Rounds(), []

    def heard(text: bytes) -> None:
        frame = decode_from_relay(text)
        if isinstance(frame, Event):
            rounds.told()
            if frame.seq % 100 == 0:
                socket.send(encode(Ack(frame.s, frame.seq)))
        elif isinstance(frame, CaughtUp) and not live.done():
            live.set_result(None)

    where = spec["till"]
    socket = await Socket.connect(
        heard, where["host"], where["port"], where["path"], token=where["token"], protocol=SUBPROTOCOL
    )
    shop = Shop(**spec["shop"])
    socket.send(encode(Hello([StreamCursor(shop.stream)])))
    await live
    _, post = await posted(where["host"], where["port"])
    for request in islice(callbacks([shop], spec["seed"]), spec["count"]):
        waiting = rounds.again()
        begun = time.perf_counter()
        answered = post(request)
        took.append((await waiting - begun) * 1e6)
        if not await answered:
            raise RuntimeError("a callback was not answered with 200")
    socket.close()
    return took


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(json.dumps(runner.run((_echoes if asked["what"] == "echo" else _frames)(asked))) + "\n")
