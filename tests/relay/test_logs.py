"""The log: one line for each record, the request's id in each of its lines, and nothing private in any of them."""

import asyncio
import json
import logging
import re
import resource
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect

from relay import logs, protocol, request_id, server
from relay.logs import JsonFormatter, TextFormatter
from relay.masking import masked
from relay.protocol import PairRequest, PairResponse, make_nonce
from relay.request_id import RequestIds

pytestmark = pytest.mark.anyio

PATIENCE = 20.0
HEX = "0123456789abcdef" * 2
TOKEN = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5kL7nP9r"


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("relay.feed", logging.WARNING, __file__, 1, message, arguments, more.pop("exc_info", None))
    made.created = 1_795_860_900.1234
    for name, value in more.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    "private",
    [
        "254712345678",
        "+254712345678",
        "0712345678",
        "0712 345 678",
        "0712-345-678",
        "254 110 345678",
        "ws_CO_14102026153012345712345678",
        HEX,
        f"/h/{HEX}/c2b/confirm",
        f"Bearer {TOKEN}",
        TOKEN,
        HEX + HEX,
        "postgresql://relay:hunter2@db/relay",
    ],
)
def test_the_last_gate_takes_out(private: str) -> None:
    text = masked(f"before {private}, after")
    assert text.startswith("before ")
    assert text.endswith(", after")
    assert "•••" in text
    assert not any(part in text for part in (private, "712345678", "345678", HEX, TOKEN, "hunter2"))


@pytest.mark.parametrize(
    "plain",
    [
        "st_0a1b2c3d seq 1842: c2b.confirmation dup trusted",
        "till_9f00aa11 connected",
        "listening on http://127.0.0.1:8443",
    ],
)
def test_what_is_no_secret_stays(plain: str) -> None:
    assert masked(plain) == plain


def test_a_line_for_a_person() -> None:
    with request_id.during("7f3a-12"):
        line = TextFormatter().format(record("%s sent\n%s", "till_9f", "0712345678"))
    assert line == "2026-11-28T10:15:00.123Z WARNING relay.feed [7f3a-12] till_9f sent?•••"
    assert TextFormatter().format(record("quiet")) == "2026-11-28T10:15:00.123Z WARNING relay.feed quiet"


def test_a_line_for_a_machine() -> None:
    line = JsonFormatter().format(record("%s sent\n%s", "till_9f", "0712345678", request="7f3a-13"))
    assert json.loads(line) == {
        "time": "2026-11-28T10:15:00.123Z",
        "level": "warning",
        "logger": "relay.feed",
        "message": "till_9f sent\n•••",
        "request": "7f3a-13",
    }
    assert json.loads(JsonFormatter().format(record("quiet"))).keys() == {"time", "level", "logger", "message"}
    assert json.loads(JsonFormatter().format(record("\udcff")))["message"] == "\udcff"


def test_a_failure_is_told_with_its_trace_and_without_what_it_held() -> None:
    try:
        raise ValueError(f"no {TOKEN} of 254712345678")
    except ValueError:
        failed = record("it failed", exc_info=sys.exc_info())
    line = JsonFormatter().format(failed)
    assert "\n" not in line
    told = json.loads(line)["error"]
    assert told.startswith("Traceback")
    assert told.endswith("ValueError: no ••• of •••")
    assert TextFormatter().format(failed).endswith("ValueError: no ••• of •••")


