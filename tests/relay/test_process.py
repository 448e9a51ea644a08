"""The relay as a process: its command line, its end, and kill -9 under load."""

import asyncio
import json
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from relay import protocol
from relay.__main__ import main
from relay.protocol import Ack, CaughtUp, Cursor, Event, Hello, PairRequest, PairResponse, StreamCursor, make_nonce

pytestmark = pytest.mark.anyio

FULL = os.environ.get("TILL_TEST_FULL") == "1"
KILLS = 8 if FULL else 4
FRESH = Cursor()
SENDERS = 32


def pair(relay: Any, relay_command: Callable[..., Any], shop: str = "Duka", store: Path | None = None) -> PairResponse:
    invited = relay_command("till", "invite", "--shop", shop, "--json", store=store)
    request = protocol.encode(PairRequest(json.loads(invited.stdout)["code"], "till one", secrets.token_hex(16)))
    return protocol.decode_pair_response(
        httpx.post(relay.url + protocol.PAIR_PATH, content=request).raise_for_status().content
    )


async def open_feed(relay: Any, till: PairResponse, cursor: Cursor = FRESH) -> ClientConnection:
    socket = await connect(
        relay.url.replace("http", "ws") + protocol.CONNECT_PATH,
        subprotocols=[websockets.Subprotocol(protocol.SUBPROTOCOL)],
        additional_headers={"Authorization": f"Bearer {till.token}"},
        compression=None,
        proxy=None,
    )
    await socket.send(
        protocol.encode(Hello([StreamCursor(till.stream, cursor.epoch, cursor.seq, cursor.chain)])).decode()
    )
    return socket


async def frames_until(socket: ClientConnection, kind: type) -> list[Any]:
    got: list[Any] = []
    while not got or not isinstance(got[-1], kind):
        got.append(protocol.decode_from_relay(await asyncio.wait_for(socket.recv(), 20)))
    return got


async def test_a_callback_reaches_the_till_through_real_sockets(
    start_relay: Any, relay_command: Any, bodies: Any
) -> None:
    assert relay_command("shop", "add", "Duka").returncode == 0
    relay = start_relay()
    till = pair(relay, relay_command)
    assert till.callback_base.startswith(f"{relay.url}/h/")
    socket = await open_feed(relay, till)
    await frames_until(socket, CaughtUp)
    async with httpx.AsyncClient() as client:
        nonce = make_nonce(till.nonce_key)
        reply = await client.post(f"{till.callback_base}/stk/{nonce}", content=bodies.stk())
        assert reply.json() == {"ResultCode": 0, "ResultDesc": "Accepted"}
        assert "server" not in reply.headers
        assert "date" not in reply.headers
    (event,) = await frames_until(socket, Event)
    assert (event.nonce, event.trust) == (nonce, "trusted")
    code, _ = await asyncio.to_thread(relay.end)
    assert code == 0
    (bye,) = await frames_until(socket, protocol.Bye)
    assert bye.retry_in == (1, 30)
    with pytest.raises(websockets.ConnectionClosed):
        await socket.recv()
    assert socket.close_code == protocol.CLOSE_GOING_AWAY


async def test_it_ends_when_standard_input_closes(start_relay: Any, relay_command: Any) -> None:
    relay_command("shop", "add", "Duka")
    relay = start_relay("--stdin-closes")
    socket = await open_feed(relay, pair(relay, relay_command))
    await frames_until(socket, CaughtUp)
    relay.process.stdin.close()
    assert isinstance((await frames_until(socket, protocol.Bye))[-1], protocol.Bye)
    await socket.close()
    relay.process.stdin = None
    assert await asyncio.to_thread(relay.process.wait, 20) == 0


async def test_a_till_revoked_at_the_command_line_is_out_within_five_seconds(
    start_relay: Any, relay_command: Any
) -> None:
    relay_command("shop", "add", "Duka")
    relay = start_relay()
    till = pair(relay, relay_command)
    socket = await open_feed(relay, till)
    await frames_until(socket, CaughtUp)
    assert relay_command("till", "revoke", till.till_id).returncode == 0
    revoked = time.monotonic()
    with pytest.raises(websockets.ConnectionClosed):
        await asyncio.wait_for(socket.recv(), 10)
    assert time.monotonic() - revoked < 5
    assert socket.close_code == protocol.CLOSE_REVOKED


