"""The Caddyfile in a real Caddy before a real relay, with TLS by its own authority: what gets in, and what does not."""

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from programs import PATIENCE, Program, Relay, wait_until
from websockets.asyncio.client import ClientConnection, connect

from relay import protocol
from relay.protocol import CaughtUp, Event, Hello, StreamCursor

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no Caddy in the lock for others"),
    pytest.mark.xdist_group("caddy"),
    pytest.mark.anyio,
]

CADDY = Path(sys.executable).with_name("caddy")
SAFARICOM = "196.201.214.200"
LIMIT = 64 * 1024


class Caddy(Program):
    """Runs a Caddyfile on ports of its own, with a certificate of its own authority for localhost."""

    def __init__(self, text: str, folder: Path, upstreams: str) -> None:
        folder.mkdir()
        https, http = _free_port(), _free_port()
        self.variables = {
            **os.environ,
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "CADDY_ADMIN": f"unix/{folder / 'admin'}",
            "RELAY_HTTP_PORT": str(http),
            "RELAY_HTTPS_PORT": str(https),
            "RELAY_PUBLIC_NAME": "localhost",
            "RELAY_UPSTREAMS": upstreams,
        }
        self.config = folder / "Caddyfile"
        self.config.write_text(text)
        super().__init__([CADDY, "run", "--config", self.config], self.variables, folder / "log")
        self.url = f"https://localhost:{https}"
        self.plain_url = f"http://localhost:{http}"
        root = folder / "caddy/pki/authorities/local/root.crt"
        wait_until(root.is_file, "Caddy has made its authority")
        self.tls = ssl.create_default_context(cafile=root)
        self.http = httpx.Client(base_url=self.url, verify=self.tls, trust_env=False, timeout=PATIENCE)
        wait_until(self._answers, "Caddy answers")

    def _answers(self) -> bool:
        try:
            return self.http.get("/nothing").status_code == 404
        except httpx.TransportError:
            return False

    def reload(self) -> None:
        command = [CADDY, "reload", "--force", "--config", self.config, "--address", self.variables["CADDY_ADMIN"]]
        subprocess.run(command, env=self.variables, check=True, capture_output=True)

    def close(self) -> None:
        self.http.close()
        self.end(signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("", 0))
        return int(taken.getsockname()[1])


class Shop:
    """One till of it, its events, and customers who pay."""

    def __init__(self, relay: Relay, http: httpx.Client) -> None:
        self.till = relay.pair(http)
        self.path = str(relay.told("shop", "list")[0]["callback_path"])
        self.token = {"Authorization": f"Bearer {self.till.token}"}

    def confirm(self, http: httpx.Client, body: bytes | Iterator[bytes], **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): said for name, said in headers.items()}
        return http.post(f"{self.path}/c2b/confirm", content=body, headers=named)

    def paid(self, http: httpx.Client, receipt: str, **headers: str) -> httpx.Response:
        said = {"TransID": receipt, "TransAmount": "150.00", "BusinessShortCode": "600966", "BillRefNumber": "T1-7-1"}
        return self.confirm(http, json.dumps(said).encode(), **headers)

    def events(self, http: httpx.Client) -> list[Event]:
        """All of them, by as many long polls as that takes."""
        found: list[Event] = []
        cursor = "after=0"
        while True:
            answer = http.get(f"/v1/events/{self.till.stream}?{cursor}&wait=0", headers=self.token)
            welcome, *frames = protocol.decode_frames(answer.raise_for_status().content)
            fresh = [frame for frame in frames if isinstance(frame, Event)]
            if not fresh:
                return found
            found += fresh
            assert isinstance(welcome, protocol.Welcome)
            cursor = f"after={fresh[-1].seq}&chain={fresh[-1].chain}&epoch={welcome.streams[0].epoch}"

    @asynccontextmanager
    async def feed(self, caddy: Caddy) -> AsyncIterator[ClientConnection]:
        """The till's websocket, once it has caught up."""
        async with connect(
            caddy.url.replace("https", "wss") + protocol.CONNECT_PATH,
            ssl=caddy.tls,
            subprotocols=[websockets.Subprotocol(protocol.SUBPROTOCOL)],
            additional_headers=self.token,
            compression=None,
            proxy=None,
        ) as made:
            await made.send(protocol.encode(Hello([StreamCursor(self.till.stream, "", 0, "")])).decode())
            await until(made, CaughtUp)
            yield made


async def until(made: ClientConnection, kind: type) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not isinstance(frame := protocol.decode_from_relay(await made.recv()), kind):
            pass
    return frame


