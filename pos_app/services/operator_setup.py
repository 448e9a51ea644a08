"""Makes the API operator's credential out of Safaricom's certificate and the password, which is kept nowhere."""

import asyncio
from dataclasses import dataclass

from pos_app.daraja.errors import CertificateError
from pos_app.daraja.security_credential import read_certificate, security_credential
from pos_app.domain.audit import Event
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.services.guard import Guard


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """`environment` is `sandbox` or `production` where it is one of the two that Safaricom publishes, else empty."""

    subject: str
    fingerprint: str
    environment: str


class OperatorSetup:
    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def facts(self, certificate: bytes) -> CertificateFacts | Refused:
        """One that ran out is as good as any (contract §4)."""
        try:
            read = read_certificate(certificate)
        except CertificateError as error:
            return Refused(str(error))
        return CertificateFacts(read.subject, read.fingerprint, read.environment)

    async def credential(self, certificate: bytes, password: str, name: str) -> str | Refused:
        """Ciphertext for the key store."""
        by = self._guard.check(Action.CHANGE_CREDENTIALS)
        if isinstance(by, Refused):
            return by
        try:
            read = read_certificate(certificate)
            made = await asyncio.to_thread(security_credential, read, password)
        except CertificateError as error:
            return Refused(str(error))
        detail = f"certificate {read.subject}, {read.fingerprint[:16]}"
        await self._guard.told(Event.CREDENTIALS_CHANGED, by, f"API operator {name}", detail)
        return made
