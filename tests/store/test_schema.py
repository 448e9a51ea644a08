"""How a file gets its schema: from nothing, never from a newer program, whole or not at all, as tables.py says."""
# ruff: noqa: ASYNC240 — a test has the loop to itself

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlmodel import SQLModel

import pos_app.store.tables  # noqa: F401 — declares them to SQLModel
from pos_app.store import schema
from pos_app.store.database import Database, StoreError

pytestmark = pytest.mark.anyio
NextVersion = Callable[[str], None]
_HEAD = schema.HEAD

_TABLES = {"sale", "sale_line", "cash_tender", "attempt", "payment", "evidence", "claim", "relay_cursor"}
_NEXT_STEP = """
from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade() -> None:
    op.execute("ALTER TABLE product ADD COLUMN shelf TEXT")
    op.execute("UPDATE product SET shelf = 'A'")
    {last}
"""


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


async def opened_and_closed(path: Path) -> None:
    database = Database(path)
    await database.open()
    await database.close()


async def refusal(path: Path) -> str:
    database = Database(path)
    with pytest.raises(StoreError) as refused:
        await database.open()
    await database.close()
    return str(refused.value)


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NextVersion:
    """`next_version(last)`: from now on this is a program with one more step, whose last statement is given."""

    def make(last: str) -> None:
        steps = tmp_path / "migrations"
        shutil.copytree(Path(schema.__file__).with_name("migrations"), steps)
        step = _NEXT_STEP.format(head=schema.HEAD, last=last)
        (steps / "versions" / "9000_shelf.py").write_text(step, encoding="utf-8")
        monkeypatch.setattr(schema, "_MIGRATIONS", steps)
        monkeypatch.setattr(schema, "HEAD", "9000")

    return make


async def test_an_empty_file_gets_the_newest_schema(path: Path) -> None:
    path.touch()
    await opened_and_closed(path)
    assert schema.version(path) == schema.HEAD
    assert {name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")} >= _TABLES


async def test_a_file_of_this_version_is_not_migrated_again(path: Path) -> None:
    await opened_and_closed(path)
    before = rows(path, "SELECT sql FROM sqlite_master ORDER BY name")
    await opened_and_closed(path)
    assert rows(path, "SELECT sql FROM sqlite_master ORDER BY name") == before
    assert not list(path.parent.glob("*.before-*"))


async def test_a_newer_schema_is_refused_and_the_file_is_not_touched(path: Path) -> None:
    await opened_and_closed(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    assert "newer version" in await refusal(path)
    assert path.read_bytes() == before


async def test_something_that_is_no_database_is_refused_and_not_touched(path: Path) -> None:
    path.write_bytes(b"photographs of the shop" * 100)
    assert "cannot be opened" in await refusal(path)
    assert path.read_bytes() == b"photographs of the shop" * 100


async def test_a_step_backs_up_first_and_keeps_every_row(path: Path, next_version: NextVersion) -> None:
    await opened_and_closed(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO product (name, price_cents, barcode) VALUES ('Bread', 6500, '')")
    next_version("")
    await opened_and_closed(path)
    assert rows(path, "SELECT name, shelf FROM product") == [("Bread", "A")]
    backup = path.with_name("till.db.before-9000")
    assert schema.version(backup) == _HEAD
    assert rows(backup, "SELECT name FROM product") == [("Bread",)]


@pytest.mark.parametrize(
    "last",
    [
        "raise OSError('the step fails')",
        "op.execute('INSERT INTO nowhere VALUES (1)')",
        "op.execute('INSERT INTO sale_line VALUES (1, 77, 0, 1, 1, 1)')",
    ],
    ids=["raises", "bad statement", "orphan"],
)
async def test_a_step_that_fails_leaves_the_old_file_whole(path: Path, next_version: NextVersion, last: str) -> None:
    await opened_and_closed(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO product (name, price_cents, barcode) VALUES ('Bread', 6500, '')")
    before = rows(path, "SELECT sql FROM sqlite_master ORDER BY name")
    next_version(last)
    database = Database(path)
    with pytest.raises((StoreError, RuntimeError)):
        await database.open()
    await database.close()
    assert schema.version(path) == _HEAD
    assert rows(path, "SELECT sql FROM sqlite_master ORDER BY name") == before
    assert rows(path, "SELECT name FROM product") == [("Bread",)]


async def test_without_room_for_the_backup_nothing_is_migrated(
    path: Path,
    next_version: NextVersion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await opened_and_closed(path)
    next_version("")
    monkeypatch.setattr(schema.shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 10, 0))  # type: ignore[attr-defined]
    assert "disk space" in await refusal(path)
    assert schema.version(path) == _HEAD


async def test_tables_and_migrations_say_the_same(path: Path) -> None:
    await opened_and_closed(path)
    migrated = {name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {str(table) for table in SQLModel.metadata.tables} == migrated - {"alembic_version"}
    for name, table in SQLModel.metadata.tables.items():
        columns = {
            str(column): (str(kind), bool(required) or bool(key), bool(key))
            for _, column, kind, required, _, key in rows(path, f"PRAGMA table_info({name})")
        }
        declared = {
            column.name: (
                {"VARCHAR": "TEXT"}.get(str(column.type), str(column.type)),
                not column.nullable,
                column.primary_key,
            )
            for column in table.columns
        }
        assert declared == columns, name
        parents = {(key[3], f"{key[2]}.{key[4]}") for key in rows(path, f"PRAGMA foreign_key_list({name})")}
        assert {(key.parent.name, key.target_fullname) for key in table.foreign_keys} == parents, name
        (definition,) = rows(path, f"SELECT sql FROM sqlite_master WHERE name = '{name}'")
        assert str(definition[0]).endswith("STRICT"), name
