"""Takes phones, keys and tokens out of text: the last gate before a log line. Nothing that logs should need it.

It must not know who wrote the text.
"""

import re

_PHONE = r"(?:\+?254|\b0)[\s-]?[17](?:[\s-]?\d){8}\b"
_PRIVATE = re.compile(
    r"ws_CO_\w+"  # CheckoutRequestIDs, which end in a phone
    rf"|{_PHONE}"
    r"|(?:Bearer|Basic)\s+[^\s,'\"]+"
    r"|//[^\s/@:]+:[^\s/@]+@"  # the password in the address of a database
    r"|\b[0-9a-fA-F]{24,}\b"  # keys and nonces in hex
    r"|\b[A-Za-z0-9]{40,}"
    # Keys and tokens in base64, either alphabet; the mixture tells them from names and from most paths.
    r"|\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[\w+/-]{24,}={0,2}",
    re.ASCII,
)
_phone = re.compile(_PHONE, re.ASCII)


def masked(text: str) -> str:
    return _PRIVATE.sub("•••", text)


def names_a_phone(text: str) -> bool:
    return _phone.search(text) is not None
