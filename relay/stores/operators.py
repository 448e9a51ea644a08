"""The operators of the console, their sessions and the browsers they are known at: plain functions on a connection.

It must not know HTTP, nor a password: it keeps what was made of one. Ids are kept as SHA-256 only.
"""

from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from relay.stores.console_tables import browser, operator, session

BROWSERS_KEPT = 20


class Operator(NamedTuple):
    name: str
    added_at: int


class Held(NamedTuple):
    """A session, as long as nobody has ended it: whether it is too old is for others to say."""

    operator: str
    began_at: int
    seen_at: int


def add(connection: Connection, name: str, password: str, now_ms: int) -> None:
    """sqlalchemy.exc.IntegrityError if there is an operator of that name."""
    connection.execute(insert(operator).values(name=name, password=password, added_at=now_ms))


def all_of_them(connection: Connection) -> list[Operator]:
    return [Operator(*row) for row in connection.execute(select(operator.c.name, operator.c.added_at).order_by("name"))]


def remove(connection: Connection, name: str) -> bool:
    """False if there is none of that name; whoever is signed in as such is out."""
    sign_out_everywhere(connection, name)
    return connection.execute(delete(operator).where(operator.c.name == name)).rowcount == 1


def set_password(connection: Connection, name: str, password: str) -> bool:
    """False if there is none of that name; whoever is signed in as such is out."""
    sign_out_everywhere(connection, name)
    return connection.execute(update(operator).where(operator.c.name == name).values(password=password)).rowcount == 1


def password(connection: Connection, name: str) -> str | None:
    return connection.execute(select(operator.c.password).where(operator.c.name == name)).scalar()


def begin_session(connection: Connection, id_sha256: str, name: str, address: str, now_ms: int) -> None:
    values = {"id_sha256": id_sha256, "operator": name, "address": address, "began_at": now_ms, "seen_at": now_ms}
    connection.execute(insert(session).values(values))


def held_session(connection: Connection, id_sha256: str) -> Held | None:
    wanted = select(session.c.operator, session.c.began_at, session.c.seen_at)
    row = connection.execute(wanted.where(session.c.id_sha256 == id_sha256)).first()
    return Held(*row) if row is not None else None


def see_session(connection: Connection, id_sha256: str, now_ms: int) -> None:
    connection.execute(update(session).where(session.c.id_sha256 == id_sha256).values(seen_at=now_ms))


def end_session(connection: Connection, id_sha256: str) -> None:
    connection.execute(delete(session).where(session.c.id_sha256 == id_sha256))


def drop_sessions(connection: Connection, begun_before_ms: int) -> None:
    connection.execute(delete(session).where(session.c.began_at < begun_before_ms))


def sign_out_everywhere(connection: Connection, name: str) -> None:
    """And no browser is known any more: it may be in other hands."""
    connection.execute(delete(session).where(session.c.operator == name))
    connection.execute(delete(browser).where(browser.c.operator == name))


def knows(connection: Connection, name: str, id_sha256: str, oldest_ms: int) -> bool:
    """Whether that operator has signed in with this browser since."""
    wanted = select(browser.c.operator).where(browser.c.id_sha256 == id_sha256, browser.c.seen_at >= oldest_ms)
    return connection.execute(wanted).scalar() == name


def know(connection: Connection, name: str, id_sha256: str, now_ms: int) -> None:
    """The newest BROWSERS_KEPT of an operator are remembered."""
    connection.execute(delete(browser).where(browser.c.id_sha256 == id_sha256))
    connection.execute(insert(browser).values(id_sha256=id_sha256, operator=name, seen_at=now_ms))
    of_name = select(browser.c.id_sha256).where(browser.c.operator == name).order_by(browser.c.seen_at.desc())
    for gone in connection.execute(of_name.offset(BROWSERS_KEPT)).scalars().all():
        connection.execute(delete(browser).where(browser.c.id_sha256 == gone))
