"""Which keys a store was ever written with: a relay that lacks one says so at its start, not when a till asks.

It must not know what is encrypted. Plain functions on a connection.
"""

from sqlalchemy import Connection, select, text

from relay.stores import sealing
from relay.stores.sealing import SealedError, Seals
from relay.stores.store import StoreSettingError
from relay.stores.tables import body_key

_WORD = "till-relay"
# Of relays that start together one is first.
_NOTE = text("INSERT INTO body_key (id, proof) VALUES (:id, :proof) ON CONFLICT DO NOTHING")


def recognise(connection: Connection) -> None:
    """Notes the key that seals from now on. StoreSettingError where one is missing or is another than it was."""
    seals = sealing.of(connection)
    known = connection.execute(select(body_key.c.id, body_key.c.proof).order_by(body_key.c.id)).all()
    for key_id, proof in known:
        _prove(seals, key_id, proof)
    if seals.id and seals.id not in {key_id for key_id, _ in known}:
        made = seals.seal(_bound(seals.id), _WORD)
        connection.execute(_NOTE, {"id": seals.id, "proof": made})


def _prove(seals: Seals, key_id: str, proof: str) -> None:
    try:
        seals.open(_bound(key_id), proof)
    except SealedError:
        raise StoreSettingError(
            f"bodies in the store are encrypted with a key {key_id!r}: RELAY_BODY_KEYS lacks it, or has another"
        ) from None


def _bound(key_id: str) -> str:
    return f"body_key\n{key_id}"
