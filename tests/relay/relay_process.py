"""`python -m relay serve` for tests, as a process on a port of its own, and what the command line does beside it."""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from relay import protocol
from relay.log import new_epoch
from relay.protocol import PairRequest, PairResponse
from relay.stores import directory
from relay.stores.store import opened, transaction

PATIENCE = 20.0


class Beside:
    """What the command line does beside a running relay, without a process for it."""

    @property
    def store(self) -> str:
        raise AssertionError("a relay has a store")

    @property
    def file(self) -> Path:
        """Of a store on SQLite."""
        return Path(self.store.removeprefix("sqlite:///"))

    def in_store(self, job: Callable[[Any], Any]) -> Any:
        with transaction(opened(self.store)) as connection:
            return job(connection)

    def add_shop(self, name: str) -> directory.Shop:
        shop: directory.Shop = self.in_store(lambda connection: directory.add_shop(connection, name, new_epoch()))
        return shop

    def invite(self, shop: str) -> str:
        now = int(time.time() * 1000)
        return str(self.in_store(lambda connection: directory.invite_till(connection, shop, now)).code)

    def revoke(self, till_id: str) -> None:
        assert self.in_store(lambda connection: directory.revoke(connection, till_id, 1))


class RelayProcess(Beside):
    def __init__(self, url: str, *options: str) -> None:
        self._store = url
        command = [sys.executable, "-m", "relay", "serve", "--port", "0", "--store", url, *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        # A pipe that nobody reads is full after 64 KiB, and then the relay stands still at its next line.
        self._logged: list[str] = []
        self._reading = threading.Thread(target=self._logged.extend, args=(self.process.stderr,), daemon=True)
        self._reading.start()
        self.url = self.process.stdout.readline().removeprefix("listening on ").strip()

    @property
    def store(self) -> str:
        return self._store

    def pair(self, shop: str, name: str = "till one") -> PairResponse:
        asked = protocol.encode(PairRequest(self.invite(shop), name, secrets.token_hex(16)))
        return protocol.decode_pair_response(httpx.post(self.url + protocol.PAIR_PATH, content=asked).content)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def end(self) -> tuple[int, str]:
        """SIGTERM; exit code and everything it logged."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        return self.process.returncode, "".join(self._logged)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def faulty(pid: int, fault: str) -> Iterator[None]:
    """The kernel answers calls of that process as `fault` says, in strace's words: `fdatasync:error=EIO`."""
    calls = fault.partition(":")[0]
    command = ["strace", "-f", "-q", "-o", os.devnull, "-e", f"trace={calls}", "-e", f"inject={fault}", "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _is_traced(pid):
            assert tracer.poll() is None, "strace could not attach"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield
    finally:
        tracer.terminate()
        tracer.wait(PATIENCE)


def _is_traced(pid: int) -> bool:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return all("TracerPid:\t0\n" not in (thread / "status").read_text() for thread in threads)


@contextmanager
def frozen(pids: Iterable[int]) -> Iterator[None]:
    """They stand still, and say nothing: not even that they are gone."""
    held = list(pids)
    _signal(held, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(held, signal.SIGCONT)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def with_children(pid: int) -> list[int]:
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found
