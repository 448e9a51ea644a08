"""What the log says of a receipt: whether it is money, whose charge it was, and who has claimed it.

It must not know HTTP. Plain functions on a connection; the log itself is the only record of claims.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, literal_column, select

from relay.protocol import KIND_STK, TRUSTED, Claim
from relay.stores import sealing
from relay.stores.tables import event_key, till

_CHARGE = "stk:"
_FOUND = select(event_key.c.trust, event_key.c.key_start)
_claim = msgspec.json.Decoder(Claim)


class Money(NamedTuple):
    """`nonce` is of the charge that asked for it; none for a payment that the customer made by himself."""

    trusted: bool
    nonce: str = ""


class Held(NamedTuple):
    """`stands` is false for a claim that was released."""

    claim: Claim
    stands: bool


def money(connection: Connection, stream_id: int, receipt: str) -> Money | None:
    """The best that is known of a receipt; None where the log has never seen it."""
    start = event_key.c.key_start
    confirmed = (event_key.c.key_end == receipt) & (start >= "c2b:") & (start < "c2b;")
    # A partial index serves only a query that says its condition itself, not by a bound value.
    charged = (event_key.c.kind == literal_column(f"'{KIND_STK}'")) & (event_key.c.receipt == receipt)
    # Two statements, so that each has its index.
    rows = [row for which in (confirmed, charged) for row in connection.execute(_FOUND.where(which, _of(stream_id)))]
    found = [Money(trust == TRUSTED, _nonce(key_start)) for trust, key_start in rows]
    # A charge of ours says more than the confirmation that it causes too.
    return max(found, key=lambda one: (one.trusted, one.nonce), default=None)


def _nonce(key_start: str) -> str:
    return key_start[len(_CHARGE) : -1] if key_start.startswith(_CHARGE) else ""


def latest(connection: Connection, stream_id: int, receipt: str) -> Held | None:
    """The newest claim. Its body is never erased, or a payment could be used again; generations have no gap."""
    newest = _last(lambda generation: _read(connection, stream_id, f"claim:{receipt}:", generation))
    if newest is None:
        return None
    return Held(newest, _read(connection, stream_id, f"release:{receipt}:", newest.generation) is None)


def _last(read: Callable[[int], Claim | None]) -> Claim | None:
    """By doubling, then by halving: a till that claims and releases without end makes no later claim slow."""
    last, known, beyond = None, 0, 1
    while (later := read(beyond)) is not None:
        last, known, beyond = later, beyond, 2 * beyond
    while beyond - known > 1:
        middle = (known + beyond) // 2
        later = read(middle)
        if later is None:
            beyond = middle
        else:
            last, known = later, middle
    return last


def _read(connection: Connection, stream_id: int, start: str, generation: int) -> Claim | None:
    place = (event_key.c.key_end == str(generation)) & (event_key.c.key_start == start)
    held = connection.execute(select(event_key.c.id, event_key.c.body).where(place, _of(stream_id))).first()
    if held is None or held.body is None:
        return None
    return _claim.decode(sealing.clear_text(connection, held.id, f"{start}{generation}", held.body))


def till_name(connection: Connection, till_id: str) -> str:
    return str(connection.execute(select(till.c.name).where(till.c.id == till_id)).scalar_one())


def _of(stream_id: int) -> ColumnElement[bool]:
    return event_key.c.stream_id == stream_id
