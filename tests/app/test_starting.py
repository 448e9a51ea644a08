"""A till's process from its first window to its end, whatever it finds on the way, read off the window itself."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import psutil  # type: ignore[import-untyped]  # it ships none
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
UNLOCK = "This computer has no key store. Type the passphrase that protects the M-Pesa keys."
SELL = "Scan, type an amount, or find a product"


class Till:
    """One process, and the lines its eye says."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        environment = {
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONPATH": str(CHECKOUT),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            **variables,
        }
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("eye.py")), str(folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.said: list[str] = []
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def says(self, words: str) -> str:
        """The first line with those words, as soon as it is there."""
        end = time.monotonic() + PATIENCE
        while not (found := [line for line in self.said if words in line]):
            try:
                self.said.append(self._lines.get(timeout=max(0.0, end - time.monotonic())))
            except Empty:
                raise AssertionError(f"{words!r} was never said, but {self.said}") from None
        return found[0]

    def ends(self, number: int | None = signal.SIGTERM) -> tuple[int, str]:
        """Its exit code and what it said on standard error."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join()
        assert self.process.stderr is not None
        return code, self.process.stderr.read()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


Start = Callable[..., Till]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    born: list[Till] = []

    def started(*arguments: str, folder: Path = tmp_path, **variables: str) -> Till:
        born.append(Till(folder, *arguments, **variables))
        return born[-1]

    yield started
    for till in born:
        till.close()


def children_of(till: Till) -> list[psutil.Process]:
    return list(psutil.Process(till.process.pid).children(recursive=True))


def test_a_second_start_is_refused_and_raises_the_first_and_a_killed_till_leaves_no_lock(
    start: Start, tmp_path: Path
) -> None:
    first = start()
    first.says(UNLOCK)
    second = start()
    assert second.ends(None) == (1, "The till is already open on this computer; its window has been raised.\n")
    assert UNLOCK not in second.said
    first.says("came forward")
    assert first.ends(signal.SIGKILL)[0] == -signal.SIGKILL
    third = start()
    third.says(UNLOCK)
    assert third.ends() == (0, "")
    assert "Traceback" not in (tmp_path / "till.log").read_text()


def test_records_that_cannot_be_opened_are_said_in_the_window_and_the_till_ends_with_1(
    start: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "training"
    folder.mkdir()
    (folder / "till.db").write_text("this is no database" * 100)
    till = start("training")
    till.says("The till cannot open")
    till.says(f"The till’s records at {folder / 'till.db'} cannot be opened")
    assert SELL not in till.said
    assert till.ends() == (1, "")
    assert "the till could not open" in (folder / "till.log").read_text()
    assert (folder / "till.db").read_text() == "this is no database" * 100


def test_a_folder_that_cannot_be_used_is_said(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    till = start(folder=tmp_path / "file" / "till")
    sentence = till.says("The till’s folder cannot be used")
    assert till.ends() == (1, f"{sentence}\n")


def test_what_nobody_foresaw_is_said_in_the_window_and_logged(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "training" / "till.log"
    till = start("broken")
    till.says(f"Something unexpected happened; {log} says what. Sales and payments are safe.")
    assert till.ends() == (1, "")
    assert "KeyError: 'training'" in log.read_text()


def test_settings_that_are_no_text_do_not_keep_the_till_shut(start: Start, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_bytes(b"\xff\xfe\x00 no json")
    till = start()
    assert till.says("background") == "background #F1F4F7, M-Pesa till, on offscreen"
    till.says(UNLOCK)
    assert till.ends() == (0, "")


def test_who_chose_dark_is_not_dazzled_by_the_first_window(start: Start, tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "settings.json").write_text('{\n  "theme": "dark"\n}')
    till = start("training")
    assert till.says("background") == "background #0F171F, M-Pesa till – TRAINING, on offscreen"
    assert till.ends()[0] in {0, -signal.SIGTERM}  # the second before Python hears signals


def test_a_till_closed_while_its_children_start_leaves_none(start: Start, tmp_path: Path) -> None:
    till = start("training")
    till.says("Starting")
    born: list[psutil.Process] = []
    while not born:
        born = children_of(till)
    assert till.ends() == (0, "")
    assert not any(child.is_running() for child in born)
    assert not (tmp_path / "training" / "till.db").exists()


@pytest.mark.skipif(not shutil.which("Xvfb"), reason="Xvfb is not installed: no X server to open a window on")
def test_the_training_till_opens_on_a_real_display_and_ends_on_sigterm(
    start: Start, tmp_path: Path, display: str
) -> None:
    till = start("training", QT_QPA_PLATFORM="xcb", DISPLAY=display)
    assert till.says("background").endswith("on xcb")
    till.says("TRAINING")
    till.says(SELL)
    till.says("Duka la Mafunzo")
    born = [child for child in children_of(till) if child.name() != "gsettings"]  # It answers once and ends.
    assert len(born) == 2
    assert till.ends() == (0, "")
    assert not any(child.is_running() for child in born)
    for path in (tmp_path / "training").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, f"{path} can be read by others"


@pytest.fixture
def display() -> Iterator[str]:
    """An X server of our own, on a number that it chose itself."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1366x768x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as said:
        number = said.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait(PATIENCE)
