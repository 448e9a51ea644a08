"""Which schema a database file has, and how it gets the newest: backed up first, forward only, refused when newer."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

HEAD = "0007"
_MIGRATIONS = Path(__file__).with_name("migrations")


class NewerSchemaError(OSError):
    pass


def version(path: Path) -> str:
    """The schema's number, or empty for a new file."""
    if not path.exists() or not path.stat().st_size:
        return ""
    with closing(sqlite3.connect(path)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    return str(row[0]) if row else ""


def bring_up_to_date(path: Path) -> None:
    """Raises NewerSchemaError, leaving the file as it is, when a later program wrote it."""
    found = version(path)
    if found == HEAD:
        return
    if found > HEAD:
        raise NewerSchemaError("they were written by a newer version of this program. Install that version again")
    if found:
        _back_up(path, path.with_name(f"{path.name}.before-{HEAD}"))
    _migrate(path)


def _back_up(path: Path, copy: Path) -> None:
    if shutil.disk_usage(path.parent).free < 2 * path.stat().st_size:
        raise OSError("there is too little disk space to back them up before the update")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def _migrate(path: Path) -> None:
    """Imports Alembic and SQLAlchemy, which a till whose file is up to date never needs."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import URL, create_engine, event
    from sqlalchemy.exc import DBAPIError

    # Not as text: a question mark in a folder's name would begin the options, and the file would be another.
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
    event.listen(engine, "connect", _without_foreign_keys)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN EXCLUSIVE"))
    try:
        with engine.connect() as connection:
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise sqlite3.DatabaseError(str(error.orig)) from error
    finally:
        engine.dispose()


def _without_foreign_keys(connection: sqlite3.Connection, _record: object) -> None:
    """A step that rebuilds a table would otherwise delete its children; env.py checks them before the commit."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=OFF").fetchall()
