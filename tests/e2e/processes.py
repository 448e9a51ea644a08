"""The parts as real processes on loopback: relay, simulator, till, the proxy between them, and strace.

Nothing here reaches into a process, and nothing here judges what one did.
"""

import io
import itertools
import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx

from pos_app.commands import children
from pos_app.domain.refused import Refused
from pos_app.domain.shop import TillIdentity
from pos_app.relay_link.pairing import pair_now
from relay.__main__ import main as relay_command

SPEED = 100
PATIENCE = 20.0


def wait_until(met: Callable[[], Any], what: str = "", patience: float = PATIENCE) -> Any:
    """What `met` gives, as soon as it is true."""
    end = time.monotonic() + patience
    while not (found := met()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what or met}")
        time.sleep(0.005)
    return found


class TillDiedError(Exception):
    """The till's process ended while it was asked."""


class RelayProcess:
    """May be killed and started again on the same file and port."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._options = options
        self.database = folder / "relay.db"
        self.high_water = folder / "relay.db.highwater"
        self._store = f"sqlite:///{self.database}"
        self._port = "0"
        self._cursor: dict[str, Any] = {}
        self.start()

    def start(self) -> None:
        arguments = ["serve", "--port", self._port, "--store", self._store, *self._options]
        self._server = children.Server("relay", arguments, self.folder / "relay.log").wait_ready()
        self.url = self._server.url
        self._port = self.url.rpartition(":")[2]

    @property
    def pid(self) -> int:
        return self._server.pid

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._server.close()

    def stop(self) -> None:
        self._server.close()

    def wipe(self) -> None:
        """What the relay keeps, gone; its high-water file and its spool lie on other storage and stay."""
        for path in self.folder.glob("relay.db*"):
            if not path.name.startswith(self.high_water.name):
                path.unlink()

    def receipts(self, pairing: dict[str, str]) -> list[str]:
        """Of every event of that stream in the order of the log, as the long poll tells them; anchors have none."""
        found: list[str] = []
        read = 0
        while True:
            frames = self._behind(pairing, read)
            if not frames:
                return found
            read += len(frames)
            found += [frame["receipt"] for frame in frames if frame["kind"] != "anchor"]

    def _behind(self, pairing: dict[str, str], after: int) -> list[Any]:
        self._cursor = self._cursor if after else {}
        url, headers = f"{self.url}/v1/events/{pairing['stream']}", {"authorization": f"Bearer {pairing['token']}"}
        answer = httpx.get(url, params={**self._cursor, "wait": 0}, headers=headers, trust_env=False).raise_for_status()
        frames = answer.json()
        events = [frame for frame in frames if frame["t"] == "event"]
        if events:
            epoch = frames[0]["streams"][0]["epoch"]
            self._cursor = {"epoch": epoch, "after": events[-1]["seq"], "chain": events[-1]["chain"]}
        return events

    def mark(self, stream: str) -> int:
        """How far the high-water file says that this stream has come: -1 while nothing was said of it."""
        with suppress(FileNotFoundError):  # the relay first writes it a moment after its first message
            return int(json.loads(self.high_water.read_bytes()).get(stream, {"seq": -1})["seq"])
        return -1

    def back_up(self, to: Path) -> None:
        with closing(sqlite3.connect(self.database)) as source, closing(sqlite3.connect(to)) as target:
            source.backup(target)

    def restore(self, copy: Path, *, high_water: bool) -> None:
        """`high_water` False: that file was lost or is as old as the copy."""
        self.wipe()
        shutil.copyfile(copy, self.database)
        if not high_water:
            self.high_water.unlink(missing_ok=True)

    def command(self, *arguments: str) -> Any:
        said = io.StringIO()
        with redirect_stdout(said):
            assert relay_command([*arguments, "--json", "--store", self._store]) == 0
        return json.loads(said.getvalue())

    def pair(self, shop: str, till: TillIdentity) -> dict[str, str]:
        code = self.command("till", "invite", "--shop", shop)["code"]
        paired = pair_now(self.url, code, till)
        assert not isinstance(paired, Refused), paired
        return {field.name: getattr(paired, field.name) for field in fields(paired)}


class SimulatorProcess:
    def __init__(self, folder: Path, *arguments: str, speed: float = SPEED) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        given = ["--port", "0", "--scenario", "approve", "--speed", str(speed), *arguments]
        self._server = children.Server("simulator", given, folder / "simulator.log").wait_ready()
        self.url = self._server.url
        self._http = httpx.Client(base_url=f"{self.url}/simulator/", trust_env=False)

    @property
    def pid(self) -> int:
        return self._server.pid

    def tell(self, what: str, **fields: Any) -> None:
        self._http.post(what, json=fields).raise_for_status()

    def ask(self, what: str, **query: str) -> Any:
        return self._http.get(what, params=query).raise_for_status().json()

    def pay(self, **purchase: Any) -> str:
        """A customer pays by himself; the receipt."""
        answer = self._http.post("c2b/pay", json=purchase).raise_for_status()
        return str(answer.json()["payment"]["receipt"])

    def behave(self, phone: str, spec: Any) -> None:
        self.tell("scenario", phone=phone, scenario=spec)

    def pushes(self, phone: str) -> list[dict[str, Any]]:
        return [push for push in self.ask("pushes") if push["phone"] == phone]

    def paid(self, phone: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("ledger", payer=phone)["payments"]
        return found

    def close(self) -> None:
        self._http.close()
        self._server.close()


class Nursery:
    """Forks tills from one process that has imported everything."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = str(folder / "n")
        self._log = (folder / "nursery.log").open("ab")
        checkout = str(Path(children.__file__).resolve().parents[2])
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("headless_till.py")), self._path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": checkout},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n", "the nursery did not start; nursery.log says why"

    def born(self) -> "Channel":
        return Channel(self._path)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait(15)
        self._log.close()


