"""Where Safaricom may deliver: what M-Pesa refuses in an address, said before M-Pesa does (contract §7, URL rules).

Looks at the text of the address only; it must not ask the network whether anybody answers there.
"""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

# Any case, and “variants”: written with a mark in between, or with percent signs.
_FORBIDDEN = re.compile(r"m[\W_]?pesa|safaricom|exec?|cmd|sql|query", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII)
_AT_HOME = (".local", ".localhost", ".internal", ".lan", ".home")
_LIKE = "It looks like https://pay.example.co.ke."


class CallbackAddressError(ValueError):
    """M-Pesa would refuse the address; its message is a sentence for the owner."""


def forbidden_words(url: str) -> tuple[str, ...]:
    """The words M-Pesa takes in no C2B address, as they stand in this one, each once."""
    found = (match[0].lower() for match in _FORBIDDEN.finditer(unquote(url)))
    return tuple(dict.fromkeys(found))


def checked_callback_base(url: str, *, allow_this_computer: bool = False) -> str:
    """The address without its last slash, its host in small letters. Raises CallbackAddressError.

    `allow_this_computer`: for training, where M-Pesa is a simulator beside the till.
    """
    text = url.strip().rstrip("/")
    parts = _split(text)
    host = parts.hostname or ""
    if not (allow_this_computer and is_this_computer(host)):
        _check_public(parts, host)
    _check_words(text)
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise CallbackAddressError(f"That is not an address. {_LIKE}") from error
    odd = parts.query or parts.fragment or "@" in parts.netloc or re.search(r"[\s<>]", text)
    if parts.scheme not in {"https", "http"} or not parts.hostname or odd:
        raise CallbackAddressError(f"That is not an address Safaricom can deliver to. {_LIKE}")
    return parts


def _check_public(parts: SplitResult, host: str) -> None:
    if not _is_public(host):
        raise CallbackAddressError(
            f"Safaricom cannot reach “{host}”: it is an address inside a network. Give the relay a public name."
        )
    if parts.scheme != "https":
        raise CallbackAddressError("Safaricom delivers to addresses that begin with https:// only. Give the relay one.")


def _check_words(text: str) -> None:
    words = forbidden_words(text)
    if words:
        named = " and ".join(f"“{word}”" for word in words)
        raise CallbackAddressError(
            f"M-Pesa refuses addresses with {named} in them. Give the relay an address without, then pair again."
        )


def is_this_computer(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_AT_HOME) and _HOST.fullmatch(host) is not None