@pytest.fixture
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever `logs.start` changes in this process is put back."""
    root, ours = logging.getLogger(), logging.getLogger("relay")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    held, levels = list(root.handlers), (root.level, ours.level)
    root.handlers.clear()
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = held
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.mark.usefixtures("own_logging")
def test_only_our_own_loggers_tell_everything(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("debug", "json")
    logging.getLogger("relay.feed").debug("ours")
    logging.getLogger("websockets.server").debug("Authorization: Bearer abc")
    logging.getLogger("uvicorn.error").info("Uvicorn running")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    messages = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert messages == ["ours", "Invalid HTTP request received."]


@pytest.mark.usefixtures("own_logging")
def test_what_nobody_caught_passes_the_gate_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("info", "json")

    def fails() -> None:
        raise ValueError("of 254712345678")

    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    try:
        fails()
    except ValueError:
        sys.excepthook(*sys.exc_info())
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [one["message"] for one in told] == ["a thread failed", "uncaught error"]
    assert all(one["error"].endswith("ValueError: of •••") for one in told)


def asked_by(client: str, brought: str = "") -> dict[str, Any]:
    headers = [(b"x-request-id", brought.encode())] if brought else []
    return {"client": (client, 1), "headers": headers}


def test_requests_have_names_of_their_own() -> None:
    ids, other = RequestIds(frozenset()), RequestIds(frozenset())
    names = [ids.name(asked_by("10.0.0.1")), ids.name(asked_by("10.0.0.1")), other.name(asked_by("10.0.0.1"))]
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}-\d+", name) for name in names)


@pytest.mark.parametrize(
    ("client", "brought", "counts"),
    [
        ("10.0.0.1", HEX, True),
        ("10.0.0.1", "f0e1d2c3-aaaa-4bbb-8ccc-0123456789ab", True),
        ("10.0.0.2", HEX, False),
        ("10.0.0.1", "short", False),
        ("10.0.0.1", "x" * 65, False),
        ("10.0.0.1", "with a space", False),
        ("10.0.0.1", "254712345678", False),
        ("10.0.0.1", "0712-345-678", False),
    ],
)
def test_a_name_that_is_brought_counts_from_our_own_proxy_alone(client: str, brought: str, *, counts: bool) -> None:
    assert (RequestIds(frozenset({"10.0.0.1"})).name(asked_by(client, brought)) == brought) == counts


async def test_who_is_refused_is_told_the_name_of_the_request(
    bench: Any, till: PairResponse, bodies: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "relay")
    caplog.handler.setFormatter(JsonFormatter())
    known = await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b())
    assert "x-request-id" not in known.headers
    unknown = await bench.post("/h/" + "0" * 32 + "/c2b/confirm", b"{}")
    nothing = await bench.request("GET", "/nothing")
    assert unknown.headers["x-request-id"] != nothing.headers["x-request-id"]
    lines = [json.loads(line) for line in caplog.text.splitlines() if "unknown callback key" in line]
    assert [line["request"] for line in lines] == [unknown.headers["x-request-id"]]


async def test_a_callback_on_the_short_way_is_named_in_its_line_and_in_its_503(
    bench: Any, till: PairResponse, bodies: Any, broken_disks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_: object) -> None:
        raise AssertionError("this went the long way")

    caplog.set_level(logging.DEBUG, "relay.callbacks")
    caplog.handler.setFormatter(JsonFormatter())
    await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b())  # the first of a shop goes the long way
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    host, port = listening.getsockname()
    serving = server._Server(server._config(bench.relay))
    task = asyncio.create_task(serving.serve(sockets=[listening]))
    await serving.listening.wait()
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
        path = bodies.path_of(till, "/c2b/confirm")
        with pytest.MonkeyPatch.context() as no_long_way:
            no_long_way.setattr("relay.callbacks.Callbacks.__call__", refuse)
            taken = await client.post(path, content=bodies.c2b("UJE2"))
            with broken_disks():
                refused = await client.post(path, content=bodies.c2b("UJE3"))
    serving.should_exit = True
    await asyncio.wait_for(task, PATIENCE)
    assert (taken.status_code, refused.status_code) == (200, 503)
    assert "x-request-id" not in taken.headers
    lines = [json.loads(line) for line in caplog.text.splitlines()]
    _, usual, failed = [line["request"] for line in lines if line["logger"] == "relay.callbacks"]
    assert failed == refused.headers["x-request-id"] != usual


class Canaries:
    """Marked secrets and a marked customer, and every way in which a stranger or a till brings them in."""

    def __init__(self, url: str, till: PairResponse, code: str) -> None:
        self.url, self.till = url, till
        self.nonce = make_nonce(till.nonce_key)
        self.key = till.callback_base.rsplit("/", 1)[1]
        self.marks = [till.token, self.key, self.nonce, till.nonce_key, code, "CANARY", "254712345678", "712345678"]
        self.marks += ["UJECANARY9", "ws_CO_CANARY", "hunter2"]
        self.headers = {
            "Authorization": f"Bearer {till.token}",
            "X-Request-ID": "CANARY-request-0001",
            "User-Agent": "CANARY 0712345678",
        }

    def bodies(self, bodies: Any) -> list[bytes]:
        paid = json.loads(bodies.c2b("UJECANARY9")) | {"MSISDN": "254712345678", "FirstName": "CANARY"}
        result = {"Result": {"ConversationID": "CANARY", "ResultCode": 0, "Phone": "254712345678"}}
        stk = bodies.stk("ws_CO_CANARY", receipt="UJECANARY9")
        return [json.dumps(paid).encode(), json.dumps(result).encode(), stk, b"CANARY 254712345678", b"\xff", b""]

    async def everywhere(self, client: httpx.AsyncClient, bodies: Any) -> None:
        tails = ["/c2b/confirm", "/c2b/validate", "/CANARY", "/%0aCANARY"]
        tails += [f"/{door}/{nonce}" for door in ("stk", "result", "timeout") for nonce in (self.nonce, "CANARY")]
        said = self.bodies(bodies)
        for tail in tails:
            for body in said[:1] if tail.endswith("CANARY") else said:
                await client.post(self.till.callback_base + tail, content=body, headers=self.headers)
        await client.post(f"{self.till.callback_base}/c2b/confirm", content=b"CANARY" * 20_000)
        await client.post(f"{self.url}/h/CANARY/c2b/confirm", content=said[0])
        await self._as_a_till(client, said)
        await self._on_the_websocket()

    async def _as_a_till(self, client: httpx.AsyncClient, said: list[bytes]) -> None:
        asked: dict[str, dict[str, object]] = {
            protocol.CLAIMS_PATH: {"receipt": "UJECANARY9", "sale": "CANARY", "cashier": "CANARY"},
            protocol.RELEASES_PATH: {"receipt": "UJECANARY9", "generation": 1, "reason": "CANARY"},
            protocol.PULLED_PATH: {
                "short_code": "600966",
                "rows": [{"transactionId": "UJECANARY8", "msisdn": "CANARY"}],
            },
            protocol.PROMOTIONS_PATH: {"key": "c2b:600966:UJECANARY9", "body_sha256": "c" * 64},
            protocol.ANCHORS_PATH: {"seq": 1, "mac": "d" * 64},
            protocol.PAIR_PATH: {"code": "CANARY", "name": "CANARY", "device": "e" * 32},
        }
        for path, document in asked.items():
            for body in (json.dumps(document).encode(), said[3]):
                await client.post(self.url + path, content=body, headers=self.headers)
        for body in (b'{"references":["CANARY"],"version":1}', b'{"CANARY":1}'):
            await client.put(self.url + protocol.RULES_PATH, content=body, headers=self.headers)
        paths = [protocol.RULES_PATH, protocol.ANCHORS_PATH, "/livez", "/readyz", "/metrics", "/CANARY", "/%0aCANARY"]
        paths += [
            f"{protocol.EVENTS_PATH}{name}" for name in (f"{self.till.stream}?after=0&wait=0", "%0aCANARY?after=x")
        ]
        for path in paths:
            await client.get(self.url + path, headers=self.headers)
            await client.get(self.url + path, headers={"Authorization": "Bearer CANARY"})

    async def _on_the_websocket(self) -> None:
        for token in (self.till.token, "CANARY"):
            for frame in (
                f'{{"t":"hello","streams":[{{"s":"{self.till.stream}","epoch":"CANARY","seq":5,"chain":"CANARY"}}]}}',
                "CANARY",
            ):
                await self._say(token, [frame, '{"t":"ack","s":"CANARY","seq":"CANARY"}'])

    async def _say(self, token: str, frames: list[str]) -> None:
        address = self.url.replace("http", "ws") + protocol.CONNECT_PATH
        headers, subprotocols = {"Authorization": f"Bearer {token}"}, [websockets.Subprotocol(protocol.SUBPROTOCOL)]
        try:
            async with connect(address, additional_headers=headers, subprotocols=subprotocols, proxy=None) as feed:
                for frame in frames:
                    await feed.send(frame)
                await asyncio.wait_for(feed.wait_closed(), PATIENCE)
        except websockets.ConnectionClosed:
            pass


@contextmanager
def broken_store(pid: int, path: Path) -> Iterator[None]:
    """No file of that process grows, and what it reads is nonsense."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    path.write_bytes(b"CANARY" * 1000)
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def test_nothing_private_reaches_the_log_on_any_path_not_even_while_everything_fails(
    start_relay: Any, relay_command: Any, bodies: Any, tmp_path: Path
) -> None:
    """Read as it is written, at debug: whatever the last gate took out is a fault of who logged it."""
    relay = start_relay(
        "--log-level", "debug", "--log-format", "json", "--source-ips", "10.9.9.9", "--invite", "CANARY"
    )
    code = relay.process.stdout.readline().split()[2]
    async with httpx.AsyncClient() as client:
        request = protocol.encode(PairRequest(code, "CANARY", secrets.token_hex(16)))
        paired = await client.post(relay.url + protocol.PAIR_PATH, content=request)
        canaries = Canaries(relay.url, protocol.decode_pair_response(paired.content), code)
        await canaries.everywhere(client, bodies)
        with broken_store(relay.process.pid, tmp_path / "relay.db"):
            await canaries.everywhere(client, bodies)
    ended, logged = await asyncio.to_thread(relay.end)
    assert ended == 0
    lines = [json.loads(line) for line in logged.splitlines()]
    assert {"relay.callbacks", "relay.feed", "relay.pairing", "relay.app", "relay.store"} <= {
        one["logger"] for one in lines
    }
    assert [mark for mark in canaries.marks if mark in logged] == []
    assert [one for one in lines if "•••" in one["message"] or "error" in one] == []
    assert all(datetime.fromisoformat(one["time"]).tzinfo is not None for one in lines)
    assert all(
        one.get("request") for one in lines if one["logger"] in {"relay.callbacks", "relay.pairing", "relay.feed"}
    )
