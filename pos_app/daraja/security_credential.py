"""Safaricom's certificate, and the initiator's password encrypted with it; the password itself is kept nowhere.

Source: contract §4. PKCS#1 v1.5 is Safaricom's demand; both published certificates ran out years ago, so their dates
say nothing (trap 35). Only the bare password is encrypted (trap 36).
"""

import base64
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from pos_app.daraja.errors import CertificateError

CREDENTIAL_LENGTH = 344
KEY_BITS = 2048
_FILE_MAX = 64 * 1024
_PASSWORD_MAX = KEY_BITS // 8 - 11
_PUBLISHED = {
    "A542C3C67B598A337A1CC741E5434C70DE565081E5C853E05A51C843764766F0": "sandbox",
    "9417915212AC708D3AC82B710E71D976FA0EB783F467B159C15AD7216EF2C16B": "production",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """`environment` is `sandbox` or `production` for the two that are published, else empty."""

    key: RSAPublicKey
    fingerprint: str
    subject: str
    expires_at: datetime
    environment: str


def read_certificate(file: bytes) -> Certificate:
    """PEM or DER, run out or not. Raises CertificateError with a sentence for the owner."""
    if len(file) > _FILE_MAX:
        raise CertificateError("That file is too large for a certificate. Choose the .cer file from Safaricom.")
    certificate = _certificate(file)
    key = _key(certificate)
    if not isinstance(key, RSAPublicKey) or key.key_size < KEY_BITS:
        raise CertificateError("That certificate is not one of M-Pesa’s: its key is of another kind.")
    fingerprint = certificate.fingerprint(SHA256()).hex().upper()
    return Certificate(
        key, fingerprint, _name(certificate), certificate.not_valid_after_utc, _PUBLISHED.get(fingerprint, "")
    )


def security_credential(certificate: Certificate, password: str) -> str:
    """Another text each time, all of them good. Raises CertificateError for a password that cannot be encrypted."""
    plain = password.encode("utf-8", "surrogatepass")
    if not 0 < len(plain) <= _PASSWORD_MAX:
        raise CertificateError("Type the password of the API operator.")
    return base64.b64encode(certificate.key.encrypt(plain, padding.PKCS1v15())).decode()


def _certificate(file: bytes) -> x509.Certificate:
    text = file.strip()
    if text[:1] == b"<":
        raise CertificateError("That file is a web page, not a certificate. Download the .cer file once more.")
    if b"PRIVATE KEY" in text:
        raise CertificateError(
            "That file is a private key. Keep it secret, and choose Safaricom’s certificate instead."
        )
    try:
        if b"-----BEGIN" in text:
            return x509.load_pem_x509_certificate(text)
        return x509.load_der_x509_certificate(file)
    except ValueError as error:
        raise CertificateError("That file is not a certificate. Choose the .cer file from Safaricom.") from error


def _key(certificate: x509.Certificate) -> object:
    """None for a kind of key that nobody here knows."""
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
