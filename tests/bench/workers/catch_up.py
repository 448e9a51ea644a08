"""Ours of P11: a till that has been away follows the relay until it has caught up, on the till's own loop.

Asked by one line of JSON; answers one JSON line of seconds: with the network, and for the same frames without it.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from tills import access_of
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from pos_app.relay_link.client import RelayLink
from pos_app.relay_link.delivery import LinkStatus
from pos_app.relay_link.follower import Follower
from pos_app.services.callbacks import Callbacks
from pos_app.services.changes import Changes
from pos_app.store.database import Database
from pos_app.ui import event_loop
from relay.protocol import (
    CONNECT_PATH,
    SUBPROTOCOL,
    Ack,
    CaughtUp,
    FromRelay,
    Hello,
    StreamCursor,
    decode_from_relay,
    encode,
)

_BATCH = 256


async def measured(spec: dict[str, Any]) -> dict[str, float]:
    access = access_of("http://127.0.0.1:9", spec["till"])
    frames = await _frames(spec["till"])
    return {
        "whole": await _followed(access_of("http://127.0.0.1:9", spec["till"]), Path(spec["folder"]) / "whole.db"),
        "applied": await _applied(frames, access.pairing.stream, Path(spec["folder"]) / "applied.db"),
        "events": len(frames),
    }


async def _followed(access: Any, path: Path) -> float:
    live = asyncio.Event()
    database, listener = await _listener(access.pairing.stream, path, live)
    async with httpx.AsyncClient(trust_env=False) as http:
        begun = time.perf_counter()
        link = asyncio.create_task(RelayLink(access.pairing, listener, lambda: http).run())
        await live.wait()
        took = time.perf_counter() - begun
        link.cancel()
        await asyncio.wait({link})
    await database.close()
    return took


async def _applied(frames: list[FromRelay], stream: str, path: Path) -> float:
    database, listener = await _listener(stream, path, asyncio.Event())
    follower = Follower(stream, await listener.cursor(), listener)
    begun = time.perf_counter()
    for at in range(0, len(frames), _BATCH):
        await follower.take(frames[at : at + _BATCH])
    took = time.perf_counter() - begun
    await database.close()
    return took


async def _listener(stream: str, path: Path, live: asyncio.Event) -> tuple[Database, Callbacks]:
    from tills import ACCOUNT

    def status(status: LinkStatus) -> None:
        if status is LinkStatus.LIVE:
            live.set()

    database = Database(path)
    await database.open()
    return database, Callbacks(
        database,
        Changes(),
        ACCOUNT,
        stream,
        till_id="till_1",
        till_code="T1",
        check=lambda _id: None,
        on_status=status,
    )


async def _frames(till: dict[str, Any]) -> list[FromRelay]:
    """Everything the relay says up to `caught_up`, read bare."""
    frames: list[FromRelay] = []
    async with connect(
        till["url"].replace("http", "ws", 1) + CONNECT_PATH,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers={"Authorization": f"Bearer {till['token']}"},
        compression=None,
        proxy=None,
    ) as socket:
        await socket.send(encode(Hello([StreamCursor(till["stream"])])), text=True)
        while not (frames and isinstance(frames[-1], CaughtUp)):
            frame = decode_from_relay(await socket.recv())
            assert frame is not None
            frames.append(frame)
            if len(frames) % 200 == 0:
                await socket.send(encode(Ack(till["stream"], len(frames) - 2)), text=True)
    return frames


if __name__ == "__main__":
    asked, said = json.loads(sys.stdin.readline()), dict[str, float]()

    async def main(_app: event_loop.App, _stop: asyncio.Event) -> int:
        said.update(await measured(asked))
        return 0

    event_loop.run(main, sys.argv[:1])
    sys.stdout.write(json.dumps(said) + "\n")
