"""Which of the shop's keys are kept and what keeps them must do; it knows no key store and shows no key."""

from enum import StrEnum
from typing import Protocol

from pos_app.domain.shop import Credentials, Initiator
from pos_app.settings.values import Settings


class SecretName(StrEnum):
    """Those that a person types; a pairing's are kept under names of their own."""

    CONSUMER_KEY = "consumer_key"
    CONSUMER_SECRET = "consumer_secret"  # noqa: S105 — a name, not a value
    PASSKEY = "passkey"


SECURITY_CREDENTIAL = "security_credential"
"""The operator's password as Safaricom takes it: ciphertext, and as good as the password."""


class SecretsError(Exception):
    """The keys cannot be read or kept now; its message is a sentence for the owner."""


class Secrets(Protocol):
    """Blocking: call through `asyncio.to_thread`. `get` gives "" for what is absent. All three raise SecretsError."""

    @property
    def where(self) -> str: ...

    def get(self, name: str) -> str: ...

    def set(self, name: str, value: str) -> None: ...

    def forget(self, name: str) -> None: ...


class MemorySecrets:
    """For training and tests: forgotten when the till stops."""

    where = "this training session only"

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, name: str) -> str:
        return self._values.get(name, "")

    def set(self, name: str, value: str) -> None:
        self._values[name] = value

    def forget(self, name: str) -> None:
        self._values.pop(name, None)


def credentials_from(secrets: Secrets) -> Credentials | None:
    """None until all three are there."""
    values = [secrets.get(name) for name in SecretName]
    return Credentials(*values) if all(values) else None


def initiator_from(settings: Settings, secrets: Secrets) -> Initiator | None:
    """None for a shop without an API operator. Raises SecretsError."""
    credential = secrets.get(SECURITY_CREDENTIAL) if settings.initiator_name else ""
    if not credential:
        return None
    return Initiator(settings.initiator_name, credential, settings.initiator_short_code or settings.short_code)
