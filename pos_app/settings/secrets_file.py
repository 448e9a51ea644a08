"""The keys in one encrypted file, for computers without a key store; a passphrase opens it, and nothing else does."""

import base64
import json
import os
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pos_app.domain.refused import Refused
from pos_app.settings.private_file import write_private
from pos_app.settings.secrets import SecretsError

PASSPHRASE_MIN = 8
_MARK = b"mpesa-till keys 1"
"""Authenticated with the box, so a file of another kind or format never opens by accident."""
_SALT_BYTES, _NONCE_BYTES = 16, 12

_ASK = Refused("This computer has no key store. Type the passphrase that protects the M-Pesa keys.")
_SHORT = Refused(f"The passphrase needs at least {PASSPHRASE_MIN} characters.")
_WRONG = Refused("That passphrase does not open the M-Pesa keys. Sales and payments are safe. Try again.")
_DAMAGED = Refused(
    "The file with the M-Pesa keys is damaged. Sales and payments are safe. "
    "Put keys.box back from a copy, or delete it and type the keys again in Settings."
)


class FileSecrets:
    where = "an encrypted file on this computer"

    def __init__(self, path: Path, key: bytes, salt: bytes, values: dict[str, str]) -> None:
        self._path = path
        self._key = key
        self._salt = salt
        self._values = values

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Self | Refused:
        """The first passphrase makes the file; afterwards only the same one opens it."""
        if not passphrase:
            return _ASK
        try:
            stored = path.read_bytes()
        except FileNotFoundError:
            return cls._made(path, passphrase)
        except OSError as error:
            return Refused(f"The file with the M-Pesa keys cannot be read ({error.strerror}).")
        parts = _parts(stored)
        if parts is None:
            return _DAMAGED
        salt, nonce, box = parts
        key = _derived(passphrase, salt)
        try:
            values = json.loads(AESGCM(key).decrypt(nonce, box, _MARK))
        except InvalidTag:
            return _WRONG
        return cls(path, key, salt, values)

    @classmethod
    def _made(cls, path: Path, passphrase: str) -> Self | Refused:
        if len(passphrase) < PASSPHRASE_MIN:
            return _SHORT
        salt = os.urandom(_SALT_BYTES)
        made = cls(path, _derived(passphrase, salt), salt, {})
        try:
            made._write({})
        except SecretsError as error:
            return Refused(str(error))
        return made

    def get(self, name: str) -> str:
        return self._values.get(name, "")

    def set(self, name: str, value: str) -> None:
        self._keep({**self._values, name: value})

    def forget(self, name: str) -> None:
        self._keep({held: value for held, value in self._values.items() if held != name})

    def _keep(self, values: dict[str, str]) -> None:
        self._write(values)
        self._values = values

    def _write(self, values: dict[str, str]) -> None:
        nonce = os.urandom(_NONCE_BYTES)
        box = AESGCM(self._key).encrypt(nonce, json.dumps(values).encode(), _MARK)
        stored = {"format": 1, "salt": _text(self._salt), "nonce": _text(nonce), "box": _text(box)}
        try:
            write_private(self._path, json.dumps(stored).encode() + b"\n")
        except OSError as error:
            raise SecretsError(f"The M-Pesa keys could not be written to disk ({error.strerror}).") from error


def _derived(passphrase: str, salt: bytes) -> bytes:
    """About 0.1 s and 64 MiB for each guess."""
    return Scrypt(salt=salt, length=32, n=2**16, r=8, p=1).derive(passphrase.encode())


def _parts(stored: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Salt, nonce and box, or None when the file is not whole."""
    try:
        found = json.loads(stored)
        if not isinstance(found, dict) or found.get("format") != 1:
            return None
        salt, nonce, box = (base64.b64decode(found[name], validate=True) for name in ("salt", "nonce", "box"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (salt, nonce, box) if (len(salt), len(nonce)) == (_SALT_BYTES, _NONCE_BYTES) else None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
