"""What is thrown when the client is set up or used wrongly; an answer of Daraja, or none, is never an exception.

DarajaError
  x AddressError   the base URL cannot be used: not a URL, or secrets would travel in the clear
  x CertificateError  the file is no certificate of M-Pesa's, or the password cannot be encrypted with it
  x RequestError   the caller asks for what Daraja cannot take: a misuse, not an outcome
"""


class DarajaError(Exception):
    pass


class AddressError(DarajaError):
    """Its message is a sentence for the owner."""


class CertificateError(DarajaError):
    """Its message is a sentence for the owner."""


class RequestError(DarajaError):
    pass
