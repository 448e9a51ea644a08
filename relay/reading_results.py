"""What a result of a refund, a status query or a balance says as far as the log needs it; and the secret cut out of it.

Pure. It never raises, whatever the bytes. Sources: contract §2.7 to §2.10 (results), E54 and §12 trap 21: a queue
timeout has no result and brings back our own request, with the SecurityCredential in it.
"""

import hashlib
import re
from typing import Any

import msgspec

from relay.protocol import KIND_RESULT, KIND_TIMEOUT
from relay.reading import IDENTITY, Reading, get, match, parse, unparsed

_WORD = b"redential"
# The word as JSON, a form or prose spells it, some signs, and the ciphertext, whose slashes may be escaped; longer than
# any name that may follow the word where a sentence ends with it.
_CREDENTIAL = re.compile(rb"(?i)(redential[^a-z0-9+/]{0,64})(?:[a-z0-9+/=%_-]|\\[/u]){40,}")
# Beside a name of its own, as in `{"Key": …, "Value": …}`: nothing else of Safaricom's is as long without a gap.
_CIPHERTEXT = re.compile(
    rb"(?<![A-Za-z0-9+/%\\])(?:[A-Za-z0-9+/]|%2[BbFf]|\\/|\\u00[0-9A-Fa-f]{2}){256,}(?:=|%3[Dd]){0,2}"
)
_canonical = msgspec.json.Encoder(order="sorted").encode


def without_credential(body: bytes) -> bytes:
    """The body, but for the ciphertext of the initiator's password: whoever reads that can pay with it."""
    # Nearly every body is done with the first look.
    return _CIPHERTEXT.sub(b"", _CREDENTIAL.sub(rb"\1", body)) if _WORD in body.lower() else body


def read_result(body: bytes, nonce: str) -> Reading:
    document, is_json = parse(body)
    result = get(document, "Result")
    conversation = match(IDENTITY, get(result, "ConversationID"))
    if conversation is None or type(get(result, "ResultCode")) not in (int, str, float):
        return unparsed(body, f"result/{nonce}", None, is_json)
    # Whatever differs may be another fate of the same request, so it is a revision.
    return Reading(KIND_RESULT, f"result:{nonce}:{conversation}", _digest(result), None, None, is_json)


def read_timeout(body: bytes, nonce: str) -> Reading:
    """What it is, its address says: no body can make a queue timeout anything else."""
    document, is_json = parse(body)
    # What cannot be read is no copy of anything else that cannot.
    money = _digest(document) if is_json else hashlib.sha256(body).digest()[:16]
    return Reading(KIND_TIMEOUT, f"timeout:{nonce}", money, None, None, is_json)


def _digest(document: Any) -> bytes:
    return hashlib.sha256(_canonical(document)).digest()[:16]
