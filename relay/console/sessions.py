"""Whose browser this is: ids that cannot be guessed, how long a session lasts, and the token that its forms carry.

Pure. It must not know HTTP or where sessions are kept.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from relay.stores.operators import Held

IDLE_MS = 15 * 60 * 1000
MOST_MS = 8 * 3600 * 1000
BROWSER_MS = 90 * 24 * 3600 * 1000
NOTE_EVERY_MS = 30 * 1000
"""That somebody is there is written down this often, not with every page."""
_SKEW_MS = 60 * 1000
_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Session:
    id: str
    operator: str
    address: str

    @property
    def id_sha256(self) -> str:
        return hashed(self.id)

    @property
    def form_token(self) -> str:
        return form_token(self.id)


def new_id() -> str:
    return secrets.token_hex(32)


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_alive(held: Held, now_ms: int) -> bool:
    """Where the clock was set back nobody can tell how old it is, so it is over."""
    if now_ms < held.seen_at - _SKEW_MS:
        return False
    return now_ms - held.seen_at < IDLE_MS and now_ms - held.began_at < MOST_MS


def form_token(session_id: str) -> str:
    """Only the page that the browser with this id was given knows it; it says nothing about the id."""
    return hmac.new(session_id.encode(), b"a form of the console", "sha256").hexdigest()


def token_is_right(session_id: str, token: str) -> bool:
    return hmac.compare_digest(form_token(session_id).encode(), token.encode("utf-8", "surrogatepass"))
