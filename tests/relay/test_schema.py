"""The shape of a store: made once however many relays start, carried over, and refused where a newer relay made it."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from database_server import ON_A_FILE
from sqlalchemy import inspect, select

from relay.log import EventLog, Meta, Outcome
from relay.protocol import Cursor
from relay.stores import claims, console_tables, directory, schema, tables
from relay.stores.sqlite import SqliteStore
from relay.stores.store import StoreSettingError, opened, transaction

STORES = ["sqlite", "postgresql"]
GOLDEN = Path(__file__).with_name("golden")


def test_the_tables_are_what_the_questions_ask_for(store: str) -> None:
    with transaction(opened(store)) as connection:
        for table in (*tables.metadata.tables.values(), *console_tables.metadata.tables.values()):
            assert connection.execute(select(table)).all() == []
            held = {column["name"] for column in inspect(connection).get_columns(table.name)}
            assert {column.name for column in table.columns} <= held


def test_the_newest_shape_is_made_of_all_steps(store: str) -> None:
    with transaction(opened(store)) as connection:
        assert schema.version(connection) == schema.HEAD
    steps = sorted(path.name[:4] for path in (Path(schema.__file__).parent / "migrations" / "versions").glob("0*.py"))
    assert steps[-1] == schema.HEAD


def test_a_store_of_a_newer_relay_is_refused_and_left_alone(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    from relay.__main__ import main

    with transaction(opened(store)) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreSettingError, match="newer version"):
        opened(store).prepare()
    assert main(["shop", "list", "--store", store]) == 1
    assert capsys.readouterr().err == (
        "relay: the store was made by a newer version of the relay; this one cannot use it\n"
    )
    with opened(store).connect() as connection:
        assert schema.version(connection) == "9999"
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{schema.HEAD}'")


@ON_A_FILE
@pytest.mark.anyio
async def test_a_file_of_before_is_carried_over_with_all_that_is_in_it(tmp_path: Path, store: str) -> None:
    path = tmp_path / "relay.db"
    with closing(sqlite3.connect(path)) as before:
        before.executescript((GOLDEN / "store_3.sql").read_text())
    log = await EventLog.open(SqliteStore(path), tmp_path / "high.water")
    events = await log.read("st_53a6f235", 0)
    cursor = Cursor()
    for event in events:
        assert event.follows(cursor)
        cursor = Cursor("", event.seq, event.chain)
    assert [event.kind for event in events] == ["c2b.confirmation", "stk", "claim"]
    held = await log.ask(lambda connection: claims.latest(connection, 1, "UJE7K2M9QX"))
    assert held is not None
    assert (held.claim.sale, held.stands) == ("142", True)
    copy = await log.append("st_53a6f235", "stk", events[1].key, b"{}", Meta(1, money=b"m"))
    assert (copy.outcome, copy.seq, copy.epoch) == (Outcome.DUPLICATE, 2, "e0123456789abcdef")
    assert (await log.append("st_53a6f235", "stk", "new", b"{}", Meta(1))).seq == 4
    assert [shop.name for shop in await log.ask(directory.shops)] == ["Duka"]
    assert [till.code for till in await log.ask(directory.tills)] == ["1"]
    await log.close()
    with closing(sqlite3.connect(path)) as after:
        # By this number the relays of before refuse it.
        assert after.execute("PRAGMA user_version").fetchone() == (4,)


@ON_A_FILE
@pytest.mark.parametrize("shape", ["CREATE TABLE event (id INTEGER)", "PRAGMA user_version = 99"])
def test_a_file_of_another_shape_is_refused_and_left_alone(tmp_path: Path, store: str, shape: str) -> None:
    with closing(sqlite3.connect(tmp_path / "relay.db")) as other:
        other.execute(shape)
        before = list(other.iterdump())
        with pytest.raises(StoreSettingError, match="another version"):
            SqliteStore(tmp_path / "relay.db").prepare()
        assert list(other.iterdump()) == before


@pytest.mark.parametrize("found", ["", "0004"])
def test_relays_that_start_together_make_it_once(server: Any, found: str) -> None:
    url = server.fresh(empty=True)
    if found:
        store = opened(url)
        with store.connect() as connection, store.transaction(connection):
            schema.bring_up_to_date(connection, found)
    command = [sys.executable, "-m", "relay", "shop", "list", "--json", "--store", url]
    starting = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "12"]
    assert [(one.communicate(timeout=60), one.returncode) for one in starting] == [(("[]\n", ""), 0)] * 2
    with opened(url).connect() as connection:
        assert schema.version(connection) == schema.HEAD
