"""The socket file: who may use it, and how a relay sends its tills to others before it ends."""

import asyncio
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from relay import admin, protocol
from relay.__main__ import main
from relay.protocol import Bye, Hello, PairResponse, StreamCursor

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "admin"


@contextmanager
def till_of(relay: Any, paired: PairResponse) -> Iterator[ClientConnection]:
    with connect(
        relay.url.replace("http", "ws") + protocol.CONNECT_PATH,
        subprotocols=[Subprotocol(protocol.SUBPROTOCOL)],
        additional_headers={"Authorization": f"Bearer {paired.token}"},
        proxy=None,
    ) as socket:
        socket.send(protocol.encode(Hello([StreamCursor(paired.stream)])), text=True)
        yield socket


def test_a_drained_relay_has_said_bye_is_not_ready_and_still_takes_callbacks(
    start_relay: Any, file: Path, bodies: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    relay = start_relay("--admin", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    relay.add_shop("Duka")
    paired = relay.pair("Duka")
    with till_of(relay, paired) as till:
        assert main(["drain", "--admin", str(file)]) == 0
        assert capsys.readouterr() == ("", "")
        said = [protocol.decode_from_relay(text) for text in till]
        assert isinstance(said[-1], Bye)
        assert till.close_code == protocol.CLOSE_GOING_AWAY
    assert httpx.get(f"{relay.url}/readyz").status_code == 503
    posted = httpx.post(paired.callback_base + "/c2b/confirm", content=bodies.c2b())
    assert posted.status_code == 200
    assert main(["drain", "--admin", str(file)]) == 0
    code, logged = relay.end()
    assert code == 0
    assert logged.count("draining") == 1
    assert "Traceback" not in logged
    assert not file.exists()


def test_nothing_else_is_asked_there_and_nothing_of_it_elsewhere(start_relay: Any, file: Path) -> None:
    relay = start_relay("--admin", str(file))
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(file))) as client:
        assert client.get(f"http://localhost{admin.DRAIN_PATH}").status_code == 404
        assert client.post("http://localhost/readyz").status_code == 404
    assert httpx.post(relay.url + admin.DRAIN_PATH).status_code == 404
    assert httpx.get(f"{relay.url}/readyz").status_code == 200


def test_what_a_killed_relay_left_there_is_replaced(
    start_relay: Any, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_relay("--admin", str(file)).kill()
    assert file.exists()
    assert main(["drain", "--admin", str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"relay: no relay was drained at {file}: ")
    start_relay("--admin", str(file))
    assert main(["drain", "--admin", str(file)]) == 0


def test_without_a_file_it_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RELAY_ADMIN", raising=False)
    assert main(["drain"]) == 2


def test_what_is_no_relay_is_said(file: Path) -> None:
    with admin.listen(file) as listening:
        listening.listen()

        def answer() -> None:
            with listening.accept()[0] as caller:
                caller.recv(1024)
                caller.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

        other = threading.Thread(target=answer)
        other.start()
        with pytest.raises(OSError, match="something else than a relay"):
            admin.ask_to_drain(file)
        other.join()


async def test_tills_are_sent_away_a_few_at_a_time(
    bench: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr("relay.feed.BYES_TOGETHER", 2)
    monkeypatch.setattr("relay.feed.BYES_SECONDS", 60.0)
    bench.add_shop("Duka")
    sockets = [await bench.connect(await bench.pair("Duka")) for _ in range(3)]
    await eventually(lambda: len(bench.relay._feed) == 3)
    draining = asyncio.ensure_future(bench.relay.drain())
    for socket in sockets[:2]:
        assert Bye("drain", (1, 30)) in await socket.until(int)
    await eventually(lambda: len(bench.relay._feed) == 1)
    assert not draining.done()
    bench.relay._drain.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
