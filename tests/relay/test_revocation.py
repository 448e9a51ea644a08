"""A revoked till is out within seconds, wherever it was; and what tills and callers say is in no log."""

import asyncio
import json
import logging
import time
from typing import Any

import httpx
import pytest
import websockets
from sqlalchemy.exc import OperationalError
from websockets.asyncio.client import ClientConnection, connect

from relay import protocol
from relay.manual.routes import ROUTES, TILL
from relay.protocol import Hello, PairResponse, StreamCursor

pytestmark = pytest.mark.anyio

OUT_SECONDS = 5.0


def headers(till: PairResponse) -> dict[str, str]:
    return {"Authorization": f"Bearer {till.token}"}


async def open_feed(relay: Any, till: PairResponse) -> ClientConnection:
    url = relay.url.replace("http", "ws") + protocol.CONNECT_PATH
    protocols = [websockets.Subprotocol(protocol.SUBPROTOCOL)]
    socket = await connect(url, subprotocols=protocols, additional_headers=headers(till), proxy=None)
    await socket.send(protocol.encode(Hello([StreamCursor(till.stream)])).decode())
    return socket


async def closed_with(socket: ClientConnection) -> int:
    await asyncio.wait_for(socket.wait_closed(), 20)
    assert socket.close_code is not None
    return socket.close_code


async def test_a_revoked_till_is_out_of_every_path_within_five_seconds(start_relay: Any, relay_command: Any) -> None:
    relay = start_relay()
    relay.add_shop("Duka")
    gone, stays = relay.pair("Duka", "gone"), relay.pair("Duka", "stays")
    events = relay.url + protocol.EVENTS_PATH + gone.stream
    async with httpx.AsyncClient(timeout=60) as client:
        polls = [asyncio.create_task(client.get(events + "?wait=50", headers=headers(till))) for till in (gone, stays)]
        sockets = [await open_feed(relay, till) for till in (gone, stays)]
        for socket in sockets:
            await socket.recv()
        assert (await asyncio.to_thread(relay_command, "till", "revoke", gone.till_id)).returncode == 0
        revoked_at = time.monotonic()
        for route in ROUTES:
            if route.who == TILL:
                url = relay.url + route.path.replace("{stream}", gone.stream)
                assert (await client.request(route.method, url, headers=headers(gone))).status_code == 403
        assert await closed_with(sockets[0]) == protocol.CLOSE_REVOKED
        assert await closed_with(await open_feed(relay, gone)) == protocol.CLOSE_REVOKED
        assert (await polls[0]).json() == {"error": "revoked"}
        assert time.monotonic() - revoked_at < OUT_SECONDS
        assert not polls[1].done()
        assert (await client.get(relay.url + protocol.RULES_PATH, headers=headers(stays))).status_code == 200
        polls[1].cancel()
        await sockets[1].close()


CANARY = "CANARY254712345678"
SAID = {
    "code": CANARY,
    "name": CANARY,
    "device": CANARY,
    "till_code": CANARY,
    "receipt": CANARY,
    "sale": CANARY,
    "cashier": CANARY,
    "nonce": CANARY,
    "generation": 1,
    "reason": CANARY,
    "short_code": CANARY,
    "rows": [CANARY, {"transactionId": CANARY, "msisdn": CANARY}],
    "key": CANARY,
    "body_sha256": CANARY,
    "seq": 1,
    "mac": CANARY,
    "references": [CANARY],
    "TransID": CANARY,
    "TransAmount": CANARY,
    "BillRefNumber": CANARY,
    "MSISDN": CANARY,
}
BODIES = [
    json.dumps(SAID).encode(),
    json.dumps({**SAID, "device": "ab" * 16}).encode(),
    json.dumps({"Result": SAID, "Body": {"stkCallback": SAID}}).encode(),
    json.dumps({"references": [CANARY], "default": CANARY}).encode(),
    f"<{CANARY}>".encode(),
]


async def say_it_everywhere(bench: Any, till: PairResponse) -> None:
    """In paths, queries, headers and bodies; as nobody, as a till, and as Safaricom."""
    for route in ROUTES:
        for key, stream, token in (
            (till.callback_base.rpartition("/")[2], till.stream, till.token),
            (CANARY, CANARY, CANARY),
        ):
            filled = route.path.replace("{key}", key).replace("{stream}", stream).replace("{nonce}", CANARY)
            said = {"Authorization": f"Bearer {token}", "BusinessShortCode": CANARY, "User-Agent": CANARY}
            for body in BODIES:
                path = f"{filled}?epoch={CANARY}&after=0&chain={CANARY}&wait=0"
                await bench.request(route.method, path, body, headers=said, client="203.0.113.9")
    for path in (f"/{CANARY}", f"/v1/{CANARY}", f"/h/{CANARY}", f"/v1/events/{CANARY}/{CANARY}"):
        await bench.request("GET", path, headers={"Authorization": f"Bearer {till.token}"})


async def connect_with_it(bench: Any, till: PairResponse) -> None:
    for token, frame in (
        (CANARY, ""),
        (till.token, f'{{"t":"hello","streams":[{{"s":"{CANARY}"}}]}}'),
        (till.token, f'{{"t":"{CANARY}"}}'),
        (till.token, f'{{"t":"hello","streams":[{{"s":"{till.stream}","epoch":"{CANARY}","seq":"{CANARY}"}}]}}'),
    ):
        socket = bench.socket(token)
        if frame:
            socket.say_text(frame)
            socket.say_text(CANARY)
        await socket.until_closed()


async def test_nothing_that_anybody_says_is_in_the_log(
    bench: Any, till: PairResponse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OperationalError(CANARY, {"said": CANARY}, Exception(CANARY))

    caplog.set_level(logging.DEBUG)
    await say_it_everywhere(bench, till)
    await connect_with_it(bench, till)
    with monkeypatch.context() as broken:
        broken.setattr("relay.stores.directory.shop_by_key_hash", fails)
        broken.setattr("relay.stores.directory.credentials", fails)
        broken.setattr("relay.stores.directory.pair", fails)
        broken.setattr("relay.stores.sqlite_batch.write", fails)
        await say_it_everywhere(bench, till)
    assert len(caplog.records) > 50
    secret = [CANARY, till.token, till.nonce_key, till.callback_base.rpartition("/")[2]]
    assert [record.getMessage() for record in caplog.records if any(one in record.getMessage() for one in secret)] == []
    assert [one for one in secret if one in caplog.text] == []