class Channel:
    """JSON lines to one till process and back."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(path)
        self._buffer = b""
        self._answers: dict[int, Any] = {}
        self._ids = itertools.count(1)
        self.pid: int = self._read_line()["pid"]

    def send(self, do: str, **fields: Any) -> int:
        number = next(self._ids)
        try:
            self._socket.sendall(json.dumps({"id": number, "do": do, **fields}).encode() + b"\n")
        except OSError as error:
            raise TillDiedError from error
        return number

    def receive(self, number: int) -> Any:
        while number not in self._answers:
            line = self._read_line()
            self._answers[line["id"]] = line["result"]
        return self._answers.pop(number)

    def ask(self, do: str, **fields: Any) -> Any:
        return self.receive(self.send(do, **fields))

    def _read_line(self) -> Any:
        while b"\n" not in self._buffer:
            try:
                more = self._socket.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                raise TillDiedError
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    @property
    def is_dead(self) -> bool:
        """Every thread has ended and every file is closed: only then does the other end of the channel close."""
        while select.select([self._socket], [], [], 0)[0]:
            try:
                more = self._socket.recv(65536)
            except ConnectionError:
                return True
            if not more:
                return True
            self._buffer += more
        return False

    def close(self) -> None:
        self._socket.close()


class FaultProxy:
    def __init__(self, before: str) -> None:
        command = [sys.executable, str(Path(__file__).with_name("fault_proxy.py")), *before[7:].split(":")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self.url = self._out.readline().removeprefix("listening on ").strip()

    def spoil(self, **fault: Any) -> None:
        self._in.write(json.dumps(fault) + "\n")
        self._in.flush()
        assert self._out.readline() == "set\n"

    def close(self) -> None:
        self._in.close()
        self._process.wait(10)
        self._out.close()


@contextmanager
def struck(pid: int, syscall: str, number: int) -> Iterator[None]:
    """The kernel kills one of that process's threads, and so the process, on its n-th such call from now on."""
    inject = f"inject={syscall}:signal=SIGKILL:when={number}"
    # -f: every thread there is, and those that begin meanwhile.
    command = ["strace", "-f", "-q", "-o", os.devnull, "-e", f"trace={syscall}", "-e", inject, "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: tracer.poll() is not None or _is_traced(pid), "strace holds every thread")
        assert tracer.poll() is None, "strace could not attach"
        yield
    finally:
        _end(tracer)


def _threads(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _is_traced(pid: int) -> bool:
    return all("TracerPid:\t0\n" not in (thread / "status").read_text() for thread in _threads(pid))


def _end(tracer: subprocess.Popen[bytes]) -> None:
    """strace sometimes waits for a thread that it has just killed, and holds the dead process until it ends itself."""
    tracer.terminate()
    try:
        tracer.wait(0.2)
    except subprocess.TimeoutExpired:
        tracer.kill()
        tracer.wait()
