"""Another client of the relay: has every event of a shop's log exactly once, whatever is killed or restored.

`python client.py https://relay.example.com XXXX-XXXX shop.db` pairs with the code at its first start, then follows.
"""

import asyncio
import hashlib
import json
import random
import secrets
import sqlite3
import sys
import time
from typing import Any

import httpx
from websockets import Subprotocol
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

SCHEMA = """
    CREATE TABLE IF NOT EXISTS till (one INTEGER PRIMARY KEY, device TEXT, token TEXT, stream TEXT,
        epoch TEXT DEFAULT '', seq INTEGER DEFAULT 0, chain TEXT DEFAULT '00000000000000000000000000000000');
    CREATE TABLE IF NOT EXISTS event (key TEXT, body_sha256 TEXT, trust TEXT, kind TEXT, body TEXT,
        UNIQUE (key, body_sha256, trust));
"""


class AgainError(Exception):
    """Connect again, from the cursor; after a time between the two seconds, where there are any."""


def paired(url: str, code: str, path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    db.executescript(SCHEMA)
    with db:  # the device first: should the answer be lost, the next code makes it the same till
        db.execute("INSERT OR IGNORE INTO till (one, device) VALUES (1, ?)", [secrets.token_hex(16)])
    if till(db)["token"] is None:
        said = {"code": code, "name": "client.py", "device": till(db)["device"]}
        with db:
            answer = httpx.post(f"{url}/v1/pair", json=said).raise_for_status().json()
            db.execute("UPDATE till SET token = :token, stream = :stream", answer)
    return db


def till(db: sqlite3.Connection) -> dict[str, Any]:
    return dict(db.execute("SELECT * FROM till").fetchone())


def take(db: sqlite3.Connection, frame: dict[str, Any]) -> None:
    """What it says and the cursor behind it, in one transaction: both are on disk, or neither."""
    with db:
        if frame["t"] == "welcome" and frame["streams"][0]["ok"]:
            db.execute("UPDATE till SET epoch = :epoch WHERE epoch = ''", frame["streams"][0])
        elif frame["t"] == "reset":  # another log: again from its floor, and what is here already is not taken twice
            db.execute("UPDATE till SET epoch = :epoch, seq = :floor, chain = :chain", frame)
        elif frame["t"] == "skip":
            db.execute("UPDATE till SET seq = :to, chain = :chain", frame)
        elif frame["t"] == "event":
            line = f"{till(db)['chain']}\n{till(db)['seq'] + 1}\n{frame['key']}\n{frame['body_sha256']}"
            if hashlib.sha256(line.encode()).hexdigest()[:32] != frame["chain"]:
                raise AgainError  # a gap, or another log
            kept = frame | {"body": frame.get("raw") or json.dumps(frame["body"])}  # your own work belongs here, too
            db.execute("INSERT OR IGNORE INTO event VALUES (:key, :body_sha256, :trust, :kind, :body)", kept)
            db.execute("UPDATE till SET seq = :seq, chain = :chain", frame)
        elif frame["t"] == "bye":
            raise AgainError(*frame["retry_in"])


async def follow(db: sqlite3.Connection, url: str, headers: dict[str, str]) -> None:
    feed, protocols = url.replace("http", "ws", 1) + "/v1/connect", [Subprotocol("tillrelay.v1")]
    async with connect(feed, subprotocols=protocols, additional_headers=headers, max_size=2**18) as socket:
        cursor = {name: till(db)[name] for name in ("epoch", "seq", "chain")}
        await socket.send(json.dumps({"t": "hello", "v": 1, "streams": [{"s": till(db)["stream"], **cursor}]}))
        acked, heard, due = cursor["seq"], time.monotonic(), 100
        while time.monotonic() - heard < 60:  # the relay says something every 25 seconds; silence is a dead line
            try:
                take(db, json.loads(await asyncio.wait_for(socket.recv(), 1)))
                heard, due = time.monotonic(), 100
            except TimeoutError:
                due = 1  # a quiet second: acknowledge whatever there is
            if till(db)["seq"] >= acked + due:
                acked = till(db)["seq"]
                await socket.send(json.dumps({"t": "ack", "s": till(db)["stream"], "seq": acked}))


async def poll(db: sqlite3.Connection, url: str, headers: dict[str, str]) -> None:
    """For networks that break websockets: the same frames, some minutes long; then the websocket is tried again."""
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        for _ in range(12):
            cursor = {"epoch": till(db)["epoch"], "after": till(db)["seq"], "chain": till(db)["chain"], "wait": 25}
            reply = await http.get(f"{url}/v1/events/{till(db)['stream']}", params=cursor)
            if reply.status_code in {401, 403, 404} and '"error"' in reply.text:
                sys.exit(f"the relay refuses this till: {reply.text}")
            for frame in reply.raise_for_status().json():
                take(db, frame)


async def run(url: str, code: str, path: str) -> None:
    db, failures = paired(url, code, path), 0
    headers = {"Authorization": f"Bearer {till(db)['token']}"}
    while True:
        began, pause = time.monotonic(), (0, 2 ** min(failures, 6))
        try:
            await (poll if failures % 3 == 2 else follow)(db, url, headers)
        except AgainError as again:
            pause = again.args or pause
        except ConnectionClosed as closed:
            if closed.rcvd and 4500 <= closed.rcvd.code <= 4999:
                sys.exit(f"the relay closed with {closed.rcvd.code}: this needs a person")
        except (OSError, ValueError, WebSocketException, httpx.HTTPError):
            pass  # whatever it was, the cursor knows where to go on
        failures = 0 if time.monotonic() - began > 60 else failures + 1
        await asyncio.sleep(random.uniform(*pause))  # noqa: S311 — so that tills do not come back all at once


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
