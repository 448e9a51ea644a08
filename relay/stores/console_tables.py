"""What the operators' console keeps beside the log: operators, their sessions and wrong tries, a record of their acts,
what tills are to read again, and where quarantined callbacks came from.

It must not know the console. `create` adds what a store lacks and changes nothing that it has.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    event,
    literal_column,
)

from relay.protocol import QUARANTINED
from relay.stores import tables

metadata = MetaData()

# STRICT tables take INTEGER alone, and only a column declared so is the row id.
_whole = BigInteger().with_variant(Integer, "sqlite")
# Said itself and not by a bound value, or no query would be served by the index.
is_quarantined = tables.event.c.trust == literal_column(f"'{QUARANTINED}'")


def _text(name: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=False, primary_key=primary_key)


def _number(name: str) -> Column[int]:
    return Column(name, _whole, nullable=False)


operator = Table(
    "operator",
    metadata,
    _text("name", primary_key=True),
    _text("password"),
    _number("added_at"),
    sqlite_strict=True,
)

# Of a session and of a browser that an operator has signed in from the browser alone has the id; here is its SHA-256.
session = Table(
    "operator_session",
    metadata,
    _text("id_sha256", primary_key=True),
    _text("operator"),
    _text("address"),
    _number("began_at"),
    _number("seen_at"),
    sqlite_strict=True,
)
browser = Table(
    "operator_browser",
    metadata,
    _text("id_sha256", primary_key=True),
    _text("operator"),
    _number("seen_at"),
    sqlite_strict=True,
)

# `who` is a name, an address, a browser or a session, by its hash: what was typed as a name may be a password.
tries = Table(
    "operator_tries",
    metadata,
    _text("who", primary_key=True),
    _number("wrong"),
    _number("last_at"),
    sqlite_strict=True,
)

record = Table(
    "operator_record",
    metadata,
    Column("number", _whole, primary_key=True),
    _number("at"),
    _text("operator"),
    _text("address"),
    _text("action"),
    _text("subject"),
    _text("detail"),
    sqlite_strict=True,
)

reading_again = Table(
    "reading_again",
    metadata,
    _text("till_id", primary_key=True),
    _text("stream"),
    _text("epoch"),
    _number("after"),
    _number("asked_at"),
    sqlite_strict=True,
)

sender = Table(
    "quarantined_sender",
    metadata,
    _text("stream", primary_key=True),
    Column("seq", _whole, primary_key=True, nullable=False, autoincrement=False),
    _text("address"),
    sqlite_strict=True,
)


def _of_the_quarantine(name: str, *columns: Column[Any]) -> Index:
    return Index(name, *columns, sqlite_where=is_quarantined, postgresql_where=is_quarantined)


# The newest of all shops, and the newest of one.
_indexes = (
    _of_the_quarantine("event_quarantined", tables.event.c.at, tables.event.c.id),
    _of_the_quarantine("event_quarantined_of_stream", tables.event.c.stream_id, tables.event.c.at),
)

_SAID = "the record of the operators is only ever added to"
_GUARDS = {
    "sqlite": [
        f"CREATE TRIGGER operator_record_{verb} BEFORE {verb} ON operator_record "
        f"BEGIN SELECT RAISE(ABORT, '{_SAID}'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION operator_record_stands() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_SAID}'; END $$",
        "CREATE TRIGGER operator_record_stands BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_record "
        "FOR EACH STATEMENT EXECUTE FUNCTION operator_record_stands()",
    ],
}


@event.listens_for(record, "after_create")
def _guard(_table: Table, connection: Connection, **_: object) -> None:
    for statement in _GUARDS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def create(connection: Connection) -> None:
    metadata.create_all(connection)
    for index in _indexes:
        index.create(connection, checkfirst=True)
