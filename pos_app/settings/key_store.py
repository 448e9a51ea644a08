"""The computer's own key store, and which of it and the encrypted file holds this till's keys; it logs no key."""

import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pos_app.domain.refused import Refused
from pos_app.settings.secrets import Secrets, SecretsError
from pos_app.settings.secrets_file import FileSecrets

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

log = logging.getLogger(__name__)
T = TypeVar("T")

SERVICE = "mpesa-till"
_TRUSTED_BACKENDS = frozenset(
    f"keyring.backends.{name}"
    for name in (
        "Windows.WinVaultKeyring",
        "macOS.Keyring",
        "SecretService.Keyring",
        "libsecret.Keyring",
        "kwallet.DBusKeyring",
        "kwallet.DBusKeyringKWallet4",
    )
)
"""By name, because whatever is not known to encrypt (fail, null, plaintext files) must be refused."""


class KeyringSecrets:
    """`profile` keeps two tills of one computer user apart."""

    where = "the computer’s key store"

    def __init__(self, backend: "KeyringBackend", profile: str) -> None:
        self._backend = backend
        self._profile = profile

    def get(self, name: str) -> str:
        return self._guarded("read", lambda: self._backend.get_password(SERVICE, self._entry(name))) or ""

    def set(self, name: str, value: str) -> None:
        self._guarded("changed", lambda: self._backend.set_password(SERVICE, self._entry(name), value))

    def forget(self, name: str) -> None:
        self._guarded("changed", lambda: self._backend.delete_password(SERVICE, self._entry(name)))

    def _entry(self, name: str) -> str:
        return f"{self._profile}/{name}"

    def _guarded(self, verb: str, work: Callable[[], T]) -> T:
        try:
            return work()
        except Exception as error:  # noqa: BLE001 — each platform's store raises errors of its own, not all KeyringErrors
            log.error("the key store could not be %s: %s", verb, type(error).__name__)
            raise SecretsError(
                f"The computer’s key store could not be {verb}. It may be locked: unlock it, then try again."
            ) from None


def trusted_backend() -> "KeyringBackend | None":
    """The computer's key store, or None where there is none that encrypts."""
    import keyring  # 80 ms, needed only once

    chosen = keyring.get_keyring()
    for backend in (chosen, *getattr(chosen, "backends", ())):
        kind = type(backend)
        if f"{kind.__module__}.{kind.__qualname__}" in _TRUSTED_BACKENDS:
            return backend  # type: ignore[no-any-return]  # a chainer's backends are untyped in keyring
    return None


def open_secrets(folder: Path, passphrase: str = "") -> Secrets | Refused:
    """The key store, else the encrypted file in `folder`. Refused is a sentence that asks for the passphrase."""
    path = folder / "keys.box"
    backend = None if path.exists() else trusted_backend()
    if backend is not None:
        return KeyringSecrets(backend, sha256(str(folder.resolve()).encode()).hexdigest()[:12])
    return FileSecrets.open(path, passphrase)
