"""The floor of ingest: raw ASGI and a group commit, nothing else; with `--batch 1`, a commit per request.

One table, an id that may occur once, one thread that commits whatever waits as one statement (performance.md, 1 and 2).
No dedupe, no order, no chain, no nonce, no reading of anything but the id.
"""

import argparse
import asyncio
import os
import sqlite3
import threading
from queue import Empty, SimpleQueue

import serving
from front import Front

_CHECKPOINT_BYTES = 4 * 1024 * 1024
Waiting = tuple[str, str, "asyncio.Future[None]"]


def connected(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for setting in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    return connection


class Floor:
    def __init__(self, path: str, batch: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._batch = batch
        self._path = path
        self._connection = connected(path)
        self._connection.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, body TEXT)")
        self._queue: SimpleQueue[Waiting] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()
        threading.Thread(target=self._checkpoint, daemon=True).start()

    def store(self, identity: str, body: bytes) -> "asyncio.Future[None]":
        durable: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((identity, body.decode(), durable))
        return durable

    def _run(self) -> None:
        while True:
            waiting = [self._queue.get()]
            try:
                while len(waiting) < self._batch:
                    waiting.append(self._queue.get_nowait())
            except Empty:
                pass
            rows = ", ".join(["(?, ?)"] * len(waiting))
            flat = [text for identity, body, _ in waiting for text in (identity, body)]
            self._connection.execute(f"INSERT INTO event (id, body) VALUES {rows}", flat)
            self._loop.call_soon_threadsafe(_publish, waiting)

    def _checkpoint(self) -> None:
        connection, pause = connected(self._path), threading.Event()
        while not pause.wait(0.5):
            if os.path.getsize(f"{self._path}-wal") > _CHECKPOINT_BYTES:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _publish(waiting: list[Waiting]) -> None:
    for _, _, durable in waiting:
        durable.set_result(None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True)
    parser.add_argument("--batch", type=int, default=256)
    given = parser.parse_args()
    serving.run(lambda: Front(Floor(given.store, given.batch).store))
