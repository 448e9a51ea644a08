"""Many tills that come back as the product's do, each by itself: at once, then after pauses of full jitter, or as told.

Asked by one line of JSON. Answers a line once all are there. For each line that it reads it answers at once, and again
when every till has gone and all are there: how often one was not let in.
"""

import asyncio
import json
import random
import resource
import sys
from typing import Any

import uvloop
from wire import RefusedError, Socket

from relay.protocol import SUBPROTOCOL, Bye, CaughtUp, Hello, StreamCursor, decode_from_relay, encode

_LONGEST_PAUSE_SECONDS = 60.0


class Till:
    def __init__(self, crowd: "Crowd", who: dict[str, str]) -> None:
        self._crowd, self._who = crowd, who
        self._retry_in: tuple[float, float] | None = None
        self._there = False

    async def follow(self) -> None:
        failures = 0
        while True:
            self._retry_in = None
            try:
                await self._once()
            except RefusedError as refused:
                self._crowd.refused += 1
                self._retry_in = refused.retry_in
            except OSError:
                self._crowd.refused += 1
            failures = 0 if self._there else failures + 1
            if self._there:
                self._there = False
                self._crowd.lost(self)
            await asyncio.sleep(self._pause(failures))

    async def _once(self) -> None:
        spec = self._crowd.spec
        socket = await Socket.connect(
            self._heard, spec["host"], spec["port"], self._who["path"], token=self._who["token"], protocol=SUBPROTOCOL
        )
        socket.send(encode(Hello([StreamCursor(self._who["stream"])])))
        await socket.closed

    def _heard(self, text: bytes) -> None:
        frame = decode_from_relay(text)
        if isinstance(frame, CaughtUp) and not self._there:
            self._there = True
            self._crowd.came(self)
        elif isinstance(frame, Bye):
            self._retry_in = frame.retry_in

    def _pause(self, failures: int) -> float:
        if self._retry_in is not None:
            return random.uniform(*self._retry_in)
        return random.uniform(0, min(_LONGEST_PAUSE_SECONDS, 0.5 * 2**failures))


class Crowd:
    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self._there: set[Till] = set()
        self._unmoved: set[Till] = set()
        self.refused = 0
        self._all_there = asyncio.Event()

    async def run(self) -> None:
        tills = [Till(self, who) for who in self.spec["who"]]
        following = [asyncio.create_task(till.follow()) for till in tills]
        await self._all_there.wait()
        self._tell()
        while await asyncio.to_thread(sys.stdin.readline):
            self._unmoved, self.refused = set(tills), 0
            self._all_there.clear()
            self._tell()
            await self._all_there.wait()
            self._tell()
        for task in following:
            task.cancel()

    def came(self, till: Till) -> None:
        self._there.add(till)
        if len(self._there) == len(self.spec["who"]) and not self._unmoved:
            self._all_there.set()

    def lost(self, till: Till) -> None:
        self._there.discard(till)
        self._unmoved.discard(till)

    def _tell(self) -> None:
        sys.stdout.write(json.dumps({"refused": self.refused}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Crowd(json.loads(sys.stdin.readline())).run())
