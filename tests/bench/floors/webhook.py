"""What P3 compares with: one durable hop from the front to a server that others would take.

No dedupe but the server's own, no order, no chain, no reading of anything but the id.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import serving
from front import Front, Store

_TABLE = "CREATE TABLE event (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text UNIQUE, body text)"
_MOST = 256
Messages = list[tuple[str, bytes]]


class Grouped:
    """Stores together whatever waits, one group after the other."""

    def __init__(self, store_all: Callable[[Messages], Awaitable[object]]) -> None:
        self._store_all = store_all
        self._waiting: list[tuple[str, bytes, asyncio.Future[None]]] = []
        self._storing: asyncio.Task[None] | None = None

    def __call__(self, identity: str, body: bytes) -> "asyncio.Future[None]":
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((identity, body, durable))
        if self._storing is None:
            self._storing = asyncio.create_task(self._run())
        return durable

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            await self._store_all([(identity, body) for identity, body, _ in group])
            for _, _, durable in group:
                durable.set_result(None)
        self._storing = None


async def jetstream(address: str) -> Store:
    import nats

    stream = (await nats.connect(address)).jetstream()
    await stream.add_stream(name="callbacks", subjects=["callbacks"])
    return lambda identity, body: stream.publish("callbacks", body, headers={"Nats-Msg-Id": identity})


async def insert_each(address: str) -> Store:
    pool = await _pool(address, 32)
    return lambda identity, body: pool.execute("INSERT INTO event (id, body) VALUES ($1, $2)", identity, body.decode())


async def insert_grouped(address: str) -> Store:
    pool = await _pool(address, 1)

    async def store_all(group: Messages) -> None:
        columns = [identity for identity, _ in group], [body.decode() for _, body in group]
        await pool.execute("INSERT INTO event (id, body) SELECT * FROM unnest($1::text[], $2::text[])", *columns)

    return Grouped(store_all)


async def redis_pipelined(address: str) -> Store:
    import redis.asyncio

    client = redis.asyncio.Redis(unix_socket_path=address)

    async def store_all(group: Messages) -> None:
        pipeline = client.pipeline(transaction=False)
        for identity, body in group:
            pipeline.xadd("callbacks", {"id": identity, "body": body})
        await pipeline.execute()

    return Grouped(store_all)


async def _pool(address: str, size: int) -> Any:
    import asyncpg  # type: ignore[import-untyped]  # it ships none

    pool = await asyncpg.create_pool(address, min_size=size, max_size=size)
    await pool.execute(_TABLE)
    return pool


HOPS = {"jetstream": jetstream, "insert": insert_each, "unnest": insert_grouped, "redis": redis_pipelined}


async def main(hop: str, address: str) -> None:
    await serving.serve(Front(await HOPS[hop](address)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("hop", choices=HOPS)
    parser.add_argument("address")
    given = parser.parse_args()
    serving.looped(main(given.hop, given.address))
