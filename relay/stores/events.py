"""Single events of the log by their key: plain functions on a connection.

It must not know streams' heads or threads.
"""

from base64 import b64decode

from sqlalchemy import ColumnElement, Connection, Table, and_, select

from relay.protocol import TRUSTED
from relay.stores import sealing
from relay.stores.sequence import Encoding, Row, cut_key
from relay.stores.tables import event_key, event_row


def with_body(connection: Connection, stream_id: int, key: str, body_sha256: str) -> Row | None:
    """The last revision of that key whose body has a digest that begins so."""
    digests = connection.execute(
        select(event_row.c.id, event_row.c.body_sha256)
        .where(_is_of_key(event_row, stream_id, key))
        .order_by(event_row.c.rev.desc())
    )
    place = next((place for place, digest in digests if digest.hex().startswith(body_sha256)), None)
    if place is None:
        return None
    columns = select(*(event_row.c[name] for name in Row._fields)).where(event_row.c.id == place)
    return sealing.of(connection).opened(Row._make(connection.execute(columns).one()))


def is_trusted(connection: Connection, stream_id: int, key: str) -> bool:
    trusted = _is_of_key(event_key, stream_id, key) & (event_key.c.trust == TRUSTED)
    return connection.execute(select(event_key.c.id).where(trusted).limit(1)).first() is not None


def raw_body(row: Row) -> bytes:
    """As it came."""
    text = row.body or ""
    return text.encode() if row.encoding == Encoding.JSON else b64decode(text)


def _is_of_key(table: Table, stream_id: int, key: str) -> ColumnElement[bool]:
    start, end = cut_key(key)
    return and_(table.c.key_end == end, table.c.key_start == start, table.c.stream_id == stream_id)
