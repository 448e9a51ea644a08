"""Which tills are to read their stream again, and from where: plain functions on a connection.

It must not know how a till is told. What stands here stands until the till has come with a cursor from before it.
"""

from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from relay.stores.console_tables import reading_again


class Again(NamedTuple):
    """Read what follows `after` once more, in the epoch in which that was asked."""

    till_id: str
    stream: str
    epoch: str
    after: int
    asked_at: int


def ask(connection: Connection, again: Again) -> None:
    """In place of what was asked of that till before."""
    forget(connection, again.till_id)
    connection.execute(insert(reading_again).values(again._asdict()))


def forget(connection: Connection, till_id: str) -> None:
    connection.execute(delete(reading_again).where(reading_again.c.till_id == till_id))


def all_of_them(connection: Connection) -> dict[str, Again]:
    return {row[0]: Again(*row) for row in connection.execute(select(reading_again))}
