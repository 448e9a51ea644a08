"""The figures: each moves by what happens, none names a shop, a till or a person, and only the listed may see them."""

import asyncio
import json
import re
import socket
import subprocess
from collections import Counter
from typing import Any

import httpx
import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError
from websockets.asyncio.client import connect

from relay import protocol, server
from relay.addresses import Addresses
from relay.http import MAX_BODY
from relay.metrics import Metrics
from relay.protocol import Ack, CaughtUp, Event, Hello, PairRequest, PairResponse, StreamCursor, make_nonce

pytestmark = pytest.mark.anyio

PATIENCE = 20.0
LABELS = {"kind", "result", "le", "percentile", "reason", "code", "path", "of", "volume", "what"}
LABELS |= {"version", "protocol", "python"}


class Figures:
    """One look at /metrics."""

    def __init__(self, text: str) -> None:
        self.samples: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self.samples[sample.name, frozenset(sample.labels.items())] += sample.value  # type: ignore[assignment]

    def __call__(self, name: str, **labels: str) -> float:
        return self.samples[f"relay_{name}", frozenset(labels.items())]

    def moved(self, before: "Figures") -> dict[str, float]:
        """The counters of callbacks, tills and answers that have moved, by name and what their labels say."""
        told = {}
        for (name, labels), value in self.samples.items():
            if name.endswith(("_total", "_count")) and not name.startswith("process_"):
                more = value - before.samples[name, labels]
                said = " ".join(value for _, value in sorted(labels))
                told[f"{name.removeprefix('relay_')} {said}".strip()] = more
        return {name: more for name, more in told.items() if more}


async def look(bench: Any) -> Figures:
    reply = await bench.request("GET", "/metrics")
    assert reply.status == 200
    return Figures(reply.body.decode())


def stk_path(bodies: Any, till: PairResponse, nonce: str | None = None) -> str:
    return str(bodies.path_of(till, f"/stk/{nonce or make_nonce(till.nonce_key)}"))


async def till_of(client: httpx.AsyncClient, code: str) -> PairResponse:
    request = protocol.encode(PairRequest(code, "CANARY TILL", "ab" * 16))
    return protocol.decode_pair_response((await client.post(protocol.PAIR_PATH, content=request)).content)


async def callbacks_of_every_kind(client: httpx.AsyncClient, till: PairResponse, bodies: Any) -> None:
    stk, confirm = f"{till.callback_base}/stk/{make_nonce(till.nonce_key)}", f"{till.callback_base}/c2b/confirm"
    for path, body in (
        (stk, bodies.stk()),
        (stk, bodies.stk()),
        (stk, bodies.stk(amount=151)),
        (confirm, bodies.c2b("UJECANARY1")),
        (f"{till.callback_base}/stk/{'0' * 32}", bodies.stk("ws_CO_2")),
        (confirm, b"\xffCANARY"),
        (confirm, b" " * (MAX_BODY + 1)),
        (f"{till.callback_base[:-32]}{'0' * 32}/c2b/confirm", b"{}"),
        (f"{till.callback_base}/c2b/validate", bodies.c2b("UJECANARY2")),
        (f"{till.callback_base}/c2b/validate", b"CANARY"),
    ):
        await client.post(path, content=body)


async def seen(client: httpx.AsyncClient) -> Figures:
    return Figures((await client.get("/metrics")).text)


async def follow(url: str, till: PairResponse, events: int, client: httpx.AsyncClient, eventually: Any) -> None:
    """A till that has seen another log, reads this one to its end, says so, and goes when that has been heard."""
    headers = {"Authorization": f"Bearer {till.token}"}
    subprotocols = [websockets.Subprotocol(protocol.SUBPROTOCOL)]
    address = url.replace("http", "ws") + protocol.CONNECT_PATH
    async with connect(address, subprotocols=subprotocols, additional_headers=headers, proxy=None) as feed:
        await feed.send(protocol.encode(Hello([StreamCursor(till.stream, "another", 5, "c" * 32)])).decode())
        last = 0
        while last < events:
            frame = protocol.decode_from_relay(await asyncio.wait_for(feed.recv(), PATIENCE))
            last = frame.seq if isinstance(frame, Event) else last
        await feed.send(protocol.encode(Ack(till.stream, last)).decode())

        async def is_heard() -> bool:
            return (await seen(client))("deliver_seconds_count") == 1

        await eventually(is_heard)
        now = await seen(client)
        assert (now("tills_connected"), now("till_lag_events", percentile="100")) == (1, 0)


