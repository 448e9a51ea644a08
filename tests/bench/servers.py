"""The servers that the relay is measured on and against, each set so that what it answers is on disk.

It must not know what is measured. None of them is pinned: each has whichever core is free.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from machine import ROOT, Bench

from relay.stores.store import opened

sys.path.insert(0, str(ROOT / "tests"))

from database_server import DatabaseServer

_READY_SECONDS = 30.0


@contextmanager
def postgresql(bench: Bench, environment: Mapping[str, str] = {}) -> Iterator[DatabaseServer]:
    """Its own settings: fsync, full_page_writes and synchronous_commit are on."""
    with closing(DatabaseServer(lambda url: opened(url).prepare(), bench.fresh("postgresql"))) as server:
        if environment:
            # Begun anew with it: to make the files takes thousands of flushes.
            os.environ.update(environment)
            try:
                server.restart()
            finally:
                for name in environment:
                    del os.environ[name]
        yield server


@contextmanager
def redis(bench: Bench, environment: Mapping[str, str] = {}) -> Iterator[str]:
    """The path of its socket."""
    folder = bench.fresh("redis")
    path = folder / "socket"
    settings = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    command = ["redis-server", *settings, "--appendonly", "yes", "--appendfsync", "always"]
    with _running(bench, command, environment, path.exists):
        yield str(path)


@contextmanager
def jetstream(bench: Bench) -> Iterator[str]:
    folder = bench.fresh("nats")
    configuration = folder / "server.conf"
    durable = f'jetstream {{ store_dir: "{folder}", sync_interval: always }}'
    configuration.write_text(f'listen: "127.0.0.1:-1"\nports_file_dir: "{folder}"\n{durable}\n')
    found: list[Path] = []

    def told() -> bool:
        found[:] = folder.glob("*.ports")
        return bool(found)

    with _running(bench, [str(_nats_server()), "-c", str(configuration)], {}, told):
        yield json.loads(found[0].read_text())["nats"][0]


def _nats_server() -> Path | None:
    """That of the wheel: its command is in the environment's own folder, which need not be on the path."""
    beside = Path(sys.executable).with_name("nats-server")
    return beside if beside.exists() else None


def lacking() -> dict[str, str]:
    """What is not here, and how it is had."""
    locked = "python -m pip install -r build/requirements.lock"
    here = {
        "nats-server": (_nats_server() is not None and _has("nats"), locked),
        "redis-server": (shutil.which("redis-server") is not None, "apt-get install redis-server"),
        "redis": (_has("redis"), locked),
        "asyncpg": (_has("asyncpg"), locked),
    }
    return {name: how for name, (is_here, how) in here.items() if not is_here}


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


@contextmanager
def _running(
    bench: Bench, command: list[str], environment: Mapping[str, str], is_ready: Callable[[], bool]
) -> Iterator[None]:
    with bench.log.open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **environment})
    try:
        end = time.monotonic() + _READY_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]} did not start: {bench.log.read_text()[-500:]}")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(15)
