"""Single events of the log by their key: plain functions on a connection.

It must not know streams' heads or threads.
"""

from base64 import b64decode

from sqlalchemy import Connection, select

from relay.protocol import TRUSTED
from relay.stores import tables
from relay.stores.sequence import Encoding, Row, cut_key


def with_body(connection: Connection, stream_id: int, key: str, body_sha256: str) -> Row | None:
    """The last revision of that key whose body has a digest that begins so."""
    found = [row for row in _of_key(connection, stream_id, key) if row.body_sha256.hex().startswith(body_sha256)]
    return found[-1] if found else None


def is_trusted(connection: Connection, stream_id: int, key: str) -> bool:
    return any(row.trust == TRUSTED for row in _of_key(connection, stream_id, key))


def raw_body(row: Row) -> bytes:
    """As it came."""
    text = row.body or ""
    return text.encode() if row.encoding == Encoding.JSON else b64decode(text)


def _of_key(connection: Connection, stream_id: int, key: str) -> list[Row]:
    start, end = cut_key(key)
    event = tables.event.c
    wanted = select(tables.event).where(event.key_end == end, event.key_start == start, event.stream_id == stream_id)
    return [Row(*row) for row in connection.execute(wanted.order_by(event.rev))]
