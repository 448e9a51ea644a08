"""Where the shop's keys are kept: the computer's key store, or memory in training. It never shows or logs one."""

import logging
from collections.abc import Callable
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from pos_app.domain.refused import Refused
from pos_app.domain.shop import Credentials, Pairing
from pos_app.settings.values import Settings

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


class SecretName(StrEnum):
    CONSUMER_KEY = "consumer_key"
    CONSUMER_SECRET = "consumer_secret"  # noqa: S105 — a name, not a value
    PASSKEY = "passkey"
    RELAY_TOKEN = "relay_token"  # noqa: S105
    CALLBACK_BASE = "callback_base"
    NONCE_KEY = "nonce_key"


class SecretsError(Exception):
    """The keys cannot be read or kept now; its message is a sentence for the owner."""


class Secrets(Protocol):
    """Blocking: call through `asyncio.to_thread`. `get` gives "" for what is absent. Both raise SecretsError."""

    @property
    def where(self) -> str: ...

    def get(self, name: SecretName) -> str: ...

    def set(self, name: SecretName, value: str) -> None: ...


class MemorySecrets:
    """For training and tests: forgotten when the till stops."""

    where = "this training session only"

    def __init__(self) -> None:
        self._values: dict[SecretName, str] = {}

    def get(self, name: SecretName) -> str:
        return self._values.get(name, "")

    def set(self, name: SecretName, value: str) -> None:
        self._values[name] = value


class KeyringSecrets:
    """`profile` keeps two tills of one computer user apart."""

    where = "the computer’s key store"

    def __init__(self, backend: "KeyringBackend", profile: str) -> None:
        self._backend = backend
        self._profile = profile

    def get(self, name: SecretName) -> str:
        return self._guarded("read", lambda: self._backend.get_password(SERVICE, self._entry(name))) or ""

    def set(self, name: SecretName, value: str) -> None:
        self._guarded("changed", lambda: self._backend.set_password(SERVICE, self._entry(name), value))

    def _entry(self, name: SecretName) -> str:
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
    from pos_app.settings.secrets_file import FileSecrets

    path = folder / "keys.box"
    backend = None if path.exists() else trusted_backend()
    if backend is not None:
        return KeyringSecrets(backend, sha256(str(folder.resolve()).encode()).hexdigest()[:12])
    return FileSecrets.open(path, passphrase)


def credentials_from(secrets: Secrets) -> Credentials | None:
    """None until all three are there."""
    names = (SecretName.CONSUMER_KEY, SecretName.CONSUMER_SECRET, SecretName.PASSKEY)
    values = [secrets.get(name) for name in names]
    return Credentials(*values) if all(values) else None


def pairing_from(settings: Settings, secrets: Secrets) -> Pairing | None:
    """None until this till is paired with its relay."""
    names = (SecretName.RELAY_TOKEN, SecretName.CALLBACK_BASE, SecretName.NONCE_KEY)
    token, callback_base, nonce_key = (secrets.get(name) for name in names)
    if not (settings.is_paired and token and callback_base and nonce_key):
        return None
    return Pairing(
        settings.relay_url,
        settings.relay_shop,
        settings.relay_stream,
        settings.relay_till_id,
        token,
        callback_base,
        nonce_key,
    )
