"""The machine that a benchmark runs on: its facts, its cores, child processes on one of them, the slow-disk shim.

It must not know what is measured.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import psutil  # type: ignore[import-untyped]  # it ships no types
from figures import percentile

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
FLOORS, WORKERS = HERE / "floors", HERE / "workers"
_READY = "listening on "
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
SERVER_CORE, CLIENT_CORE = _CORES[0], _CORES[-1]
SHIM_MS = 5
_PATIENCE_SECONDS = 180.0


def pin(pid: int, core: int | None) -> None:
    """Threads that the process starts later stay on that core too."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {core})


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), str(HERE), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen", **extra}


class ChildEndedError(RuntimeError):
    """A process that should have answered did not; holds the end of what the processes complained of."""


class Child(AbstractContextManager["Child"]):
    """A Python process of ours that speaks in lines; its errors go to `log`. It is ended with the block."""

    def __init__(
        self, arguments: list[str], log: Path, core: int | None = None, environment: Mapping[str, str] = {}
    ) -> None:
        self.log, self._name = log, Path(arguments[0]).name
        with log.open("ab") as errors:
            self.started_ns = time.monotonic_ns()
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(environment),
                cwd=ROOT,
                text=True,
            )
        pin(self._process.pid, core)
        self.process = psutil.Process(self._process.pid)

    def read(self) -> str:
        """The next line. ChildEndedError where the child has ended instead, or says nothing for minutes."""
        assert self._process.stdout is not None
        patience = threading.Timer(_PATIENCE_SECONDS, self._process.kill)
        patience.start()
        line = self._process.stdout.readline()
        patience.cancel()
        if not line:
            raise ChildEndedError(f"{self._name} ended: {self.log.read_text()[-2000:]}")
        return line.rstrip("\n")

    def answer(self) -> Any:
        return json.loads(self.read())

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    @classmethod
    def asked(cls, script: Path, spec: Mapping[str, object], log: Path, core: int | None = None) -> Self:
        """Started and asked by one line of JSON."""
        child = cls([str(script)], log, core)
        child.tell(json.dumps(spec))
        return child

    def listening(self) -> str:
        """The address of a server's `listening on` line."""
        line = self.read()
        if not line.startswith(_READY):
            raise ChildEndedError(f"{self._name} said {line!r}")
        return line.removeprefix(_READY).strip()

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss_mib(self) -> float:
        return float(self.process.memory_info().rss) / 2**20

    def __exit__(self, *_exc: object) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def shim(folder: Path) -> str | None:
    """A library for LD_PRELOAD that sleeps in every flush; None where it cannot be built."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    built = folder / "slow_flush.so"
    source = str(FLOORS / "slow_flush.c")
    made = subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(built), source, "-ldl"], check=False)
    return str(built) if made.returncode == 0 else None


def facts(folder: Path) -> dict[str, object]:
    flushes = flush_ms(folder, 200)
    return {
        "interpreter": f"{platform.python_implementation()} {platform.python_version()} of {sys.base_prefix}",
        "cpus": len(_CORES),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "flush_ms_p50": round(percentile(flushes, 0.5), 3),
        "flush_ms_p99": round(percentile(flushes, 0.99), 3),
        "folder": str(folder.parent),
    }


def flush_ms(folder: Path, times: int) -> list[float]:
    """How long one 4 KiB append and its flush take on the disk of the measurements."""
    path, took = folder / "flush", []
    with path.open("ab", buffering=0) as file:
        for _ in range(times):
            begun = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            took.append((time.perf_counter() - begun) * 1000)
    path.unlink()
    return took


class Bench:
    """What every benchmark is given: where to write, how often, how long."""

    def __init__(self, folder: Path, rounds: int, *, quick: bool, full: bool) -> None:
        self.folder, self.rounds, self.quick, self.full = folder, rounds, quick, full
        self._made = 0

    def seconds(self, usual: float) -> float:
        return max(0.3, usual / 6) if self.quick else usual

    def count(self, usual: int) -> int:
        return max(1, usual // 10) if self.quick else usual

    def fresh(self, name: str) -> Path:
        self._made += 1
        path = self.folder / f"{self._made}-{name}"
        path.mkdir()
        return path

    @property
    def log(self) -> Path:
        return self.folder / "children.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