def lint(told: str) -> tuple[int, str]:
    """What promtool has against it."""
    done = subprocess.run(["promtool", "check", "metrics"], input=told, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


async def test_the_figures_of_a_real_relay_move_as_they_should(start_relay: Any, bodies: Any, eventually: Any) -> None:
    relay = start_relay("--invite", "CANARY SHOP")
    code = relay.process.stdout.readline().split()[2]
    async with httpx.AsyncClient(base_url=relay.url) as client:
        till = await till_of(client, code)
        before = await seen(client)
        await callbacks_of_every_kind(client, till, bodies)
        row = {"transactionId": "UJECANARY3", "amount": "10.00", "msisdn": "254712345678"}
        headers = {"Authorization": f"Bearer {till.token}"}
        for _ in range(2):
            pulled = json.dumps({"short_code": "600966", "rows": [row]})
            assert (await client.post(protocol.PULLED_PATH, content=pulled, headers=headers)).status_code == 200
        await follow(relay.url, till, 7, client, eventually)

        async def has_gone() -> bool:
            moved = (await seen(client)).moved(before)
            return moved.keys() >= {"reconnects_total gone", "loop_lag_seconds_count"}

        await eventually(has_gone)
        told = (await client.get("/metrics")).text
    now = Figures(told)
    moved = now.moved(before)
    assert all(moved.pop(name) >= 1 for name in ("loop_lag_seconds_count", "fsync_seconds_count store"))
    moved.pop("fsync_seconds_count high_water", None)
    assert moved.pop("batch_size_count") == moved.pop("ingest_commit_seconds_count") == 7
    assert moved == {
        "ingest_total stk new": 2,
        "ingest_total stk dup": 1,
        "ingest_total stk revision": 1,
        "ingest_total c2b.confirmation new": 1,
        "ingest_total c2b.validation new": 1,
        "ingest_total unparsed new": 1,
        "ingest_total unread too_large": 1,
        "ingest_total unread unknown_key": 1,
        "dup_total": 1,
        "revision_total": 1,
        "quarantined_total": 1,
        "unparsed_total": 1,
        "pull_found_missing_total": 1,
        "validation_seconds_count rules": 1,
        "validation_seconds_count default": 1,
        "validation_default_total": 1,
        "reset_total epoch": 1,
        "reconnects_total gone": 1,
        "deliver_seconds_count": 1,
    }
    assert (now("ready"), now("spool_depth"), now("spool_oldest_seconds"), now("tills_connected")) == (1, 0, 0, 0)
    assert now("wal_bytes") > 0
    assert 0 < now("disk_free_bytes", volume="store") <= now("disk_size_bytes", volume="store")
    private = [till.token, till.till_id, till.stream, till.callback_base[-32:], "CANARY", "254712345678"]
    assert [secret for secret in private if secret in told] == []
    assert {name for _, labels in now.samples for name, _ in labels} <= LABELS
    assert lint(told) == (0, "")


async def test_a_callback_that_was_not_stored_is_counted_and_readiness_says_so(
    bench: Any, till: PairResponse, bodies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))

    before = await look(bench)
    with monkeypatch.context() as broken:
        broken.setattr("relay.stores.sqlite_batch.write", fails)
        assert (await bench.post(stk_path(bodies, till), bodies.stk())).status == 503
        broken.setattr("relay.stores.directory.shop_by_key_hash", fails)
        assert (await bench.post("/h/" + "1" * 32 + "/c2b/confirm", b"{}")).status == 503
        now = await look(bench)
    assert now("ready") == 0
    moved = now.moved(before)
    assert moved["ingest_total stk unavailable"] == moved["ingest_total unread unavailable"] == 1
    assert (await bench.post(bodies.path_of(till, "/c2b/confirm"), b"{", ending="stalls")).status == 408
    assert (await look(bench)).moved(now)["ingest_total unread too_slow"] == 1