@pytest.fixture(scope="module")
def text() -> str:
    return Path(__file__).parents[2].joinpath("build/relay/Caddyfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """Believes Caddy, and of everybody else only Safaricom."""
    folder = tmp_path_factory.mktemp("relay")
    made = Relay([sys.executable, "-m", "relay"], folder, trusted_proxies="127.0.0.1", source_ips=SAFARICOM)
    yield made
    made.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def straight(relay: Relay) -> Iterator[httpx.Client]:
    """To the relay, past Caddy."""
    with httpx.Client(base_url=relay.url, trust_env=False) as http:
        yield http


@pytest.fixture(scope="module")
def caddy(text: str, relay: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caddy]:
    made = Caddy(text, tmp_path_factory.mktemp("caddy") / "home", f"127.0.0.1:{relay.port}")
    yield made
    made.close()


@pytest.fixture
def start_caddy(text: str, relay: Relay, tmp_path: Path) -> Iterator[Callable[..., Caddy]]:
    """Another one, with each pattern in the file replaced; before that relay if it is told of nothing else."""
    started: list[Caddy] = []

    def start(changes: dict[str, str], *ports: int) -> Caddy:
        changed = text
        for old, new in changes.items():
            assert re.search(old, changed), old
            changed = re.sub(old, new, changed)
        upstreams = " ".join(f"127.0.0.1:{port}" for port in ports or (relay.port,))
        started.append(Caddy(changed, tmp_path / "caddy", upstreams))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(scope="module")
def shop(relay: Relay, caddy: Caddy) -> Shop:
    """Its till is paired through Caddy."""
    return Shop(relay, caddy.http)


def test_the_file_is_valid_and_written_as_caddy_writes_it(files: Path) -> None:
    for command in (["fmt", "--diff"], ["validate", "--adapter", "caddyfile", "--config"]):
        done = subprocess.run([CADDY, *command, files / "Caddyfile"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "warn" not in done.stderr


def test_a_callback_gets_through(caddy: Caddy, shop: Shop) -> None:
    assert shop.paid(caddy.http, "THROUGH001").json() == {"ResultCode": 0, "ResultDesc": "Accepted"}
    assert "THROUGH001" in {event.receipt for event in shop.events(caddy.http)}


def test_nobody_can_say_that_they_are_safaricom(caddy: Caddy, straight: httpx.Client, shop: Shop) -> None:
    """The same words, past Caddy and from its machine, are believed: so it is Caddy that takes them off."""
    lies = {"X_Forwarded_For": SAFARICOM, "X_Real_IP": SAFARICOM, "Forwarded": f"for={SAFARICOM}"}
    shop.paid(caddy.http, "SPOOFED001", **lies)
    shop.paid(straight, "STRAIGHT01", **lies)
    trust = {event.receipt: event.trust for event in shop.events(caddy.http)}
    assert (trust["SPOOFED001"], trust["STRAIGHT01"]) == ("quarantined", "trusted")


def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not(caddy: Caddy, shop: Shop) -> None:
    before = len(shop.events(caddy.http))
    began = time.monotonic()
    assert shop.confirm(caddy.http, b"x" * (LIMIT + 1)).status_code == 413
    assert caddy.http.post("/v1/pair", content=b"x" * (LIMIT + 1)).status_code == 413
    assert time.monotonic() - began < 4, "it was tried again and again"
    assert shop.confirm(caddy.http, b"y" * LIMIT).status_code == 200
    assert len(shop.events(caddy.http)) == before + 1


def test_a_body_that_does_not_say_its_size_is_held_to_the_limit_too(start_caddy: Any, shop: Shop) -> None:
    caddy = start_caddy({"lb_try_duration 5s": "lb_try_duration 300ms"})

    def pieces(size: int) -> Iterator[bytes]:
        yield b"x" * (LIMIT // 2)
        yield b"x" * (size - LIMIT // 2)

    for path in (f"{shop.path}/c2b/confirm", "/v1/pair"):
        assert caddy.http.post(path, content=pieces(LIMIT + 1)).status_code == 413
    assert shop.confirm(caddy.http, pieces(LIMIT)).status_code == 200


@pytest.mark.parametrize(
    "path", ["/metrics", "/readyz", "/console", "/admin/drain", "//metrics", "/METRICS", "/", "/v1", "/livez/x", "/h"]
)
def test_what_is_for_the_inside_is_not_there(caddy: Caddy, path: str) -> None:
    assert caddy.http.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/h/../metrics", "/v1/../metrics", "/v1/..%2fmetrics", "/h/%2e%2e/readyz"])
def test_no_detour_leads_inside(caddy: Caddy, path: str) -> None:
    """Sent as they are: a client that is kind would make them short first."""
    host, port = caddy.url.removeprefix("https://").split(":")
    with caddy.tls.wrap_socket(socket.create_connection((host, int(port)), PATIENCE), server_hostname=host) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert raw.recv(64).startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))


def test_answers_carry_what_they_must_and_no_name_of_a_server(caddy: Caddy) -> None:
    for path in ("/livez", "/metrics", "/h/unknown/c2b/confirm"):
        answer = caddy.http.get(path)
        assert answer.headers["strict-transport-security"] == "max-age=63072000"
        assert not {"server", "via", "x-powered-by", "alt-svc"} & set(answer.headers)


def test_plain_http_leads_to_tls(caddy: Caddy) -> None:
    answer = httpx.get(f"{caddy.plain_url}/livez", trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (308, "https://localhost/livez")


def test_old_tls_is_refused_by_caddy(caddy: Caddy) -> None:
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("localhost", int(caddy.url.rpartition(":")[2])), PATIENCE) as raw,
        pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"),
    ):
        old.wrap_socket(raw, server_hostname="localhost")


async def test_a_websocket_outlives_every_time_limit_of_caddy(start_caddy: Any, shop: Shop) -> None:
    """With limits of a second; the relay pings every 25 and says nothing meanwhile, so nothing else keeps it."""
    limits = r"\b(read_header|read_body|write|idle|keepalive|response_header_timeout) \d+s"
    caddy = start_caddy({limits: r"\1 1s"})
    assert caddy.config.read_text().count(" 1s\n") == 6
    async with shop.feed(caddy) as made:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(made.recv(), 2.5)
        await (await made.ping())


@pytest.mark.skipif(os.environ.get("TILL_TEST_FULL") != "1", reason="a minute and a half: only a full run takes it")
async def test_a_quiet_websocket_lives_longer_than_an_idle_connection(caddy: Caddy, shop: Shop) -> None:
    """As the file is: an idle connection has 75 seconds."""
    async with shop.feed(caddy) as made, asyncio.timeout(180):
        began = time.monotonic()
        while time.monotonic() - began < 90:
            assert isinstance(protocol.decode_from_relay(await made.recv()), protocol.Heartbeat)


@pytest.mark.parametrize("kept", [True, False])
async def test_a_reload_ends_no_websocket_while_the_delay_lasts(kept: bool, start_caddy: Any, shop: Shop) -> None:
    """Without the delay it does: that is Caddy's own way."""
    caddy = start_caddy({} if kept else {"stream_close_delay 12h": "stream_close_delay 0"})
    async with shop.feed(caddy) as made:
        await asyncio.to_thread(caddy.reload)
        if kept:
            shop.paid(caddy.http, "RELOADED01")
            assert (await until(made, Event)).receipt == "RELOADED01"
        else:
            with pytest.raises(websockets.ConnectionClosed):
                await until(made, Event)


class BadRelays:
    """One that dies with a callback in its hands, and one that cannot store any. Both say that they are ready."""

    def __init__(self) -> None:
        self.asked = {"dies": 0, "refuses": 0}
        self.ports: list[int] = []
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> "BadRelays":
        self._servers = [await asyncio.start_server(partial(self._answer, how), "127.0.0.1", 0) for how in self.asked]
        self.ports = [server.sockets[0].getsockname()[1] for server in self._servers]
        return self

    async def _answer(self, how: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"GET /readyz" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        else:
            self.asked[how] += 1
            await reader.read(1)
            if how == "refuses":
                writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()


async def test_what_one_relay_refuses_or_does_not_live_to_answer_another_is_asked(
    start_caddy: Any, relay: Relay, straight: httpx.Client, shop: Shop
) -> None:
    patient = {"lb_try_interval 250ms": "lb_try_interval 10ms", "lb_try_duration 5s": "lb_try_duration 20s"}
    receipts = [f"AGAIN{number:05}" for number in range(30)]
    async with BadRelays() as bad:
        caddy = await asyncio.to_thread(start_caddy, patient, relay.port, *bad.ports)
        for receipt in receipts:
            assert (await asyncio.to_thread(shop.paid, caddy.http, receipt)).status_code == 200
        assert min(bad.asked.values()) > 0
        caddy.close()
    assert [event.receipt for event in shop.events(straight) if event.receipt in receipts] == receipts


def test_no_key_of_a_callback_and_no_token_is_in_its_log(start_caddy: Any, shop: Shop) -> None:
    """A relay that is gone is what it tells most about."""
    caddy = start_caddy({"lb_try_duration 5s": "lb_try_duration 300ms"}, _free_port())
    nonce = "0123456789abcdef0123456789abcdef"
    assert caddy.http.post(f"{shop.path}/stk/{nonce}", content=b"{}").is_server_error
    assert caddy.http.get(f"/v1/events/{shop.till.stream}?after=0", headers=shop.token).is_server_error
    caddy.close()
    told = caddy.log.read_text()
    errors = [json.loads(line) for line in told.splitlines() if '"http.log.error' in line]
    assert [error["request"]["uri"] for error in errors] == ["/h/-/stk", f"/v1/events/{shop.till.stream}?after=0"]
    for secret in (shop.path.removeprefix("/h/"), nonce, shop.till.token):
        assert secret not in told
