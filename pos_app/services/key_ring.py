"""The keys that are never in the till's database: what PINs are hashed with, and what seals the audit record.

It must not know which key store keeps them.
"""

import json
import secrets
from dataclasses import dataclass
from typing import Protocol

from pos_app.domain.lockout import Lockout

KEY_BYTES = 32
_PEPPER, _SEAL, _TRIES = "staff_pepper", "audit_seal", "staff_tries"


class KeyStore(Protocol):
    """Blocking. All raise an Exception of their own, with a sentence, where the store is locked."""

    def get(self, name: str) -> str: ...

    def set(self, name: str, value: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Keys:
    pepper: bytes
    seal: bytes


def held_keys(store: KeyStore) -> Keys | None:
    """None where the key store has lost them, or this file came from another computer."""
    pepper, seal = (_key(store.get(name)) for name in (_PEPPER, _SEAL))
    return Keys(pepper, seal) if pepper and seal else None


def make_keys(store: KeyStore) -> Keys:
    """New ones. A seal that is there stays: what it sealed must stay readable."""
    seal = _key(store.get(_SEAL)) or secrets.token_bytes(KEY_BYTES)
    pepper = secrets.token_bytes(KEY_BYTES)
    store.set(_SEAL, seal.hex())
    store.set(_PEPPER, pepper.hex())
    return Keys(pepper, seal)


def held_tries(store: KeyStore) -> dict[int, Lockout]:
    """Wrong tries as the key store remembers them, so that an old copy of the database forgives nothing."""
    try:
        told = json.loads(store.get(_TRIES) or "{}")
        return {int(person_id): Lockout(int(tries), float(waits)) for person_id, (tries, waits) in told.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def keep_tries(store: KeyStore, tries: dict[int, Lockout]) -> None:
    told = {str(person_id): [one.tries, one.waits] for person_id, one in tries.items() if one.tries}
    store.set(_TRIES, json.dumps(told))


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return b""
    return key if len(key) == KEY_BYTES else b""
