"""Many tills, or bare websockets, that come, stay, and come again when they are told to.

Asked by one line of JSON; answers one JSON line of the seconds until all were there, then again for each line it reads.
"""

import asyncio
import json
import resource
import sys
import time
from typing import Any, Self

import uvloop
from wire import Socket

from relay.protocol import SUBPROTOCOL, CaughtUp, Hello, StreamCursor, decode_from_relay, encode


class Comer:
    def __init__(self) -> None:
        self.there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.socket: Any = None

    @classmethod
    async def come(cls, host: str, port: int, who: dict[str, str]) -> Self:
        made = cls()
        token = who.get("token", "")
        made.socket = await Socket.connect(
            made.heard, host, port, who["path"], token=token, protocol=SUBPROTOCOL if token else ""
        )
        made.socket.send(encode(Hello([StreamCursor(who.get("stream", ""))])))
        await made.there
        return made

    def heard(self, text: bytes) -> None:
        """A till has caught up; a bare one hears its own words."""
        if not self.there.done() and (
            text.startswith(b'{"t":"hello"') or isinstance(decode_from_relay(text), CaughtUp)
        ):
            self.there.set_result(None)


async def all_come(spec: dict[str, Any]) -> list[Comer]:
    door = asyncio.Semaphore(spec["at_once"])

    async def one(who: dict[str, str]) -> Comer:
        async with door:
            return await Comer.come(spec["host"], spec["port"], who)

    return await asyncio.gather(*(one(who) for who in spec["who"]))


async def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    spec = json.loads(sys.stdin.readline())
    word, here = "first", list[Comer]()
    while word != "go":
        for comer in here:
            comer.socket.close()
        begun = time.perf_counter()
        here = await all_come(spec)
        tell(time.perf_counter() - begun)
        word = (await asyncio.to_thread(sys.stdin.readline)).strip()
    for comer in here:
        comer.socket.close()
    await asyncio.gather(*(comer.socket.closed for comer in here))
    tell(0.0)


def tell(seconds: float) -> None:
    sys.stdout.write(json.dumps({"seconds": seconds}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
