"""Our own programs as child processes: they say when they serve, and end with whoever started them."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # it ships none
import pytest

from pos_app.commands import children
from pos_app.commands.children import ChildError, Server

PATIENCE = 20.0
_PARENT = """
import sys
from pathlib import Path
from pos_app.commands.children import Server
folder = Path(sys.argv[1])
relay = Server("relay", ["serve", "--port", "0", "--store", f"sqlite:///{folder / 'relay.db'}"], folder / "relay.log")
simulator = Server("simulator", ["--port", "0"], folder / "simulator.log")
print(relay.wait_ready().pid, simulator.wait_ready().pid, flush=True)
sys.stdin.read()
"""


def until(met: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, what
        time.sleep(0.005)


def relay(folder: Path, *arguments: str) -> Server:
    given = ["serve", "--port", "0", "--store", f"sqlite:///{folder / 'relay.db'}", *arguments]
    return Server("relay", given, folder / "relay.log")


def test_a_server_says_where_it_serves_and_ends_when_its_standard_input_closes(tmp_path: Path) -> None:
    with relay(tmp_path) as server:
        assert server.wait_ready() is server
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code < 500
        process = psutil.Process(server.pid)
    assert not process.is_running()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url, trust_env=False)


def test_closing_a_server_twice_does_no_harm(tmp_path: Path) -> None:
    server = relay(tmp_path).wait_ready()
    server.close()
    server.close()


def test_a_child_that_ends_instead_of_serving_gives_a_sentence_and_its_log_says_why(tmp_path: Path) -> None:
    server = relay(tmp_path, "--public-url", "not an address")
    with pytest.raises(ChildError, match=r"^The training relay did not start\. Its log says why\.$"):
        server.wait_ready()
    assert not psutil.pid_exists(server.pid)
    assert "relay: " in (tmp_path / "relay.log").read_text()


def test_a_child_that_does_not_end_by_itself_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_END_SECONDS", 0.2)
    server = relay(tmp_path).wait_ready()
    process = psutil.Process(server.pid)
    process.suspend()
    server.close()
    assert not process.is_running()


def test_a_child_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = "import sys; sys.stdin.read()"
    monkeypatch.setattr(children, "_READY_SECONDS", 1)
    monkeypatch.setattr(children, "program", lambda _name: [sys.executable, "-c", silent])
    server = Server("simulator", [], tmp_path / "simulator.log")
    with pytest.raises(ChildError, match=r"^The training simulator did not start within 1 seconds\. Its log says why"):
        server.wait_ready()
    assert not psutil.pid_exists(server.pid)


def test_a_killed_parent_leaves_no_child(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(children.__file__).resolve().parents[2])}
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    assert select.select([parent.stdout], [], [], PATIENCE)[0], "the parent started neither child"
    born = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(born) == 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    until(lambda: not any(map(_runs, born)), "the children outlived their parent")
    parent.stdin.close()
    parent.stdout.close()


def _runs(process: psutil.Process) -> bool:
    """A child of a killed parent is adopted, and a zombie until it has been waited for."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("platform", "name", "expected"),
    [
        ("linux", "relay", ["relay"]),
        ("win32", "relay", ["relay.exe"]),
        ("linux", "simulator", ["till", "simulator"]),
    ],
)
def test_a_packaged_till_starts_the_programs_of_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, name: str, expected: list[str]
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "till"))
    monkeypatch.setattr(sys, "platform", platform)
    first, *rest = expected
    assert children.program(name) == [str(tmp_path / first), *rest]
