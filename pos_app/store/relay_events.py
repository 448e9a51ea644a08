"""How far this till has read the relay's log, and the events it read and had no use for."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from pos_app.store.times import to_text

_POSITION = "SELECT epoch, seq, chain FROM relay_cursor WHERE stream = ?"
_MOVE = """INSERT INTO relay_cursor (stream, epoch, seq, chain) VALUES (?, ?, ?, ?)
    ON CONFLICT (stream) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, chain = excluded.chain"""
_PARK = """INSERT INTO parked_event (event_key, kind, why, received_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (event_key) DO NOTHING"""


@dataclass(frozen=True, slots=True)
class Position:
    """The last event applied: `seq` in the log of `epoch`, and the chain there. An empty epoch has read nothing."""

    epoch: str = ""
    seq: int = 0
    chain: str = ""


def position(connection: sqlite3.Connection, stream: str) -> Position:
    row = connection.execute(_POSITION, (stream,)).fetchone()
    return Position(*row) if row else Position()


def move(connection: sqlite3.Connection, stream: str, to: Position) -> None:
    connection.execute(_MOVE, (stream, to.epoch, to.seq, to.chain))


def park(connection: sqlite3.Connection, event_key: str, kind: str, why: str, at: datetime) -> bool:
    """Keeps the name of an event nothing could be done with; False when it was parked before."""
    return connection.execute(_PARK, (event_key, kind, why, to_text(at))).rowcount == 1
