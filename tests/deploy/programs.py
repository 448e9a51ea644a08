"""Programs that these tests start: in the foreground, with their output in a file, ended when the test ends."""

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from relay import protocol
from relay.protocol import PairRequest, PairResponse

PATIENCE = 20.0


class Program:
    """A process in the foreground, and what it says at its start."""

    def __init__(self, command: Sequence[str | Path], variables: Mapping[str, str], log: Path) -> None:
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, env=variables, text=True
        )
        self.log = log

    def line(self) -> str:
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        assert said, f"it ended with {self.process.wait(PATIENCE)}: {self.log.read_text()[-2000:]}"
        return said

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()
        return code


class Relay(Program):
    """`relay serve` on a port of its own; shops and tills come by its commands."""

    def __init__(self, command: Sequence[str | Path], folder: Path, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._command = list(command)
        self.variables = {
            **os.environ,
            "RELAY_STORE": f"sqlite:///{folder / 'relay.db'}",
            "RELAY_PORT": "0",
            **{f"RELAY_{name.upper()}": value for name, value in settings.items()},
        }
        super().__init__([*self._command, "serve"], self.variables, folder / "log")
        self.url = self.line().removeprefix("listening on ")
        self.port = int(self.url.rpartition(":")[2])

    def told(self, *arguments: str) -> Any:
        done = subprocess.run(
            [*self._command, *arguments, "--json"], env=self.variables, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    def pair(self, http: httpx.Client) -> PairResponse:
        """With the first shop, added if need be, through whatever address that client has."""
        if not self.told("shop", "list"):
            self.told("shop", "add", "Duka")
        request = PairRequest(self.told("till", "invite", "--shop", "Duka")["code"], "till one", secrets.token_hex(16))
        reply = http.post(protocol.PAIR_PATH, content=protocol.encode(request)).raise_for_status()
        return protocol.decode_pair_response(reply.content)


def wait_until(met: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        time.sleep(0.01)


def may_mount() -> bool:
    """Root in a container of somebody else's may often not."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0
