"""Bodies as the database keeps them where the operator gave a key: AES-256-GCM, bound to their place and their event.

It must not know a table or a dialect. A sealed text says so itself, and by which key: `~id~base64`. No body is like it,
for JSON never begins with a tilde, and base64 has none.
"""

import binascii
import logging
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from relay.stores.sequence import Row

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = "~"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_INFO = "seals"

logger = logging.getLogger("relay.store")


class SealedError(SQLAlchemyError):
    """There is no key here for what was to be read; it is where it was, for whoever has the key."""


class BadKeysError(ValueError):
    """The setting cannot be read; no key is in the text."""


class Seals:
    """The first key seals, all of them open. Without keys nothing is sealed, and nothing sealed can be read."""

    def __init__(self, keys: Sequence[tuple[str, bytes]] = ()) -> None:
        self._keys = _ciphers(keys)
        self.id = keys[0][0] if keys else ""

    def sealed(self, rows: Sequence[Row]) -> Sequence[Row]:
        """As they are to be stored."""
        if not self.id:
            return rows
        # Chance is asked for once: each time, the interpreter lock is let go, and a busy relay waits to have it back.
        chance = os.urandom(_NONCE_BYTES * len(rows))
        nonces = (chance[at : at + _NONCE_BYTES] for at in range(0, len(chance), _NONCE_BYTES))
        return [
            row if row.body is None else row._replace(body=self._seal(_bound(row), row.body, nonce))
            for row, nonce in zip(rows, nonces, strict=True)
        ]

    def opened(self, row: Row) -> Row:
        if row.body is None or row.body[:1] != MARK:
            return row
        return row._replace(body=self.open(_bound(row), row.body))

    def seal(self, bound: str, text: str) -> str:
        return self._seal(bound, text, os.urandom(_NONCE_BYTES)) if self.id else text

    def _seal(self, bound: str, text: str, nonce: bytes) -> str:
        made = nonce + self._keys[self.id].encrypt(nonce, text.encode(), bound.encode())
        return f"{MARK}{self.id}{MARK}{b64encode(made).decode()}"

    def open(self, bound: str, text: str) -> str:
        """SealedError where that cannot be done: never something else than what was sealed, at that very place."""
        if text[:1] != MARK:
            return text
        from cryptography.exceptions import InvalidTag

        key_id, _, made = text[1:].partition(MARK)
        if key_id not in self._keys:
            raise _cannot_open(f"it is encrypted with the key {key_id!r}, which RELAY_BODY_KEYS lacks")
        try:
            held = b64decode(made, validate=True)
            return self._keys[key_id].decrypt(held[:_NONCE_BYTES], held[_NONCE_BYTES:], bound.encode()).decode()
        except (InvalidTag, ValueError):
            raise _cannot_open(
                f"it was not encrypted at its place with the key {key_id!r} of RELAY_BODY_KEYS"
            ) from None


def _ciphers(keys: Sequence[tuple[str, bytes]]) -> dict[str, "AESGCM"]:
    if not keys:
        return {}
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return {key_id: AESGCM(key) for key_id, key in keys}


def _cannot_open(why: str) -> SealedError:
    logger.error("a body cannot be read: %s", why)
    return SealedError(f"a body cannot be read: {why}")


def parse(said: str) -> Seals:
    """`id:base64,…`, each key of 32 bytes; nothing is no keys."""
    keys = [_key(one.strip()) for one in said.split(",") if one.strip()]
    if len({key_id for key_id, _ in keys}) < len(keys):
        raise BadKeysError("two keys have the same id")
    return Seals(keys)


def _key(said: str) -> tuple[str, bytes]:
    key_id, _, text = said.partition(":")
    try:
        key = b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if not _ID.fullmatch(key_id) or len(key) != _KEY_BYTES:
        raise BadKeysError("each key must look like id:base64, 32 bytes in base64 (openssl rand -base64 32)")
    return key_id, key


def lend(connection: Connection, seals: Seals) -> Connection:
    """For whoever asks by this connection for more than whole rows."""
    connection.info[_INFO] = seals
    return connection


def of(connection: Connection) -> Seals:
    """Those of its store."""
    return cast(Seals, connection.info.get(_INFO) or Seals())


def clear_text(connection: Connection, place: int, key: str, text: str) -> str:
    """The body of the event with that id and key, as it was before it was sealed, if it was."""
    return of(connection).open(bound_to(place, key), text)


def bound_to(place: int, key: str) -> str:
    return f"{place}\n{key}"


def _bound(row: Row) -> str:
    return bound_to(row.id, row.key)
