"""Turns a PIN into what is kept of it, and tells whether one is right: slow on purpose, never on the window's thread.

Argon2id over a keyed hash (money-safety §5 row 4): without the pepper, which the key store holds, a stolen database
says nothing about any PIN.
"""

import hmac
import secrets
import unicodedata
from hashlib import sha256

from pos_app.store.staff import KeptPin

SALT_BYTES = 16
_MEMORY_KIB = 19 * 1024
_ITERATIONS = 2
_BYTES = 32


def keep(pin: str, pepper: bytes) -> KeptPin:
    salt = secrets.token_bytes(SALT_BYTES)
    return KeptPin(salt, _hashed(pin, pepper, salt))


def is_right(pin: str, pepper: bytes, kept: KeptPin) -> bool:
    return hmac.compare_digest(_hashed(pin, pepper, kept.salt), kept.hash)


def _hashed(pin: str, pepper: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # 30 ms, needed once somebody signs in

    # The same phrase typed on another keyboard must be the same bytes.
    typed = unicodedata.normalize("NFKC", pin).encode("utf-8", "surrogatepass")
    peppered = hmac.new(pepper, typed, sha256).digest()
    kdf = Argon2id(salt=salt, length=_BYTES, iterations=_ITERATIONS, lanes=1, memory_cost=_MEMORY_KIB)
    return kdf.derive(peppered)
