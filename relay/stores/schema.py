"""Which shape a store has, and how it gets the newest: forward only, each step in plain SQL, a newer one refused.

It must not know how a store is locked meanwhile: the caller's transaction holds it, and commits.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect

from relay.stores.store import StoreSettingError

HEAD = "0008"
_MIGRATIONS = Path(__file__).with_name("migrations")


def version(connection: Connection) -> str:
    """Its number, or empty for a store that has no mark."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")


def bring_up_to_date(connection: Connection, to: str = HEAD) -> None:
    """In the caller's transaction. Imports Alembic only where there is something to do."""
    found = version(connection)
    if found > HEAD:
        raise StoreSettingError("the store was made by a newer version of the relay; this one cannot use it")
    if found == to:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def adopt(connection: Connection, number: str) -> None:
    """Marks a store that has that shape already."""
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{number}')")  # noqa: S608 (a number of ours)
