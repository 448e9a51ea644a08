"""One relay, one simulator and as many tills as a test wants, as real processes, for each test module."""

import itertools
import json
import os
import random
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

import leaks
from processes import PATIENCE, FaultProxy, Nursery, RelayProcess, SimulatorProcess, TillDiedError, struck, wait_until
from till_process import TillProcess

from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP

FULL = os.environ.get("TILL_TEST_FULL") == "1"
CREDENTIALS = {
    "consumer_key": TRAINING_SHOP.consumer_key,
    "consumer_secret": TRAINING_SHOP.consumer_secret,
    "passkey": SANDBOX_PASSKEY,
}
_numbers = itertools.count(1)
_POST = {"content-type": "application/json"}


class World:
    """One relay, one simulator, one nursery for a test module."""

    def __init__(self, folder: Path, *relay_options: str) -> None:
        self.folder = folder
        self.full = FULL
        self.nursery = Nursery(folder / "nursery")
        self.relay = RelayProcess(folder / "relay", *relay_options)
        self.simulator = SimulatorProcess(folder / "simulator")
        self.tills: list[TillProcess] = []
        self.customers: list[str] = []
        self._safaricom = httpx.Client(trust_env=False, headers=_POST)

    def till(self, kind: str = "paybill", *, shop: str = "", **credentials: str) -> TillProcess:
        folder = self.folder / f"till-{len(self.tills) + 1}"
        made = TillProcess(self, folder, kind, {**CREDENTIALS, **credentials}, shop=shop)
        self.tills.append(made)
        return made

    def phone(self) -> str:
        """A customer of its own for every charge: Safaricom rings one phone once at a time."""
        self.customers.append(f"2547{next(_numbers):08d}")
        return self.customers[-1]

    def until(self, met: Callable[[], Any], what: str = "", patience: float = PATIENCE) -> Any:
        return wait_until(met, what, patience)

    def struck(self, pid: int, syscall: str, number: int) -> AbstractContextManager[None]:
        return struck(pid, syscall, number)

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
def parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("e"), *getattr(request.module, "RELAY_OPTIONS", ()))
    yield made
    made.close()
    assert leaks.found_in(made.folder, made.tills, made.customers) == []


@pytest.fixture
def world(parts: World) -> Iterator[World]:
    yield parts
    parts.end_tills()
    parts.simulator.tell("reset")


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


@pytest.fixture
def is_full() -> bool:
    return FULL


_figures: list[str] = []


@pytest.fixture
def figure() -> Callable[[str], None]:
    """Notes what was measured; printed at the end of the run."""
    return _figures.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _figures:
        terminalreporter.write_line(line)
