"""Safaricom's certificate and the operator's password: what is taken, refused and encrypted (contract §4)."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pos_app.daraja.errors import CertificateError
from pos_app.daraja.security_credential import CREDENTIAL_LENGTH, read_certificate, security_credential

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PASSWORD = "Safaricom999!*!"
"""The sandbox's published one (contract §4)."""
DAY = timedelta(days=1)


def certificate(
    key: Any = KEY, *, ends: datetime | None = None, name: str = "apigee.apicaller.safaricom.co.ke"
) -> bytes:
    """By default one that ran out years ago, as both of Safaricom's did."""
    ended = ends or datetime(2018, 3, 21, tzinfo=UTC)
    names = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else [])
    built = (
        x509.CertificateBuilder()
        .subject_name(names)
        .issuer_name(names)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(ended - 300 * DAY)
        .not_valid_after(ended)
        .sign(key, SHA256())
    )
    return built.public_bytes(Encoding.PEM)


def test_trap_35_a_certificate_that_ran_out_years_ago_is_taken() -> None:
    read = read_certificate(certificate())
    assert (read.subject, read.expires_at.year) == ("apigee.apicaller.safaricom.co.ke", 2018)
    assert (len(read.fingerprint), read.environment) == (64, "")


def test_a_certificate_may_be_pem_with_text_around_it_or_der() -> None:
    pem = certificate()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    noted = b"\r\nBag Attributes\r\n" + pem.replace(b"\n", b"\r\n")
    assert len({read_certificate(file).fingerprint for file in (pem, der, noted)}) == 1
    assert read_certificate(certificate(name="")).subject == ""


def test_the_published_certificates_are_known_by_their_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_certificate(certificate())
    monkeypatch.setattr("pos_app.daraja.security_credential._PUBLISHED", {read.fingerprint: "sandbox"})
    assert read_certificate(certificate()).environment == ("sandbox" if _same(read.fingerprint) else "")


def _same(fingerprint: str) -> bool:
    """Signing with RSA and PKCS#1 v1.5 is the same each time, so the very certificate is made again."""
    return read_certificate(certificate()).fingerprint == fingerprint


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"<!DOCTYPE html><html>Sign in</html>",
        b"hello",
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        certificate(ec.generate_private_key(ec.SECP256R1())),
        certificate(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        b"x" * 70_000,
    ],
    ids=["empty", "web page", "text", "torn", "private key", "public key", "curve", "short key", "large"],
)
def test_a_file_that_is_no_certificate_of_m_pesa_is_refused_with_a_sentence(file: bytes) -> None:
    with pytest.raises(CertificateError, match=r"^That (file|certificate) .*\.$"):
        read_certificate(file)


def test_trap_36_the_bare_password_is_encrypted_and_each_time_anew() -> None:
    """Without a timestamp, and not as base64."""
    read = read_certificate(certificate())
    made = {security_credential(read, PASSWORD) for _ in range(3)}
    assert len(made) == 3
    for credential in made:
        assert len(credential) == CREDENTIAL_LENGTH
        assert KEY.decrypt(base64.b64decode(credential), padding.PKCS1v15()) == PASSWORD.encode()


@pytest.mark.parametrize("password", ["", "x" * 246])
def test_a_password_that_cannot_be_encrypted_is_refused(password: str) -> None:
    with pytest.raises(CertificateError, match="Type the password"):
        security_credential(read_certificate(certificate()), password)
