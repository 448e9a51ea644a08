"""Relays of one store behind HAProxy, as real processes: each may be killed, and comes back at its own address.

Whoever calls knows HAProxy's address alone. Nothing here judges what was answered.
"""

import io
import json
import os
import signal
import socket
import subprocess
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from processes import wait_until

from pos_app.commands import children
from pos_app.domain.refused import Refused
from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.relay_link.pairing import pair_now
from relay.__main__ import main as relay_command

_CONFIGURATION = """\
global
    maxconn 4096
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    option redispatch
frontend callers
    bind fd@{door}
    default_backend relays
backend relays
    balance roundrobin
    option httpchk GET /readyz
    default-server check inter 200ms fall 2 rise 1
{servers}
"""


@dataclass
class Replica:
    """`arguments` are those of the command line beside the port, which it keeps."""

    arguments: list[str]
    log: Path
    _port: str = "0"

    def start(self) -> None:
        self._server = children.Server("relay", ["serve", "--port", self._port, *self.arguments], self.log).wait_ready()
        self._port = self._server.url.rpartition(":")[2]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def kill(self) -> None:
        os.kill(self._server.pid, signal.SIGKILL)
        self._server.close()

    def close(self) -> None:
        self._server.close()


class Balanced:
    """`count` relays on `store`, and what stands before them."""

    def __init__(self, store: str, count: int, folder: Path) -> None:
        self.store, self._folder = store, folder
        # Taken before anything runs: the relays say this address to the tills that pair.
        self._door = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self.replicas = [Replica(self._arguments(at), folder / f"relay-{at}.log") for at in range(count)]
        for replica in self.replicas:
            replica.start()
        self._balancer = self._balance()
        wait_until(self.is_ready, "HAProxy has found a relay")

    def _arguments(self, at: int) -> list[str]:
        beside = ["--high-water", str(self._folder / f"high.water.{at}")]
        return ["--store", self.store, "--public-url", self.url, *beside]

    def _balance(self) -> subprocess.Popen[bytes]:
        servers = [f"    server relay{at} {replica.address}" for at, replica in enumerate(self.replicas)]
        configuration = self._folder / "haproxy.cfg"
        configuration.write_text(_CONFIGURATION.format(door=self._door.fileno(), servers="\n".join(servers)))
        with (self._folder / "haproxy.log").open("wb") as log:
            command = ["haproxy", "-db", "-f", str(configuration)]
            return subprocess.Popen(command, pass_fds=[self._door.fileno()], stdout=log, stderr=log)

    def is_ready(self) -> bool:
        """As the balancer says it; it must not have ended."""
        assert self._balancer.poll() is None, (self._folder / "haproxy.log").read_text()
        return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == httpx.codes.OK

    def command(self, *arguments: str) -> Any:
        said = io.StringIO()
        with redirect_stdout(said):
            assert relay_command([*arguments, "--json", "--store", self.store]) == 0
        return json.loads(said.getvalue())

    def pair(self, shop: str, till: TillIdentity) -> Pairing:
        """As a till does, wherever the balancer sends it."""
        paired = pair_now(self.url, self.command("till", "invite", "--shop", shop)["code"], till)
        assert not isinstance(paired, Refused), paired
        return paired

    def close(self) -> None:
        self._balancer.terminate()
        self._balancer.wait(15)
        self._door.close()
        for replica in self.replicas:
            replica.close()
            assert "Traceback" not in replica.log.read_text()
