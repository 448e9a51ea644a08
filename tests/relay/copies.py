"""Were the tills told of a callback that was accepted? To the byte, or by another message of the same payment."""

import base64
from hashlib import sha256

from relay import protocol
from relay.http import MAX_BODY
from relay.protocol import Event
from relay.reading import Reading, nonce_text, read_confirmation, read_stk
from relay.reading_results import read_result, read_timeout, without_credential
from relay.rules import read as read_validation

DOORS = {
    protocol.KIND_C2B_CONFIRMATION: "confirm",
    protocol.KIND_C2B_VALIDATION: "validate",
    protocol.KIND_STK: "stk",
    protocol.KIND_RESULT: "result",
    protocol.KIND_TIMEOUT: "timeout",
}


def reading_of(door: str, nonce: str, body: bytes, header: str = "") -> Reading | None:
    """None for a question that cannot be read, or not whole: it is answered, and not kept."""
    cut, nonce = without_credential(body), nonce_text(nonce)
    match door:
        case "confirm":
            return read_confirmation(cut)
        case "stk":
            return read_stk(cut, nonce, header)
        case "result":
            return read_result(cut, nonce)
        case "timeout":
            return read_timeout(cut, nonce)
    asked = read_validation(cut) if len(body) <= MAX_BODY else None
    return None if asked is None else Reading("", f"val:{asked.receipt}", b"", asked.receipt, None, True)


def body_of(event: Event) -> bytes:
    return bytes(event.body) if event.raw is None else base64.b64decode(event.raw)


class Told:
    """Every event that a till was told."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()
        self._payments: set[tuple[str, bytes]] = set()

    def add(self, event: Event) -> None:
        self._digests.add(bytes.fromhex(event.body_sha256))
        if event.kind in DOORS:
            reading = reading_of(DOORS[event.kind], event.nonce or "", body_of(event), event.short_code or "")
            assert reading is not None
            self._payments.add((event.key, reading.money))

    def has(self, body: bytes) -> bool:
        return sha256(without_credential(body)).digest() in self._digests

    def has_copy_of(self, reading: Reading) -> bool:
        """In other words; nothing that cannot be read is a copy."""
        return reading.kind != protocol.KIND_UNPARSED and (reading.key, reading.money) in self._payments
