"""What operators did: who, what, when and from where; only ever added to. Plain functions on a connection.

It must not hold a secret, a whole phone number or a callback's body: every operator may read it.
"""

from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from relay.stores.console_tables import record

MAX_TEXT = 200


class Act(NamedTuple):
    """`operator` is empty where nobody of that name exists; `subject` is what it was done to."""

    operator: str
    address: str
    action: str
    subject: str = ""
    detail: str = ""


class Entry(NamedTuple):
    number: int
    at: int
    act: Act


def note(connection: Connection, act: Act, now_ms: int) -> None:
    kept = {name: text[:MAX_TEXT] for name, text in act._asdict().items()}
    connection.execute(insert(record).values(at=now_ms, **kept))


def entries(connection: Connection, before: int | None, limit: int) -> list[Entry]:
    """The newest first; those with a lower number than `before`, where one is given."""
    wanted = select(record).order_by(record.c.number.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(record.c.number < before)
    return [Entry(row[0], row[1], Act(*row[2:])) for row in connection.execute(wanted)]