async def test_what_a_till_is_behind_shows_while_it_takes_nothing(
    bench: Any, till: PairResponse, bodies: Any, eventually: Any
) -> None:
    feed = await bench.connect(till)
    await feed.until(CaughtUp)
    assert (await look(bench))("replay_active") == 0
    feed.gate.clear()
    for number in range(3):
        await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b(f"UJE{number}"))
    now = await look(bench)
    assert {now("till_lag_events", percentile=of) for of in ("50", "90", "99", "100")} == {3}
    await eventually(lambda: bench.relay._feed.measure() or lag(bench) > 0)
    feed.gate.set()
    await feed.until(Event)
    feed.say(Ack(till.stream, 1))

    async def is_heard() -> bool:
        return bool((await look(bench))("till_lag_events", percentile="100") == 2)

    await eventually(is_heard)
    behind = await bench.connect(await bench.pair("Duka"))
    behind.gate.clear()

    async def is_catching_up() -> bool:
        return bool((await look(bench))("replay_active") == 1)

    await eventually(is_catching_up)


def lag(bench: Any) -> float:
    return float(bench.relay.metrics.till_lag_seconds.labels("100")._value.get())


def test_percentiles_are_of_what_is_there() -> None:
    metrics = Metrics()
    metrics.lagging(list(range(101)), [float(number) for number in range(101)])
    now = Figures(metrics.told().decode())
    assert [now("till_lag_events", percentile=of) for of in ("50", "90", "99", "100")] == [50, 90, 99, 100]
    metrics.lagging([], [])
    assert Figures(metrics.told().decode())("till_lag_events", percentile="100") == 0


def test_two_relays_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.dup.inc()
    assert (Figures(one.told().decode())("dup_total"), Figures(other.told().decode())("dup_total")) == (1, 0)


@pytest.mark.parametrize(("code", "make"), [("4501", "token"), ("4526", "subprotocol"), ("4001", "silence")])
async def test_a_websocket_that_is_refused_is_counted_by_its_code(
    bench: Any, till: PairResponse, code: str, make: str
) -> None:
    subprotocol = "other" if make == "subprotocol" else protocol.SUBPROTOCOL
    refused = bench.socket("wrong" if make == "token" else till.token, subprotocol=subprotocol)
    assert await refused.until_closed() == int(code)
    assert (await look(bench))("reconnects_total", code=code) == 1


async def test_a_till_that_answers_no_ping_is_counted(
    settings: Any, running: Any, changed: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(server, "PING_SECONDS", 0.02)
    monkeypatch.setattr(server, "PONG_SECONDS", 0.02)
    async with running(changed(settings, hello_seconds=PATIENCE)) as bench:
        bench.add_shop("Duka")
        await leave_a_ping_unanswered(bench, await bench.pair("Duka"), eventually)


async def leave_a_ping_unanswered(bench: Any, till: PairResponse, eventually: Any) -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    serving = server._Server(server._config(bench.relay))
    task = asyncio.create_task(serving.serve(sockets=[listening]))
    await serving.listening.wait()
    _, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(
        b"GET /v1/connect HTTP/1.1\r\nHost: r\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Protocol: tillrelay.v1\r\nAuthorization: Bearer " + till.token.encode() + b"\r\n\r\n"
    )

    async def is_counted() -> bool:
        return bool((await look(bench))("pongs_missed_total") == 1)

    await eventually(is_counted)
    writer.close()
    serving.should_exit = True
    await asyncio.wait_for(task, PATIENCE)


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("10.1.2.3", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.1", {"Forwarded": "for=1.2.3.4"}, 404),
    ],
)
async def test_the_figures_are_for_this_machine_alone(bench: Any, client: str, headers: Any, status: int) -> None:
    assert (await bench.request("GET", "/metrics", client=client, headers=headers)).status == status


async def test_other_addresses_may_be_let_in(settings: Any, running: Any, changed: Any) -> None:
    async with running(changed(settings, metrics_from=Addresses("10.0.0.0/8"))) as bench:
        reply = await bench.request("GET", "/metrics", client="10.1.2.3")
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert (await bench.request("GET", "/metrics", client="127.0.0.1")).status == 404
        assert (await bench.request("POST", "/metrics", client="10.1.2.3")).status == 404


async def test_a_volume_that_is_gone_has_no_room(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_folder: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    assert (await look(bench))("disk_free_bytes", volume="store") > 0
    monkeypatch.setattr("relay.disks.shutil.disk_usage", gone)
    assert (await look(bench))("disk_free_bytes", volume="store") == 0


async def test_what_runs_is_told(bench: Any) -> None:
    told = (await bench.request("GET", "/metrics")).body.decode()
    (line,) = re.findall(r"(?m)^relay_build_info\{(.*)\} 1\.0$", told)
    assert 'protocol="tillrelay.v1"' in line
