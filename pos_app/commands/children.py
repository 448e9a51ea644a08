"""Our own programs as child processes; each ends when its standard input closes, so none outlives the till."""

import os
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

_CHECKOUT = Path(__file__).resolve().parents[2]
_READY = "listening on "
_READY_SECONDS = 60.0
"""For slow disks and busy machines."""
_END_SECONDS = 15


class ChildError(RuntimeError):
    """A child did not start; the message is a sentence."""


def program(name: str) -> list[str]:
    """The command line of `simulator` or `relay`, from a checkout or from the packaged folder."""
    if getattr(sys, "frozen", False):
        folder = Path(sys.executable).parent
        suffix = ".exe" if sys.platform == "win32" else ""
        return [str(folder / f"relay{suffix}")] if name == "relay" else [sys.executable, name]
    return [sys.executable, "-m", "relay"] if name == "relay" else [sys.executable, "-m", "pos_app", name]


def _environment() -> dict[str, str]:
    """Ours, without what is set in it for a real relay: its public address, its files."""
    path = os.pathsep.join(filter(None, (str(_CHECKOUT), os.environ.get("PYTHONPATH", ""))))
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("RELAY_")}
    return {**inherited, "PYTHONPATH": path}


class Server(AbstractContextManager["Server"]):
    """A child that says `listening on URL` once it serves. Raises ChildError when it ends instead."""

    def __init__(self, name: str, arguments: list[str], log_path: Path) -> None:
        self.name = name
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 — our own program with our own arguments
                [*program(name), *arguments, "--stdin-closes"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
                text=True,
            )
        self.url = ""

    def wait_ready(self) -> Self:
        """Raises ChildError, and then the child has ended."""
        self.url = self.said(_READY)
        return self

    def said(self, words: str) -> str:
        """What follows these words in the next line. Raises ChildError for another line, or none in time."""
        assert self._process.stdout is not None  # noqa: S101 — asked for above
        # Nothing but its end wakes up who reads from a pipe, on every system.
        overdue, began = threading.Timer(_READY_SECONDS, self._process.kill), time.monotonic()
        overdue.start()
        line = self._process.stdout.readline()
        overdue.cancel()
        if not line.startswith(words):
            self.close()
            is_late = time.monotonic() - began >= _READY_SECONDS
            within = f" within {_READY_SECONDS:.0f} seconds" if is_late else ""
            raise ChildError(f"The training {self.name} did not start{within}. Its log says why.")
        return line.removeprefix(words).strip()

    @property
    def pid(self) -> int:
        return self._process.pid

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
