"""Copies of a store on PostgreSQL, by its own programs; the epochs are turned once it is there again.

It must not know tables. A password travels in the environment: others can see a command line.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from relay.stores import copies, postgresql_replicas, schema
from relay.stores.copies import CopyError, Restored
from relay.stores.high_water import Mark
from relay.stores.postgresql import PostgresStore

_WITH_REPLICAS = "0005"


def back_up(url: str, to: Path) -> None:
    beside = to.with_name(to.name + ".new")
    beside.unlink(missing_ok=True)
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        # What the relays tell each other is of the moment.
        _run("pg_dump", url, "--format=custom", "--no-unlogged-table-data", f"--file={beside}")
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(to)
    finally:
        beside.unlink(missing_ok=True)


def put_back(url: str, copy: Path | None, marks: Mapping[str, Mark]) -> Restored:
    store = PostgresStore(url)
    with store.connect(query_only=True) as connection:
        shape = schema.version(connection)
        served = postgresql_replicas.others(connection, store.own_name) if shape >= _WITH_REPLICAS else frozenset()
    if served:
        raise CopyError(f"{len(served)} relays are serving this store: stop them first")
    if copy is None and not shape:
        raise CopyError("there is no store in this database; name the copy that is to be put there")
    if copy is not None:
        if shape:
            raise CopyError("there is a store in this database already: a copy is put into an empty one")
        _run("pg_restore", url, "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(copy))
    store.prepare()
    with store.connect() as connection, store.transaction(connection):
        return copies.turned(store, connection, marks)


def _run(program: str, url: str, *options: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise CopyError(f"{program} is not installed here; it comes with PostgreSQL")
    told = conninfo_to_dict(url)
    password = told.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    command = [found, f"--dbname={make_conninfo('', **told)}", *options]
    ran = subprocess.run(  # noqa: S603 (a program of PostgreSQL, and no shell)
        command, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if ran.returncode != 0:
        raise CopyError(f"{program}: {' '.join(ran.stderr.split()) or f'it ended with {ran.returncode}'}")
