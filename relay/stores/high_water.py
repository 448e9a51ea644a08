"""How far each stream had come, in a file apart from the database: shows at start that the database is an older copy.

It must not know who is connected; a database that turns out to be old gets a new epoch, and the tills see that.
"""

import os
from pathlib import Path

import msgspec

from relay.stores import streams
from relay.stores.sequence import Head
from relay.stores.store import Store


class Mark(msgspec.Struct, frozen=True):
    epoch: str
    seq: int
    chain: str


Marks = dict[str, Mark]


def load(path: Path) -> Marks | None:
    """None where there is a file that cannot be read: then nothing proves that the database is not an old one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Marks)
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def save(path: Path, heads: dict[str, Head]) -> None:
    """Whole or not at all, and never ahead of the database: call it with committed heads only."""
    marks = {name: Mark(head.epoch, head.seq, head.chain) for name, head in heads.items()}
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(marks))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def turn_the_outdated(store: Store, marks: Marks | None) -> None:
    """A new epoch for each stream whose database is older than its mark, or has gone another way since."""
    with store.connect() as connection, store.transaction(connection):
        heads = store.heads(connection)
        streams.turn(connection, heads if marks is None else streams.lost(connection, heads, marks), marks or {})