async def send_until_it_dies(url: str, sender: int, bodies: Any, accepted: list[str], tried: list[str]) -> None:
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    path = "/" + url.removeprefix("http://").split("/", 1)[1]
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return
    try:
        for number in range(1_000_000):
            receipt = f"S{sender}N{number}T{time.time_ns()}"
            body = bodies.c2b(receipt)
            tried.append(receipt)
            writer.write(f"POST {path} HTTP/1.1\r\nHost: relay\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(40)
            assert head.startswith(b"HTTP/1.1 200")
            accepted.append(receipt)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def test_what_was_answered_survives_kill_9(
    start_relay: Any, relay_command: Any, bodies: Any, tmp_path: Path, eventually: Any
) -> None:
    """Each kill catches up to 32 callbacks between arrival and answer: 8 of them, at full size, are over 200 points."""
    relay_command("shop", "add", "Duka")
    accepted: list[str] = []
    tried: list[str] = []
    cursor, seen = Cursor(), list[str]()
    till: PairResponse | None = None
    for kill in range(KILLS):
        relay = start_relay()
        till = till or pair(relay, relay_command)
        callback = relay.url + "/h/" + till.callback_base.rsplit("/", 1)[1] + "/c2b/confirm"
        before = len(accepted)
        sending = [
            asyncio.create_task(send_until_it_dies(callback, sender, bodies, accepted, tried))
            for sender in range(SENDERS)
        ]
        await eventually(lambda so_far=before, more=40 + 31 * kill: len(accepted) >= so_far + more)
        relay.kill()
        await asyncio.gather(*sending)
    assert till is not None
    relay = start_relay()
    socket = await open_feed(relay, till, cursor)
    for frame in await read_all(socket, till):
        if isinstance(frame, Event):
            assert frame.follows(cursor)
            cursor = Cursor(cursor.epoch, frame.seq, frame.chain)
            assert frame.receipt is not None
            seen.append(frame.receipt)
    await socket.close()
    assert set(accepted) <= set(seen) <= set(tried)
    assert len(seen) == len(set(seen))
    assert sqlite_is_whole(tmp_path / "relay.db")


async def read_all(socket: ClientConnection, till: PairResponse) -> list[Any]:
    frames: list[Any] = []
    while not frames or not isinstance(frames[-1], CaughtUp):
        frames.append(protocol.decode_from_relay(await asyncio.wait_for(socket.recv(), 20)))
        if isinstance(frames[-1], Event) and frames[-1].seq % 100 == 0:
            await socket.send(protocol.encode(Ack(till.stream, frames[-1].seq)).decode())
    return frames


def sqlite_is_whole(path: Path) -> bool:
    connection = sqlite3.connect(path)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    finally:
        connection.close()


def test_the_command_line_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = f"sqlite:///{tmp_path / 'relay.db'}"

    def run(*arguments: str, code: int = 0) -> str:
        assert main([*arguments, "--store", store]) == code
        said = capsys.readouterr()
        assert (said.err == "") == (code == 0)
        return said.out if code == 0 else said.err

    assert "no shops" in run("shop", "list")
    assert "no tills" in run("till", "list")
    added = json.loads(run("shop", "add", "Duka la Mama", "--json"))
    assert json.loads(run("shop", "list", "--json")) == [added]
    assert added["callback_path"] in run("shop", "list")
    assert "Kiosk" in run("shop", "add", " Kiosk ")
    assert run("shop", "add", "Kiosk", code=1) == "relay: there is a shop called 'Kiosk' already\n"
    assert run("shop", "add", " ", code=2) == "relay: a shop needs a name\n"
    assert "good until" in run("till", "invite", "--shop", "Kiosk")
    assert run("till", "invite", "--shop", "Duka", code=1) == "relay: there is no shop called 'Duka'\n"
    assert run("till", "revoke", "till_x", code=1) == "relay: there is no till till_x\n"
    code = json.loads(run("till", "invite", "--shop", "Kiosk", "--json"))["code"]

    from relay.stores import directory
    from relay.stores.store import opened, transaction

    with transaction(opened(store)) as connection:
        paired = directory.pair(connection, code, directory.Device("ab" * 16, "till one"), int(time.time() * 1000))
    assert paired is not None
    (facts,) = json.loads(run("till", "list", "--json"))
    assert (facts["id"], facts["shop"], facts["revoked_at"], facts["acked_seq"]) == (
        paired.till_id,
        "Kiosk",
        None,
        None,
    )
    assert json.loads(run("till", "revoke", paired.till_id, "--json")) == {"id": paired.till_id, "revoked": True}
    assert "revoked" in run("till", "revoke", paired.till_id)
    listed = f"{paired.till_id} 'till one' of Kiosk, till code {paired.till_code}, revoked\n"
    assert run("till", "list") == listed
    monkeypatch.setenv("RELAY_STORE", store)
    assert main(["shop", "list"]) == 0


def test_serving_may_begin_with_a_pairing_code_for_a_shop_that_is_added_once(
    start_relay: Any, relay_command: Any
) -> None:
    for at in range(2):
        relay = start_relay("--invite", "Duka")
        words, _, code = relay.process.stdout.readline().partition("code ")
        assert words == "pairing "
        request = protocol.encode(PairRequest(code.split()[0], f"till {at}", f"{at:032x}"))
        assert httpx.post(relay.url + protocol.PAIR_PATH, content=request).status_code == 200
        relay.end()
    assert [shop["name"] for shop in json.loads(relay_command("shop", "list", "--json").stdout)] == ["Duka"]
    assert [till["code"] for till in json.loads(relay_command("till", "list", "--json").stdout)] == ["1", "2"]


def test_a_relay_that_crashes_leaves_no_copy_of_its_memory(start_relay: Any) -> None:
    relay = start_relay()
    limits = Path(f"/proc/{relay.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


def test_wrong_use_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["serve", "--store", "relay.db"]) == 2
    assert main(["serve", "--port", "x", "--store", f"sqlite:///{tmp_path / 'r.db'}"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
    for arguments in ([], ["nothing"], ["shop"], ["till", "invite"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    with pytest.raises(SystemExit) as helped:
        main(["serve", "--help"])
    assert helped.value.code == 0
    assert "--stdin-closes" in capsys.readouterr().out


def test_a_store_that_cannot_be_used_is_exit_1(tmp_path: Path, relay_command: Any, start_relay: Any) -> None:
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"this is no database" * 100)
    for arguments in (("shop", "list"), ("serve", "--port", "0")):
        failed = relay_command(*arguments, store=bad)
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr.startswith("relay: the store cannot be used")
        assert failed.stderr.count("\n") == 1
    missing = relay_command("shop", "list", store=Path("/proc/nowhere/relay.db"))
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    relay = start_relay()
    second = relay_command("serve", "--port", "0")
    assert (second.returncode, second.stderr) == (1, "relay: another relay is serving this store\n")
    taken = relay_command("serve", "--port", relay.url.rsplit(":", 1)[1], store=tmp_path / "other.db")
    assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
