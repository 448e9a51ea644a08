"""How far this till has read the relay's log, and the events it read and had no use for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlmodel import Session

from pos_app.store.tables import ParkedEventRow, RelayCursorRow, table
from pos_app.store.times import to_text

_cursor = table(RelayCursorRow)
_parked = table(ParkedEventRow)
_inserted = upsert(_cursor)
_MOVE = _inserted.on_conflict_do_update(
    index_elements=["stream"], set_={name: _inserted.excluded[name] for name in ("epoch", "seq", "chain")}
)


@dataclass(frozen=True, slots=True)
class Position:
    """The last event applied: `seq` in the log of `epoch`, and the chain there. An empty epoch has read nothing."""

    epoch: str = ""
    seq: int = 0
    chain: str = ""


def position(session: Session, stream: str) -> Position:
    row = session.execute(select(_cursor).where(_cursor.c.stream == stream)).first()
    return Position(row.epoch, row.seq, row.chain) if row else Position()


def move(session: Session, stream: str, to: Position) -> None:
    session.execute(_MOVE, {"stream": stream, "epoch": to.epoch, "seq": to.seq, "chain": to.chain})


def park(session: Session, event_key: str, kind: str, why: str, at: datetime) -> bool:
    """Keeps the name of an event nothing could be done with; False when it was parked before."""
    if session.execute(select(_parked.c.id).where(_parked.c.event_key == event_key)).first():
        return False
    session.execute(insert(_parked).values(event_key=event_key, kind=kind, why=why, received_at=to_text(at)))
    return True
