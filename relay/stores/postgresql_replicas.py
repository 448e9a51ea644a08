"""What relays of one database tell each other: that they are there, whom they serve, what they ask: plain functions.

It must not know HTTP or sockets. Times are the database's: no two relays need the same clock.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from relay.stores import sealing
from relay.stores.postgresql_arrays import texts
from relay.stores.sealing import SealedError

ALIVE_SECONDS = 5
"""A relay that was not seen for so long is gone."""

_SEEN = """
    INSERT INTO replica (name, seen_at) VALUES (%(name)s, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp() RETURNING xmax = 0
"""
_OTHERS = f"""
    SELECT name FROM replica
    WHERE name <> %(name)s AND seen_at > clock_timestamp() - interval '{ALIVE_SECONDS} seconds'
"""  # noqa: S608 (a number of ours)
_NOTED = """
    INSERT INTO till_session AS held (till_id, session, began_at, noted_at)
    SELECT till_id, session, clock_timestamp() - age::interval, clock_timestamp()
    FROM unnest(%(till)s::text[], %(session)s::text[], %(age)s::text[]) AS s (till_id, session, age) ORDER BY till_id
    ON CONFLICT (till_id) DO UPDATE SET
        session = CASE WHEN held.began_at < excluded.began_at THEN excluded.session ELSE held.session END,
        began_at = greatest(held.began_at, excluded.began_at), noted_at = excluded.noted_at
"""
# What was noted before a moment may be committed after it, by as much as a transaction may take.
_LATELY = """
    SELECT till_id, session FROM till_session
    WHERE noted_at > coalesce(%(since)s::timestamptz, clock_timestamp()) - interval '20 seconds'
"""
_ASKED = """
    INSERT INTO question (id, stream, body, asked_by, until)
    VALUES (%(id)s, %(stream)s, %(body)s, %(by)s, clock_timestamp() + %(seconds)s * interval '1 second')
"""
_OPEN = """
    SELECT id, stream, body, extract(epoch FROM until - clock_timestamp())::float8 FROM question
    WHERE asked_by <> %(name)s AND until > clock_timestamp()
"""
_ANSWERED = (
    "INSERT INTO verdict (question_id, replica, code) VALUES (%(id)s, %(name)s, %(code)s) ON CONFLICT DO NOTHING"
)
_VERDICTS = "SELECT replica, code FROM verdict WHERE question_id = %(id)s"
_FORGOTTEN = (
    "DELETE FROM verdict WHERE question_id = %(id)s",
    "DELETE FROM question WHERE id = %(id)s OR until < clock_timestamp() - interval '1 minute'",
)


class Question(NamedTuple):
    id: str
    stream: str
    body: str
    seconds: float
    """How long its answer is still waited for."""


class Began(NamedTuple):
    """A session of a till, and how many seconds ago it began."""

    session: str
    age: float


def be_seen(connection: Connection, name: str) -> bool:
    """False where this relay was seen before."""
    return bool(connection.exec_driver_sql(_SEEN, {"name": name}).scalar_one())


def leave(connection: Connection, name: str) -> None:
    connection.exec_driver_sql("DELETE FROM replica WHERE name = %(name)s", {"name": name})


def others(connection: Connection, name: str) -> frozenset[str]:
    """The relays that are there besides this one."""
    return frozenset(connection.exec_driver_sql(_OTHERS, {"name": name}).scalars())


def note_sessions(connection: Connection, began: Mapping[str, Began]) -> None:
    """By till. One that began after it, at whichever relay, stays, and is told of again."""
    values = {
        "till": texts(list(began)),
        "session": texts([one.session for one in began.values()]),
        "age": texts([f"{one.age:.6f} seconds" for one in began.values()]),
    }
    connection.exec_driver_sql(_NOTED, values)


def noted_lately(connection: Connection, since: datetime | None) -> tuple[datetime, dict[str, str]]:
    """The newest sessions of tills that were noted since, at any relay; and since when to ask the next time."""
    now: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    found = connection.exec_driver_sql(_LATELY, {"since": since})
    return now, {till_id: session for till_id, session in found}


def ask(connection: Connection, question: Question, name: str) -> None:
    body = sealing.of(connection).seal(_bound(question.id), question.body)
    said = {"id": question.id, "stream": question.stream, "body": body}
    connection.exec_driver_sql(_ASKED, {**said, "by": name, "seconds": question.seconds})


def open_questions(connection: Connection, name: str) -> list[Question]:
    """Those of the others, but for what was sealed with a key that is not here yet."""
    found = []
    for question in (Question(*row) for row in connection.exec_driver_sql(_OPEN, {"name": name})):
        with suppress(SealedError):
            body = sealing.of(connection).open(_bound(question.id), question.body)
            found.append(question._replace(body=body))
    return found


def _bound(question_id: str) -> str:
    return f"question\n{question_id}"


def answer(connection: Connection, question_id: str, name: str, code: str) -> None:
    connection.exec_driver_sql(_ANSWERED, {"id": question_id, "name": name, "code": code})


def answers(connection: Connection, question_id: str) -> dict[str, str]:
    """By relay."""
    return {name: code for name, code in connection.exec_driver_sql(_VERDICTS, {"id": question_id})}


def forget(connection: Connection, question_id: str) -> None:
    """And what somebody who is gone has left behind."""
    for statement in _FORGOTTEN:
        connection.exec_driver_sql(statement, {"id": question_id})
