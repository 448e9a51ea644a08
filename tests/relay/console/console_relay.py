"""What stands around a console in a process of its own: shops, tills on real sockets, callbacks, and another site."""

import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from relay import protocol
from relay.console import passwords
from relay.log import new_epoch
from relay.protocol import Ack, CaughtUp, Event, Hello, PairRequest, PairResponse, Reset, StreamCursor
from relay.stores import directory, operators
from relay.stores.store import opened, transaction

PASSWORD = "four quiet words here"
LISTED, STRANGER = "196.201.214.200", "203.0.113.9"


def cheaply_kept(password: str) -> str:
    """What is kept says its own cost: that of a real one is paid by whoever is unknown, and by `ali`."""
    with pytest.MonkeyPatch.context() as cheap:
        cheap.setattr(passwords, "_MEMORY_KIB", 64)
        return passwords.keep(password)


class Relay:
    """A relay process with a console, and the callbacks and tills around it."""

    def __init__(self, start: Callable[..., Any], folder: Path) -> None:
        self.store = folder / "relay.db"
        kept = cheaply_kept(PASSWORD)
        self.in_store(lambda connection: operators.add(connection, "joan", kept, 1))
        options = ("--source-ips", LISTED, "--trusted-proxies", "127.0.0.1", "--console", "on", "--console-port", "0")
        self.process = start(*options, store=self.store)
        self.url = self.process.url
        self.origin = self.process.process.stdout.readline().split()[-1].removesuffix("/console")
        self._shops = 0

    def in_store(self, job: Callable[[Any], Any]) -> Any:
        with transaction(opened(f"sqlite:///{self.store}")) as connection:
            return job(connection)

    def pair(self, shop: str = "", name: str = "Counter 1") -> PairResponse:
        self._shops += 1
        shop = shop or f"Duka {self._shops}"

        def invited(connection: Any) -> str:
            if shop not in {one.name for one in directory.shops(connection)}:
                directory.add_shop(connection, shop, new_epoch())
            return directory.invite_till(connection, shop, int(time.time() * 1000)).code

        request = protocol.encode(PairRequest(self.in_store(invited), name, secrets.token_hex(16)))
        answer = httpx.post(self.url + protocol.PAIR_PATH, content=request, trust_env=False)
        return protocol.decode_pair_response(answer.raise_for_status().content)

    def pay(self, till: PairResponse, receipt: str, sender: str = LISTED, **more: str) -> None:
        said = {"TransID": receipt, "TransAmount": "150.00", "BusinessShortCode": "600966", "BillRefNumber": "T1-7-1"}
        body, headers = json.dumps(said | more).encode(), {"X-Forwarded-For": sender}
        answer = httpx.post(f"{till.callback_base}/c2b/confirm", content=body, headers=headers, trust_env=False)
        assert answer.status_code == 200


class Till:
    """A till on its websocket that takes what comes and goes on where it was."""

    def __init__(self, relay: Relay, paired: PairResponse) -> None:
        self.paired = paired
        self.seqs: list[int] = []
        self.resets: list[Reset] = []
        self.codes: list[int] = []
        self.caught_up = threading.Event()
        self._url = relay.url.replace("http", "ws") + protocol.CONNECT_PATH
        self._over = threading.Event()
        self._cursor = StreamCursor(paired.stream)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self.caught_up.wait(20)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._follow()
            except ConnectionClosed as closed:
                self.codes.append(closed.rcvd.code if closed.rcvd else 0)
                if protocol.closes_for_good(self.codes[-1]):
                    return

    def _follow(self) -> None:
        headers = {"Authorization": f"Bearer {self.paired.token}"}
        with connect(
            self._url, subprotocols=[Subprotocol(protocol.SUBPROTOCOL)], additional_headers=headers, proxy=None
        ) as socket:
            socket.send(protocol.encode(Hello([self._cursor], app="0.4.0")), text=True)
            while not self._over.is_set():
                try:
                    self._take(socket, protocol.decode_from_relay(socket.recv(timeout=0.1)))
                except TimeoutError:
                    continue

    def _take(self, socket: Any, frame: Any) -> None:
        if isinstance(frame, protocol.Welcome) and frame.streams[0].ok:
            self._cursor.epoch = frame.streams[0].epoch
        elif isinstance(frame, Reset):
            self.resets.append(frame)
            self._cursor = StreamCursor(frame.s, frame.epoch, frame.floor, frame.chain)
        elif isinstance(frame, Event):
            self.seqs.append(frame.seq)
            self._cursor.seq, self._cursor.chain = frame.seq, frame.chain
            socket.send(protocol.encode(Ack(frame.s, frame.seq)), text=True)
        elif isinstance(frame, CaughtUp):
            self.caught_up.set()

    def end(self) -> None:
        self._over.set()
        self._thread.join(20)


class OtherSite:
    """A page on the same host, but not of the console."""

    def __init__(self, body: str) -> None:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(f"<!doctype html>{body}".encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> "OtherSite":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
