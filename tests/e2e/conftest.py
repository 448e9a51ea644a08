"""Relay, simulator and till as real processes on loopback, and the judge who holds the till's records to the ledger.

Nothing here reaches into a process: a till is asked over its channel, its records are read from its SQLite file.
"""

import io
import itertools
import json
import os
import random
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest

from pos_app.commands import children
from pos_app.domain.refused import Refused
from pos_app.relay_link.pairing import pair_now
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP
from relay.__main__ import main as relay_command

FULL = os.environ.get("TILL_TEST_FULL") == "1"
SPEED = 100
HURRY = 50
"""How much faster than life the till climbs its ladder in most of these tests: first rung 0.4 s, UNKNOWN at 3.6 s."""
PATIENCE = 20.0
ACCOUNTS = {
    "paybill": {"kind": "paybill", "short_code": "174379", "till_number": ""},
    "buy_goods": {"kind": "buy_goods", "short_code": "7654321", "till_number": "5512345"},
}
CREDENTIALS = {
    "consumer_key": TRAINING_SHOP.consumer_key,
    "consumer_secret": TRAINING_SHOP.consumer_secret,
    "passkey": SANDBOX_PASSKEY,
}
_numbers = itertools.count(1)
_POST = {"content-type": "application/json"}


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

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.database = folder / "relay.db"
        self.high_water = folder / "relay.db.highwater"
        self._store = f"sqlite:///{self.database}"
        self._port = "0"
        self._cursor: dict[str, Any] = {}
        self.start()

    def start(self) -> None:
        arguments = ["serve", "--port", self._port, "--store", self._store]
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
        """What the relay keeps, gone; its high-water file lies on other storage and stays."""
        for path in self.folder.glob("relay.db*"):
            if path != self.high_water:
                path.unlink()

    def receipts(self, pairing: dict[str, str]) -> list[str]:
        """Of every event of that stream in the order of the log, as the long poll tells them."""
        found: list[str] = []
        while True:
            frames = self._behind(pairing, len(found))
            if not frames:
                return found
            found += [frame["receipt"] for frame in frames]

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
        """How far the high-water file says that this stream has come."""
        return int(json.loads(self.high_water.read_bytes()).get(stream, {"seq": -1})["seq"])

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

    def pair(self, shop: str) -> dict[str, str]:
        code = self.command("till", "invite", "--shop", shop)["code"]
        paired = pair_now(self.url, code, "Till")
        assert not isinstance(paired, Refused), paired
        names = ("relay_url", "shop", "stream", "till_id", "token", "callback_base", "nonce_key")
        return {name: getattr(paired, name) for name in names}


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


