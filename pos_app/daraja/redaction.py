"""Takes secrets and people's numbers out of text that Daraja wrote, before it is kept, shown or logged.

It must not know which request the text answers.
"""

import re
from functools import lru_cache

TEXT_MAX = 300
_ID_MAX = 64
_CHECKOUT_REQUEST_ID = re.compile(r"ws_CO_\w+")
_PHONE = re.compile(r"(?<!\d)(?:\+?254|0)?[17]\d{5}(\d{3})(?!\d)", re.ASCII)
# Tokens, passkeys and passwords are long runs with a digit somewhere; the words of Daraja's messages have none.
_SECRET = re.compile(r"(?<![\w+/-])(?=\S*\d)[\w+/-]{20,}={0,2}", re.ASCII)
_NOT_ID = re.compile(r"[^\w.-]", re.ASCII)


@lru_cache(maxsize=64)  # Daraja has a few dozen sentences, and after a week without a line they come by thousands
def scrubbed(text: str) -> str:
    """One printable line of at most 300 characters without token, secret, phone number or CheckoutRequestID."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: TEXT_MAX * 10]).split())
    line = _CHECKOUT_REQUEST_ID.sub("ws_CO_•••", line)
    line = _SECRET.sub("•••", line)
    return _PHONE.sub(r"•••\1", line)[:TEXT_MAX]


def for_log(identifier: str) -> str:
    """An error code or request id of Daraja's as it may stand in a log line; `-` when there is none."""
    return _PHONE.sub(r"***\1", _NOT_ID.sub("?", identifier[:_ID_MAX])) or "-"
