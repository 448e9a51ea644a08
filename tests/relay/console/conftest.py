"""The console in this process, beside a relay in this process: an operator's browser without a browser."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

from console_desk import LISTED, Desk


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.console.passwords._MEMORY_KIB", 64)
    monkeypatch.setattr("relay.console.passwords._ITERATIONS", 1)


@pytest.fixture
def settings(settings: Any, changed: Any) -> Any:
    return changed(settings, source_ips=frozenset({LISTED}))


@pytest.fixture
async def desk(bench: Any) -> AsyncIterator[Desk]:
    """Nobody is signed in; joan may sign in."""
    console = bench.relay.console()
    made = Desk(bench, console)
    made.add_operator()
    yield made
    console.close()


@pytest.fixture
async def joan(desk: Desk) -> Desk:
    """Signed in."""
    assert (await desk.sign_in()).status_code == 303
    return desk


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The wall clock of the door; `clock.pass_ms(…)` moves it."""

    class Clock:
        now = 1_700_000_000_000

        def pass_ms(self, milliseconds: int) -> None:
            self.now += milliseconds

    made = Clock()
    monkeypatch.setattr("relay.console.gate._now", lambda: made.now)
    return made