class TillProcess:
    """One shop's till: its folder, its pairing, and whichever process runs it now."""

    def __init__(self, world: "World", folder: Path, kind: str, credentials: dict[str, str]) -> None:
        number = next(_numbers)
        self.world = world
        self.folder = folder
        self.database = folder / "till.db"
        self.shop = f"Shop {number}"
        self.code = _base36(36 * 36 + number)
        self.account = ACCOUNTS[kind]
        self.credentials = credentials
        world.relay.command("shop", "add", self.shop)
        self.pairing = world.relay.pair(self.shop)
        self.daraja_url = world.simulator.url
        self.hurry: float = HURRY
        self.read_timeout = 30.0
        self._channel: Channel | None = None
        self.take_confirmations()

    def take_confirmations(self) -> None:
        url = f"{self.pairing['callback_base']}/c2b/confirm"
        self.world.simulator.tell("confirmation-url", url=url, shortcode=self.account["short_code"])

    def start(self, *, connected: bool = True) -> None:
        self._channel = self.world.nursery.born()
        self.ask(
            "start",
            folder=str(self.folder),
            access={
                "daraja_url": self.daraja_url,
                "account": self.account,
                "credentials": self.credentials,
                "pairing": self.pairing,
            },
            till_code=self.code,
            hurry=self.hurry,
            read_timeout=self.read_timeout,
            connected=connected,
        )

    @property
    def channel(self) -> Channel:
        assert self._channel is not None
        return self._channel

    def ask(self, do: str, **fields: Any) -> Any:
        return self.channel.ask(do, **fields)

    def wait_live(self) -> None:
        wait_until(lambda: "live" in self.ask("look")["links"][-1:], "the relay link is live")

    def sell(self, amount: int, phone: str) -> Any:
        return self.ask("sell", amount=amount, phone=phone)

    def kill(self) -> None:
        os.kill(self.channel.pid, signal.SIGKILL)
        wait_until(lambda: self.channel.is_dead, "the till is dead")
        self.forget()

    def forget(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def quit(self) -> None:
        if self._channel is not None:
            self.ask("quit")
            wait_until(lambda: self.channel.is_dead, "the till has ended")
            self.forget()

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def attempts(self, phone: str = "%") -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM attempt WHERE msisdn LIKE ? ORDER BY id", phone)

    def attempt(self, phone: str) -> dict[str, Any]:
        (found,) = self.attempts(phone)
        return found

    def payments(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM payment WHERE superseded_by IS NULL")

    def becomes(self, phone: str, *states: str, patience: float = PATIENCE) -> dict[str, Any]:
        return wait_until(  # type: ignore[no-any-return]
            lambda: next((found for found in self.attempts(phone) if found["state"] in states), None),
            f"{states}, not {[found['state'] for found in self.attempts(phone)]}",
            patience,
        )

    def judge(self, patience: float = PATIENCE, strangers: dict[str, int] | None = None) -> None:
        """`strangers` are receipts and shillings that came without a charge of this till.

        Waits for what may still come; money that is lost or counted twice stays so however long one waits."""
        end = time.monotonic() + patience
        while True:
            try:
                return self._judge(strangers or {})
            except AssertionError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.01)

    def _judge(self, strangers: dict[str, int]) -> None:
        """The simulator's ledger says who paid; the till's records must say the same, once (money-safety I7)."""
        simulator = self.world.simulator
        mine = f"{self.code}-"
        pushes = [push for push in simulator.ask("pushes") if push["reference"].startswith(mine)]
        paid = [payment for payment in simulator.ask("ledger")["payments"] if payment["reference"].startswith(mine)]
        by_reference = {push["reference"]: push for push in pushes}
        assert len(by_reference) == len(pushes), "a second prompt"
        attempts = {attempt["account_reference"]: attempt for attempt in self.attempts()}
        assert by_reference.keys() <= attempts.keys(), "a prompt without an intent"
        for reference, attempt in attempts.items():
            _judge_state(attempt, by_reference.get(reference))
        charged = [payment for payment in self.payments() if payment["attempt_id"] is not None]
        unclaimed = [payment for payment in self.payments() if payment["attempt_id"] is None]
        held = {payment["attempt_id"]: payment for payment in charged}
        for truth in paid:
            payment = held.pop(attempts[truth["reference"]]["id"], None)
            assert payment is not None, "a payment was lost"
            assert payment["amount_cents"] == 100 * truth["amount"]
            assert payment["receipt"] in {"", truth["receipt"]}
            assert payment["sale_id"] == attempts[truth["reference"]]["sale_id"]
        assert not held, "a payment that nobody made"
        assert len(charged) == len(paid), "a payment was counted twice"
        found = sorted((payment["receipt"], payment["amount_cents"]) for payment in unclaimed)
        assert found == sorted((receipt, 100 * amount) for receipt, amount in strangers.items())
        assert self.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def _judge_state(attempt: dict[str, Any], push: dict[str, Any] | None) -> None:
    """Its true state. A request that never arrived can only be unknown, or known not to have left."""
    if push is None:
        allowed = {"UNKNOWN", "CREATED", "FAILED"}
    elif push["code"] == "0":
        allowed = {"PAID", "PAID_LATE"}
    else:
        allowed = {"FAILED"} if push["code"] else {"PENDING", "UNKNOWN"}
    assert attempt["state"] in allowed, (attempt["state"], push)


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


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
    return digits


class World:
    """One relay, one simulator, one nursery for a test module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.full = FULL
        self.nursery = Nursery(folder / "nursery")
        self.relay = RelayProcess(folder / "relay")
        self.simulator = SimulatorProcess(folder / "simulator")
        self.tills: list[TillProcess] = []
        self._safaricom = httpx.Client(trust_env=False, headers=_POST)

    def till(self, kind: str = "paybill", **credentials: str) -> TillProcess:
        folder = self.folder / f"till-{len(self.tills) + 1}"
        made = TillProcess(self, folder, kind, {**CREDENTIALS, **credentials})
        self.tills.append(made)
        return made

    def phone(self) -> str:
        """A customer of its own for every charge: Safaricom rings one phone once at a time."""
        return f"2547{next(_numbers):08d}"

    def until(self, met: Callable[[], Any], what: str = "", patience: float = PATIENCE) -> Any:
        return wait_until(met, what, patience)

    @contextmanager
    def struck(self, pid: int, syscall: str, number: int) -> Iterator[None]:
        """The kernel kills one of that process's threads, and so the process, on its n-th such call from now on."""
        inject = f"inject={syscall}:signal=SIGKILL:when={number}"
        threads = [argument for thread in _threads(pid) for argument in ("-p", thread.name)]
        command = ["strace", "-q", "-o", os.devnull, "-e", f"trace={syscall}", "-e", inject, *threads]
        tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: tracer.poll() is not None or _is_traced(pid), "strace holds every thread")
            assert tracer.poll() is None, "strace could not attach"
            yield
        finally:
            _end(tracer)

    def free_address(self) -> str:
        """Nobody listens there."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            return f"http://127.0.0.1:{taken.getsockname()[1]}"

    def post_callback(self, pairing: dict[str, str], path: str, body: Any, **headers: str) -> int:
        """As Safaricom does; the relay's answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = pairing["callback_base"] + path
        return self._safaricom.post(url, content=content, headers=headers).status_code

    def confirmation(self, till: "TillProcess", receipt: str, amount: int) -> tuple[str, int]:
        """A customer paid unasked; Safaricom tells the shop (contract §2.6)."""
        body = {
            "TransactionType": "Pay Bill",
            "TransID": receipt,
            "TransTime": "20261014153015",
            "TransAmount": f"{amount}.00",
            "BusinessShortCode": till.account["short_code"],
            "BillRefNumber": "walk-in",
            "MSISDN": "2547*****678",
            "FirstName": "JANE",
        }
        assert self.post_callback(till.pairing, "/c2b/confirm", body) == 200
        return receipt, amount

    def end_tills(self) -> None:
        for till in self.tills:
            if till._channel is not None:
                till.quit()

    def close(self) -> None:
        self._safaricom.close()
        self.simulator.close()
        self.relay.stop()
        self.nursery.close()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("e"))
    yield made
    made.close()


@pytest.fixture
def world(parts: World) -> Iterator[World]:
    yield parts
    parts.end_tills()
    parts.simulator.tell("reset")


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


@pytest.fixture
def proxy(parts: World) -> Iterator[FaultProxy]:
    made = FaultProxy(parts.simulator.url)
    yield made
    made.close()


@pytest.fixture
def died() -> type[Exception]:
    return TillDiedError


@pytest.fixture
def seed() -> int:
    """TILL_TEST_SEED plays a run again."""
    return int(os.environ.get("TILL_TEST_SEED") or random.SystemRandom().randrange(2**32))


_figures: list[str] = []


@pytest.fixture
def figure() -> Callable[[str], None]:
    """Notes what was measured; printed at the end of the run."""
    return _figures.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _figures:
        terminalreporter.write_line(line)
