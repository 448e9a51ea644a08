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
# Those of contract §5, HTTP's, and our own for what was no answer; whatever else stands there may be anybody's.
_CODE = re.compile(
    r"\d{1,4}|10{5,8}\d{0,3}|\d{2,3}(\.\d{2,4}){1,2}|E\d{4}|SFC_IC\d{4}|HTTP \d{3}|WAF|NO-ANSWER|NO-CONNECTION|closed",
    re.ASCII,
)
_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")
_NOT_ID = re.compile(r"[^\w.-]", re.ASCII)


@lru_cache(maxsize=64)  # Daraja has a few dozen sentences, and after a week without a line they come by thousands
def scrubbed(text: str) -> str:
    """One printable line of at most 300 characters without token, secret, phone number or CheckoutRequestID."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: TEXT_MAX * 10]).split())
    line = _CHECKOUT_REQUEST_ID.sub("ws_CO_•••", line)
    line = _SECRET.sub("•••", line)
    return _PHONE.sub(r"•••\1", line)[:TEXT_MAX]


def code_for_log(code: str) -> str:
    """A result or error code; of one that is none of Daraja's only the shape. `-` when there is none."""
    if _CODE.fullmatch(code):
        return code
    return _DIGIT.sub("9", _LETTER.sub("a", for_log(code)))


def for_log(identifier: str) -> str:
    """A request id of Daraja's as it may stand in a log line; `-` when there is none."""
    return _PHONE.sub(r"***\1", _NOT_ID.sub("?", identifier[:_ID_MAX])) or "-"
