"""The API operator: a name, a password that arrives encrypted, roles, and a lock after wrong tries (§4, §10.3).

It must not know what the operator asks for.
"""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Role = Literal["b2c", "reversal", "status", "balance"]
WRONG_CREDENTIALS, LOCKED, NO_ROLE = "2001", "8006", "21"
TRIES = 3


@dataclass
class Operator:
    """The contract says that wrong tries lock, not how many: three here. `roles` are what the portal gave it."""

    name: str = "testapi"
    password: str = "Safaricom999!*!"  # noqa: S105 - the public sandbox value (§4)
    roles: set[str] = field(default_factory=lambda: set(get_args(Role)))
    wrong_tries: int = 0

    @property
    def locked(self) -> bool:
        return self.wrong_tries >= TRIES

    def refusal(self, name: str, credential: str, role: str) -> str:
        """A result code, or nothing. Once locked, the right password does not help either (trap 37)."""
        if self.locked:
            return LOCKED
        if name != self.name or self._decrypted(credential) != self.password.encode():
            self.wrong_tries += 1
            return WRONG_CREDENTIALS
        return "" if role in self.roles else NO_ROLE

    def unlock(self, password: str = "") -> None:
        """As the portal does it; a new password needs a new credential."""
        self.wrong_tries = 0
        self.password = password or self.password

    @property
    def certificate(self) -> bytes:
        """PEM. Run out long ago, as both published ones are (trap 35)."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def _certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "simulator.example.co.ke")])
        started = datetime(2014, 11, 12, tzinfo=UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(started)
            .not_valid_after(started + timedelta(days=729))
            .sign(self._key, hashes.SHA256())
        )

    def _decrypted(self, credential: str) -> bytes:
        try:
            return self._key.decrypt(base64.b64decode(credential, validate=True), padding.PKCS1v15())
        except (ValueError, binascii.Error):
            return b""
